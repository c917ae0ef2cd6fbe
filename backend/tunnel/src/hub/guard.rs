//! What an agent sends, looked at frame by frame before HTTP/2 sees it. HTTP/2 lets a peer say many things that carry
//! nothing and cost the other side work or memory: settings, pings, priorities, resets, frames of unknown kinds. An honest
//! agent says few of them; one that says many is cut, while its cluster alone pays for it. Heads and resets answer what
//! the hub asks, so the hub's own bytes earn them.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Length of a frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;

/// The hub's bytes that earn a head: the smallest request has twice as many.
const EARNS: usize = 8;

/// So many at once, and so many more per second.
struct Allowance {
    left: u32,
    most: u32,
    per_second: u32,
    since: Instant,
}

impl Allowance {
    fn new(most: u32, per_second: u32) -> Self {
        Self { left: most, most, per_second, since: Instant::now() }
    }

    /// The clock is asked only when all is used up, so that an honest frame costs a subtraction.
    fn take(&mut self) -> bool {
        if self.left == 0 {
            let earned = self.since.elapsed().as_secs_f64() * f64::from(self.per_second);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded")]
            let earned = earned.min(f64::from(self.most)) as u32;
            (self.left, self.since) = (earned, Instant::now());
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

/// When something was heard last.
#[derive(Clone)]
pub(super) struct Heard(Arc<(Instant, AtomicU64)>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new((Instant::now(), AtomicU64::new(0))))
    }
}

impl Heard {
    fn millis(&self) -> u64 {
        u64::try_from(self.0.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn now(&self) {
        self.0.1.store(self.millis(), Ordering::Relaxed);
    }

    /// Whether it was not longer ago than this.
    pub(super) fn within(&self, span: Duration) -> bool {
        let ago = self.millis().saturating_sub(self.0.1.load(Ordering::Relaxed));
        u128::from(ago) <= span.as_millis()
    }
}

/// Frames of an agent, counted.
pub(super) struct Guarded<T> {
    io: T,
    heard: Heard,
    /// Bytes of the present frame's payload that are still to come.
    payload: usize,
    head: [u8; HEAD],
    got: usize,
    /// SETTINGS, PING, PRIORITY, GOAWAY and what nobody knows: a handful per minute.
    talk: Allowance,
    /// HEADERS, CONTINUATION, PUSH_PROMISE, RST_STREAM and WINDOW_UPDATE: one or two per request.
    heads: Allowance,
    /// Bytes of ours that have earned nothing yet.
    written: usize,
}

impl<T> Guarded<T> {
    pub(super) fn new(io: T, heard: Heard) -> Self {
        Self {
            io,
            heard,
            payload: 0,
            head: [0; HEAD],
            got: 0,
            talk: Allowance::new(200, 20),
            heads: Allowance::new(20_000, 1_000),
            written: 0,
        }
    }

    /// So many bytes of ours are on their way.
    fn wrote(&mut self, count: usize) {
        self.written += count;
        let earned = u32::try_from(self.written / EARNS).unwrap_or(u32::MAX);
        self.written %= EARNS;
        self.heads.left = self.heads.left.saturating_add(earned).min(self.heads.most);
    }

    /// Whether the agent may go on after these bytes.
    fn look(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            for byte in bytes.iter().take(HEAD - self.got) {
                if let Some(place) = self.head.get_mut(self.got) {
                    *place = *byte;
                }
                self.got += 1;
                bytes = bytes.get(1..).unwrap_or_default();
            }
            if self.got < HEAD {
                return true;
            }
            self.got = 0;
            let [a, b, c, kind, ..] = self.head;
            self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            let allowed = match kind {
                // DATA has budgets of its own.
                0 => true,
                1 | 3 | 5 | 8 | 9 => self.heads.take(),
                _ => self.talk.take(),
            };
            if !allowed {
                return false;
            }
        }
        true
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        self.heard.now();
        if self.look(buffer.filled().get(before..).unwrap_or_default()) {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the agent floods the tunnel with frames that carry nothing",
        )))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?;
        self.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let size = u32::try_from(length).unwrap().to_be_bytes();
        let mut bytes = vec![size[1], size[2], size[3], kind, 0, 0, 0, 0, 1];
        // What is inside looks like frames, too.
        bytes.resize(HEAD + length, 4);
        bytes
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let mut bytes = Vec::new();
        for _ in 0..150 {
            bytes.extend(frame(0, 300));
            bytes.extend(frame(4, 0));
            bytes.extend(frame(1, 40));
        }
        for size in [1, 2, 7, 9, 10, 1000, bytes.len()] {
            let mut guarded = Guarded::new((), Heard::default());
            assert!(bytes.chunks(size).all(|chunk| guarded.look(chunk)), "{size}");
            assert_eq!((guarded.talk.left, guarded.heads.left, guarded.got), (50, 20_000 - 150, 0), "{size}");
        }
    }

    #[test]
    fn a_flood_is_noticed_and_payload_is_none() {
        let mut guarded = Guarded::new((), Heard::default());
        assert!((0..200).all(|_| guarded.look(&frame(6, 8))));
        assert!((0..10).any(|_| !guarded.look(&frame(77, 3))));
        // Answers to what was asked may be as many as that.
        let mut guarded = Guarded::new((), Heard::default());
        for _ in 0..100_000 {
            guarded.wrote(2 * EARNS);
            assert!(guarded.look(&frame(1, 20)));
        }
        assert!((0..100_000).any(|_| !guarded.look(&frame(1, 20))));
        let mut guarded = Guarded::new((), Heard::default());
        assert!((0..100_000).all(|_| guarded.look(&frame(0, 16))));
    }
}

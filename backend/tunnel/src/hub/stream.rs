//! One stream of a tunnel, shared between whoever reads it and the memory bound: a reader that never comes back must not
//! keep what was sent to it, so the buffer can be taken away from under it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::AbortHandle,
};

use super::tunnel::Streams;
use crate::body::BoxError;

/// What a reader is told whose stream was reset.
const UNREAD: &str = "the answer was given up, because it was not read while too much was waiting: read faster, or ask for less at once";

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sending half: idle, or in the hands of the task that pumps a request's body.
pub(super) struct Sending {
    stream: Mutex<Option<SendStream<Bytes>>>,
    pump: Option<AbortHandle>,
}

impl Sending {
    pub(super) fn idle(stream: SendStream<Bytes>) -> Self {
        Self { stream: Mutex::new(Some(stream)), pump: None }
    }

    pub(super) fn pumped(pump: AbortHandle) -> Self {
        Self { stream: Mutex::new(None), pump: Some(pump) }
    }

    /// Cancels what has not ended.
    fn cancel(&self) {
        if let Some(mut stream) = locked(&self.stream).take() {
            stream.send_reset(Reason::CANCEL);
        }
        if let Some(pump) = &self.pump {
            // The stream goes with the task, and is thereby cancelled.
            pump.abort();
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Both halves.
pub(super) struct Stream {
    key: u64,
    streams: Arc<Streams>,
    receiving: Mutex<Option<RecvStream>>,
    sending: Sending,
    /// When it was read last, on the clock of [`Streams`].
    read_at: AtomicU64,
    ended: AtomicBool,
}

impl Stream {
    pub(super) fn new(
        key: u64,
        streams: Arc<Streams>,
        receiving: RecvStream,
        sending: Sending,
        now: u64,
    ) -> Self {
        let receiving = Mutex::new(Some(receiving));
        Self { key, streams, receiving, sending, read_at: AtomicU64::new(now), ended: AtomicBool::new(false) }
    }

    /// Bytes that wait to be read.
    pub(super) fn unread(&self) -> usize {
        locked(&self.receiving).as_mut().map_or(0, |stream| stream.flow_control().used_capacity())
    }

    pub(super) fn read_at(&self) -> u64 {
        self.read_at.load(Ordering::Relaxed)
    }

    /// Cancels it and frees what waits.
    pub(super) fn cancel(&self) {
        self.sending.cancel();
        drop(locked(&self.receiving).take());
    }

    fn poll_data(&self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut receiving = locked(&self.receiving);
        let Some(stream) = receiving.as_mut() else {
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, UNREAD))));
        };
        self.read_at.store(self.streams.now(), Ordering::Relaxed);
        loop {
            match ready!(stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // Always, or the window closes for good.
                    stream.flow_control().release_capacity(bytes.len()).map_err(io::Error::other)?;
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => return Poll::Ready(None),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(io::Error::other(format!(
                        "the answer broke off: {error}"
                    )))));
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn poll_trailers(&self, cx: &mut Context<'_>) -> Poll<Option<HeaderMap>> {
        let mut receiving = locked(&self.receiving);
        let Some(stream) = receiving.as_mut() else { return Poll::Ready(None) };
        Poll::Ready(ready!(stream.poll_trailers(cx)).ok().flatten())
    }
}

/// Takes a stream off the list when its reader goes.
struct Held(Arc<Stream>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.streams.remove(self.0.key);
        if self.0.ended.load(Ordering::Relaxed) {
            // Read to its end: what was sent may still be under way.
            drop(locked(&self.0.sending.stream).take());
        }
        self.0.cancel();
    }
}

/// Body of an answer.
pub(super) struct Answer {
    held: Held,
    trailers: bool,
}

impl Answer {
    pub(super) fn new(stream: Arc<Stream>) -> Self {
        Self { held: Held(stream), trailers: false }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let stream = Arc::clone(&self.held.0);
        if !self.trailers {
            match ready!(stream.poll_data(cx)) {
                Some(Ok(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => self.trailers = true,
            }
        }
        let trailers = ready!(stream.poll_trailers(cx));
        stream.ended.store(true, Ordering::Relaxed);
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        locked(&self.held.0.receiving).as_ref().is_some_and(RecvStream::is_end_stream)
    }
}

/// An upgraded stream: bytes in both directions. Dropping it ends both.
pub struct Duplex {
    held: Held,
    rest: Bytes,
}

impl Duplex {
    pub(super) fn new(stream: Arc<Stream>) -> Self {
        Self { held: Held(stream), rest: Bytes::new() }
    }
}

impl std::fmt::Debug for Duplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Duplex").finish_non_exhaustive()
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            match ready!(self.held.0.poll_data(cx)) {
                Some(bytes) => self.rest = bytes?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.rest.len().min(buffer.remaining());
        buffer.put_slice(self.rest.get(..count).unwrap_or_default());
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

fn closed() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

impl AsyncWrite for Duplex {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut sending = locked(&self.held.0.sending.stream);
        let stream = sending.as_mut().ok_or_else(closed)?;
        stream.reserve_capacity(bytes.len());
        let room = loop {
            match stream.capacity() {
                0 => match ready!(stream.poll_capacity(cx)) {
                    None => return Poll::Ready(Err(closed())),
                    Some(room) => drop(room.map_err(io::Error::other)?),
                },
                room => break room.min(bytes.len()),
            }
        };
        let chunk = Bytes::copy_from_slice(bytes.get(..room).unwrap_or_default());
        stream.send_data(chunk, false).map_err(io::Error::other)?;
        Poll::Ready(Ok(room))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sending = locked(&self.held.0.sending.stream);
        if let Some(stream) = sending.as_mut() {
            // The stream stays here, so that dropping the whole can still cancel.
            drop(stream.send_data(Bytes::new(), true));
        }
        Poll::Ready(Ok(()))
    }
}

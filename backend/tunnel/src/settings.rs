//! Figures of the protocol, in one place for both ends. The defaults are those of `docs/decisions/tunnel.md`; tests
//! shorten the times.

use std::time::Duration;

use tokio::net::TcpStream;

/// The connection's own window is never the bound, so that one stuck reader holds up no other.
pub(crate) const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
pub(crate) const FRAME: u32 = 16 * 1024;
/// A person may be in many groups, and each is a header.
pub(crate) const HEADER_LIST: u32 = 64 * 1024;
/// What one stream may have written and not yet sent.
pub(crate) const SEND_BUFFER: usize = 256 * 1024;

/// Figures of the protocol.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Pause between PINGs, from both ends.
    pub ping_every: Duration,
    /// Until a PING counts as lost.
    pub ping_deadline: Duration,
    /// Data that the peer does not acknowledge for this long breaks the connection.
    pub unacknowledged: Duration,
    /// What a stream may hold unread, in bytes.
    pub stream_window: u32,
    /// Streams at once.
    pub streams: u32,
    /// Unread bytes of one agent's streams together; beyond it the stream that was unread longest is reset.
    pub unread: usize,
    /// How often the unread bytes are counted.
    pub count_every: Duration,
    /// Until TCP, TLS and the first exchange are done.
    pub handshake: Duration,
    /// First pause of an agent that could not connect.
    pub retry_from: Duration,
    /// Longest pause of an agent that could not connect.
    pub retry_to: Duration,
    /// Age at which an agent replaces its connection by a fresh one.
    pub rotate: Duration,
    /// How often an agent that came by a detour looks whether a straighter way is open.
    pub straighten: Duration,
    /// Longest wait for requests in flight when the hub stops.
    pub goodbye: Duration,
    /// Pause before a renewal that failed is tried again.
    pub renew_again: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ping_every: Duration::from_secs(10),
            ping_deadline: Duration::from_secs(5),
            unacknowledged: Duration::from_secs(15),
            stream_window: 1024 * 1024,
            streams: 10_000,
            unread: 64 * 1024 * 1024,
            count_every: Duration::from_millis(100),
            handshake: Duration::from_secs(10),
            retry_from: Duration::from_millis(250),
            retry_to: Duration::from_secs(30),
            rotate: Duration::from_secs(24 * 3600),
            straighten: Duration::from_secs(60),
            goodbye: Duration::from_secs(2),
            renew_again: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// Prepares a TCP connection of the tunnel.
    pub(crate) fn prepare(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(stream).set_tcp_user_timeout(Some(self.unacknowledged))?;
        Ok(())
    }
}

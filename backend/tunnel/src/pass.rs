//! Passing bytes between one who asked for an upgrade and the one who answers. Unlike a plain copy in both directions, it
//! does not end with the first half that fails: whoever answers may have said all and hung up while the other is still
//! talking, and what was said must arrive whole.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

/// How long one who has been told all may take to hang up.
const LINGER: Duration = Duration::from_secs(30);

/// Which end a half failed at.
enum Fault {
    From(io::Error),
    To(io::Error),
}

async fn half<R, W>(mut from: R, mut to: W, buffer: usize) -> Result<(), Fault>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut bytes = vec![0; buffer];
    loop {
        let count = from.read(&mut bytes).await.map_err(Fault::From)?;
        if count == 0 {
            return to.shutdown().await.map_err(Fault::To);
        }
        to.write_all(bytes.get(..count).unwrap_or_default()).await.map_err(Fault::To)?;
        to.flush().await.map_err(Fault::To)?;
    }
}

/// Passes bytes until the answer is over, keeping at most `buffer` bytes of each direction.
///
/// # Errors
/// When the answer breaks off, or whoever asked is gone.
pub async fn pass<A, B>(asking: A, answering: B, buffer: usize) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (asked, told) = tokio::io::split(asking);
    let (answers, takes) = tokio::io::split(answering);
    let asks = half(asked, takes, buffer);
    let answer = half(answers, told, buffer);
    tokio::pin!(asks, answer);
    let mut open = true;
    loop {
        tokio::select! {
            ended = &mut answer => {
                ended.map_err(|fault| match fault { Fault::From(error) | Fault::To(error) => error })?;
                break;
            }
            ended = &mut asks, if open => match ended {
                // Whoever answers wants to hear no more, which is no reason not to hear it out.
                Ok(()) | Err(Fault::To(_)) => open = false,
                Err(Fault::From(error)) => return Err(error),
            }
        }
    }
    if open {
        drop(timeout(LINGER, asks).await);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn what_was_said_arrives_though_nobody_listens_any_more() {
        let (mut client, near) = duplex(1000);
        let (far, mut server) = duplex(100_000);
        let passing = tokio::spawn(pass(near, far, 100));
        server.write_all(&[b'x'; 50_000]).await.unwrap();
        // Gone, with everything said, while the other still talks.
        drop(server);
        client.write_all(b"one more thing").await.unwrap();
        let mut all = Vec::new();
        client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 50_000);
        drop(client);
        passing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whoever_asked_and_went_ends_both() {
        let (mut client, near) = duplex(1000);
        let (far, mut server) = duplex(1000);
        let passing = tokio::spawn(pass(near, far, 100));
        client.write_all(b"hello").await.unwrap();
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
        assert!(server.write_all(&[0; 5000]).await.is_err() || passing.await.unwrap().is_err());
    }
}

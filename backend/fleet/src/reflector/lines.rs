//! Lines of a streamed answer, bounded in length. A last line without its end is an answer that was cut, not a line.

use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use thiserror::Error;

use crate::{
    api::broken,
    connector::{Body, TransportError},
};

/// Longest line: an object, twice the size that an apiserver takes, in a line of its own.
const LONGEST: usize = 8 * 1024 * 1024;

/// Why there is no further line.
#[derive(Debug, Error)]
pub(super) enum LineError {
    #[error(transparent)]
    Broken(#[from] TransportError),
    #[error("the answer was cut in the middle of a line")]
    Cut,
    #[error("a line is longer than {LONGEST} bytes")]
    TooLong,
}

pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line without its end; `None` when the answer ended well. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unsearched) {
                let line = self.buffer.split_to(self.searched + at).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > LONGEST {
                return Err(LineError::TooLong);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(broken(&error).into()),
                None if self.buffer.iter().all(u8::is_ascii_whitespace) => return Ok(None),
                None => return Err(LineError::Cut),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: Vec<&[u8]>) -> Lines {
        let frames: Vec<Result<_, tower::BoxError>> =
            chunks.into_iter().map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        Lines::new(StreamBody::new(futures::stream::iter(frames)).boxed_unsync())
    }

    async fn all(mut lines: Lines) -> (Vec<String>, Option<LineError>) {
        let mut out = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => out.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(None) => return (out, None),
                Err(error) => return (out, Some(error)),
            }
        }
    }

    #[tokio::test]
    async fn a_cut_line_is_no_line() {
        let (lines, error) = all(lines(vec![b"{\"a\":1}\n{\"b\"", b":2"])).await;
        assert_eq!(lines, ["{\"a\":1}"]);
        assert!(matches!(error, Some(LineError::Cut)));
    }

    #[tokio::test]
    async fn an_endless_line_is_given_up() {
        let chunk = vec![b'x'; 1024 * 1024];
        let (lines, error) = all(lines(vec![&chunk; 12])).await;
        assert!(lines.is_empty());
        assert!(matches!(error, Some(LineError::TooLong)));
    }

    proptest! {
        #[test]
        fn however_the_bytes_arrive_the_lines_are_the_same(
            text in "[a-c\\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..6),
        ) {
            let text = format!("{text}\n");
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            chunks.push(&text.as_bytes()[from..]);
            let (found, error) = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(all(lines(chunks)));
            prop_assert!(error.is_none());
            let expected: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
            prop_assert_eq!(found, expected);
        }
    }
}

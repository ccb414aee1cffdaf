use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;

use crate::connection::ApiFailure;

/// No event is longer: etcd takes 1.5 MiB, an API server may be told to take a little more.
const LONGEST_LINE: usize = 32 << 20;

/// The lines of an answer that goes on.
pub(super) struct Lines {
    body: Body,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a line.
    searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line, or `None` at the end. What follows the last end of a line is a piece of an event whose rest never
    /// came: it is dropped, and will be sent again to whoever resumes.
    pub(super) async fn next(&mut self, within: Duration) -> Result<Option<Bytes>, ApiFailure> {
        loop {
            if let Some(at) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                let line = line.slice(..line.len() - 1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > LONGEST_LINE {
                return Err(ApiFailure::Malformed { message: "an event is longer than any object can be".into() });
            }
            let frame = tokio::time::timeout(within, self.body.frame()).await.map_err(|_| ApiFailure::Unanswered {
                message: format!("the watch is silent since {within:?}, not even a bookmark came"),
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(ApiFailure::Unanswered { message: format!("it broke off: {error}") }),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whole_lines_only() {
        let mut lines = Lines::new(Body::from(b"one\n\n \ntwo\nthr".to_vec()));
        let within = Duration::from_secs(5);
        assert_eq!(lines.next(within).await.unwrap().unwrap(), "one");
        assert_eq!(lines.next(within).await.unwrap().unwrap(), "two");
        assert_eq!(lines.next(within).await.unwrap(), None, "what has no end was never said");
    }
}

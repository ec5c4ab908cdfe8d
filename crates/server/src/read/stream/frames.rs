//! What goes over the wire: server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::problem::Problem;
use crate::read::limits;
use crate::read::shown::{self, Event};

/// Events as text, cut into pieces that a connection takes at a time.
#[derive(Default)]
pub(super) struct Chunks {
    done: Vec<Bytes>,
    open: Vec<u8>,
}

impl Chunks {
    /// An event. Its canonical JSON has no line breaks.
    pub fn event(&mut self, pos: u64, event: &Event) {
        self.put(&format!("id: {}\ndata: {}\n\n", id(pos), event.json()));
    }

    /// A record that is not shown.
    pub fn alarm(&mut self, alarm: &impl Serialize) -> Result<(), Problem> {
        let json = shown::bytes(alarm)?;
        self.put(&format!("event: alarm\ndata: {}\n\n", String::from_utf8_lossy(&json)));
        Ok(())
    }

    fn put(&mut self, text: &str) {
        self.open.extend_from_slice(text.as_bytes());
        if self.open.len() >= limits::STREAM_CHUNK_BYTES {
            self.done.push(std::mem::take(&mut self.open).into());
        }
    }

    /// All of it.
    pub fn finish(mut self) -> Vec<Bytes> {
        if !self.open.is_empty() {
            self.done.push(self.open.into());
        }
        self.done
    }
}

/// The id of what stands at a place in the log.
fn id(pos: u64) -> String {
    format!("{pos:016x}")
}

/// The id up to which all stands before a place in the log, if anything does.
pub(in crate::read) fn id_before(next: u64) -> Option<String> {
    next.checked_sub(1).map(id)
}

/// The place that an id means.
pub(super) fn read_id(text: &str) -> Option<u64> {
    let plain = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// A comment, with the id up to which all was sent: it makes no event, but whoever comes again goes on from there.
pub(super) fn keep_alive(next: u64) -> Bytes {
    let up_to = id_before(next).map(|id| format!("id: {id}\n"));
    format!(": here\n{}\n", up_to.unwrap_or_default()).into()
}

/// The last words to a client that is sent away.
pub(super) fn dropped(why: &str) -> Bytes {
    let reason = serde_json::json!({ "reason": why });
    format!("event: dropped\ndata: {reason}\n\n").into()
}

/// The body of a stream's answer.
pub(super) struct Frames {
    pub frames: mpsc::Receiver<Bytes>,
    /// Said when there is nothing more to come, and no room was left to say it before.
    pub last_words: Arc<OnceLock<Bytes>>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.frames.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(chunk)) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            Poll::Ready(None) => {
                let words = std::mem::take(&mut self.last_words);
                Poll::Ready(words.get().map(|words| Ok(Frame::data(words.clone()))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_nothing_else() {
        for pos in [0, 17, u64::MAX] {
            assert_eq!(read_id(&id(pos)), Some(pos));
        }
        for bad in [
            "",
            "17",
            "000000000000001G",
            "+00000000000000f",
            "000000000000000F",
            "00000000000000011",
        ] {
            assert_eq!(read_id(bad), None, "{bad}");
        }
        assert_eq!(&*keep_alive(0), b": here\n\n");
        assert_eq!(&*keep_alive(18), b": here\nid: 0000000000000011\n\n");
    }

    #[tokio::test]
    async fn the_last_words_come_behind_what_waits() {
        use http_body_util::BodyExt as _;
        let (sender, frames) = mpsc::channel(2);
        let last_words = Arc::new(OnceLock::new());
        sender.try_send("a".into()).unwrap();
        last_words.set(dropped("slow")).unwrap();
        drop(sender);
        let body = Frames { frames, last_words }.collect().await.unwrap().to_bytes();
        assert_eq!(&*body, b"aevent: dropped\ndata: {\"reason\":\"slow\"}\n\n");
    }
}

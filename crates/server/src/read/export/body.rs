//! The body of an export's answer: it ends well only if it is told so.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// What goes to the connection.
pub(super) enum Piece {
    Bytes(Bytes),
    /// It was all.
    End,
}

/// The export did not come to its end; the connection is broken off, so that it shows.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
pub(super) struct BrokenOff;

pub(super) struct Download {
    pieces: mpsc::Receiver<Piece>,
    ended: bool,
}

impl Download {
    pub fn new(pieces: mpsc::Receiver<Piece>) -> Download {
        Download { pieces, ended: false }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.pieces.poll_recv(cx).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            // Whoever should have sent more is gone, be it by a panic.
            None => {
                self.ended = true;
                Some(Err(BrokenOff))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn only_what_was_ended_ends_well() {
        for ends in [true, false] {
            let (sender, pieces) = mpsc::channel(2);
            sender.try_send(Piece::Bytes("a".into())).unwrap();
            if ends {
                sender.try_send(Piece::End).unwrap();
            }
            drop(sender);
            assert_eq!(Download::new(pieces).collect().await.is_ok(), ends);
        }
    }
}

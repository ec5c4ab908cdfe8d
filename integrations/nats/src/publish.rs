//! What is sent.

use std::collections::VecDeque;

use async_nats::jetstream::context::{PublishAckFuture, PublishError as JsError, PublishErrorKind};
use async_nats::jetstream::{Error as JsSaid, ErrorCode, message::PublishMessage};
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;

use crate::error::{Error, Kind};
use crate::limits;
use crate::server::Broker;

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub payload: Bytes,
    /// By which a stream knows it when it comes again (`Nats-Msg-Id`), as long as its window is.
    pub id: Option<String>,
    /// Its headers. One whose name NATS does not take is left out; control characters in a value become spaces.
    pub headers: Vec<(String, String)>,
}

/// How far it came, and what then went wrong.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct PublishError {
    /// The first message that is not confirmed; all before it are.
    pub at: usize,
    /// What went wrong with it.
    #[source]
    pub error: Error,
}

impl Broker {
    /// Sends messages into the streams that take their subjects, in order. Comes back when each is confirmed, which means
    /// that the stream has it. After an error, some behind the first that is not confirmed may be there all the same.
    pub async fn publish(&self, messages: &[Outgoing]) -> Result<(), PublishError> {
        let mut waiting: VecDeque<PublishAckFuture> = VecDeque::new();
        let mut confirmed = 0;
        for message in messages {
            if waiting.len() == limits::UNCONFIRMED_MAX {
                self.confirm(&mut waiting, &mut confirmed, messages).await?;
            }
            match self.jetstream.send_publish(message.subject.clone(), message.js()).await {
                Ok(ack) => waiting.push_back(ack),
                Err(e) => {
                    // Those before it are sent: what becomes of them comes first.
                    while !waiting.is_empty() {
                        self.confirm(&mut waiting, &mut confirmed, messages).await?;
                    }
                    return Err(PublishError { at: confirmed, error: said(message, &e) });
                }
            }
        }
        while !waiting.is_empty() {
            self.confirm(&mut waiting, &mut confirmed, messages).await?;
        }
        Ok(())
    }

    async fn confirm(
        &self,
        waiting: &mut VecDeque<PublishAckFuture>,
        confirmed: &mut usize,
        messages: &[Outgoing],
    ) -> Result<(), PublishError> {
        let Some(ack) = waiting.pop_front() else {
            return Ok(());
        };
        let message = &messages[*confirmed];
        let answer = async { ack.await.map_err(|e| said(message, &e)) };
        let answer = self.unless_broken(answer).await;
        answer.map_err(|error| PublishError { at: *confirmed, error })?;
        *confirmed += 1;
        Ok(())
    }

    /// Sends messages to plain subjects, in order. Comes back when the server has them; whether anybody listened is known
    /// to nobody.
    pub async fn publish_plain(&self, messages: &[Outgoing]) -> Result<(), PublishError> {
        let failed = |at: usize| move |error: Error| PublishError { at, error };
        for (at, message) in messages.iter().enumerate() {
            let headers = message.map();
            let (subject, payload) = (message.subject.clone(), message.payload.clone());
            let sent = self.client.publish_with_headers(subject, headers, payload).await;
            sent.map_err(|e| {
                let kind = match e.kind() {
                    async_nats::client::PublishErrorKind::Send => Kind::Lost,
                    _ => Kind::Message,
                };
                failed(at)(Error::new(kind, format!("{}: {e}", message.subject)))
            })?;
        }
        self.round_trip().await.map_err(failed(0))
    }

    /// Which stream takes a subject.
    pub async fn stream_of(&self, subject: &str) -> Result<String, Error> {
        use async_nats::jetstream::context::GetStreamByNameErrorKind as Why;
        let asked = async {
            self.jetstream.stream_by_subject(subject).await.map_err(|e| match e.kind() {
                Why::NotFound => Error::new(Kind::NoStream, format!("no stream takes {subject}")),
                Why::InvalidSubject => {
                    Error::new(Kind::Setting, format!("{subject:?} is no NATS subject"))
                }
                _ => Error::new(
                    Kind::Lost,
                    format!("the NATS server does not say which stream takes {subject}: {e}"),
                ),
            })
        };
        self.unless_broken(asked).await
    }
}

impl Outgoing {
    fn map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            if let Ok(name) = name.parse::<HeaderName>() {
                map.append(name, plain(value));
            }
        }
        if let Some(id) = &self.id {
            map.insert("Nats-Msg-Id", plain(id));
        }
        map
    }

    fn js(&self) -> PublishMessage {
        PublishMessage::build().payload(self.payload.clone()).headers(self.map())
    }
}

fn plain(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn said(message: &Outgoing, error: &JsError) -> Error {
    let subject = &message.subject;
    match error.kind() {
        PublishErrorKind::StreamNotFound => {
            Error::new(Kind::NoStream, format!("no stream takes {subject}"))
        }
        PublishErrorKind::MaxPayloadExceeded => {
            Error::new(Kind::Message, format!("{subject}: {error}"))
        }
        PublishErrorKind::TimedOut => {
            Error::new(Kind::Lost, format!("the NATS server did not confirm {subject} in time"))
        }
        PublishErrorKind::BrokenPipe => {
            Error::new(Kind::Lost, "the connection to the NATS server was lost")
        }
        _ => {
            let source = std::error::Error::source(error);
            // The stream answers with a reason of its own: full, sealed, a message too large for it.
            match source.and_then(|source| source.downcast_ref::<JsSaid>()) {
                Some(said) if said.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM => {
                    Error::new(Kind::Message, format!("{subject}: {said}"))
                }
                Some(said) => Error::new(Kind::Refused, format!("{subject}: {said}")),
                None => Error::new(Kind::Lost, format!("{subject}: {error}")),
            }
        }
    }
}

//! What is done with the messages of one session: nothing is acknowledged before it is durable, or safe elsewhere.

use indelible_connect::intake::message::{Message, Place, map};
use indelible_nats::{Broker, Delivery, Error, Kind, Outgoing};
use serde_json::json;
use std::sync::Arc;

use super::NatsFrom;
use crate::inputs::Door;
use crate::limits::{BUSY_PAUSE, NAK_AFTER, REFUSED_NAMED_MAX};
use crate::seam::{Incoming, Notice, Taken};
use crate::streams::cut;

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The broker's doing.
    Broker(Error),
    /// A secret that cannot be had, say.
    Setting(String),
    /// What was refused could not be told in `_system`.
    Notice(String),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Broker(error)
    }
}

pub(super) struct Session<'a> {
    name: &'a str,
    from: &'a NatsFrom,
    broker: &'a Broker,
    door: &'a Door,
    /// Whether a stream takes dead letters.
    kept: bool,
}

/// A message that can be no event, and why.
struct Dead {
    message: Delivery,
    field: String,
    why: String,
}

impl Dead {
    /// What is said is cut: it may repeat what the sender wrote, and has to fit into a notice and a header.
    fn new(message: Delivery, field: &str, why: &str) -> Dead {
        Dead { message, field: cut(field), why: cut(why) }
    }
}

impl<'a> Session<'a> {
    pub async fn begin(
        name: &'a str,
        from: &'a NatsFrom,
        broker: &'a Broker,
        door: &'a Door,
    ) -> Result<Session<'a>, Error> {
        let kept = match &from.dead_letter {
            None => false,
            Some(subject) => match broker.stream_of(subject).await {
                Ok(_) => true,
                // A plain subject keeps nothing, but somebody may listen. A server without JetStream does not answer at all.
                Err(e) if matches!(e.kind, Kind::NoStream | Kind::NoJetStream) => false,
                Err(_) if from.stream.is_none() => false,
                Err(e) => return Err(e),
            },
        };
        Ok(Session { name, from, broker, door, kept })
    }

    /// Hands a batch in, and answers for each message.
    pub async fn take(&self, batch: Vec<Delivery>) -> Result<(), Ended> {
        let mut dead = Vec::new();
        let mut messages = Vec::with_capacity(batch.len());
        let mut events = Vec::with_capacity(batch.len());
        for message in batch {
            match map(&self.from.subjects, &self.read(&message)) {
                Ok(mapped) => {
                    let mut event = self.door.incoming(mapped.json, None);
                    if let Some(trail) = mapped.trail {
                        event.trail = Arc::from(trail);
                    }
                    events.push(event);
                    messages.push(message);
                }
                Err(unmapped) => {
                    self.door.refused(&unmapped.field, &unmapped.message);
                    dead.push(Dead::new(message, &unmapped.field, &unmapped.message));
                }
            }
        }
        if !events.is_empty() {
            let Some(taken) = self.hand_in(&messages, events).await? else {
                return Ok(());
            };
            for (message, taken) in messages.into_iter().zip(taken) {
                match taken {
                    Taken::Kept { .. } => message.ack().await?,
                    Taken::Refused { field, message: why } => {
                        dead.push(Dead::new(message, &field, &why));
                    }
                    Taken::Failed(why) => {
                        self.door.trouble(why, None);
                        message.later(NAK_AFTER).await?;
                    }
                }
            }
        }
        self.bury(dead).await
    }

    /// What became of each. While the node is too busy they are held, in their order, and the server is told that they
    /// are worked on; nothing if it is to stop meanwhile.
    async fn hand_in(
        &self,
        messages: &[Delivery],
        events: Vec<Incoming>,
    ) -> Result<Option<Vec<Taken>>, Ended> {
        let plain = self.from.stream.is_none();
        let mut became: Vec<Taken> = Vec::with_capacity(events.len());
        became.resize_with(events.len(), || Taken::Failed(String::new()));
        let mut left: Vec<usize> = (0..events.len()).collect();
        loop {
            let again = left.iter().map(|&at| events[at].clone()).collect();
            let why = match self.door.take(again).await {
                Ok(taken) => {
                    for (&at, taken) in left.iter().zip(taken) {
                        became[at] = taken;
                    }
                    left.retain(|&at| matches!(became[at], Taken::Failed(_)));
                    if left.is_empty() && self.door.status().trouble.is_some() {
                        self.door.fine();
                    }
                    // A stream brings again what failed; a plain subject never does.
                    if left.is_empty() || !plain {
                        return Ok(Some(became));
                    }
                    "some messages could not be kept".to_owned()
                }
                Err(why) => why.0,
            };
            self.door.trouble(why, Some("what waits is taken when the node can".into()));
            let mut stop = self.door.clone();
            tokio::select! {
                () = stop.stopped() => return Ok(None),
                () = tokio::time::sleep(BUSY_PAUSE) => {}
            }
            for message in messages {
                message.working().await?;
            }
        }
    }

    /// Puts away what can be no event, and only then says that it is not to come again.
    async fn bury(&self, dead: Vec<Dead>) -> Result<(), Ended> {
        if dead.is_empty() {
            return Ok(());
        }
        match &self.from.dead_letter {
            Some(subject) => {
                let letters: Vec<_> = dead.iter().map(|one| self.letter(subject, one)).collect();
                let mut from = 0;
                while from < letters.len() {
                    let sent = match self.kept {
                        true => self.broker.publish(&letters[from..]).await,
                        false => self.broker.publish_plain(&letters[from..]).await,
                    };
                    match sent {
                        Ok(()) => break,
                        // With what is wrong with it, it is too large for the server, and always will be.
                        Err(failed) if failed.error.kind == Kind::Message => {
                            let at = from + failed.at;
                            self.tell(&dead[at..=at]).await?;
                            from = at + 1;
                        }
                        Err(failed) => return Err(failed.error.into()),
                    }
                }
            }
            None => self.tell(&dead).await?,
        }
        for one in &dead {
            one.message.never().await?;
        }
        self.door.status().dead += dead.len() as u64;
        Ok(())
    }

    /// The message as it was, with what is wrong with it.
    fn letter(&self, subject: &str, dead: &Dead) -> Outgoing {
        let message = &dead.message;
        // What means something to the server was meant for the first time.
        let theirs = message.headers.iter().filter(|(name, _)| !name.starts_with("Nats-"));
        let mut headers: Vec<(String, String)> = theirs.cloned().collect();
        let mut say =
            |name: &str, value: String| headers.push((format!("Indelible-{name}"), value));
        say("Input", self.name.to_owned());
        say("Field", dead.field.clone());
        say("Reason", dead.why.clone());
        say("Subject", message.subject.clone());
        let mut id = None;
        if let Some(place) = &message.place {
            say("Stream", place.stream.clone());
            say("Sequence", place.sequence.to_string());
            id = Some(format!("{}/{}/{}", self.name, place.stream, place.sequence));
        }
        if let Some(theirs) = message.header("Nats-Msg-Id") {
            say("Msg-Id", theirs.to_owned());
        }
        Outgoing { subject: subject.to_owned(), payload: message.payload.clone(), id, headers }
    }

    /// Where nobody named a place for them, the trail of the node itself says which they were and why.
    async fn tell(&self, dead: &[Dead]) -> Result<(), Ended> {
        let named = dead.iter().take(REFUSED_NAMED_MAX).map(|one| {
            let place = one.message.place.as_ref();
            json!({
                "subject": one.message.subject,
                "stream": place.map(|place| &place.stream),
                "sequence": place.map(|place| place.sequence),
                "field": one.field,
                "reason": one.why,
            })
        });
        let messages: Vec<_> = named.collect();
        let notice = Notice {
            action: "input.refuse",
            outcome: "failure",
            target: ("input", self.name.to_owned()),
            details: json!({ "count": dead.len(), "messages": messages }),
        };
        self.door.tell(notice).await.map_err(Ended::Notice)
    }

    fn read<'m>(&'m self, message: &'m Delivery) -> Message<'m> {
        Message {
            input: self.name,
            trail: &self.door.trail,
            subject: &message.subject,
            payload: &message.payload,
            headers: &message.headers,
            place: message.place.as_ref().map(|place| Place {
                stream: &place.stream,
                sequence: place.sequence,
                published: place.published,
            }),
        }
    }
}

//! JetStream consumers and plain subjects.

mod session;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible_connect::intake::message::{self, Rule};
use indelible_nats::{Broker, ConsumerSpec};
use serde::Deserialize;

use super::{Door, Input, InputContext, InputError};
use crate::broker::{self, NatsAuth};
use crate::limits::{ACK_PENDING_MAX, ACK_WAIT_SECONDS, RETRY_MICROS, RETRY_MICROS_MAX};
use crate::seam::Later;
use crate::secret::Value;
use crate::tls::ClientTls;
use session::{Ended, Session};

/// What to fetch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsFrom {
    /// The server: `nats://HOST:4222` or `tls://HOST:4222`; several of one cluster with commas between.
    pub url: Value,
    /// Who we are to it.
    #[serde(default)]
    pub auth: NatsAuth,
    /// Whom we believe, and which certificate we show.
    #[serde(default)]
    pub tls: ClientTls,
    /// The JetStream stream. Without one, plain subjects are listened to, which keep nothing for who is away.
    #[serde(default)]
    pub stream: Option<String>,
    /// The durable consumer, made if it is missing: `indelible-NAME` where it is not given.
    #[serde(default)]
    pub durable: Option<String>,
    /// For plain subjects: the queue group.
    #[serde(default)]
    pub queue: Option<String>,
    /// What messages are, by their subjects: the first rule that fits counts.
    pub subjects: Vec<Rule>,
    /// The subjects that are asked for; those of the rules where it is not given.
    #[serde(default)]
    pub filter: Vec<String>,
    /// Where messages go that can be no event; without it they are told in `_system`, and left in the stream.
    #[serde(default)]
    pub dead_letter: Option<String>,
    /// How long the server waits for an acknowledgement.
    #[serde(default = "ack_wait")]
    pub ack_wait_seconds: u64,
    /// How many messages may be without one.
    #[serde(default = "ack_pending")]
    pub max_ack_pending: i64,
}

fn ack_wait() -> u64 {
    ACK_WAIT_SECONDS
}

fn ack_pending() -> i64 {
    ACK_PENDING_MAX
}

impl NatsFrom {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.auth.below(dir);
        self.tls.below(dir);
    }

    /// Where from, without secrets.
    pub fn place(&self) -> String {
        let what = match &self.stream {
            Some(stream) => format!("stream {stream}"),
            None => self.filters().join(", "),
        };
        format!("{}, {what}", broker::place(&self.url))
    }

    /// Makes the input.
    pub fn open(&self, context: &InputContext) -> Result<Box<dyn Input>, InputError> {
        let wrong = |why: &str, hint: &str| Err(InputError { why: why.into(), hint: hint.into() });
        if self.subjects.is_empty() {
            let hint = "give one: `subjects: [ { subject: \"orders.*\", action: \"order.{2}\" } ]`";
            return wrong("no rule says what messages are", hint);
        }
        if self.stream.is_some() && self.queue.is_some() {
            let hint = "take `queue` away: consumers of a stream share it by their `durable` name";
            return wrong("`queue` is for plain subjects", hint);
        }
        if self.stream.is_none() && self.durable.is_some() {
            return wrong("`durable` is for a stream", "name the `stream`, or take `durable` away");
        }
        if self.ack_wait_seconds == 0 || self.max_ack_pending <= 0 {
            let hint = "`ack_wait_seconds` and `max_ack_pending` are 1 or more";
            return wrong("nothing could be acknowledged", hint);
        }
        let takes = |filter: String, subject: &str| {
            message::Pattern::try_from(filter).is_ok_and(|filter| filter.fits(subject))
        };
        if let Some(subject) = &self.dead_letter
            && self.filters().into_iter().any(|filter| takes(filter, subject))
        {
            let hint = "name a `dead_letter` that none of the input's own subjects covers";
            return wrong("what is refused would come in again, without an end", hint);
        }
        let server = broker::server(&context.input, &self.url, &self.auth, &self.tls);
        let hint = "set it where the server is started";
        server.map_err(|why| InputError { why, hint: hint.into() })?;
        Ok(Box::new(NatsInput { from: self.clone(), name: Arc::clone(&context.input) }))
    }

    fn filters(&self) -> Vec<String> {
        if self.filter.is_empty() { message::subjects(&self.subjects) } else { self.filter.clone() }
    }
}

struct NatsInput {
    from: NatsFrom,
    name: Arc<str>,
}

impl Input for NatsInput {
    fn run(self: Box<Self>, door: Door) -> Later<'static, ()> {
        Box::pin(async move { self.work(door).await })
    }
}

impl NatsInput {
    /// One session after the other. The pause between them doubles as long as none of them works.
    async fn work(&self, door: Door) {
        let mut stop = door.clone();
        let mut pause = RETRY_MICROS;
        while !door.stopping() {
            let mut worked = false;
            let (why, hint) = match self.session(&door, &mut worked).await {
                Ok(()) => return,
                Err(Ended::Broker(error)) => {
                    let hint = error.hint().to_owned();
                    (error.why, hint)
                }
                Err(Ended::Setting(why)) => (why, "set it where the server is started".into()),
                Err(Ended::Notice(why)) => {
                    let hint = "look at the log's health: nothing can be recorded in `_system`";
                    (why, hint.into())
                }
            };
            tracing::warn!(input = %self.name, %why, "the session with the NATS server ended");
            door.trouble(why, Some(hint));
            pause = if worked { RETRY_MICROS } else { (pause * 2).min(RETRY_MICROS_MAX) };
            let wait = Duration::from_micros(pause.unsigned_abs());
            tokio::select! {
                () = stop.stopped() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// From the connection to its end; fine only if it was told to stop.
    async fn session(&self, door: &Door, worked: &mut bool) -> Result<(), Ended> {
        let from = &self.from;
        let server =
            broker::server(&format!("indelible {}", self.name), &from.url, &from.auth, &from.tls)
                .map_err(Ended::Setting)?;
        let mut stop = door.clone();
        let broker = tokio::select! {
            () = stop.stopped() => return Ok(()),
            broker = Broker::connect(&server) => broker?,
        };
        let session = Session::begin(&self.name, from, &broker, door).await?;
        match &from.stream {
            Some(stream) => {
                let spec = ConsumerSpec {
                    stream: stream.clone(),
                    durable: from.durable.clone().unwrap_or(format!("indelible-{}", self.name)),
                    filters: from.filters(),
                    ack_wait: Duration::from_secs(from.ack_wait_seconds),
                    max_ack_pending: from.max_ack_pending,
                };
                let mut consumer = broker.consumer(&spec).await?;
                door.fine();
                *worked = true;
                loop {
                    let batch = tokio::select! {
                        () = stop.stopped() => return Ok(()),
                        batch = consumer.next() => batch?,
                    };
                    session.take(batch).await?;
                    consumer.flush().await?;
                }
            }
            None => {
                let filters = from.filters();
                let mut heard = broker.subscribe(&filters, from.queue.as_deref()).await?;
                door.fine();
                *worked = true;
                loop {
                    let batch = tokio::select! {
                        () = stop.stopped() => return Ok(()),
                        batch = heard.next() => batch?,
                    };
                    session.take(batch).await?;
                }
            }
        }
    }
}

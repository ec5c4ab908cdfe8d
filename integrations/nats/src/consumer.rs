//! What is fetched: durable consumers of JetStream, and plain subjects.

use std::time::Duration;

use async_nats::jetstream::consumer::{
    AckPolicy, Consumer as Js, pull,
    pull::{MessagesErrorKind, Stream as Messages},
};
use async_nats::jetstream::context::{
    ConsumerInfoErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::message::{AckKind, Acker};
use async_nats::jetstream::stream::ConsumerError;
use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::error::{Error, Kind};
use crate::limits;
use crate::server::Broker;

/// Which consumer of which stream.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// The stream; it is never made here.
    pub stream: String,
    /// The consumer's name, under which the server keeps how far it is. Made if it is missing.
    pub durable: String,
    /// The subjects that it wants; all of the stream if there are none.
    pub filters: Vec<String>,
    /// How long the server waits for an acknowledgement before a message comes again.
    pub ack_wait: Duration,
    /// How many messages may be without one.
    pub max_ack_pending: i64,
}

/// A durable consumer in this session.
pub struct Consumer<'a> {
    broker: &'a Broker,
    messages: Messages,
    stream: String,
}

/// A plain subject in this session. What is published while nobody listens is gone: at most once.
pub struct Subscription<'a> {
    broker: &'a Broker,
    messages: Vec<Subscriber>,
}

/// A message that came in.
pub struct Delivery {
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub payload: Bytes,
    /// Its headers, in no order; each value of one that is there several times.
    pub headers: Vec<(String, String)>,
    /// Its place, where it comes from a stream.
    pub place: Option<Place>,
    acker: Option<Acker>,
}

/// Where a message is in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The stream.
    pub stream: String,
    /// Its number there.
    pub sequence: u64,
    /// When the server took it, in nanoseconds since 1970.
    pub published: i128,
    /// How often it was delivered, this time included.
    pub deliveries: u64,
}

impl Broker {
    /// The consumer, made or brought up to date if it is not as said here.
    pub async fn consumer(&self, spec: &ConsumerSpec) -> Result<Consumer<'_>, Error> {
        let js = self.unless_broken(self.open(spec)).await?;
        let messages = js
            .stream()
            .max_messages_per_batch(limits::FETCH_MESSAGES_MAX)
            .expires(limits::FETCH_EXPIRES)
            .heartbeat(limits::FETCH_HEARTBEAT)
            .messages()
            .await
            .map_err(|e| Error::new(Kind::Lost, e.to_string()))?;
        Ok(Consumer { broker: self, messages, stream: spec.stream.clone() })
    }

    async fn open(&self, spec: &ConsumerSpec) -> Result<Js<pull::Config>, Error> {
        let name = &spec.stream;
        let stream = self.jetstream.get_stream(name).await.map_err(|e| missing(name, &e))?;
        let mut config = pull::Config {
            durable_name: Some(spec.durable.clone()),
            description: Some("Events on their way into an audit trail".into()),
            ..Default::default()
        };
        match stream.consumer_info(&spec.durable).await {
            Ok(info) => {
                let there = info.config;
                let bad = |what: &str| {
                    let why = format!("the consumer {} of the stream {name} {what}", spec.durable);
                    Err(Error::new(Kind::Consumer, why))
                };
                if there.deliver_subject.is_some() {
                    return bad("pushes its messages, and cannot be fetched from");
                }
                if there.ack_policy != AckPolicy::Explicit {
                    return bad("does not ask for an acknowledgement of each message");
                }
                // What is not ours to say stays as it is.
                config.deliver_policy = there.deliver_policy;
                config.replay_policy = there.replay_policy;
                config.max_deliver = there.max_deliver;
                config.max_waiting = there.max_waiting;
                config.max_batch = there.max_batch;
                config.max_expires = there.max_expires;
                config.sample_frequency = there.sample_frequency;
                config.num_replicas = there.num_replicas;
                config.memory_storage = there.memory_storage;
                config.metadata = there.metadata;
                config.backoff = there.backoff;
                config.inactive_threshold = there.inactive_threshold;
                config.description = there.description;
            }
            Err(e) if e.kind() == ConsumerInfoErrorKind::NotFound => {}
            Err(e) => return Err(Error::new(Kind::Lost, format!("the NATS server: {e}"))),
        }
        config.ack_policy = AckPolicy::Explicit;
        config.ack_wait = spec.ack_wait;
        config.max_ack_pending = spec.max_ack_pending;
        match &spec.filters[..] {
            [] => {}
            [one] => config.filter_subject = one.clone(),
            several => config.filter_subjects = several.to_vec(),
        }
        stream.create_consumer(config).await.map_err(|e| refused(spec, &e))
    }

    /// Listens to a plain subject, as one of a group if it is named. Several patterns are one subscription each, so a
    /// message that two of them match comes twice.
    pub async fn subscribe(
        &self,
        subjects: &[String],
        queue: Option<&str>,
    ) -> Result<Subscription<'_>, Error> {
        let mut messages = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let subscribed = match queue {
                None => self.client.subscribe(subject.clone()).await,
                Some(queue) => self.client.queue_subscribe(subject.clone(), queue.into()).await,
            };
            messages.push(
                subscribed.map_err(|e| Error::new(Kind::Setting, format!("{subject}: {e}")))?,
            );
        }
        // The server complains of a subject that is not allowed before it answers what comes after.
        self.round_trip().await?;
        Ok(Subscription { broker: self, messages })
    }

    /// Comes back when the server has done everything that it was sent before.
    pub(crate) async fn round_trip(&self) -> Result<(), Error> {
        let subject = self.client.new_inbox();
        let asked = async {
            match self.client.request(subject, Bytes::new()).await {
                // Nobody listens there: the server itself says so, and that is the answer.
                Err(e) if e.kind() == async_nats::RequestErrorKind::NoResponders => Ok(()),
                Err(e) => {
                    Err(Error::new(Kind::Lost, format!("the NATS server does not answer: {e}")))
                }
                Ok(_) => Ok(()),
            }
        };
        self.unless_broken(asked).await?;
        // A complaint travels through a task of the client's own, and may arrive a moment behind the answer.
        match tokio::time::timeout(limits::COMPLAINT_WAIT, self.broken()).await {
            Ok(broken) => Err(broken),
            Err(_) => Ok(()),
        }
    }
}

impl Consumer<'_> {
    /// What there is, at most [`limits::FETCH_MESSAGES_MAX`]; waits for the first.
    pub async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        let first = tokio::select! {
            biased;
            message = self.messages.next() => message,
            broken = self.broker.broken() => return Err(broken),
        };
        let mut batch = Vec::new();
        let mut next = first;
        loop {
            match next {
                Some(Ok(message)) => batch.push(delivery(message)?),
                // What came before it is told first; the failure comes again.
                _ if !batch.is_empty() => return Ok(batch),
                Some(Err(e)) => return Err(ended(&self.stream, e.kind(), &e.to_string())),
                None => return Err(Error::new(Kind::Lost, "the NATS server ended the fetching")),
            }
            if batch.len() == limits::FETCH_MESSAGES_MAX {
                return Ok(batch);
            }
            match self.messages.next().now_or_never() {
                Some(message) => next = message,
                None => return Ok(batch),
            }
        }
    }

    /// Comes back when the acknowledgements given so far are on their way.
    pub async fn flush(&self) -> Result<(), Error> {
        self.broker.client.flush().await.map_err(|e| Error::new(Kind::Lost, e.to_string()))
    }
}

impl Subscription<'_> {
    /// What there is; waits for the first.
    pub async fn next(&mut self) -> Result<Vec<Delivery>, Error> {
        let mut all = futures_util::stream::select_all(&mut self.messages);
        let first = tokio::select! {
            biased;
            message = all.next() => message,
            broken = self.broker.broken() => return Err(broken),
        };
        let over = || Error::new(Kind::Lost, "the NATS server ended the subscription");
        let mut batch = vec![plain(first.ok_or_else(over)?)];
        while batch.len() < limits::FETCH_MESSAGES_MAX {
            match all.next().now_or_never() {
                Some(Some(message)) => batch.push(plain(message)),
                _ => break,
            }
        }
        Ok(batch)
    }
}

impl Delivery {
    /// Says that it is done with. Nothing to do for a plain subject.
    pub async fn ack(&self) -> Result<(), Error> {
        self.answer(AckKind::Ack).await
    }

    /// Asks for it again after a while.
    pub async fn later(&self, after: Duration) -> Result<(), Error> {
        self.answer(AckKind::Nak(Some(after))).await
    }

    /// Says that it is never to come again.
    pub async fn never(&self) -> Result<(), Error> {
        self.answer(AckKind::Term).await
    }

    /// Says that it is still being worked on, so that it does not come again meanwhile.
    pub async fn working(&self) -> Result<(), Error> {
        self.answer(AckKind::Progress).await
    }

    async fn answer(&self, kind: AckKind) -> Result<(), Error> {
        let Some(acker) = &self.acker else {
            return Ok(());
        };
        acker.ack_with(kind).await.map_err(|e| Error::new(Kind::Lost, e.to_string()))
    }

    /// The value of a header, the last one if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().rev().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| &**value)
    }
}

fn delivery(message: async_nats::jetstream::Message) -> Result<Delivery, Error> {
    let odd =
        |e: async_nats::Error| Error::new(Kind::Refused, format!("a message without a place: {e}"));
    let info = message.info().map_err(odd)?;
    let place = Place {
        stream: info.stream.to_owned(),
        sequence: info.stream_sequence,
        published: info.published.unix_timestamp_nanos(),
        deliveries: info.delivered.max(0).unsigned_abs(),
    };
    let (message, acker) = message.split();
    Ok(Delivery { place: Some(place), acker: Some(acker), ..plain(message) })
}

fn plain(message: async_nats::Message) -> Delivery {
    Delivery {
        subject: message.subject.to_string(),
        payload: message.payload,
        headers: message.headers.as_ref().map(headers).unwrap_or_default(),
        place: None,
        acker: None,
    }
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let all = map.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| (name.to_string(), value.as_str().to_owned()))
    });
    let mut all: Vec<_> = all.collect();
    // The map has no order of its own; what is recorded must be the same each time. Values of one name keep theirs.
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn missing(stream: &str, error: &GetStreamError) -> Error {
    match error.kind() {
        GetStreamErrorKind::JetStream(said) if said.code() == 404 => {
            Error::new(Kind::NoStream, format!("the NATS server has no stream {stream}"))
        }
        GetStreamErrorKind::JetStream(said) if said.code() == 503 => {
            Error::new(Kind::NoJetStream, format!("the NATS server has no JetStream: {said}"))
        }
        GetStreamErrorKind::InvalidStreamName | GetStreamErrorKind::EmptyName => {
            Error::new(Kind::Setting, format!("{stream:?} is no name of a stream"))
        }
        _ if unanswered(error) => Error::new(
            Kind::NoJetStream,
            "the NATS server has no JetStream, or not for this account",
        ),
        _ => Error::new(Kind::Lost, format!("the NATS server does not answer: {error}")),
    }
}

/// Whether nobody listens to JetStream's questions.
fn unanswered(error: &GetStreamError) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<RequestError>());
    source.is_some_and(|e| e.kind() == RequestErrorKind::NoResponders)
}

fn refused(spec: &ConsumerSpec, error: &ConsumerError) -> Error {
    use async_nats::jetstream::stream::ConsumerErrorKind as Why;
    let (stream, name) = (&spec.stream, &spec.durable);
    match error.kind() {
        Why::TimedOut | Why::Request => Error::new(Kind::Lost, format!("the NATS server: {error}")),
        Why::InvalidName => Error::new(Kind::Setting, format!("{name:?} is no name of a consumer")),
        _ => {
            let why = format!("the consumer {name} of the stream {stream} cannot be made: {error}");
            Error::new(Kind::Consumer, why)
        }
    }
}

fn ended(stream: &str, kind: MessagesErrorKind, said: &str) -> Error {
    let kind = match kind {
        MessagesErrorKind::ConsumerDeleted
        | MessagesErrorKind::PushBasedConsumer
        | MessagesErrorKind::RequestLimitExceeded => Kind::Consumer,
        _ => Kind::Lost,
    };
    Error::new(kind, format!("fetching from the stream {stream} ended: {said}"))
}

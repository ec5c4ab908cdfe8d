//! NATS subjects: into a JetStream stream, each event confirmed, or plain.

use std::borrow::Cow;
use std::path::Path;

use indelible_log::hex;
use indelible_nats::{Broker, Error, Kind, Outgoing as Message, Server};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::{Context, Sink, SinkError};
use crate::broker::{self, NatsAuth};
use crate::seam::Outgoing;
use crate::secret::Value;
use crate::tls::ClientTls;

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsTo {
    /// The server: `nats://HOST:4222` or `tls://HOST:4222`; several of one cluster with commas between.
    pub url: Value,
    /// Who we are to it.
    #[serde(default)]
    pub auth: NatsAuth,
    /// Whom we believe, and which certificate we show.
    #[serde(default)]
    pub tls: ClientTls,
    /// The subject of an event; `{trail}`, `{action}`, `{category}` and `{outcome}` are filled in.
    #[serde(default)]
    pub subject: Subject,
    /// Without JetStream: whether anybody got them is then known to nobody.
    #[serde(default)]
    pub plain: bool,
}

/// A subject with holes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Subject(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Said(String),
    Trail,
    Action,
    Category,
    Outcome,
}

/// What a subject is made of.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    category: Option<Cow<'a, str>>,
    #[serde(borrow)]
    outcome: Option<Cow<'a, str>>,
}

impl Default for Subject {
    fn default() -> Subject {
        let dot = || Piece::Said(".".into());
        Subject(vec![Piece::Said("audit.".into()), Piece::Trail, dot(), Piece::Action])
    }
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Subject, String> {
        let bad = || {
            format!(
                "{text:?} is no subject: tokens between dots, with {{trail}}, {{action}}, {{category}} or {{outcome}} where they are wanted"
            )
        };
        let mut pieces = Vec::new();
        let mut rest = &*text;
        while let Some(at) = rest.find(['{', '}']) {
            let (said, hole) = rest.split_at(at);
            pieces.push(Piece::Said(said.into()));
            let (name, after) =
                hole.strip_prefix('{').and_then(|hole| hole.split_once('}')).ok_or_else(bad)?;
            pieces.push(match name {
                "trail" => Piece::Trail,
                "action" => Piece::Action,
                "category" => Piece::Category,
                "outcome" => Piece::Outcome,
                _ => return Err(bad()),
            });
            rest = after;
        }
        pieces.push(Piece::Said(rest.into()));
        let subject = Subject(pieces);
        let filled = subject.fill("t", &Head::default());
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
        let reserved = text.starts_with('$') || text.starts_with("_INBOX");
        if reserved || filled.split('.').any(|token| token.is_empty() || token.contains(odd)) {
            return Err(bad());
        }
        Ok(subject)
    }
}

impl Subject {
    fn fill(&self, trail: &str, head: &Head<'_>) -> String {
        let mut subject = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Said(said) => subject.push_str(said),
                // One token, so that a trail with dots in its name moves nothing behind it.
                Piece::Trail => legal(&trail.replace('.', "_"), &mut subject),
                Piece::Action => legal(head.action.as_deref().unwrap_or_default(), &mut subject),
                Piece::Category => {
                    legal(head.category.as_deref().unwrap_or_default(), &mut subject);
                }
                Piece::Outcome => legal(head.outcome.as_deref().unwrap_or_default(), &mut subject),
            }
        }
        subject
    }

    /// All subjects that it can be.
    fn all(&self) -> String {
        let mut tokens: Vec<String> = Vec::new();
        let open: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Said(said) => said.clone(),
                Piece::Action => ">".into(),
                _ => "*".into(),
            })
            .collect();
        for token in open.split('.') {
            // An action is one token or several: what follows it is anything.
            if token.contains('>') {
                tokens.push(">".into());
                break;
            }
            tokens.push(if token.contains('*') { "*".into() } else { token.to_owned() });
        }
        tokens.join(".")
    }
}

/// Appends a text as tokens that a subject may have.
fn legal(text: &str, out: &mut String) {
    if text.is_empty() {
        out.push('_');
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
    let before = out.len();
    for c in text.chars() {
        let empty = c == '.' && (out.len() == before || out.ends_with('.'));
        out.push(if odd(c) || empty { '_' } else { c });
    }
    if out.len() > before && out.ends_with('.') {
        out.push('_');
    }
}

impl NatsTo {
    /// The server, with secrets as they are now.
    fn server(&self, name: &str) -> Result<Server, SinkError> {
        let server = broker::server(name, &self.url, &self.auth, &self.tls);
        let hint = "set it where the server is started";
        server.map_err(|why| SinkError::Wrong { why, hint: hint.into() })
    }

    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.auth.below(dir);
        self.tls.below(dir);
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        format!("{}, {}", broker::place(&self.url), self.subject.all())
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        let name = format!("indelible {}", context.stream);
        let runtime = context.runtime.clone();
        self.server(&name)?;
        Ok(Box::new(NatsSink { to: self.clone(), name, runtime, broker: None }))
    }
}

struct NatsSink {
    to: NatsTo,
    name: String,
    runtime: Handle,
    broker: Option<Broker>,
}

impl Sink for NatsSink {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let messages: Vec<_> = events.iter().map(|event| self.to.message(event)).collect();
        let broker = self.connected()?;
        let sent = match self.to.plain {
            true => self.runtime.block_on(broker.publish_plain(&messages)),
            false => self.runtime.block_on(broker.publish(&messages)),
        };
        let Err(failed) = sent else {
            self.broker = Some(broker);
            return Ok(());
        };
        if failed.error.kind == Kind::Message {
            self.broker = Some(broker);
            return Err(SinkError::Poison { at: failed.at, why: failed.error.why });
        }
        // The session is over with its first failure: what was on its way in it cannot overtake what is sent again.
        Err(told(failed.error))
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let broker = self.connected()?;
        if !self.to.plain {
            self.runtime.block_on(broker.stream_of(&self.to.subject.all())).map_err(told)?;
        }
        self.broker = Some(broker);
        Ok(())
    }
}

impl NatsSink {
    fn connected(&mut self) -> Result<Broker, SinkError> {
        if let Some(broker) = self.broker.take().filter(|broker| !broker.is_over()) {
            return Ok(broker);
        }
        let server = self.to.server(&self.name)?;
        self.runtime.block_on(Broker::connect(&server)).map_err(told)
    }
}

impl NatsTo {
    fn message(&self, event: &Outgoing) -> Message {
        let head: Head<'_> = serde_json::from_slice(&event.json).unwrap_or_default();
        let header = |name: &str, value: String| (name.to_owned(), value);
        Message {
            subject: self.subject.fill(&event.trail, &head),
            payload: event.json.clone(),
            // Ids are unique within a trail only.
            id: Some(format!("{}/{}", event.trail, event.id)),
            headers: vec![
                header("Content-Type", "application/json".into()),
                header("Indelible-Trail", event.trail.to_string()),
                header("Indelible-Seq", event.seq.to_string()),
                header("Indelible-Leaf", hex::encode(&event.leaf)),
            ],
        }
    }
}

fn told(error: Error) -> SinkError {
    if error.lasts() {
        let hint = error.hint().to_owned();
        return SinkError::Wrong { why: error.why, hint };
    }
    SinkError::Later { why: error.why, wait: None }
}

#[cfg(test)]
#[path = "nats_tests.rs"]
mod tests;

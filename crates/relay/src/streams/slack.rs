//! A chat that takes messages in the format of Slack's incoming webhooks: Slack itself, Mattermost, Rocket.Chat and
//! others.
//!
//! Slack shows the blocks; others show `text`, which therefore says all of it in short. Values stand where a receiver
//! would obey some of what is in them: `<!channel>` and `@channel` would wake everybody, `[text](address)` would show a
//! link as something else. Each is made harmless, and is still read as what it says.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Uri};

use super::alert::Message;
use super::outside::{self, Hints, OneByOne, Outside};
use super::{Batch, Context, Sink, SinkError};
use crate::limits::CHAT_EVENTS_MAX;
use crate::seam::Outgoing;
use crate::secret::Value;

const HINTS: Hints = Hints {
    denied: "the chat does not let this webhook post: look whether its app and its channel are as they were",
    missing: "nothing takes messages at this address: make a new incoming webhook, and give its address",
};

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlackTo {
    /// The address of the incoming webhook; `https`. Whoever has it can post, so it is a secret.
    pub url: Value,
    /// Allows `http`.
    #[serde(default)]
    pub allow_http: bool,
    /// Allows receivers on this machine and in private networks.
    #[serde(default)]
    pub allow_private: bool,
    /// The authorities that the receiver's certificate must be of (PEM); the system's where it is not given.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl SlackTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        if let Some(ca) = &mut self.ca {
            *ca = dir.join(&*ca);
        }
    }

    /// Where to, without secrets: the path is one.
    pub fn place(&self) -> String {
        self.outside().place()
    }

    /// Makes the sink.
    pub fn open(&self, _: &Context) -> Result<Box<dyn Sink>, SinkError> {
        self.outside().url()?;
        let agent = self.outside().agent()?;
        Ok(Box::new(Slack { to: self.clone(), agent, sent: OneByOne::default() }))
    }

    fn outside(&self) -> Outside<'_> {
        Outside {
            url: &self.url,
            allow_http: self.allow_http,
            allow_private: self.allow_private,
            ca: self.ca.as_ref(),
        }
    }
}

struct Slack {
    to: SlackTo,
    agent: Agent,
    sent: OneByOne,
}

impl Sink for Slack {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let url = self.to.outside().url()?;
        let agent = &self.agent;
        self.sent.send(events, |event| post(agent, &url, event).map(|()| None))
    }

    /// Few: the place moves when all of a batch are taken, and stopping waits for it.
    fn batch(&self) -> Batch {
        Batch { events: CHAT_EVENTS_MAX, ..Batch::default() }
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        outside::probe(&self.agent, self.to.outside().url()?)
    }
}

fn post(agent: &Agent, url: &Uri, event: &Outgoing) -> Result<(), SinkError> {
    let body = body(&Message::of(event)).to_string();
    outside::post(agent, url, &HeaderMap::new(), body.as_bytes(), &HINTS)
}

fn body(message: &Message) -> Json {
    let mut blocks = vec![
        // Plain text obeys nothing.
        json!({"type": "header", "text": {"type": "plain_text", "text": message.headline, "emoji": false}}),
        section(&escaped(&message.summary)),
    ];
    if !message.facts.is_empty() {
        let field =
            |(name, of): &(String, String)| text(&format!("*{}*\n{}", escaped(name), escaped(of)));
        let fields: Vec<Json> = message.facts.iter().map(field).collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    for (name, of) in &message.paragraphs {
        blocks.push(section(&format!("*{name}*\n{}", escaped(of))));
    }
    let link =
        message.url.as_ref().map(|url| format!("<{}|Look at it>", url.replace('&', "&amp;")));
    blocks.extend(link.as_deref().map(section));
    let mut short = format!("*{}*\n{}", escaped(&message.headline), escaped(&message.summary));
    for (name, of) in &message.paragraphs {
        short += &format!("\n*{name}*: {}", escaped(of));
    }
    if let Some(link) = link {
        short += &format!("\n{link}");
    }
    json!({"text": short, "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

fn section(markdown: &str) -> Json {
    json!({"type": "section", "text": text(markdown)})
}

/// Marked up by us; what stands in it is not looked through for addresses and names.
fn text(markdown: &str) -> Json {
    json!({"type": "mrkdwn", "text": markdown, "verbatim": true})
}

/// A text that stands where marks count: what is a mark to Slack is written as it says, and what is one to others is
/// parted by a space of no width.
fn escaped(text: &str) -> String {
    const PARTED: char = '\u{200b}';
    let mut made = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            // `ada@example.com` wakes nobody.
            '@' if !before.is_alphanumeric() => made.extend([c, PARTED]),
            '(' | '[' if before == ']' => made.extend([PARTED, c]),
            c => made.push(c),
        }
        before = c;
    }
    made
}

#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;

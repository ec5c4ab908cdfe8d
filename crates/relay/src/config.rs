//! The file that describes inputs and streams.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use indelible_event::TrailName;
use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::inputs::{nats::NatsFrom, syslog::SyslogFrom};
use crate::limits::{
    CONFIG_ALIASES_MAX, CONFIG_BYTES_MAX, CONFIG_DEPTH_MAX, CONFIG_NODES_MAX, INPUTS_MAX,
    NAME_BYTES_MAX, STREAMS_MAX,
};
use crate::streams::{
    elasticsearch::ElasticsearchTo, nats::NatsTo, s3::S3To, slack::SlackTo, smtp::SmtpTo,
    splunk::SplunkTo, syslog::SyslogTo, table::TableTo, webhook::WebhookTo,
};

/// All of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// What comes in.
    pub inputs: Vec<InputConfig>,
    /// What goes out.
    pub streams: Vec<StreamConfig>,
}

/// An input.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Its name.
    pub name: String,
    /// The trail of events that name none.
    #[serde(default)]
    pub trail: Option<String>,
    /// Where from.
    pub from: From,
}

/// Where an input takes its messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// It listens.
    Syslog(SyslogFrom),
    /// It fetches.
    Nats(NatsFrom),
}

/// A stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// Its name.
    pub name: String,
    /// What it sends, in the query language; everything if it is empty.
    #[serde(default)]
    pub query: String,
    /// Where a new one begins: `now` or `beginning`.
    #[serde(default)]
    pub begin: Begin,
    /// Where to.
    pub to: To,
}

/// Where a stream begins that has no place yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With the first record there is: nothing is missing at the receiver.
    #[default]
    Beginning,
    /// With what is recorded from now on.
    Now,
}

/// Where a stream sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// RFC 5424.
    Syslog(SyslogTo),
    /// An HTTP Event Collector.
    Splunk(SplunkTo),
    /// Elasticsearch or OpenSearch.
    Elasticsearch(ElasticsearchTo),
    /// A bucket, or a directory.
    S3(S3To),
    /// Subjects of a NATS server.
    Nats(NatsTo),
    /// A table in the classic layout.
    Table(TableTo),
    /// Signed POSTs.
    Webhook(WebhookTo),
    /// A chat, in Slack's format.
    Slack(SlackTo),
    /// Mail.
    Smtp(SmtpTo),
}

/// What is wrong with the file: where, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionsError(pub String);

impl Connections {
    /// Reads the file. Paths in it become ones from its directory on.
    #[expect(
        clippy::disallowed_methods,
        reason = "a file of the people who run the node, not of the log"
    )]
    pub fn read(path: &Path) -> Result<Connections, ConnectionsError> {
        let shown = path.display();
        let mut text = String::new();
        let file = std::fs::File::open(path);
        // One more than is allowed, so that it shows.
        let read = file.and_then(|file| file.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text));
        read.map_err(|e| ConnectionsError(format!("{shown}: {e}")))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Connections::parse(&text, dir).map_err(|e| ConnectionsError(format!("{shown}:{}", e.0)))
    }

    /// Reads its text. An error begins with its place, `line:column:`, where it has one.
    pub fn parse(text: &str, dir: &Path) -> Result<Connections, ConnectionsError> {
        if text.len() as u64 > CONFIG_BYTES_MAX {
            return Err(ConnectionsError(format!(" longer than {CONFIG_BYTES_MAX} bytes")));
        }
        let read: Option<Connections> = parse_yaml(text)?;
        // An empty file describes nothing.
        let mut read = read.unwrap_or_default();
        read.check().map_err(|why| ConnectionsError(format!(" {why}")))?;
        read.below(dir);
        Ok(read)
    }

    fn below(&mut self, dir: &Path) {
        for input in &mut self.inputs {
            match &mut input.from {
                From::Syslog(from) => from.below(dir),
                From::Nats(from) => from.below(dir),
            }
        }
        for stream in &mut self.streams {
            match &mut stream.to {
                To::Syslog(to) => to.below(dir),
                To::Splunk(to) => to.below(dir),
                To::Elasticsearch(to) => to.below(dir),
                To::S3(to) => to.below(dir),
                To::Nats(to) => to.below(dir),
                To::Table(to) => to.below(dir),
                To::Webhook(to) => to.below(dir),
                To::Slack(to) => to.below(dir),
                To::Smtp(to) => to.below(dir),
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let (inputs, streams) = (self.inputs.len(), self.streams.len());
        if inputs > INPUTS_MAX || streams > STREAMS_MAX {
            return Err(format!(
                "a node has at most {INPUTS_MAX} inputs and {STREAMS_MAX} streams"
            ));
        }
        let inputs = self.inputs.iter().map(|input| input.name.as_str());
        named("input", inputs)?;
        named("stream", self.streams.iter().map(|stream| stream.name.as_str()))?;
        for InputConfig { name, trail, .. } in &self.inputs {
            let Some(trail) = trail else { continue };
            let bad = |e| format!("the input {name}: trail {e}");
            TrailName::parse(trail).map_err(bad)?;
        }
        Ok(())
    }
}

impl StreamConfig {
    /// The same with paths from this directory on, for one that another file describes.
    pub fn below(self, dir: &Path) -> StreamConfig {
        let mut alone = Connections { inputs: Vec::new(), streams: vec![self] };
        alone.below(dir);
        alone.streams.pop().expect("it was put there")
    }
}

/// Reads YAML of the people who run the node, within this crate's bounds; `None` if there is nothing in it. An error
/// begins with its place, `line:column:`, and ends with what was perhaps meant.
pub fn parse_yaml<T: serde::de::DeserializeOwned>(
    text: &str,
) -> Result<Option<T>, ConnectionsError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: CONFIG_DEPTH_MAX,
            max_nodes: CONFIG_NODES_MAX,
            max_events: 2 * CONFIG_NODES_MAX,
            max_anchors: CONFIG_ALIASES_MAX,
            max_aliases: CONFIG_ALIASES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: CONFIG_NODES_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        // A piece of the file in an error could show a password.
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|e| told(&e))
}

/// Names are those of files, of metrics and of `recorded_by`.
fn named<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(plain) {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            return Err(format!(
                "the {what} {shown:?}: a name is [a-z0-9_-], 1 to {NAME_BYTES_MAX} of them"
            ));
        }
        if !seen.insert(name) {
            return Err(format!("there are two {what}s named {name}; a name stands for one place"));
        }
    }
    Ok(())
}

/// An error of the parser, with its place in front and what was perhaps meant behind.
fn told(error: &serde_saphyr::Error) -> ConnectionsError {
    let at = error.location().map_or(String::new(), |at| format!("{}:{}:", at.line(), at.column()));
    let error = error.without_snippet();
    let said = match error {
        serde_saphyr::Error::Budget { .. } => {
            "more values, depth or aliases than such a file needs".to_owned()
        }
        other => other.to_string(),
    };
    // The place is told in front.
    let said = said.split(" at line ").next().unwrap_or_default();
    let meant = meant(said).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
    ConnectionsError(format!("{at} {said}{meant}"))
}

/// Of an unknown name and those that are known, as serde says them, the known one that is nearest.
fn meant(said: &str) -> Option<&str> {
    let (unknown, known) = said.strip_prefix("unknown ")?.split_once(", expected ")?;
    let unknown = unknown.split('`').nth(1)?;
    let distance = |known: &str| strsim::damerau_levenshtein(known, unknown);
    let known = known.strip_prefix("one of ").unwrap_or(known);
    let known =
        known.split(", ").flat_map(|two| two.split(" or ")).map(|name| name.trim_matches('`'));
    let nearest = known.min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + nearest.len() / 3).then_some(nearest)
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

//! The file that describes inputs and streams.

use std::path::Path;

use serde::Deserialize;

use crate::inputs::{nats::NatsFrom, syslog::SyslogFrom};
use crate::streams::{
    elasticsearch::ElasticsearchTo, nats::NatsTo, s3::S3To, splunk::SplunkTo, syslog::SyslogTo,
    table::TableTo, webhook::WebhookTo,
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
}

/// What is wrong with the file: where, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionsError(pub String);

impl Connections {
    /// Reads the file. Paths in it become ones from its directory on.
    pub fn read(path: &Path) -> Result<Connections, ConnectionsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConnectionsError(format!("{}: {e}", path.display())))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Connections::parse(&text, dir)
            .map_err(|e| ConnectionsError(format!("{}: {}", path.display(), e.0)))
    }

    /// Reads its text.
    pub fn parse(text: &str, dir: &Path) -> Result<Connections, ConnectionsError> {
        let mut read: Connections =
            serde_saphyr::from_str(text).map_err(|e| ConnectionsError(e.to_string()))?;
        for input in &mut read.inputs {
            match &mut input.from {
                From::Syslog(from) => from.below(dir),
                From::Nats(from) => from.below(dir),
            }
        }
        for stream in &mut read.streams {
            match &mut stream.to {
                To::Syslog(to) => to.below(dir),
                To::Splunk(to) => to.below(dir),
                To::Elasticsearch(to) => to.below(dir),
                To::S3(to) => to.below(dir),
                To::Nats(to) => to.below(dir),
                To::Table(to) => to.below(dir),
                To::Webhook(to) => to.below(dir),
            }
        }
        Ok(read)
    }
}

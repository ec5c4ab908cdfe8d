//! `watch.yaml`: who is told, when, and what else.

mod quiet;
mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indelible_event::Micros;
use indelible_relay::config::{Begin, StreamConfig, To};
use indelible_rules::Level;
use serde::Deserialize;

pub use crate::review::Every;
pub use quiet::{Quiet, Weekday};
pub use words::{Pattern, Span};

use crate::limits::{CHANNEL_NAME_BYTES_MAX, CHANNELS_MAX, SETTINGS_BYTES_MAX};

/// What the streams of channels begin their names with.
pub const STREAM_PREFIX: &str = "alerts-";

/// All of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The rules that come with the program.
    pub pack: Pack,
    /// How much later than newer events of its trail one may come and still count in windows.
    pub lateness: Lateness,
    /// Where people are told.
    pub channels: Vec<Channel>,
    /// When an alert has waited for too long.
    pub escalate: Option<Escalate>,
    /// What is to be signed, and until when.
    pub reviews: Reviews,
}

/// The rules that come with the program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pack {
    /// Whether there are any.
    pub enabled: bool,
    /// Those that are left out, by id, name or title.
    pub off: Vec<String>,
}

impl Default for Pack {
    fn default() -> Pack {
        Pack { enabled: true, off: Vec::new() }
    }
}

/// How late an event may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Lateness(pub Span);

impl Default for Lateness {
    fn default() -> Lateness {
        Lateness(Span(Micros(indelible_rules::limits::LATENESS_MICROS)))
    }
}

/// Where people are told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name.
    pub name: Arc<str>,
    /// Alerts that are this bad, or worse.
    #[serde(default = "low")]
    pub levels: Level,
    /// Alerts of these rules; of all where none is named.
    #[serde(default)]
    pub rules: Vec<Pattern>,
    /// When nothing is sent.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// What alone is sent.
    #[serde(default)]
    pub only: Option<Only>,
    /// Where to.
    pub to: To,
}

/// What alone a channel sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Alerts that waited for too long.
    Escalations,
}

/// When an alert has waited for too long.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalate {
    /// When nobody acknowledged it for this long.
    pub after: Span,
    /// Alerts that are this bad, or worse.
    #[serde(default = "low")]
    pub levels: Level,
}

/// What is to be signed, and until when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reviews {
    /// What a review is of.
    pub every: Every,
    /// How long after its end it is to be signed.
    pub due: Span,
}

impl Default for Reviews {
    fn default() -> Reviews {
        Reviews { every: Every::Day, due: Span(Micros(86_400_000_000)) }
    }
}

fn low() -> Level {
    Level::Low
}

/// What is wrong with the file: where, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

impl Settings {
    /// Reads its text. Paths in it become ones from this directory on. An error begins with its place, `line:column:`,
    /// where it has one.
    pub fn parse(text: &str, dir: &Path) -> Result<Settings, SettingsError> {
        if text.len() as u64 > SETTINGS_BYTES_MAX {
            return Err(SettingsError(format!(" longer than {SETTINGS_BYTES_MAX} bytes")));
        }
        let read = indelible_relay::config::parse_yaml::<Settings>(text);
        let mut read = read.map_err(|e| SettingsError(e.0))?.unwrap_or_default();
        read.check().map_err(|why| SettingsError(format!(" {why}")))?;
        for channel in &mut read.channels {
            channel.to = channel.stream().below(dir).to;
        }
        Ok(read)
    }

    /// How late an event may be.
    pub fn lateness(&self) -> Micros {
        self.lateness.0.0
    }

    /// The streams that channels are, to be started beside the node's others.
    pub fn streams(&self) -> Vec<StreamConfig> {
        self.channels.iter().map(Channel::stream).collect()
    }

    fn check(&self) -> Result<(), String> {
        if self.channels.len() > CHANNELS_MAX {
            return Err(format!("a node has at most {CHANNELS_MAX} channels"));
        }
        let mut seen = BTreeSet::new();
        for Channel { name, quiet, .. } in &self.channels {
            let plain =
                |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            if !(1..=CHANNEL_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(plain) {
                let shown: String = name.chars().take(CHANNEL_NAME_BYTES_MAX).collect();
                return Err(format!(
                    "the channel {shown:?}: a name is [a-z0-9_-], 1 to {CHANNEL_NAME_BYTES_MAX} of them"
                ));
            }
            if !seen.insert(name) {
                return Err(format!(
                    "there are two channels named {name}; a name stands for one place"
                ));
            }
            let ends = quiet.as_ref().is_none_or(Quiet::ends);
            if !ends {
                return Err(format!(
                    "the channel {name}: its quiet hours never end, so it would never tell anything; \
                     leave the channel out, or name other hours or `days`"
                ));
            }
        }
        let waits = |channel: &&Channel| channel.only == Some(Only::Escalations);
        let waiting = self.channels.iter().find(waits).filter(|_| self.escalate.is_none());
        if let Some(channel) = waiting {
            return Err(format!(
                "the channel {} is for escalations only, and `escalate` does not say when there are any",
                channel.name
            ));
        }
        Ok(())
    }
}

impl Channel {
    /// Its stream.
    pub fn stream(&self) -> StreamConfig {
        StreamConfig {
            name: format!("{STREAM_PREFIX}{}", self.name),
            query: format!("trail:_system action:alert.notify target:channel/{}", self.name),
            begin: Begin::Now,
            to: self.to.clone(),
        }
    }

    /// Whether alerts are for it that are this bad, and of a rule that is called so.
    pub fn wants<'a>(&self, level: Level, mut called: impl Iterator<Item = &'a str>) -> bool {
        let fits = |called: &str| self.rules.iter().any(|pattern| pattern.fits(called));
        level >= self.levels && (self.rules.is_empty() || called.any(fits))
    }

    /// Until when it is held back what is this bad; `None` if it is sent at once.
    pub fn quiet_until(&self, level: Level, at: Micros) -> Option<Micros> {
        let quiet = self.quiet.as_ref()?;
        if quiet.but.is_some_and(|but| level >= but) { None } else { quiet.until(at) }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

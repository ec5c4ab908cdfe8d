//! The configuration file of a recorder, and the environment variables that outdo it.
//!
//! ```yaml
//! audit:
//!   enabled: true
//!   event_types: [backend_operation, vfs_operation, wal_operation, pin_operation, journal_operation]
//!   sampling: { backend_operation: 1.0, vfs_operation: 1.0, wal_operation: 0.5 }
//!   storage: { type: database, path: ./audit, retention_days: 90, max_size_mb: 1000 }
//!   async: true
//!   batch_size: 100
//!   flush_interval_seconds: 5
//! ```
//!
//! Every key is described in `docs/recorder-settings.md`. Nothing is guessed: what is unknown, doubled, of the wrong
//! kind or out of bounds is an error with file, line, column, key, what was found and what is allowed. A variable
//! `INDELIBLE_AUDIT_<KEY>` sets one key, with `__` between an object's key and its member's
//! (`INDELIBLE_AUDIT_STORAGE__PATH`), and is checked like the file. `INDELIBLE_URL` and `INDELIBLE_KEY` set those of a
//! storage of type remote. Secrets show neither in errors nor in `Debug`. The YAML is bounded in size, depth and
//! aliases, so that no file can take the memory.

mod environment;
mod parts;
mod read;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::WhenFull;
use crate::limits::{BATCH_SIZE, BATCH_SIZE_MAX, FLUSH_INTERVAL, SETTINGS_BYTES_MAX};
use crate::policy::{Durability, Policy};
use crate::redact::Redaction;

use environment::Environment;
use parts::{REDACT_KEYS, SPOOL_KEYS, STORAGE_KEYS};
use read::{Field, Table};
use tree::Value;

/// What the environment variables that set keys begin with.
const VARIABLE_PREFIX: &str = "INDELIBLE_AUDIT_";

const KEYS: &[&str] = &[
    "enabled",
    "service",
    "trail",
    "event_types",
    "sampling",
    "durability",
    "storage",
    "async",
    "batch_size",
    "flush_interval_seconds",
    "when_full",
    "spool",
    "redact",
];

/// What is wrong with a configuration, in one line: where, which key, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// A text that never shows.
///
/// ```
/// use indelible_recorder::Secret;
///
/// let key = Secret::new("hunter2");
/// assert_eq!(format!("{key:?}"), "[secret]");
/// assert_eq!(key.reveal(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// This text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// What it says.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where events are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A data directory with its index, in this process.
    Database {
        /// The directory.
        path: PathBuf,
        /// After how many days records expire; never if it is not said.
        retention_days: Option<u32>,
        /// How large it may become.
        max_size_mb: Option<u64>,
    },
    /// NDJSON files, one event a line, rotated.
    File {
        /// Their directory.
        path: PathBuf,
        /// After how many days a file goes; never if it is not said.
        retention_days: Option<u32>,
        /// How large they may become together.
        max_size_mb: Option<u64>,
    },
    /// A node, over HTTP.
    Remote {
        /// Its address.
        url: String,
        /// The API key.
        key: Secret,
    },
}

/// Where events wait that could not be handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The directory; the recorder's own choice if it is not said.
    pub path: Option<PathBuf>,
    /// How large it may become.
    pub max_bytes: u64,
}

/// What is taken out of events; see [`Redaction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactSettings {
    /// Whether anything is.
    pub enabled: bool,
    /// More patterns of keys.
    pub keys: Vec<String>,
    /// Paths that stay.
    pub allow: Vec<String>,
    /// Paths that go.
    pub deny: Vec<String>,
    /// Paths and patterns of keys of which only an HMAC stays.
    pub hmac: Vec<String>,
    /// The key of the HMACs, as it stood in its file.
    pub hmac_key: Option<Secret>,
}

/// A recorder's configuration.
///
/// ```
/// use indelible_recorder::Settings;
///
/// let yaml = "audit:\n  sampling: { wal_operation: 0.5 }\n";
/// let environment = [("INDELIBLE_AUDIT_BATCH_SIZE".to_owned(), "500".to_owned())];
/// let settings = Settings::parse("audit.yaml", yaml, environment.into_iter())?;
/// assert_eq!(settings.batch_size, 500);
///
/// let error = Settings::parse("audit.yaml", "audit:\n  batchsize: 5\n", std::iter::empty()).unwrap_err();
/// assert_eq!(error.to_string(), r#"audit.yaml:2:3: unknown key "batchsize"; did you mean batch_size?"#);
/// # Ok::<(), indelible_recorder::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whether anything is recorded at all.
    pub enabled: bool,
    /// The service whose events these are.
    pub service: Option<String>,
    /// The trail of events that name none.
    pub trail: Option<String>,
    /// What instrumentation emits; everything if it is not said.
    pub event_types: Option<BTreeSet<String>>,
    /// The share that is kept of an event type, 0.0 to 1.0.
    pub sampling: BTreeMap<String, f64>,
    /// How surely events of a type are kept.
    pub durability: BTreeMap<String, Durability>,
    /// Where events are kept.
    pub storage: Storage,
    /// Whether recording returns at once (`async`); else it waits until the event is durable.
    pub is_async: bool,
    /// How many events make a batch.
    pub batch_size: usize,
    /// How long an event waits for its batch to fill.
    pub flush_interval: Duration,
    /// What becomes of an event when there is no room.
    pub when_full: WhenFull,
    /// Where events wait.
    pub spool: SpoolSettings,
    /// What is taken out.
    pub redact: RedactSettings,
}

impl Settings {
    /// Reads a file, and the environment of this process.
    ///
    /// ```no_run
    /// use indelible_recorder::Settings;
    ///
    /// let settings = Settings::read("audit_config.yaml")?;
    /// let (policy, redaction) = (settings.policy(), settings.redaction());
    /// # Ok::<(), indelible_recorder::SettingsError>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Settings, SettingsError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let yaml = read_text(path)
            .map_err(|error| SettingsError(format!("{name}: cannot be read: {error}")))?;
        // A variable that is no Unicode is none of ours, or has a value that would be refused.
        let environment = std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        });
        Settings::parse(&name, &yaml, environment)
    }

    /// The settings of a file with this name and text, and of these environment variables. The files that hold
    /// keys are read.
    pub fn parse(
        name: &str,
        yaml: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        let environment = Environment::of(environment);
        let root = tree::parse(name, yaml)?;
        let none = || {
            SettingsError(format!(
                "{name}:1:1: key \"audit\" is missing; all settings stand below it"
            ))
        };
        if matches!(root.value, Value::Null) {
            return Err(none());
        }
        let root = Table::of(Field::new(name, "the file", root), &["audit"])?;
        let mut audit = root.node("audit").ok_or_else(none)?;
        environment.put_into(&mut audit);
        let table = Table::of(Field::new(name, "audit", audit), KEYS)?;
        Settings::of(table, &environment)
    }

    fn of(mut table: Table<'_>, environment: &Environment) -> Result<Settings, SettingsError> {
        let boolean = |field: Option<Field<'_>>| field.map_or(Ok(true), Field::boolean);
        let sampling = table.by_event_type("sampling", |field| {
            field.number("is a number from 0.0 to 1.0", |rate| (0.0..=1.0).contains(&rate))
        })?;
        let durability = table.by_event_type("durability", |field| {
            field.word(&Durability::ALL.map(Durability::name)).map(|at| Durability::ALL[at])
        })?;
        let event_types = match table.field("event_types") {
            Some(field) => {
                Some(field.texts()?.into_iter().map(Field::event_type).collect::<Result<_, _>>()?)
            }
            None => None,
        };
        let when_full = match table.field("when_full") {
            Some(field) => WhenFull::ALL[field.word(&WhenFull::ALL.map(WhenFull::name))?],
            None => WhenFull::default(),
        };
        Ok(Settings {
            enabled: boolean(table.field("enabled"))?,
            service: table
                .field("service")
                .map(|field| field.text().map(str::to_owned))
                .transpose()?,
            trail: table.field("trail").map(parts::trail).transpose()?,
            event_types,
            sampling,
            durability,
            storage: parts::storage(table.table("storage", STORAGE_KEYS)?, environment)?,
            is_async: boolean(table.field("async"))?,
            batch_size: match table.field("batch_size") {
                Some(field) => usize::try_from(field.whole(1, BATCH_SIZE_MAX as u64)?)
                    .unwrap_or(BATCH_SIZE_MAX),
                None => BATCH_SIZE,
            },
            flush_interval: table
                .field("flush_interval_seconds")
                .map_or(Ok(FLUSH_INTERVAL), parts::flush_interval)?,
            when_full,
            spool: parts::spool(table.table("spool", SPOOL_KEYS)?)?,
            redact: parts::redact(table.table("redact", REDACT_KEYS)?)?,
        })
    }

    /// What is emitted, at which rate, and how surely.
    pub fn policy(&self) -> Policy {
        let otherwise = if self.is_async { Durability::Async } else { Durability::Durable };
        let mut policy = Policy::default().durability_otherwise(otherwise);
        if let Some(all) = &self.event_types {
            policy = policy.event_types(all.iter().cloned());
        }
        for (event_type, rate) in &self.sampling {
            policy = policy.sampling(event_type, *rate);
        }
        for (event_type, how) in &self.durability {
            policy = policy.durability_of(event_type, *how);
        }
        policy
    }

    /// What is taken out of events.
    pub fn redaction(&self) -> Redaction {
        let RedactSettings { enabled, keys, allow, deny, hmac, hmac_key } = &self.redact;
        if !enabled {
            return Redaction::off();
        }
        let mut redaction = keys.iter().fold(Redaction::default(), Redaction::key_pattern);
        redaction = allow.iter().fold(redaction, Redaction::allow);
        redaction = deny.iter().fold(redaction, Redaction::deny);
        redaction = hmac.iter().fold(redaction, Redaction::hmac);
        match hmac_key {
            Some(key) => redaction.hmac_key(key.reveal()),
            None => redaction,
        }
    }
}

/// The text of a small file.
fn read_text(path: &Path) -> io::Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the recorder reads its configuration without the log's seams"
    )]
    let file = File::open(path)?;
    let mut text = String::new();
    if file.take(SETTINGS_BYTES_MAX + 1).read_to_string(&mut text)? as u64 > SETTINGS_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than {SETTINGS_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

//! The SDK's engine.

pub mod actions;
mod bulk;
mod context;
mod event;
mod json;
pub mod limits;
mod policy;
mod redact;
mod settings;

pub use bulk::bulk_hash;
pub use context::{Context, Http, Scope, Scoped};
pub use event::{Actor, ActorType, Event, Target, Text};
pub use indelible_event::{EventId, Micros, Outcome, Phase};
pub use json::Json;
pub use policy::{Durability, NEVER_LEFT_OUT, Policy, Rule, Verdict, is_never_left_out};
pub use redact::{HMAC_MARK, NO_SECRETS, REDACTED, Redaction, SECRET_KEYS, STILL_THE_SAME};
pub use settings::{
    RedactSettings, Secret, Settings, SettingsError, SpoolSettings, Storage, WhenFull,
};

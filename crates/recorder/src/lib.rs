//! The engine of Indelible's SDK: recording that is automatic, never breaks the work, and never loses in silence.
//!
//! Applications use it through the facade crate `indelible`, which adds the places that events go to. Here is what
//! happens in between: [`Recorder::record`] pushes an [`Event`] into a queue; the recorder's thread decides by the
//! [`Policy`] whether it is kept, fills in what the surrounding [`Scope`] knows, lets the [`Redaction`] take secrets out,
//! and buffers the bytes in memory or in a spool on disk; another thread sends them in batches through a [`Transport`]
//! until they are answered for. Whatever is lost on that way is counted and told in the trail.

pub mod actions;
#[doc(hidden)]
pub mod attribute;
mod buffer;
mod bulk;
mod call;
mod clock;
mod context;
mod coverage;
mod encode;
mod engine;
mod error;
mod event;
mod fit;
pub mod http;
mod json;
mod ledger;
pub mod limits;
mod memory;
mod operation;
mod policy;
mod prepared;
mod recorder;
mod redact;
mod settings;
mod spool;
mod ticket;
mod transport;

pub use bulk::bulk_hash;
pub use call::Call;
pub use context::{Context, Http, Scope, Scoped};
pub use coverage::{Coverage, Route};
pub use engine::WhenFull;
pub use error::{OpenError, RecordError, Unwritten};
pub use event::{Actor, ActorType, Event, Target, Text};
pub use indelible_event::{EventId, Micros, Outcome, Phase};
pub use json::Json;
pub use ledger::{Cause, Loss};
pub use memory::{__private, Recorded};
pub use operation::{Begin, Operation};
pub use policy::{Durability, NEVER_LEFT_OUT, Policy, Rule, Verdict, is_never_left_out};
pub use prepared::Prepared;
pub use recorder::{Builder, Recorder, global, set_global};
pub use redact::{HMAC_MARK, NO_SECRETS, REDACTED, Redaction, SECRET_KEYS, STILL_THE_SAME};
pub use settings::{RedactSettings, Secret, Settings, SettingsError, SpoolSettings, Storage};
pub use ticket::Ticket;
pub use transport::{Receipt, SendError, Sent, Transport};

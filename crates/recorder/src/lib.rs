//! The SDK's engine.

pub mod actions;
mod bulk;
mod context;
mod event;
mod json;
pub mod limits;

pub use bulk::bulk_hash;
pub use context::{Context, Http, Scope, Scoped};
pub use event::{Actor, ActorType, Event, Target, Text};
pub use indelible_event::{EventId, Micros, Outcome, Phase};
pub use json::Json;

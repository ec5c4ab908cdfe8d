//! Indelible's SDK: an audit trail that nobody has to remember to write.
//!
//! ```
//! use indelible::prelude::*;
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("audit");
//! let recorder = Recorder::open(dir)?; // or Recorder::connect(url, key), or Recorder::from_config(file)
//! recorder.log_update("user", "u-17", [("plan", "free")], [("plan", "pro")], "maria", ());
//!
//! // What destroys something is announced first, and durably so.
//! let operation = recorder.begin(Event::new("backup.delete").target("backup", "b-17")).wait()?;
//! operation.success(());
//! recorder.close().wait()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "embedded")]
mod embedded;
mod file;
#[cfg(feature = "embedded")]
mod keeping;
mod open;
#[cfg(feature = "remote")]
mod remote;

pub use indelible_macros::*;
pub use indelible_recorder::*;

#[cfg(feature = "embedded")]
pub use embedded::Embedded;
pub use file::Files;
#[cfg(feature = "embedded")]
pub use keeping::Keeping;
#[cfg(feature = "embedded")]
pub use open::embedded;
#[cfg(feature = "remote")]
pub use open::remote;
pub use open::{Error, Open, configured, files};
#[cfg(feature = "remote")]
pub use remote::Remote;

#[cfg(feature = "actix")]
pub use indelible_actix as actix;
#[cfg(feature = "opendal")]
pub use indelible_opendal as opendal;
#[cfg(any(feature = "sqlx-sqlite", feature = "sqlx-postgres"))]
pub use indelible_sqlx as sqlx;
#[cfg(feature = "tower")]
pub use indelible_tower as tower;

/// What most programs need.
pub mod prelude {
    pub use crate::{
        Actor, Event, Open, Outcome, Recorder, Scope, actions, audited, global, set_global,
    };
}

/// The machine's name, if it can be part of an origin; else "".
fn host_name() -> String {
    let name = gethostname::gethostname().to_string_lossy().to_ascii_lowercase();
    let usable = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    if name.chars().all(usable) { name } else { String::new() }
}

/// The guide's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/sdk.md")]
struct Guide;

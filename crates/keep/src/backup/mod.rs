//! Backups: a copy of the whole log at one moment, made beside a running writer, verified file by file.
//!
//! [`model`] is what lies at the target. What became of each backup is told by `_system` alone
//! ([`Keep::backups`](crate::Keep::backups)): `backup.create`, `backup.verify`, `backup.delete` and
//! `backup_settings.update`. The index is not copied: it is made anew from the log.

mod catalog;
mod check;
mod create;
mod delete;
mod due;
pub mod model;
pub(crate) mod part;
mod send;
mod settings;

pub use catalog::{Listed, State, Verification};
pub use check::{at_target, check, description_key, load};
pub use create::{Made, NewBackup};
pub use delete::Deleted;
pub use settings::{BackupSettings, OnFailure};

/// A backup was or is being made.
pub const CREATE: &str = "backup.create";
/// A backup's files were read back.
pub const VERIFY: &str = "backup.verify";
/// A backup was taken away.
pub const DELETE: &str = "backup.delete";
/// When, where and how many backups are made was changed.
pub const SETTINGS: &str = "backup_settings.update";

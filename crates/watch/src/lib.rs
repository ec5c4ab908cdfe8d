//! Looks at every event that is recorded, and tells people of what should not be.
//!
//! The watch follows the log by a place of its own, as a stream does, and hands each event to the rules
//! ([`indelible_rules::Engine`]). What fires becomes an alert ([`book`]), which is an event of `_system` before anybody
//! is told; whom to tell ([`settings`]) is one, too, and goes out by a stream of its own. It sees the node only through
//! [`Host`], and nothing here can hold recording up.
//!
//! **The same history gives the same alerts.** Windows and the book go by the log alone, and what is decided has an id
//! that follows from what it is about: a node that was killed decides again what it had decided, and the log knows it.

pub mod backtest;
pub mod book;
pub mod folder;
pub mod limits;
mod moment;
pub mod review;
mod runner;
mod seam;
pub mod settings;
mod shared;

pub use book::{AlertFilter, BadCursor};
pub use folder::{Folder, FolderError};
pub use runner::{Watch, WatchError};
pub use seam::{Deed, Found, Host, HostError, Scanned};
pub use shared::{RuleStats, RuleView, RulesView, Shared, WatchStatus};

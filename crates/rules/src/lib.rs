//! Detection rules, judged over a history: Sigma, its correlations, and three kinds of our own.
//!
//! Text becomes a [`RuleSet`] ([`RuleSet::read`]): what can be read is loaded, what cannot is refused with its reason. A
//! [`Matcher`] says of one event which rules it matches and which windows it goes into; it has no state, so many can be
//! asked at once. [`Windows`] take that in the log's order and say what fires. An [`Engine`] is both. Nothing here reads
//! files, looks at a clock or waits: the same history always gives the same [`Firing`]s.

mod engine;
pub mod limits;
mod mapping;
mod matching;
pub mod model;
pub mod pack;
mod set;
mod sigma;
pub mod trial;
mod windows;

pub use engine::Engine;
pub use matching::{Cost, Feed, Looked, Matcher, Scratch, Unreadable};
pub use model::{EventRef, Firing, Level, Rule, RuleNo, Seen};
pub use set::{File, Origin, Refused, RuleSet};
pub use windows::{RuleStats, Windows, WindowsError};

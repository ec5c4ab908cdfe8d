//! Retention classes: which segment a record goes to when it is sealed.
//!
//! A class is a pure function of (trail, category, action, outcome) under a policy version. The version
//! stands in each segment's footer, so verification computes the class anew and notices a record that
//! was moved to where it would expire sooner.

use indelible_event::{Entry, TrailName};

/// The policy version that new segments are sealed under.
pub const POLICY: u32 = 1;

/// The class of a record under a policy version; `None` if the version is not known.
///
/// Version 1 keeps what the log says about itself apart from what callers say, and nothing else: the
/// one must outlive the other whatever retention is chosen later.
pub fn of(policy: u32, trail: &str, _entry: &Entry<'_>) -> Option<&'static str> {
    match policy {
        1 if trail == TrailName::system().as_str() => Some("system"),
        1 => Some("standard"),
        _ => None,
    }
}

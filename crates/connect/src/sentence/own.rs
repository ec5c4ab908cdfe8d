//! What the node and the recorder say of themselves.

use super::details::Details;
use super::{Ending, Told};
use crate::Event;
use crate::limits::NAME_CHARS_MAX;
use crate::text::shown;

/// The node's own trail.
pub(super) const TRAIL: &str = "_system";
/// The node, as an actor there.
pub(super) const NODE: &str = "indelible";
/// What a recorder says of itself, in whatever trail it writes.
const RECORDER_LOSS: &str = "audit.loss";

/// An action of the node, how it is said, and what stands before its target.
struct Phrase {
    action: &'static str,
    base: &'static str,
    past: &'static str,
    joint: Option<&'static str>,
    /// Whether the trails that were read follow.
    reads: Option<&'static str>,
}

const fn read(
    action: &'static str,
    base: &'static str,
    past: &'static str,
    joint: &'static str,
    of: &'static str,
) -> Phrase {
    Phrase { action, base, past, joint: Some(joint), reads: Some(of) }
}

const fn deed(
    action: &'static str,
    base: &'static str,
    past: &'static str,
    joint: &'static str,
) -> Phrase {
    Phrase { action, base, past, joint: Some(joint), reads: None }
}

/// Reads of trails, and what no rule makes a sentence of. Keys, trails and erasures are told by the rules.
const PHRASES: &[Phrase] = &[
    read("audit.search", "search", "searched", " for ", ""),
    read("audit.read", "read", "read", " ", "of "),
    read("audit.proof", "fetch a proof", "fetched a proof", " of ", "of "),
    read("audit.stats", "look at statistics", "looked at statistics", " of ", "of "),
    read("audit.stream", "follow the live stream", "followed the live stream", " of ", "of "),
    read("audit.export", "export events", "exported events", " as ", "of "),
    deed("node.create", "be set up", "was set up", " as "),
    deed("node.start", "start", "started", " "),
    deed("node.stop", "stop", "stopped", " "),
    deed("trail.checkpoint", "record a checkpoint", "recorded a checkpoint", " of "),
    deed("log.rollback_accept", "go on after a rollback", "went on after a rollback", " of "),
    deed("login.refused", "sign in", "signed in", " to "),
    deed("stream.start", "start", "started", " "),
    deed("stream.set_aside", "send an event", "set an event aside", " to "),
    deed("stream.fail", "send events", "sent events", " to "),
    deed("stream.recover", "send again", "sent events again", " to "),
    deed("stream.replay", "begin again", "began again", " with "),
    deed("input.start", "start", "started", " "),
    deed("input.fail", "take events", "took events", " from "),
    deed("input.recover", "take again", "took events again", " from "),
    deed("import.files", "import", "imported", " "),
    deed("import.table", "import the table", "imported the table", " "),
    deed("input.refuse", "take a message", "took a message", " from "),
    deed("alert.repeat", "fire again", "fired again", " for "),
    deed("alert.comment", "comment", "commented", " on "),
    deed("alert.notify", "tell of", "told of", " "),
    deed("review.overdue", "find overdue", "found overdue", " "),
];

/// The event, if it is one of these.
pub(super) fn told(event: &Event, details: &Details) -> Option<Told> {
    if event.action == RECORDER_LOSS {
        let told = Told::new("", "lost or cut events");
        return Some(Told { ending: Some(Ending::Done), ..told });
    }
    if event.trail != TRAIL {
        return None;
    }
    match (&*event.action, details.suppressed, details.lost) {
        ("login.refused", Some(count), _) => {
            return Some(Told::new("", format!("refused {count} more sign-ins")));
        }
        ("system.loss", _, Some(lost)) => {
            return Some(Told::new("", format!("could not record {lost} events")));
        }
        _ => {}
    }
    let phrase = PHRASES.iter().find(|phrase| phrase.action == event.action)?;
    let mut told = Told { joint: phrase.joint, ..Told::new(phrase.base, phrase.past) };
    if let Some(of) = phrase.reads {
        let trails = trails(&details.trails);
        if event.action == "audit.read" && event.targets.is_empty() {
            told.past.push_str(" events");
            told.base.push_str(" events");
        }
        told.more = trails.map(|trails| format!(" {of}{trails}")).unwrap_or_default();
    }
    if let Some(count) = details.since_last.filter(|count| *count > 0) {
        told.more.push_str(&format!(", and {count} more times"));
    }
    Some(told)
}

fn trails(trails: &[String]) -> Option<String> {
    match trails {
        [] => None,
        [one] => Some(format!("trail {}", shown(one, NAME_CHARS_MAX)?)),
        many => Some(format!("{} trails", many.len())),
    }
}

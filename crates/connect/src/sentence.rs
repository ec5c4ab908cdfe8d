//! An event as a person would say it: "alice deleted backup b-17 of store 7".
//!
//! What was done comes from the action: `deed` finds its verb, `own` knows what the node says of itself, `web` what
//! HTTP middleware says. How it ended decides between "deleted", "tried to delete" and "is about to delete". A word
//! that is no verb we know is quoted, never bent into one: "alice did `vault.frobnicate` to secret s-1".

mod deed;
mod details;
mod own;
mod web;

use crate::limits::{BEHALF_SHOWN_MAX, KIND_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX};
use crate::text::{self, shown};
use crate::{Actor, Event, Target};

use details::Details;

/// A piece of a sentence, so that who shows it can make names stand out and link them. All of it is one line of what
/// can be seen, within [`limits`](crate::limits): what would turn or hide text stands there as `\u{202e}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Words of ours.
    Words(String),
    /// Who did it: its name (or what else it is called), to show.
    Actor(String),
    /// On whose behalf: 1 is the actor's `on_behalf_of`, 2 is that one's, and a name to show.
    Behalf(usize, String),
    /// What it was done to: the place among the targets, and a name to show.
    Target(usize, String),
}

/// The pieces in their order. Shown, they are the sentence without a full stop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence(pub Vec<Piece>);

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for piece in &self.0 {
            let (Piece::Words(text)
            | Piece::Actor(text)
            | Piece::Behalf(_, text)
            | Piece::Target(_, text)) = piece;
            f.write_str(text)?;
        }
        Ok(())
    }
}

impl Sentence {
    /// Adds words, to those before where there are some, so that pieces are as few as names allow.
    fn say(&mut self, words: &str) {
        if let Some(Piece::Words(before)) = self.0.last_mut() {
            before.push_str(words);
        } else if !words.is_empty() {
            self.0.push(Piece::Words(words.to_owned()));
        }
    }
}

/// How it ended, as far as the sentence differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Done,
    Intended,
    Begun,
    Failed,
    Denied,
    Unclear,
}

/// What was done, in words, with the targets still to come.
#[derive(Debug)]
struct Told {
    /// After "tried to".
    base: String,
    /// After the name.
    past: String,
    /// Between the words and the first target; `None` where targets are told already or say nothing.
    joint: Option<&'static str>,
    /// Between the first target and the second, where the verb decides it.
    around: Option<&'static str>,
    /// After the targets.
    more: String,
    /// How it ended, where the action says so itself.
    ending: Option<Ending>,
    /// Why, where it is not the error that says so.
    reason: Option<String>,
}

impl Told {
    fn new(base: impl Into<String>, past: impl Into<String>) -> Told {
        let (base, past) = (base.into(), past.into());
        Told {
            base,
            past,
            joint: Some(" "),
            around: None,
            more: String::new(),
            ending: None,
            reason: None,
        }
    }
}

/// Says an event.
///
/// ```
/// use indelible_connect::{Event, sentence};
///
/// let event = r#"{"action":"backup.delete","outcome":"denied","actor":{"type":"user","id":"alice"},
///     "targets":[{"type":"backup","id":"b-17"},{"type":"store","id":"7"}],"error":{"message":"legal hold"}}"#;
/// let event = Event::read(event).ok_or("no event")?;
/// let said = sentence(&event).to_string();
/// assert_eq!(said, "alice tried to delete backup b-17 of store 7, and was denied (legal hold)");
/// # Ok::<(), &str>(())
/// ```
pub fn sentence(event: &Event) -> Sentence {
    let details = Details::of(event);
    let told = if event.phase.as_deref() == Some("correction") {
        correction(event)
    } else {
        own::told(event, &details)
            .or_else(|| web::told(event, &event.action))
            .or_else(|| refused(event, &details))
            .or_else(|| deed::told(event, &event.action))
            .unwrap_or_else(|| unknown(&event.action))
    };
    let ending = told.ending.unwrap_or_else(|| ending(event));
    let mut said = Sentence::default();
    who(event, &mut said);
    let (lead, verb) = match ending {
        Ending::Done => (" ", &told.past),
        Ending::Intended => (" is about to ", &told.base),
        Ending::Begun => (" began to ", &told.base),
        Ending::Failed | Ending::Denied | Ending::Unclear => (" tried to ", &told.base),
    };
    said.say(lead);
    said.say(verb);
    if let Some(joint) = told.joint {
        targets(event, joint, told.around, &mut said);
    }
    said.say(&told.more);
    said.say(match ending {
        Ending::Done | Ending::Intended | Ending::Begun => "",
        Ending::Failed => ", and failed",
        Ending::Denied => ", and was denied",
        Ending::Unclear => ", and how it ended is not known",
    });
    let reason = told.reason.or_else(|| reason(event).filter(|_| ending != Ending::Done));
    if let Some(reason) = reason {
        said.say(&format!(" ({reason})"));
    }
    said
}

fn ending(event: &Event) -> Ending {
    let intent = event.phase.as_deref() == Some("intent");
    match event.outcome.as_deref() {
        Some("failure" | "error") => Ending::Failed,
        Some("denied") => Ending::Denied,
        _ if intent => Ending::Intended,
        Some("pending") => Ending::Begun,
        // An outcome of an intent, or of something that was broken off, that nobody knows. Without either, it is only
        // that the caller did not say.
        Some("unknown") if event.phase.as_deref() == Some("outcome") || event.error.is_some() => {
            Ending::Unclear
        }
        _ => Ending::Done,
    }
}

/// What was wrong: for people, else for programs.
fn reason(event: &Event) -> Option<String> {
    let error = event.error.as_ref()?;
    let cut = |text: &Option<String>| shown(text.as_deref()?, REASON_CHARS_MAX);
    cut(&error.message).or_else(|| cut(&error.code))
}

/// An event that corrects another: what it says now is not said as if it had been done again.
fn correction(event: &Event) -> Told {
    let action = quoted(&event.action);
    Told {
        joint: Some(" of "),
        ending: Some(Ending::Done),
        ..Told::new(format!("correct {action}"), format!("corrected {action}"))
    }
}

/// What middleware says where something was not allowed: what was tried stands in the details.
fn refused(event: &Event, details: &Details) -> Option<Told> {
    if !matches!(&*event.action, "permission.denied" | "access.denied" | "authorization.denied") {
        return None;
    }
    let denied = |told| Told { ending: Some(Ending::Denied), ..told };
    if let Some(tried) = &details.attempted {
        let told = web::told(event, tried).or_else(|| deed::told(event, tried));
        return Some(denied(told.unwrap_or_else(|| unknown(tried))));
    }
    let told = Told::new("", "was denied access");
    Some(Told { joint: Some(" to "), ending: Some(Ending::Done), reason: reason(event), ..told })
}

fn unknown(action: &str) -> Told {
    let action = quoted(action);
    Told { joint: Some(" to "), ..Told::new(format!("do {action}"), format!("did {action}")) }
}

fn quoted(action: &str) -> String {
    shown(action, KIND_CHARS_MAX).map_or_else(|| "something".into(), |action| format!("`{action}`"))
}

fn who(event: &Event, said: &mut Sentence) {
    let Some(actor) = &event.actor else { return said.say("somebody") };
    let own = event.trail == own::TRAIL && actor.kind.as_deref() == Some("system");
    match called(actor) {
        Some(name) if own && name == own::NODE => said.0.push(Piece::Actor("the node".into())),
        // Who did not prove a name is not said to be it.
        Some(name) if actor.kind.as_deref() == Some("anonymous") => {
            said.say("somebody (");
            said.0.push(Piece::Actor(name));
            said.say(")");
        }
        Some(name) => said.0.push(Piece::Actor(name)),
        None => said.say(nameless(actor)),
    }
    let mut next = actor.on_behalf_of.as_deref();
    for nth in 1..=BEHALF_SHOWN_MAX {
        let Some(other) = next else { break };
        said.say(", on behalf of ");
        match called(other) {
            Some(name) => said.0.push(Piece::Behalf(nth, name)),
            None => said.say(nameless(other)),
        }
        next = other.on_behalf_of.as_deref();
    }
    if actor.on_behalf_of.is_some() {
        said.say(if next.is_some() { " and others," } else { "," });
    }
}

fn called(actor: &Actor) -> Option<String> {
    let cut = |text: &Option<String>| shown(text.as_deref()?, NAME_CHARS_MAX);
    cut(&actor.name).or_else(|| cut(&actor.id)).or_else(|| cut(&actor.email))
}

fn nameless(actor: &Actor) -> &'static str {
    match actor.kind.as_deref() {
        Some("user") => "a user",
        Some("service") => "a service",
        Some("system") => "the system",
        Some("agent") => "an agent",
        _ => "somebody",
    }
}

/// The first target, what is around it, and how many more there are.
fn targets(event: &Event, joint: &str, around: Option<&'static str>, said: &mut Sentence) {
    let Some(first) = event.targets.first() else { return };
    target(0, first, joint, said);
    let Some(second) = event.targets.get(1) else { return };
    let alike = first.kind == second.kind;
    let more = if alike && around.is_none() && event.targets.len() > 2 {
        event.targets.len() - 1
    } else {
        let joint = around.unwrap_or(if alike { "and" } else { inside(second) });
        target(1, second, &format!(" {joint} "), said);
        event.targets.len() - 2
    };
    if more > 0 {
        said.say(&format!(" and {more} more"));
    }
}

/// What things are in; other things are of what is around them.
const PLACES: &str = "account_group bucket channel cluster collection container database directory folder group index namespace \
                      organisation organization project queue region repo repository room schema site space table team tenant \
                      vault volume workspace zone";

fn inside(around: &Target) -> &'static str {
    if text::is_in(PLACES, around.kind.as_deref().unwrap_or_default()) { "in" } else { "of" }
}

fn target(place: usize, target: &Target, joint: &str, said: &mut Sentence) {
    let cut = |text: &Option<String>, max| shown(text.as_deref()?, max);
    let kind = target.kind.as_deref().and_then(text::kind).map(|kind| text::words(&kind));
    let name = cut(&target.name, NAME_CHARS_MAX).or_else(|| cut(&target.id, NAME_CHARS_MAX));
    match (kind, name) {
        (Some(kind), Some(name)) => {
            said.say(&format!("{joint}{kind} "));
            said.0.push(Piece::Target(place, name));
        }
        (None, Some(name)) => {
            said.say(joint);
            said.0.push(Piece::Target(place, name));
        }
        (Some(kind), None) => said.say(&format!("{joint}{}", text::some(&kind))),
        (None, None) => said.say(&format!("{joint}something")),
    }
}

#[cfg(test)]
#[path = "sentence/tests.rs"]
mod tests;

//! Which rules an event matches.

mod anchor;
mod compile;
mod judge;
mod read;
mod scratch;
mod values;
mod when;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{EventId, Micros};
use sha2::{Digest, Sha256};

use crate::limits::VALUE_BYTES_MAX;
use crate::model::{EventRef, EventText, RuleNo, Seen};
use crate::set::RuleSet;
use anchor::Index;
use compile::{Ask, Compiled, Feeder};
use values::{Slot, Values};

pub use scratch::{Cost, Scratch};

/// Bytes of a hash that stand behind the beginning of a value that is too long.
const HASH_BYTES: usize = 16;

/// All that rules ask of an event, compiled. Has no state.
pub struct Matcher {
    compiled: Compiled,
    index: Index,
    /// Tells scratches of other matchers from its own.
    number: u64,
}

/// What was seen of an event.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Which event.
    pub event: EventRef,
    /// Its place in the log.
    pub pos: u64,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// When it happened; when it was recorded, where it says nothing or a time of the future.
    pub at: Micros,
    /// The rules of one event that it matches, ascending.
    pub rules: Vec<RuleNo>,
    /// The id of who did it, where a rule matches.
    pub actor: Option<Box<str>>,
    /// The windows that it goes into.
    pub feeds: Vec<Feed>,
}

/// That an event goes into a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Of which correlation.
    pub correlation: RuleNo,
    /// As a match of which of the rules that it refers to.
    pub member: usize,
    /// The values that it groups by.
    pub group: Arc<[Box<str>]>,
    /// The value that it counts or has to know, where the correlation asks for one and the event has one.
    pub value: Option<Box<str>>,
}

/// An event that is none: its JSON cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record at {pos} is no event: {why}")]
pub struct Unreadable {
    /// Its place.
    pub pos: u64,
    /// Why.
    pub why: String,
}

impl Matcher {
    /// Compiles the rules.
    pub fn new(rules: &Arc<RuleSet>) -> Matcher {
        static MADE: AtomicU64 = AtomicU64::new(1);
        let compiled = Compiled::of(rules);
        let index = Index::of(&compiled);
        Matcher { compiled, index, number: MADE.fetch_add(1, Ordering::Relaxed) }
    }

    /// Looks at an event.
    pub fn look(&self, seen: &Seen<'_>, scratch: &mut Scratch) -> Result<Looked, Unreadable> {
        let unreadable = |why: String| Unreadable { pos: seen.pos, why };
        scratch.belong_to(self.number, self.compiled.asks.len(), self.compiled.judges.len());
        self.compiled.tree.read(seen.json, &mut scratch.values).map_err(unreadable)?;
        let mut looked = head(seen.pos, scratch).map_err(unreadable)?;
        if is_own(&scratch.values) {
            return Ok(looked);
        }
        self.ask(scratch);
        let matched = scratch.matched.iter().map(|rule| RuleNo(*rule as u32));
        looked.rules.extend(matched);
        if !looked.rules.is_empty() {
            // What the node tells of itself is not told apart by the node.
            let own = scratch.values.first(read::TRAIL) == Some("_system");
            let actor =
                scratch.values.first(read::ACTOR_ID).filter(|id| !own || *id != "indelible");
            looked.actor = actor.map(|id| cut(id).into());
        }
        for rule in &looked.rules {
            let feeders = &self.compiled.feeders[rule.0 as usize];
            looked.feeds.extend(feeders.iter().filter_map(|feeder| feed(feeder, &scratch.values)));
        }
        Ok(looked)
    }

    /// Finds the rules that match.
    fn ask(&self, scratch: &mut Scratch) {
        let Scratch { values, turn, .. } = scratch;
        self.index.candidates(values, |rule| turn.call(rule));
        let clock = scratch.timer();
        scratch.matched.clear();
        for at in 0..scratch.turn.called().len() {
            let rule = scratch.turn.called()[at];
            let Some(ask) = &self.compiled.asks[rule] else { continue };
            let begun = clock.as_ref().map(|clock| clock());
            if self.holds(ask, scratch) {
                scratch.matched.push(rule);
            }
            if let (Some(begun), Some(clock)) = (begun, &clock) {
                scratch.spend(rule, clock().saturating_sub(begun));
            }
        }
        scratch.matched.sort_unstable();
    }

    fn holds(&self, ask: &Ask, scratch: &mut Scratch) -> bool {
        match ask {
            Ask::All(all) => all.iter().all(|of| self.holds(of, scratch)),
            Ask::Any(any) => any.iter().any(|of| self.holds(of, scratch)),
            Ask::Not(not) => !self.holds(not, scratch),
            Ask::Test(no) => {
                let Scratch { values, turn, .. } = scratch;
                turn.once(*no, || self.compiled.judges[*no].holds(values))
            }
            Ask::Constant(constant) => *constant,
        }
    }
}

/// What every event says.
fn head(pos: u64, scratch: &mut Scratch) -> Result<Looked, String> {
    let Scratch { values, trail, .. } = scratch;
    let text =
        |slot: Slot, name: &str| values.first(slot).ok_or_else(|| format!("it has no {name}"));
    let time = |slot: Slot, name: &str| {
        Micros::parse(text(slot, name)?).map_err(|e| format!("its {name} {e}"))
    };
    let name = text(read::TRAIL, "trail")?;
    if **trail != *name {
        *trail = name.into();
    }
    let seq = text(read::SEQ, "seq")?;
    let seq = seq.parse().map_err(|_| format!("its seq is no number: {seq}"))?;
    let id = EventId::parse(text(read::ID, "id")?).map_err(|e| format!("its id {e}"))?;
    let recorded_at = time(read::RECORDED_AT, "recorded_at")?;
    let at = time(read::OCCURRED_AT, "occurred_at")?.min(recorded_at);
    let event = EventRef { trail: trail.clone(), seq, id: EventText(id) };
    let (rules, feeds) = (Vec::new(), Vec::new());
    Ok(Looked { event, pos, recorded_at, at, rules, actor: None, feeds })
}

/// Whether it is what the watch itself has recorded: no rule looks at it, or alerts would give alerts.
fn is_own(values: &Values) -> bool {
    let action = values.first(read::ACTION).unwrap_or_default();
    values.first(read::TRAIL) == Some("_system")
        && (action.starts_with("alert.") || action == "review.sign")
}

/// `None` if the event lacks a value to group by.
fn feed(feeder: &Feeder, values: &Values) -> Option<Feed> {
    let first = |slots: &[Slot]| slots.iter().find_map(|slot| values.first(*slot)).map(cut);
    let group =
        feeder.group.iter().map(|slots| Some(first(slots)?.into())).collect::<Option<_>>()?;
    let value = feeder.value.as_deref().and_then(first).map(|value| value.into());
    Some(Feed { correlation: feeder.correlation, member: feeder.member, group, value })
}

/// A value that is too long is its beginning and its hash: as distinct as it was.
fn cut(value: &str) -> Cow<'_, str> {
    if value.len() <= VALUE_BYTES_MAX {
        return Cow::Borrowed(value);
    }
    let hash = Sha256::digest(value.as_bytes());
    let mut hex = String::with_capacity(2 * HASH_BYTES);
    for byte in &hash[..HASH_BYTES] {
        hex.push_str(&format!("{byte:02x}"));
    }
    let end = value.floor_char_boundary(VALUE_BYTES_MAX - hex.len() - '…'.len_utf8());
    Cow::Owned(format!("{}…{hex}", &value[..end]))
}

//! What a rule is once it has been read: its words are ours, its fields are paths, and nothing is left to look up.

use std::sync::Arc;

use indelible_event::{EventId, Micros};
use ipnet::IpNet;
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::set::Origin;

/// A rule's place in its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleNo(pub u32);

/// How bad it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Informational,
    /// To be looked at some time.
    Low,
    /// To be looked at. What a rule is that does not say.
    #[default]
    Medium,
    /// To be looked at today.
    High,
    /// To be looked at now.
    Critical,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id; its name, or else its title, where it has none. No other rule of the set has it.
    pub id: Arc<str>,
    /// What correlations call it.
    pub name: Option<Arc<str>>,
    /// Its title.
    pub title: Arc<str>,
    /// What it means when it fires.
    pub description: Option<Arc<str>>,
    /// What to do then.
    pub advice: Option<Arc<str>>,
    /// How bad that is.
    pub level: Level,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// The file that it is in, relative to the folder.
    pub file: Arc<str>,
    /// The line of the file where its document begins, from 1.
    pub line: usize,
    /// Where that is.
    pub origin: Origin,
    /// Its own YAML document.
    pub text: Arc<str>,
    /// SHA-256 of all that decides what it does: its text, those of the rules that it refers to, and its mapping. State
    /// of a rule with another digest is not its own.
    pub digest: [u8; 32],
    /// Whether it gives alerts by itself. One that a correlation refers to does not, unless that says `generate`.
    pub alerts: bool,
    /// What it looks for.
    pub kind: Kind,
}

/// What a rule looks for.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Something of one event.
    Event(Condition),
    /// Something of several.
    Correlation(Correlation),
}

/// What must hold of an event.
#[derive(Clone, Debug)]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// Any of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A field is as it should be.
    Test(Test),
    /// Always, or never.
    Constant(bool),
}

/// A field and what it should be.
#[derive(Clone, Debug)]
pub struct Test {
    /// Which values are looked at: that one of them is as it should be is enough.
    pub field: Field,
    /// What they should be.
    pub op: Op,
}

/// The member's name, and those of the members around it, from outside. Lists on the way are gone into: all their
/// elements count.
pub type Path = Arc<[Box<str>]>;

/// Which values of an event are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Those at any of these paths. `occurred_at` is `recorded_at` of an event that does not say when it happened.
    Paths(Vec<Path>),
    /// All texts there are.
    Any,
}

/// What a value should be. Texts are compared without regard to case, unless `cased`; numbers and booleans are also
/// what their JSON says as text.
#[derive(Clone, Debug)]
pub enum Op {
    /// It is, begins with, ends with or contains this.
    Text {
        /// Which of these.
        how: How,
        /// This; in lower case unless `cased`.
        value: Arc<str>,
        /// Whether case matters.
        cased: bool,
    },
    /// It is such a text as a whole.
    Pattern {
        /// Its pieces.
        pattern: Vec<Piece>,
        /// Whether case matters. The literals are in lower case otherwise.
        cased: bool,
    },
    /// The expression is found in it.
    Regex(Regex),
    /// It is an address of this network.
    Cidr(IpNet),
    /// It is a number, or a text that is one, and compares so.
    Number(Compare, f64),
    /// There is a value there, or there is none.
    Exists(bool),
    /// There is none, or `null`.
    Null,
    /// One of the values of the other field, which it is, begins with, ends with or contains.
    Same {
        /// The other field.
        other: Field,
        /// How it should relate.
        how: How,
        /// Whether case matters.
        cased: bool,
    },
    /// It is a time, of which this part compares so, in UTC.
    Time(TimePart, Compare, u32),
}

/// How one text relates to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// It is the same.
    Is,
    /// It begins with it.
    Begins,
    /// It ends with it.
    Ends,
    /// It contains it.
    Contains,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// This text.
    Literal(Box<str>),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
}

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `==`.
    Is,
    /// `!=`.
    Not,
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    More,
    /// `>=`.
    AtLeast,
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Of the month: 1 to 31.
    Day,
    /// 1 is Monday, 7 Sunday.
    Weekday,
    /// The ISO week.
    Week,
    /// 1 to 12.
    Month,
    /// As in 2026.
    Year,
}

/// A rule about what other rules match.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// The rules that it refers to, in its order.
    pub of: Vec<RuleNo>,
    /// What must come together.
    pub kind: CorrelationKind,
    /// By what values it counts apart.
    pub group_by: Vec<GroupField>,
    /// Within what time.
    pub span: Micros,
}

/// A value to group by or to count. An event that lacks one of those to group by is passed over.
#[derive(Clone, Debug)]
pub struct GroupField {
    /// As the rule says it, for people.
    pub name: Arc<str>,
    /// Where it is found, for each of the rules referred to: the first value there counts. Empty for one that is a
    /// correlation itself, whose group has a value of this name.
    pub of: Vec<Vec<Path>>,
}

/// What must come together.
#[derive(Clone, Debug)]
pub enum CorrelationKind {
    /// So many events.
    EventCount {
        /// At least so many.
        at_least: u64,
    },
    /// So many different values.
    ValueCount {
        /// Of this.
        field: GroupField,
        /// At least so many.
        at_least: u64,
    },
    /// So many of the rules.
    Temporal {
        /// In their order.
        ordered: bool,
        /// At least so many different ones; all, if ordered.
        at_least: usize,
    },
    /// A value that is new for a group that is not.
    FirstSeen {
        /// Of this.
        field: GroupField,
        /// How long the group must be known.
        learn: Micros,
    },
    /// The first rule without the second behind it; without itself, if it is alone.
    Absence,
    /// Many more than in the past.
    Unusual {
        /// So many hundredths of the average.
        factor_percent: u64,
        /// At least so many.
        at_least: u64,
        /// So many spans are the past.
        past: u32,
    },
}

impl Kind {
    /// As it is called in rules.
    pub fn name(&self) -> &'static str {
        let Kind::Correlation(correlation) = self else { return "event" };
        match correlation.kind {
            CorrelationKind::EventCount { .. } => "event_count",
            CorrelationKind::ValueCount { .. } => "value_count",
            CorrelationKind::Temporal { ordered: false, .. } => "temporal",
            CorrelationKind::Temporal { ordered: true, .. } => "temporal_ordered",
            CorrelationKind::FirstSeen { .. } => "first_seen",
            CorrelationKind::Absence => "absence",
            CorrelationKind::Unusual { .. } => "unusual",
        }
    }
}

/// An event, as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its place in the log.
    pub pos: u64,
    /// As the API shows it.
    pub json: &'a [u8],
}

/// Which event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// Its trail.
    pub trail: Arc<str>,
    /// Its place there.
    pub seq: u64,
    /// Its id.
    pub id: EventText,
}

/// An event's id, as text where it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventText(pub EventId);

impl Serialize for EventText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventText {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<EventText, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        EventId::parse(&text).map(EventText).map_err(serde::de::Error::custom)
    }
}

/// Something that a rule has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Which rule.
    pub rule: RuleNo,
    /// The values that it is about, by the names of the rule; of a rule of one event its actor. Empty for a rule that
    /// groups by nothing.
    pub group: Vec<(Arc<str>, Arc<str>)>,
    /// What is remarkable beside the group: the value that is new, how many there were and are usual.
    pub note: Option<String>,
    /// How many events came together, or how many values are different.
    pub count: u64,
    /// When the first and the last of them happened.
    pub first: Micros,
    /// The last.
    pub last: Micros,
    /// Some of them, the newest last.
    pub events: Vec<EventRef>,
    /// When the log knew: `recorded_at` of the record that it was found with, or the moment when the time was up.
    pub known_at: Micros,
    /// The place of that record; of the last one before the moment, where the time was up.
    pub pos: u64,
}

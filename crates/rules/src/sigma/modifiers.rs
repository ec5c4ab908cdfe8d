//! `field|modifier|modifier`: what a value in a rule is and how it is compared.

use super::refusal::{Bad, meant, shown};
use super::value::Coding;
use crate::model::{Compare, How, TimePart};

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Text with text.
    Plain,
    /// Text with a regular expression.
    Regex {
        /// Case does not matter.
        insensitive: bool,
        /// `^` and `$` are at lines too.
        lines: bool,
        /// `.` is a line break too.
        dot_all: bool,
    },
    /// An address with a network.
    Cidr,
    /// Numbers.
    Number(Compare),
    /// Whether something is there.
    Exists,
    /// One field with another.
    FieldRef,
    /// A part of a time with a number.
    Time(TimePart, Compare),
}

/// Whether a text is looked for in Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base64 {
    /// It is not.
    No,
    /// It is all that is encoded.
    Whole,
    /// It is somewhere in what is encoded.
    Offset,
}

/// What the modifiers of a field say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modifiers {
    /// What is compared.
    pub way: Way,
    /// How texts relate, where something is said about that.
    pub how: Option<How>,
    /// All values of a list, and not any of them.
    pub all: bool,
    /// Case matters.
    pub cased: bool,
    /// It must not be so.
    pub not: bool,
    /// Every way to write a dash.
    pub windash: bool,
    /// In Base64.
    pub base64: Base64,
    /// How it becomes bytes before that.
    pub coding: Coding,
}

const KNOWN: [&str; 31] = [
    "contains",
    "startswith",
    "endswith",
    "all",
    "cased",
    "exists",
    "re",
    "i",
    "m",
    "s",
    "cidr",
    "lt",
    "lte",
    "gt",
    "gte",
    "neq",
    "fieldref",
    "base64",
    "base64offset",
    "wide",
    "utf16",
    "utf16le",
    "utf16be",
    "windash",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "weekday",
];

/// Reads what stands behind a field's name.
pub(super) fn parse<'a>(
    said: impl Iterator<Item = &'a str>,
    line: usize,
) -> Result<Modifiers, Bad> {
    let mut read = Modifiers {
        way: Way::Plain,
        how: None,
        all: false,
        cased: false,
        not: false,
        windash: false,
        base64: Base64::No,
        coding: Coding::Utf8,
    };
    for name in said {
        read.add(name).map_err(|why| Bad::at(line, why))?;
    }
    read.check().map_err(|why| Bad::at(line, why))?;
    Ok(read)
}

impl Modifiers {
    fn add(&mut self, name: &str) -> Result<(), String> {
        let regex = |insensitive, lines, dot_all| Way::Regex { insensitive, lines, dot_all };
        match (name, self.way) {
            ("contains", _) => self.relate(name, How::Contains)?,
            ("startswith", _) => self.relate(name, How::Begins)?,
            ("endswith", _) => self.relate(name, How::Ends)?,
            ("all", _) => self.all = true,
            ("cased", _) => self.cased = true,
            ("neq", _) => self.not = true,
            ("windash", _) => self.windash = true,
            ("wide" | "utf16le", _) => self.code(name, Coding::Utf16Le)?,
            ("utf16be", _) => self.code(name, Coding::Utf16Be)?,
            ("utf16", _) => self.code(name, Coding::Utf16)?,
            ("base64", _) => self.encode(name, Base64::Whole)?,
            ("base64offset", _) => self.encode(name, Base64::Offset)?,
            ("re", Way::Plain) => self.way = regex(false, false, false),
            ("i", Way::Regex { lines, dot_all, .. }) => self.way = regex(true, lines, dot_all),
            ("m", Way::Regex { insensitive, dot_all, .. }) => {
                self.way = regex(insensitive, true, dot_all);
            }
            ("s", Way::Regex { insensitive, lines, .. }) => {
                self.way = regex(insensitive, lines, true);
            }
            ("i" | "m" | "s", _) => {
                return Err(format!("the modifier `{name}` belongs behind `re`"));
            }
            ("cidr", Way::Plain) => self.way = Way::Cidr,
            ("exists", Way::Plain) => self.way = Way::Exists,
            ("fieldref", Way::Plain) => self.way = Way::FieldRef,
            (name, Way::Plain) if compare(name).is_some() => {
                self.way = Way::Number(compare(name).expect("it was looked up just now"));
            }
            (name, Way::Time(part, Compare::Is)) if compare(name).is_some() => {
                self.way = Way::Time(part, compare(name).expect("it was looked up just now"));
            }
            (name, Way::Plain) if part(name).is_some() => {
                self.way = Way::Time(part(name).expect("it was looked up just now"), Compare::Is);
            }
            ("expand", _) => {
                return Err("the modifier `expand` needs values that are only known where the rule was written; \
                            write the values into the rule"
                    .to_owned());
            }
            (name, _) if KNOWN.contains(&name) => {
                return Err(format!("the modifier `{name}` cannot stand with those before it"));
            }
            (name, _) => {
                let meant = meant(name, KNOWN);
                return Err(format!("there is no modifier `{}`{meant}", shown(name)));
            }
        }
        Ok(())
    }

    fn relate(&mut self, name: &str, how: How) -> Result<(), String> {
        match self.how.replace(how) {
            None => Ok(()),
            Some(_) => Err(format!(
                "`{name}` stands beside another of `contains`, `startswith` and `endswith`; one of them is enough"
            )),
        }
    }

    fn code(&mut self, name: &str, coding: Coding) -> Result<(), String> {
        if self.base64 != Base64::No || self.coding != Coding::Utf8 || self.how.is_some() {
            return Err(format!("`{name}` belongs right before `base64` or `base64offset`"));
        }
        self.coding = coding;
        Ok(())
    }

    fn encode(&mut self, name: &str, base64: Base64) -> Result<(), String> {
        if self.base64 != Base64::No || self.how.is_some() {
            return Err(format!(
                "`{name}` belongs before `contains`, `startswith` and `endswith`, and once: what is looked for is what \
                 was encoded"
            ));
        }
        self.base64 = base64;
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let text_only = self.windash || self.base64 != Base64::No || self.coding != Coding::Utf8;
        let why = match self.way {
            Way::Plain if self.coding != Coding::Utf8 && self.base64 == Base64::No => {
                "`wide` and `utf16…` need `base64` or `base64offset` behind them: events hold text"
            }
            Way::Plain => return Ok(()),
            Way::FieldRef if !text_only => return Ok(()),
            Way::Regex { .. } if self.how.is_some() => {
                "`contains`, `startswith` and `endswith` say nothing of a regular expression; it is found anywhere \
                 unless it begins with `^` or ends with `$`"
            }
            _ if text_only || self.how.is_some() => {
                "modifiers of texts say nothing of numbers, times, networks, other fields or whether something is there"
            }
            Way::Exists if self.not || self.all => {
                "`exists` takes `true` or `false`, and nothing beside it"
            }
            Way::Number(_) if self.not => "`neq` says nothing beside `lt`, `lte`, `gt` and `gte`",
            _ if self.cased && !matches!(self.way, Way::Regex { .. }) => {
                "`cased` says something of texts only"
            }
            _ => return Ok(()),
        };
        Err(why.to_owned())
    }
}

fn compare(name: &str) -> Option<Compare> {
    Some(match name {
        "lt" => Compare::Less,
        "lte" => Compare::AtMost,
        "gt" => Compare::More,
        "gte" => Compare::AtLeast,
        _ => return None,
    })
}

fn part(name: &str) -> Option<TimePart> {
    Some(match name {
        "minute" => TimePart::Minute,
        "hour" => TimePart::Hour,
        "day" => TimePart::Day,
        "weekday" => TimePart::Weekday,
        "week" => TimePart::Week,
        "month" => TimePart::Month,
        "year" => TimePart::Year,
        _ => return None,
    })
}

//! Whether a value is as it should be.

use std::collections::HashSet;
use std::net::IpAddr;

use indelible_event::Micros;
use ipnet::IpNet;
use regex::Regex;

use super::values::{Kind, Slot, Value, Values};
use super::when;
use crate::model::{Compare, How, Piece, TimePart};

/// A test whose field is a list of slots, and whose texts are folded unless case matters.
pub(super) struct Judge {
    pub slots: Box<[Slot]>,
    pub is: Is,
}

/// What a value should be; see [`Op`](crate::model::Op).
pub(super) enum Is {
    Text { how: How, value: Box<str>, cased: bool },
    Pattern { pieces: Box<[Piece]>, cased: bool },
    Regex(Regex),
    Cidr(IpNet),
    Number(Compare, f64),
    Exists(bool),
    Null,
    Same { other: Box<[Slot]>, how: How, cased: bool },
    Time(TimePart, Compare, u32),
}

impl Judge {
    pub fn holds(&self, values: &Values) -> bool {
        let mut all = self.slots.iter().flat_map(|slot| values.of(*slot));
        match &self.is {
            Is::Exists(wanted) => all.next().is_some() == *wanted,
            Is::Null => {
                let first = all.next();
                first.is_none_or(|first| first.kind == Kind::Null)
                    || all.any(|value| value.kind == Kind::Null)
            }
            // As many comparisons as there are pairs would hold others up, where both are long lists.
            Is::Same { other, how: How::Is, cased } => {
                let others = other.iter().flat_map(|slot| values.of(*slot));
                let others: HashSet<&str> = others
                    .filter(|value| value.kind != Kind::Null)
                    .map(|it| text(it, *cased))
                    .collect();
                all.any(|value| value.kind != Kind::Null && others.contains(text(value, *cased)))
            }
            is => all.any(|value| value.kind != Kind::Null && is.holds(&value, values)),
        }
    }
}

impl Is {
    fn holds(&self, value: &Value<'_>, values: &Values) -> bool {
        let text = |cased: &bool| if *cased { value.raw } else { value.low };
        match self {
            Is::Text { how, value: wanted, cased } => relates(text(cased), *how, wanted),
            Is::Pattern { pieces, cased } => is_like(text(cased), pieces),
            Is::Regex(regex) => regex.is_match(value.raw),
            Is::Cidr(net) => in_net(value.raw, net),
            Is::Number(compare, wanted) => {
                number(value).is_some_and(|n| holds(*compare, n, *wanted))
            }
            Is::Same { other, how, cased } => {
                let mut others = other.iter().flat_map(|slot| values.of(*slot));
                others.any(|other| {
                    let wanted = if *cased { other.raw } else { other.low };
                    other.kind != Kind::Null && relates(text(cased), *how, wanted)
                })
            }
            Is::Time(part, compare, wanted) => {
                let at = Micros::parse(value.raw);
                at.is_ok_and(|at| holds(*compare, when::part(at, *part), i64::from(*wanted)))
            }
            Is::Exists(_) | Is::Null => false,
        }
    }
}

fn text(value: Value<'_>, cased: bool) -> &str {
    if cased { value.raw } else { value.low }
}

fn relates(text: &str, how: How, wanted: &str) -> bool {
    match how {
        How::Is => text == wanted,
        How::Begins => text.starts_with(wanted),
        How::Ends => text.ends_with(wanted),
        How::Contains => text.contains(wanted),
    }
}

fn holds<T: PartialOrd>(compare: Compare, value: T, wanted: T) -> bool {
    match compare {
        Compare::Is => value == wanted,
        Compare::Not => value != wanted,
        Compare::Less => value < wanted,
        Compare::AtMost => value <= wanted,
        Compare::More => value > wanted,
        Compare::AtLeast => value >= wanted,
    }
}

/// A number, or a text that is one. `inf` and `nan` are words.
fn number(value: &Value<'_>) -> Option<f64> {
    let numeric = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let text = value.raw;
    let could_be = matches!(value.kind, Kind::Number | Kind::Text) && text.bytes().all(numeric);
    could_be.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// An IPv4 address may be written as the IPv6 address that stands for it.
fn in_net(text: &str, net: &IpNet) -> bool {
    let Ok(ip) = text.parse::<IpAddr>() else { return false };
    net.contains(&ip) || net.contains(&ip.to_canonical())
}

/// Whether the whole text is such a one. Only the last `*` is ever tried further on: what stands before it fits already.
pub(super) fn is_like(text: &str, pieces: &[Piece]) -> bool {
    let (mut rest, mut at) = (text, 0);
    let mut retry: Option<(&str, usize)> = None;
    loop {
        let fits = match pieces.get(at) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Piece::Any) => {
                if at + 1 == pieces.len() {
                    return true;
                }
                retry = Some((rest, at + 1));
                Some(rest)
            }
            Some(Piece::One) => next_char(rest),
            Some(Piece::Literal(literal)) => rest.strip_prefix(&**literal),
        };
        match (fits, retry) {
            (Some(fits), _) => (rest, at) = (fits, at + 1),
            (None, None) => return false,
            (None, Some((from, after))) => {
                let Some(from) = next_try(from, &pieces[after..]) else { return false };
                retry = Some((from, after));
                (rest, at) = (from, after);
            }
        }
    }
}

/// Where what follows a `*` may begin next: behind one more character, and where a literal is found.
fn next_try<'a>(from: &'a str, pieces: &[Piece]) -> Option<&'a str> {
    let from = next_char(from)?;
    match pieces {
        // The last literal has to be at the end, and can be nowhere else.
        [Piece::Literal(literal)] => {
            from.ends_with(&**literal).then(|| &from[from.len() - literal.len()..])
        }
        [Piece::Literal(literal), ..] => from.find(&**literal).map(|at| &from[at..]),
        _ => Some(from),
    }
}

fn next_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

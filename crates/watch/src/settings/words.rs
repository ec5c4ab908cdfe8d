//! Spans of time and patterns of names, as settings say them.

use std::fmt;

use indelible_event::Micros;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A span of time: `90s`, `15m`, `24h`, `7d`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Micros);

/// The longest that settings may name: a year.
const SPAN_MICROS_MAX: i64 = 366 * 86_400_000_000;

impl Span {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Span, String> {
        let wrong = || {
            let shown: String = text.chars().take(32).collect();
            format!("{shown:?} is no span of time: write 90s, 15m, 24h or 7d, at most a year")
        };
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match &text[number.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let count: i64 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
        let micros = count.checked_mul(seconds * 1_000_000).ok_or_else(wrong)?;
        if micros > SPAN_MICROS_MAX { Err(wrong()) } else { Ok(Span(Micros(micros))) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Span, D::Error> {
        let text = String::deserialize(from)?;
        Span::parse(&text).map_err(D::Error::custom)
    }
}

/// A name with `*` anywhere for whatever may stand there. Case does not matter.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Of this text.
    pub fn new(text: &str) -> Pattern {
        Pattern(text.to_lowercase().into())
    }

    /// Whether this is such a name.
    pub fn fits(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let Some((begin, rest)) = self.0.split_once('*') else { return name == *self.0 };
        let Some(mut left) = name.strip_prefix(begin) else { return false };
        let mut pieces: Vec<&str> = rest.split('*').collect();
        let end = pieces.pop().unwrap_or_default();
        // Each piece as early as can be: what is left for the others is longest then.
        for piece in pieces {
            let Some(at) = left.find(piece) else { return false };
            left = &left[at + piece.len()..];
        }
        left.ends_with(end)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pattern, D::Error> {
        String::deserialize(from).map(|text| Pattern::new(&text))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

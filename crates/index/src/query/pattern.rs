//! Patterns, and whether a value passes a test.

use regex::RegexBuilder;

use super::ast::{Pattern, Test};
use crate::limits::REGEX_BYTES_MAX;
use crate::terms::walk::FLOAT_DIGITS;
use crate::terms::{PathValue, fold};

impl Pattern {
    /// A regular expression, found anywhere. The error says what is wrong with it.
    pub fn regex(text: &str) -> Result<Pattern, String> {
        // Without special characters it is a text that every match contains.
        let plain = regex::escape(text) == text;
        let contains = if plain { fold(text).into_owned() } else { String::new() };
        Ok(Pattern { text: format!("/{text}/"), contains, regex: compile(text)? })
    }

    /// A text, folded, whose `*` at these bytes stand for anything, and which is the whole value.
    pub fn wildcard(text: &str, stars: &[usize]) -> Result<Pattern, String> {
        let mut source = String::from("^");
        let mut contains = "";
        let mut start = 0;
        for &star in stars.iter().chain(std::iter::once(&text.len())) {
            let literal = &text[start..star];
            if start > 0 {
                source.push_str(".*");
            }
            source.push_str(&regex::escape(literal));
            if literal.len() > contains.len() {
                contains = literal;
            }
            start = star + 1;
        }
        source.push('$');
        // The written form alone would not tell an escaped star from one that stands for anything.
        Ok(Pattern {
            text: source.clone(),
            contains: contains.to_owned(),
            regex: compile(&source)?,
        })
    }
}

fn compile(source: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(source)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "is too large once compiled".to_owned(),
            // The library draws several lines; the last one says what is wrong.
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("is not a regular expression: {}", last.trim_start_matches("error: "))
            }
        })
}

impl Test {
    /// Whether a text, folded and whole, passes.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Test::Is(text) => value == text,
            Test::Prefix(text) => value.starts_with(text.as_str()),
            Test::Matches(pattern) => pattern.regex.is_match(value),
            Test::Number(..) => false,
            Test::Exists => true,
        }
    }

    /// Whether a value in the parts passes. A text must be whole.
    pub fn holds_path(&self, value: PathValue<'_>) -> bool {
        match (self, value) {
            (_, PathValue::Text(text) | PathValue::Literal(text)) => self.holds(text),
            (Test::Exists, PathValue::Number(_)) => true,
            (Test::Number(from, to), PathValue::Number(number)) => {
                std::ops::RangeBounds::contains(&(*from, *to), &number)
            }
            (Test::Is(_), PathValue::Number(number)) => self.as_number() == Some(number),
            (Test::Prefix(_) | Test::Matches(_), PathValue::Number(number)) => {
                let text = number.to_string();
                // Of a number with more digits the float has lost some; its token is a text as well.
                digits(&text) <= FLOAT_DIGITS && self.holds(&text)
            }
        }
    }

    /// The number that a [`Test::Is`] asks for, if it does and a float has all its digits. (A number with
    /// more digits is found by its token, which is a [`PathValue::Text`].)
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Test::Is(text) if digits(text) <= FLOAT_DIGITS && !is_padded(text) => {
                parse_number(text)
            }
            _ => None,
        }
    }
}

/// Whether it begins with a zero or a sign that JSON would not write: `007` is a text, not a seven.
fn is_padded(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    matches!(unsigned, [b'+' | b'.', ..] | [b'0', b'0'..=b'9', ..])
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// A number as JSON writes it, or with a plus sign, or without digits on one side of the point.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    // `inf` and `nan`, which the library reads as well, are words.
    let begins =
        text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let number = if begins { text.parse::<f64>().ok()? } else { return None };
    number.is_finite().then_some(number)
}

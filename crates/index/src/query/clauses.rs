//! The conditions of a query one by one, for whoever shows them apart, takes one away or adds one.

use std::ops::Range;

use indelible_event::Micros;

use super::ast::{Expr, Leaf, Span};
use super::error::QueryError;
use super::keys::usual;
use super::parse::{Parser, parse};

/// The outermost conditions of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clauses {
    /// Whether an `OR` stands between them; then the whole text is one clause, and whoever adds another puts it into
    /// parentheses first.
    pub any: bool,
    /// In their order.
    pub clauses: Vec<Clause>,
}

/// A condition. All places are counted in characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// Where it stands.
    pub place: Range<usize>,
    /// How many written `AND` stand before it: clauses of one group stand side by side.
    pub group: usize,
    /// As it is written.
    pub text: String,
    /// Its key under the usual name, if it has one.
    pub key: Option<String>,
    /// What is written after the key and its colon.
    pub value: Option<String>,
    /// Whether it excludes.
    pub negated: bool,
    /// The time it means, if it is one about a time.
    pub span: Option<Span>,
}

impl Clauses {
    /// The text without one clause: all others as they are written.
    pub fn without(&self, clause: usize) -> String {
        let mut out = String::new();
        let mut group = None;
        for kept in
            self.clauses.iter().enumerate().filter(|(at, _)| *at != clause).map(|(_, kept)| kept)
        {
            match group {
                None => {}
                Some(group) if group == kept.group => out.push(' '),
                Some(_) => out.push_str(" AND "),
            }
            out.push_str(&kept.text);
            group = Some(kept.group);
        }
        out
    }
}

/// The clauses of a query; `now` is what relative times count from.
pub fn clauses(text: &str, now: Micros) -> Result<Clauses, QueryError> {
    parse(text, now)?;
    let mut parser = Parser::new(text, now);
    let mut found = Clauses::default();
    let (mut group, mut at_byte, mut at_char) = (0, 0, 0);
    // The places only go forward, so one walk over the text turns all bytes into characters.
    let mut chars = |byte: usize| {
        at_char += text.get(at_byte..byte).map_or(0, |part| part.chars().count());
        at_byte = byte;
        at_char
    };
    loop {
        parser.cursor.skip_space();
        if parser.cursor.rest().is_empty() {
            return Ok(found);
        }
        if parser.cursor.eat_word("OR") {
            return Ok(Clauses { any: true, clauses: vec![whole(text)] });
        }
        if parser.cursor.eat_word("AND") {
            group += 1;
            continue;
        }
        let clause = one(&mut parser, group)?;
        let place = chars(clause.place.start)..chars(clause.place.end);
        found.clauses.push(Clause { place, ..clause });
    }
}

/// The clause here; its place is in bytes.
fn one(parser: &mut Parser<'_>, group: usize) -> Result<Clause, QueryError> {
    let text = parser.cursor.text;
    let start = parser.cursor.at;
    let mut ahead = Parser::new(text, parser.now);
    ahead.cursor = parser.cursor;
    let mut negated = false;
    while ahead.cursor.eat_word("NOT") || ahead.cursor.eat("-") {
        negated = !negated;
        ahead.cursor.skip_space();
    }
    let inner = ahead.cursor.at;
    let keyless = match ahead.cursor.peek() {
        Some('"' | '(') => true,
        Some('/') => { ahead.cursor }.regex().is_some(),
        _ => false,
    };
    let target = if keyless { None } else { ahead.key()? };
    let condition = parser.condition()?;
    let end = parser.cursor.at;
    let value = ahead.cursor.at;
    let key = target.map(|target| usual(&text[inner..value - 1], &target).to_owned());
    Ok(Clause {
        place: start..end,
        group,
        text: text[start..end].to_owned(),
        value: key.as_ref().map(|_| text[value..end].to_owned()),
        key,
        negated,
        span: match condition.expr {
            Expr::Leaf(Leaf::Recorded(span) | Leaf::Occurred(span)) => Some(span),
            _ => None,
        },
    })
}

/// The whole of a text as one clause.
fn whole(text: &str) -> Clause {
    let trimmed = text.trim();
    let before = text.len() - text.trim_start().len();
    let start = text[..before].chars().count();
    let place = start..start + trimmed.chars().count();
    Clause {
        place,
        group: 0,
        text: trimmed.to_owned(),
        key: None,
        value: None,
        negated: false,
        span: None,
    }
}

#[cfg(test)]
#[path = "clauses_tests.rs"]
mod tests;

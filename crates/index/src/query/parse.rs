//! From text to tree: what stands beside what, and what each key is.

use indelible_event::Micros;

use super::ast::{Expr, Query};
use super::error::QueryError;
use super::keys::{Target, nearest, resolve};
use super::scalar::{Cursor, Scalar, ends_token};
use super::value::ip_range;
use crate::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_LEAVES_MAX, QUERY_PATTERNS_MAX};

/// Parses a query; `now` is what relative times count from.
pub fn parse(text: &str, now: Micros) -> Result<Query, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        let start = text.floor_char_boundary(QUERY_BYTES_MAX);
        let message = format!("the query is longer than {QUERY_BYTES_MAX} bytes");
        return Err(QueryError::new(text, start, text.len(), message));
    }
    let mut parser = Parser::new(text, now);
    parser.cursor.skip_space();
    let expr = if parser.cursor.rest().is_empty() { Expr::All } else { parser.either()? };
    parser.cursor.skip_space();
    if !parser.cursor.rest().is_empty() {
        let at = parser.cursor.at;
        let error = parser.cursor.error(at, at + 1, "this parenthesis closes nothing");
        return Err(error.hint("write \\) or put the text in quotes to search for the character"));
    }
    Ok(Query { text: text.to_owned(), expr })
}

pub(super) struct Parser<'t> {
    pub cursor: Cursor<'t>,
    pub now: Micros,
    depth: usize,
    leaves: usize,
    patterns: usize,
}

/// A condition, and the key it is about if it may be joined with others about the same.
pub(super) struct Condition {
    pub expr: Expr,
    joins: Option<Target>,
}

impl Condition {
    fn alone(expr: Expr) -> Condition {
        Condition { expr, joins: None }
    }
}

impl<'t> Parser<'t> {
    /// At the beginning of a text.
    pub fn new(text: &'t str, now: Micros) -> Parser<'t> {
        Parser { cursor: Cursor { text, at: 0 }, now, depth: 0, leaves: 0, patterns: 0 }
    }

    /// `a OR b`
    fn either(&mut self) -> Result<Expr, QueryError> {
        let mut exprs = vec![self.both()?];
        while self.cursor.eat_word("OR") {
            exprs.push(self.both()?);
        }
        Ok(Expr::any_of(exprs))
    }

    /// `a AND b`
    fn both(&mut self) -> Result<Expr, QueryError> {
        let mut exprs = vec![self.side_by_side()?];
        while self.cursor.eat_word("AND") {
            exprs.push(self.side_by_side()?);
        }
        Ok(Expr::all_of(exprs))
    }

    /// `a b`: all of them, but any of those about the same key.
    fn side_by_side(&mut self) -> Result<Expr, QueryError> {
        let mut groups: Vec<(Option<Target>, Vec<Expr>)> = Vec::new();
        loop {
            self.cursor.skip_space();
            let at_end = match self.cursor.peek() {
                None | Some(')') => true,
                Some(_) => self.cursor.is_at_word("OR") || self.cursor.is_at_word("AND"),
            };
            if at_end {
                break;
            }
            let Condition { expr, joins } = self.condition()?;
            let same = joins
                .is_some()
                .then(|| groups.iter_mut().find(|(target, _)| *target == joins))
                .flatten();
            match same {
                Some((_, exprs)) => exprs.push(expr),
                None => groups.push((joins, vec![expr])),
            }
        }
        if groups.is_empty() {
            return Err(self.nothing_here());
        }
        Ok(Expr::all_of(groups.into_iter().map(|(_, exprs)| Expr::any_of(exprs)).collect()))
    }

    fn nothing_here(&self) -> QueryError {
        let rest = self.cursor.rest();
        let at = self.cursor.at;
        let word = ["AND", "OR"].into_iter().find(|word| rest.starts_with(word));
        let len = word.map_or(rest.chars().next().map_or(0, char::len_utf8), str::len);
        let error = self.cursor.error(at, at + len, "a condition is missing here");
        error.hint("AND and OR stand between two conditions; the words themselves go in quotes")
    }

    /// One condition, perhaps negated.
    pub fn condition(&mut self) -> Result<Condition, QueryError> {
        let start = self.cursor.at;
        let negated = self.cursor.eat_word("NOT") || self.cursor.eat("-");
        if !negated {
            return self.plain_condition();
        }
        if !self.cursor.text[start..].starts_with('-') {
            self.cursor.skip_space();
        }
        if self.cursor.peek().is_none_or(|next| next.is_whitespace() || next == ')') {
            let error =
                self.cursor.error(start, self.cursor.at.max(start + 1), "nothing to exclude");
            return Err(error.hint("write -word or NOT word; a dash itself goes in quotes"));
        }
        self.deeper(start)?;
        let inner = self.condition()?;
        self.depth -= 1;
        Ok(Condition::alone(Expr::negated(inner.expr)))
    }

    fn plain_condition(&mut self) -> Result<Condition, QueryError> {
        let start = self.cursor.at;
        match self.cursor.peek() {
            Some('(') => {
                self.deeper(start)?;
                self.cursor.next();
                let expr = self.either()?;
                if !self.cursor.eat(")") {
                    return Err(self.cursor.error(
                        start,
                        start + 1,
                        "this parenthesis is never closed",
                    ));
                }
                self.depth -= 1;
                return Ok(Condition::alone(expr));
            }
            Some('"') => {
                let scalar = self.cursor.quoted()?;
                return self.free(&scalar).map(Condition::alone);
            }
            Some('/') => {
                if let Some(scalar) = self.cursor.regex() {
                    return self.free(&scalar).map(Condition::alone);
                }
            }
            _ => {}
        }
        match self.key()? {
            Some(target) => self.keyed(target),
            None => {
                let scalar = self.cursor.bare(false)?;
                self.free(&scalar).map(Condition::alone)
            }
        }
    }

    fn deeper(&mut self, start: usize) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth <= QUERY_DEPTH_MAX {
            return Ok(());
        }
        let message = format!("nested deeper than {QUERY_DEPTH_MAX} levels");
        Err(self.cursor.error(start, start + 1, message))
    }

    /// The key here and its colon, if there is one.
    pub fn key(&mut self) -> Result<Option<Target>, QueryError> {
        let start = self.cursor.at;
        let token = self.cursor.rest().split(ends_token).next().unwrap_or_default();
        // An address of version 6 is full of colons.
        if ip_range(token).is_some() {
            return Ok(None);
        }
        let mut ahead = self.cursor;
        let mut written = String::new();
        loop {
            match ahead.peek() {
                Some(':') => break,
                Some('\\') => {
                    ahead.next();
                    written.extend(ahead.peek());
                }
                Some(next) if !ends_token(next) && next != '"' => written.push(next),
                _ => return Ok(None),
            }
            ahead.next();
        }
        if written.is_empty() {
            return Ok(None);
        }
        let end = ahead.at;
        let target = resolve(&written).ok_or_else(|| self.unknown_key(&written, start, end))?;
        self.cursor.at = end + 1;
        Ok(Some(target))
    }

    fn unknown_key(&self, written: &str, start: usize, end: usize) -> QueryError {
        let token = self.cursor.rest().split(ends_token).next().unwrap_or_default();
        let shown: String = written.chars().take(40).collect();
        let error = self.cursor.error(start, end, format!("there is no key `{shown}`"));
        let quoted = format!("to search for the text, put it in quotes: \"{token}\"");
        let shorter = ["context", "http"].contains(&written.to_ascii_lowercase().as_str());
        match nearest(written) {
            _ if self.cursor.text[end..].starts_with("://") || token.len() > 80 => {
                error.hint(quoted)
            }
            _ if shorter => error.hint(format!("name a member: {written}.…")),
            Some(name) => {
                let meant = match written.split_once('.') {
                    Some((_, rest)) => format!("{name}.{rest}"),
                    None => name.to_owned(),
                };
                error.hint(format!("did you mean `{meant}`? {quoted}")).instead(meant)
            }
            None => error.hint(format!("your own values are found as details.{shown}; {quoted}")),
        }
    }

    /// The values after a key.
    fn keyed(&mut self, target: Target) -> Result<Condition, QueryError> {
        let mut scalars = Vec::new();
        if self.cursor.peek() == Some('(') {
            self.list(&mut scalars)?;
        } else {
            loop {
                scalars.push(self.value()?);
                if !self.cursor.eat(",") {
                    break;
                }
            }
        }
        let mut exprs = Vec::with_capacity(scalars.len());
        let mut joins = true;
        for scalar in &scalars {
            // `created:>a created:<b` means both; so with every bound that is open on one side.
            joins &= scalar.compare.is_none() && !is_open_range(scalar);
            exprs.push(self.leaf(&target, scalar)?);
        }
        Ok(Condition { expr: Expr::any_of(exprs), joins: joins.then_some(target) })
    }

    /// `(a b)`, `(a OR b)` or `(a, b)` after a key.
    fn list(&mut self, scalars: &mut Vec<Scalar>) -> Result<(), QueryError> {
        let start = self.cursor.at;
        self.cursor.next();
        loop {
            self.cursor.skip_space();
            if self.cursor.eat(")") {
                break;
            }
            if self.cursor.peek().is_none() {
                return Err(self.cursor.error(
                    start,
                    start + 1,
                    "this parenthesis is never closed",
                ));
            }
            let at = self.cursor.at;
            if self.cursor.is_at_word("AND") || self.cursor.is_at_word("NOT") {
                let error = self.cursor.error(at, at + 3, "a list of values means any of them");
                return Err(error.hint("repeat the key: target:a AND target:b"));
            }
            if !scalars.is_empty() && (self.cursor.eat_word("OR") || self.cursor.eat(",")) {
                self.cursor.skip_space();
            }
            scalars.push(self.value()?);
        }
        if scalars.is_empty() {
            return Err(self.cursor.error(start, self.cursor.at, "a list without values"));
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Scalar, QueryError> {
        let start = self.cursor.at;
        let scalar = self.cursor.scalar(true)?;
        let is_empty = scalar.text.is_empty() && scalar.end == self.cursor.at;
        if is_empty && scalar.form == super::scalar::Form::Bare {
            let error =
                self.cursor.error(start, self.cursor.at.max(start + 1), "a value is missing here");
            return Err(error.hint(
                "write key:value without a space, key:\"\" for an empty text, key:* for any value",
            ));
        }
        Ok(scalar)
    }

    /// Counts a condition.
    pub fn count_leaf(&mut self, scalar: &Scalar) -> Result<(), QueryError> {
        self.leaves += 1;
        if self.leaves <= QUERY_LEAVES_MAX {
            return Ok(());
        }
        let message = format!("more than {QUERY_LEAVES_MAX} conditions");
        Err(self.cursor.error(scalar.start, scalar.end, message))
    }

    /// Counts a pattern.
    pub fn count_pattern(&mut self, scalar: &Scalar) -> Result<(), QueryError> {
        self.patterns += 1;
        if self.patterns <= QUERY_PATTERNS_MAX {
            return Ok(());
        }
        let message = format!("more than {QUERY_PATTERNS_MAX} wildcards and regular expressions");
        Err(self.cursor.error(scalar.start, scalar.end, message))
    }
}

fn is_open_range(scalar: &Scalar) -> bool {
    scalar.form == super::scalar::Form::Bare
        && (scalar.text.starts_with("..") || scalar.text.ends_with(".."))
}

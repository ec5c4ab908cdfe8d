//! `condition`: how a rule's selections are put together.

use super::refusal::{Bad, meant, shown};
use crate::limits::{DEPTH_MAX, OF_MAX, TESTS_MAX};
use crate::model::Condition;

/// A selection: its name and what it asks for.
pub(super) struct Selection {
    /// Its name.
    pub name: String,
    /// What it asks for.
    pub condition: Condition,
    /// How many tests that are.
    pub tests: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    Word(&'a str),
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    selections: &'a [Selection],
    tests: usize,
    depth: usize,
    line: usize,
}

/// Reads a condition.
pub(super) fn parse(text: &str, line: usize, selections: &[Selection]) -> Result<Condition, Bad> {
    if let Some((_, aggregation)) = text.split_once('|') {
        let said = shown(aggregation.trim());
        return Err(Bad::at(
            line,
            format!(
                "the aggregation `| {said}` is of the old Sigma; write a `correlation` that refers to this rule: \
                 `event_count` for count(), `value_count` for count(field), `temporal` for near"
            ),
        ));
    }
    let tokens = tokens(text);
    let mut parser = Parser { tokens, at: 0, selections, tests: 0, depth: 0, line };
    let condition = parser.any()?;
    match parser.next() {
        None => Ok(condition),
        Some(Token::Close) => Err(parser.bad("a `)` that nothing opened")),
        Some(Token::Open) => Err(parser.bad("`and` or `or` is missing before `(`")),
        Some(Token::Word(word)) => {
            let meant = meant(word, ["and", "or"]);
            Err(parser.bad(format!("`and` or `or` is missing before `{}`{meant}", shown(word))))
        }
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '(' | ')' => 1,
            _ => {
                rest.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(rest.len())
            }
        };
        tokens.push(match first {
            '(' => Token::Open,
            ')' => Token::Close,
            _ => Token::Word(&rest[..len]),
        });
        rest = rest[len..].trim_start();
    }
    tokens
}

impl<'a> Parser<'a> {
    fn bad(&self, why: impl std::fmt::Display) -> Bad {
        Bad::at(self.line, format!("the condition: {why}"))
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Takes a word of the language, however its letters are written.
    fn takes(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some(Token::Word(said)) if said.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn any(&mut self) -> Result<Condition, Bad> {
        let mut of = vec![self.all()?];
        while self.takes("or") {
            of.push(self.all()?);
        }
        Ok(one_or(of, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Bad> {
        let mut of = vec![self.one()?];
        while self.takes("and") {
            of.push(self.one()?);
        }
        Ok(one_or(of, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, Bad> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.bad(format!("it nests deeper than {DEPTH_MAX}")));
        }
        let condition = match self.next() {
            Some(Token::Open) => {
                let inner = self.any()?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err(self.bad("a `)` is missing")),
                }
            }
            Some(Token::Close) => Err(self.bad("something is missing before `)`")),
            Some(Token::Word(word)) => self.word(word),
            None => Err(self.bad("it ends where a selection should be named")),
        }?;
        self.depth -= 1;
        Ok(condition)
    }

    fn word(&mut self, word: &'a str) -> Result<Condition, Bad> {
        if word.eq_ignore_ascii_case("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        let of_next = matches!(self.tokens.get(self.at), Some(Token::Word(said)) if said.eq_ignore_ascii_case("of"));
        if of_next {
            self.at += 1;
            return self.quantified(word);
        }
        if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") {
            return Err(self.bad(format!("a selection is missing before `{word}`")));
        }
        let found = self.selections.iter().find(|selection| selection.name == word);
        let Some(found) = found else {
            let names = self.selections.iter().map(|selection| &*selection.name);
            let meant = meant(word, names.chain(["not", "all of", "1 of", "them"]));
            return Err(self.bad(format!("there is no selection `{}`{meant}", shown(word))));
        };
        self.take(found)
    }

    fn take(&mut self, selection: &Selection) -> Result<Condition, Bad> {
        self.tests += selection.tests;
        if self.tests > TESTS_MAX {
            return Err(self.bad(format!("it comes to more than {TESTS_MAX} tests")));
        }
        Ok(selection.condition.clone())
    }

    /// `1 of x*`, `all of them`, `2 of x*`.
    fn quantified(&mut self, how_many: &str) -> Result<Condition, Bad> {
        let Some(Token::Word(which)) = self.next() else {
            return Err(self.bad(format!(
                "`{} of` what? `them` or a name like `selection_*`",
                shown(how_many)
            )));
        };
        let selections = self.selections;
        let of: Vec<&Selection> = match which.eq_ignore_ascii_case("them") {
            true => {
                selections.iter().filter(|selection| !selection.name.starts_with('_')).collect()
            }
            false => selections.iter().filter(|selection| fits(which, &selection.name)).collect(),
        };
        if of.is_empty() {
            let names = selections.iter().map(|selection| &*selection.name);
            let meant = meant(which, names.chain(["them"]));
            return Err(self.bad(format!("no selection is called like `{}`{meant}", shown(which))));
        }
        let count = match how_many {
            all if all.eq_ignore_ascii_case("all") => of.len(),
            any if any.eq_ignore_ascii_case("any") => 1,
            number => number.parse().map_err(|_| {
                let meant = meant(number, ["all", "any"]);
                self.bad(format!(
                    "`{} of`: `1`, another number or `all` would do{meant}",
                    shown(number)
                ))
            })?,
        };
        if count == 0 {
            return Err(self.bad("`0 of` always holds; `not 1 of` is what holds when none does"));
        }
        if count > of.len() {
            let (which, there) = (shown(which), of.len());
            return Err(self.bad(format!("`{count} of {which}`: there are only {there}")));
        }
        if (2..of.len()).contains(&count) && of.len() > OF_MAX {
            let (which, there) = (shown(which), of.len());
            return Err(self.bad(format!(
                "`{count} of {which}`: of {there}; of more than {OF_MAX} only `1 of` and `all of` are understood"
            )));
        }
        self.at_least(count, &of)
    }

    fn at_least(&mut self, count: usize, of: &[&Selection]) -> Result<Condition, Bad> {
        if count == of.len() {
            let all: Result<_, Bad> = of.iter().map(|selection| self.take(selection)).collect();
            return Ok(one_or(all?, Condition::All));
        }
        if count == 1 {
            let any: Result<_, Bad> = of.iter().map(|selection| self.take(selection)).collect();
            return Ok(one_or(any?, Condition::Any));
        }
        // Either the first is one of them, or it is not needed.
        let first = self.take(of[0])?;
        let with = Condition::All(vec![first, self.at_least(count - 1, &of[1..])?]);
        Ok(Condition::Any(vec![with, self.at_least(count, &of[1..])?]))
    }
}

/// Whether a name is like a pattern with `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// The only one, or all of them put together.
pub(super) fn one_or(
    mut of: Vec<Condition>,
    together: fn(Vec<Condition>) -> Condition,
) -> Condition {
    match of.len() {
        1 => of.remove(0),
        _ => together(of),
    }
}

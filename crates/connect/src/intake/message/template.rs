//! Subjects with wildcards, and texts with holes.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Text;
use crate::draft::Unmapped;
use crate::intake::json::{Members, each, scalar};

/// Subjects: tokens between dots, of which `*` is any one, and `>` at the end any number of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let mut tokens = text.split('.').rev();
        let last = tokens.next().unwrap_or_default();
        let bad = |token: &str| {
            token.is_empty() || token.contains(odd) || (token.contains(['*', '>']) && token != "*")
        };
        if (last != ">" && bad(last)) || tokens.any(bad) {
            return Err(format!(
                "{text:?} is no subject: tokens between dots, `*` for any one of them, `>` at the end for any number"
            ));
        }
        Ok(Pattern { text })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Whether a subject is one of these.
    pub fn fits(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for wanted in self.text.split('.') {
            match (wanted, tokens.next()) {
                (">", Some(_)) => return true,
                (_, None) => return false,
                (wanted, Some(token)) if wanted != "*" && wanted != token => return false,
                _ => {}
            }
        }
        tokens.next().is_none()
    }

    /// Whether whatever fits the other fits this one.
    pub(super) fn covers(&self, other: &Pattern) -> bool {
        let mut theirs = other.text.split('.');
        for ours in self.text.split('.') {
            match (ours, theirs.next()) {
                (">", Some(_)) => return true,
                (_, None) | ("*", Some(">")) => return false,
                (ours, Some(token)) if ours != "*" && ours != token => return false,
                _ => {}
            }
        }
        theirs.next().is_none()
    }

    /// Whether every subject of these has the tokens that a template asks for.
    pub(super) fn allows(&self, template: &Template) -> Result<(), String> {
        let tokens = self.text.split('.').count();
        for piece in &template.pieces {
            if let Piece::Token(number) = piece
                && *number > tokens
            {
                return Err(format!(
                    "{{{number}}} in {:?}: a subject of {self} need not have more than {tokens} tokens",
                    template.text
                ));
            }
        }
        Ok(())
    }
}

/// A text with holes: `{2}` is the second token of the subject, `{/a/b}` a member of the payload. A text that begins
/// with `/` is one hole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Said(String),
    Token(usize),
    Member(String),
}

/// What holes are filled from.
pub(super) struct Found<'a> {
    pub subject: &'a str,
    pub json: Option<&'a RawValue>,
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Template, String> {
        let mut pieces = Vec::new();
        if text.starts_with('/') {
            pieces.push(Piece::Member(text.clone()));
            return Ok(Template { text, pieces });
        }
        let mut rest = &*text;
        while let Some(at) = rest.find(['{', '}']) {
            let (said, hole) = rest.split_at(at);
            let inside = hole.strip_prefix('{').and_then(|hole| hole.split_once('}'));
            let bad = || {
                format!(
                    "{text:?}: {{1}}, {{2}} … are the subject's tokens, {{/name}} is a member of the payload; nothing else stands in braces"
                )
            };
            let (inside, after) = inside.ok_or_else(bad)?;
            if !said.is_empty() {
                pieces.push(Piece::Said(said.into()));
            }
            pieces.push(match inside.parse::<usize>() {
                Ok(number) if number > 0 && !inside.starts_with('+') => Piece::Token(number),
                _ if inside.starts_with('/') => Piece::Member(inside.into()),
                _ => return Err(bad()),
            });
            rest = after;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Said(rest.into()));
        }
        Ok(Template { text, pieces })
    }
}

impl Template {
    /// The text, if it has no hole.
    pub(super) fn constant(&self) -> Option<&str> {
        match &self.pieces[..] {
            [Piece::Said(said)] => Some(said),
            _ => None,
        }
    }

    /// The text with every hole filled.
    pub(super) fn fill<'a>(&self, found: &Found<'a>, field: &str) -> Result<Text<'a>, Unmapped> {
        self.filled(found, field)?.map_err(|pointer| {
            Unmapped::new(
                field,
                format!("is made of {pointer}, and the payload has no such member"),
            )
        })
    }

    /// The text, or nothing if the payload lacks a member of it.
    pub(super) fn maybe<'a>(
        &self,
        found: &Found<'a>,
        field: &str,
    ) -> Result<Option<Text<'a>>, Unmapped> {
        Ok(self.filled(found, field)?.ok())
    }

    fn filled<'a>(
        &self,
        found: &Found<'a>,
        field: &str,
    ) -> Result<Result<Text<'a>, &str>, Unmapped> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Said(said) => text.push_str(said),
                // A rule is only used for subjects that have this token.
                Piece::Token(number) => {
                    text.push_str(found.subject.split('.').nth(number - 1).unwrap_or_default());
                }
                Piece::Member(pointer) => {
                    let value = found.json.and_then(|json| at(json, pointer));
                    let Some(value) = value.filter(|value| value.get() != "null") else {
                        return Ok(Err(pointer));
                    };
                    let said = match value.get() {
                        truth @ ("true" | "false") => Some(truth.into()),
                        list if list.starts_with('[') => None,
                        _ => scalar(value),
                    };
                    let Some(said) = said else {
                        let why = format!("is made of {pointer}, which is no text and no number");
                        return Err(Unmapped::new(field, why));
                    };
                    if self.pieces.len() == 1 {
                        return Ok(Ok(said));
                    }
                    text.push_str(&said);
                }
            }
        }
        Ok(Ok(text.into()))
    }

    /// The member of the payload as it is, whatever it is; of a text with other parts, that text.
    pub(super) fn json<'a>(&self, found: &Found<'a>) -> Option<Text<'a>> {
        if let [Piece::Member(pointer)] = &self.pieces[..] {
            return at(found.json?, pointer).map(|value| value.get().into());
        }
        let text = self.maybe(found, "").ok()??;
        Some(serde_json::to_string(&text).expect("a text is written to memory").into())
    }
}

/// What a JSON Pointer points at.
pub(super) fn at<'a>(json: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    let mut value = json;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        value = match value.get().as_bytes().first()? {
            b'{' => Members::read(value.get().as_bytes()).ok()?.get(&token)?,
            b'[' => {
                let number = token.parse::<usize>().ok()?;
                let (mut left, mut found) = (number, None);
                each(value.get(), &mut |item| {
                    found = (left == 0).then_some(item);
                    left = left.saturating_sub(1);
                    found.is_none()
                })
                .ok()
                .or(found.map(|_| ()))?;
                found?
            }
            _ => return None,
        };
    }
    Some(value)
}

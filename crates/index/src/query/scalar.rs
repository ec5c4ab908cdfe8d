//! One value as it is written: bare, in quotes or between slashes.

use super::error::QueryError;

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bare,
    Quoted,
    Regex,
}

/// A comparison before a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A value as written, without its quotes and escapes.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub form: Form,
    pub compare: Option<Compare>,
    pub text: String,
    /// The bytes of `text` that are a `*` which stands for anything.
    pub stars: Vec<usize>,
    /// Where it stands in the query.
    pub start: usize,
    pub end: usize,
}

impl Scalar {
    /// Whether it is a single `*`.
    pub fn is_star(&self) -> bool {
        self.form == Form::Bare && self.text == "*" && self.stars.len() == 1
    }
}

/// The query's text and how far it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t> {
    pub text: &'t str,
    pub at: usize,
}

impl<'t> Cursor<'t> {
    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether one of the words `AND`, `OR` and `NOT` is here.
    pub fn is_at_word(&self, word: &str) -> bool {
        let rest = self.rest().strip_prefix(word);
        rest.is_some_and(|rest| rest.chars().next().is_none_or(ends_token))
    }

    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_at_word(word);
        if found {
            self.at += word.len();
        }
        found
    }

    pub fn error(&self, start: usize, end: usize, message: impl Into<String>) -> QueryError {
        QueryError::new(self.text, start, end, message)
    }

    /// The value here, which may end at a comma.
    pub fn scalar(&mut self, compare: bool) -> Result<Scalar, QueryError> {
        let start = self.at;
        let compare = if compare { self.compare() } else { None };
        let mut scalar = match self.peek() {
            Some('"') => self.quoted()?,
            Some('/') => match self.regex() {
                Some(scalar) => scalar,
                None => self.bare(true)?,
            },
            _ => self.bare(true)?,
        };
        scalar.compare = compare;
        scalar.start = start;
        Ok(scalar)
    }

    fn compare(&mut self) -> Option<Compare> {
        let signs = [
            (">=", Compare::AtLeast),
            ("<=", Compare::AtMost),
            (">", Compare::Above),
            ("<", Compare::Below),
        ];
        signs.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, compare)| compare)
    }

    /// What stands in quotes.
    pub fn quoted(&mut self) -> Result<Scalar, QueryError> {
        let start = self.at;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => break,
                Some('\\') => match self.next() {
                    Some(character) => text.push(character),
                    None => return Err(self.unclosed(start)),
                },
                Some(character) => text.push(character),
                None => return Err(self.unclosed(start)),
            }
        }
        if let Some(next) = self.peek().filter(|next| !ends_token(*next) && *next != ',') {
            let message = format!("`{next}` directly after a quote");
            let hint = "put a space between them; a quote inside a quoted text is written \\\"";
            return Err(self.error(self.at, self.at + next.len_utf8(), message).hint(hint));
        }
        Ok(Scalar {
            form: Form::Quoted,
            compare: None,
            text,
            stars: Vec::new(),
            start,
            end: self.at,
        })
    }

    fn unclosed(&self, start: usize) -> QueryError {
        self.error(start, start + 1, "this quote is never closed")
            .hint("close it, or write \\\" for the character itself")
    }

    /// A regular expression between slashes, if it is one: the next slash must end the token. So a
    /// path such as `/var/log` is a text.
    pub fn regex(&mut self) -> Option<Scalar> {
        let start = self.at;
        let mut ahead = *self;
        ahead.next();
        loop {
            match ahead.next()? {
                '/' => break,
                '\\' => {
                    ahead.next()?;
                }
                _ => {}
            }
        }
        let text = &self.text[start + 1..ahead.at - 1];
        let ends = ahead.peek().is_none_or(|next| ends_token(next) || next == ',');
        if text.is_empty() || !ends {
            return None;
        }
        self.at = ahead.at;
        let text = text.to_owned();
        Some(Scalar {
            form: Form::Regex,
            compare: None,
            text,
            stars: Vec::new(),
            start,
            end: self.at,
        })
    }

    /// A text without quotes; in a list a comma ends it.
    pub fn bare(&mut self, comma_ends: bool) -> Result<Scalar, QueryError> {
        let start = self.at;
        let (mut text, mut stars) = (String::new(), Vec::new());
        while let Some(character) = self.peek() {
            match character {
                '"' | '(' => {
                    let message = format!("`{character}` inside a text without quotes");
                    let hint = "put the whole text in quotes, or a \\ before the character";
                    return Err(self.error(self.at, self.at + 1, message).hint(hint));
                }
                ',' if comma_ends => break,
                _ if ends_token(character) => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some(escaped) => text.push(escaped),
                        None => {
                            let message = "nothing follows this \\";
                            return Err(self
                                .error(self.at - 1, self.at, message)
                                .hint("write \\\\ for the character itself"));
                        }
                    }
                    continue;
                }
                '*' => stars.push(text.len()),
                _ => {}
            }
            text.push(character);
            self.next();
        }
        Ok(Scalar { form: Form::Bare, compare: None, text, stars, start, end: self.at })
    }
}

/// Whether a character ends a text without quotes.
pub(super) fn ends_token(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')')
}

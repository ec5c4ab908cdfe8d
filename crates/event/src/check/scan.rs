//! Tokens: strings, numbers and literals of one event, read strictly and without going back.

use crate::json::{plain_until, short_escape, write_escape};
use crate::{RefusalKind, limits};

/// What is wrong, where, and once it is known, with which field.
#[derive(Debug)]
pub(super) struct Fault {
    pub reason: RefusalKind,
    pub offset: usize,
    pub field: Option<String>,
}

impl Fault {
    /// Names the field, unless a deeper one is named already.
    pub fn of(mut self: Box<Self>, path: &Path<'_>) -> Box<Self> {
        self.field.get_or_insert_with(|| path.dotted());
        self
    }
}

/// The result of a step; boxed, so that the way of good events stays narrow.
pub(super) type Step<T> = Result<T, Box<Fault>>;

/// The way to a known member, kept on the stack and written out only for a refusal.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    name: &'static str,
    index: usize,
}

impl<'p> Path<'p> {
    /// The event itself.
    pub const EVENT: Path<'static> = Path { parent: None, name: "", index: 0 };

    /// A member of the event.
    pub const fn top(name: &'static str) -> Path<'static> {
        Path { parent: None, name, index: 0 }
    }

    pub fn member(&'p self, name: &'static str) -> Path<'p> {
        Path { parent: Some(self), name, index: 0 }
    }

    pub fn element(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), name: "", index }
    }

    /// `actor.auth.method`, `targets[3].id`.
    pub fn dotted(&self) -> String {
        let mut text = self.parent.map(Path::dotted).unwrap_or_default();
        if !self.name.is_empty() {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(self.name);
        } else if self.parent.is_some() {
            text.push_str(&format!("[{}]", self.index));
        }
        text
    }

    /// `/changes/before`: the beginning of a JSON Pointer.
    pub fn pointer(&self) -> String {
        let mut text = self.parent.map(Path::pointer).unwrap_or_default();
        if !self.name.is_empty() {
            text.push('/');
            text.push_str(self.name);
        }
        text
    }
}

/// Canonical bytes that lie in the received event where they needed no change, else in the scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// Marks the start of a span in the scratch; events are far shorter than 2³¹ bytes.
const IN_SCRATCH: u32 = 1 << 31;

impl Span {
    pub const ABSENT: Span = Span { start: u32::MAX, end: u32::MAX };

    pub fn input(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub fn scratch(start: usize, end: usize) -> Span {
        Span { start: start as u32 | IN_SCRATCH, end: end as u32 }
    }

    pub fn is_given(self) -> bool {
        self != Span::ABSENT
    }
}

/// The event being read.
pub(super) struct Scan<'a> {
    /// UTF-8, as the constructor sees to; scanning stops at ASCII bytes only, so pieces stay UTF-8.
    pub bytes: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// Canonical bytes that differ from the received ones; only ever appended to.
    pub scratch: Vec<u8>,
    /// The keys of the open objects of the free JSON being read.
    pub keys: Vec<Span>,
    /// The keys of the whole event so far.
    key_count: usize,
    /// Whether the last string with escapes had U+0000.
    saw_nul: bool,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Scan<'a> {
        Scan {
            bytes: text.as_bytes(),
            at: 0,
            scratch: Vec::new(),
            keys: Vec::new(),
            key_count: 0,
            saw_nul: false,
        }
    }

    pub fn get(&self, span: Span) -> &[u8] {
        let end = span.end as usize;
        if span == Span::ABSENT {
            &[]
        } else if span.start & IN_SCRATCH == 0 {
            &self.bytes[span.start as usize..end]
        } else {
            &self.scratch[(span.start & !IN_SCRATCH) as usize..end]
        }
    }

    #[cold]
    pub fn fault(&self, reason: RefusalKind) -> Box<Fault> {
        self.fault_at(reason, self.at)
    }

    #[cold]
    pub fn fault_at(&self, reason: RefusalKind, offset: usize) -> Box<Fault> {
        Box::new(Fault { reason, offset, field: None })
    }

    /// The fault of a byte that cannot stand here, or of an event that ends here.
    #[cold]
    pub fn unexpected(&self, expected: &'static str) -> Box<Fault> {
        match self.bytes.get(self.at) {
            Some(&found) => self.fault(RefusalKind::Syntax { expected, found }),
            None => self.fault(RefusalKind::Truncated),
        }
    }

    /// The fault of a value of another type, or of no value at all.
    #[cold]
    pub fn wrong_type(&self, expected: &'static str) -> Box<Fault> {
        let found = match self.bytes.get(self.at) {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => return self.unexpected("a value"),
        };
        self.fault(RefusalKind::WrongType { expected, found })
    }

    /// The byte here, or 0, which stands nowhere between tokens, at the end.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Skips white space; the byte after it, or 0 at the end.
    #[inline]
    pub fn token(&mut self) -> u8 {
        loop {
            let byte = self.peek();
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
    }

    /// Eats this byte, after white space.
    #[inline]
    pub fn expect(&mut self, byte: u8, name: &'static str) -> Step<()> {
        if self.token() != byte {
            return Err(self.unexpected(name));
        }
        self.at += 1;
        Ok(())
    }

    /// The canonical body of the string here.
    #[inline]
    pub fn string(&mut self) -> Step<Span> {
        let start = self.at + 1;
        let end = plain_until(self.bytes, start);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Span::input(start, end));
        }
        let mark = self.scratch.len();
        self.transcode()?;
        Ok(Span::scratch(mark, self.scratch.len()))
    }

    /// Counts a key that was read; `key_at` is where it began.
    #[inline]
    pub fn count_key(&mut self, key: Span, key_at: usize) -> Step<()> {
        self.key_count += 1;
        if self.key_count > limits::KEYS_MAX {
            return Err(self.fault_at(RefusalKind::TooManyKeys, key_at));
        }
        if self.saw_nul && key.start & IN_SCRATCH != 0 {
            return Err(self.fault_at(RefusalKind::NulInKey, key_at));
        }
        Ok(())
    }

    /// Appends the canonical body of the string here to the scratch.
    pub fn transcode(&mut self) -> Step<()> {
        self.saw_nul = false;
        self.at += 1;
        loop {
            let end = plain_until(self.bytes, self.at);
            self.scratch.extend_from_slice(&self.bytes[self.at..end]);
            self.at = end;
            match self.bytes.get(end) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.fault(RefusalKind::ControlCharacter)),
                None => return Err(self.fault(RefusalKind::Truncated)),
            }
        }
    }

    fn escape(&mut self) -> Step<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'u') => return self.unicode_escape(),
            Some(b'/') => self.scratch.push(b'/'),
            Some(&letter) => match short_escape(letter) {
                Some(byte) => write_escape(&mut self.scratch, byte),
                None => return Err(self.fault(RefusalKind::BadEscape)),
            },
            None => return Err(self.fault_at(RefusalKind::Truncated, self.bytes.len())),
        }
        self.at += 2;
        Ok(())
    }

    fn unicode_escape(&mut self) -> Step<()> {
        let unit = self.hex4(self.at + 2)?;
        let mut len = 6;
        let code = match unit {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at + 6..self.at + 8) != Some(b"\\u") {
                    return Err(self.fault(RefusalKind::LoneSurrogate));
                }
                let low = self.hex4(self.at + 8)?;
                if !(0xdc00..=0xdfff).contains(&low) {
                    return Err(self.fault(RefusalKind::LoneSurrogate));
                }
                len = 12;
                0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => unit,
        };
        let Some(character) = char::from_u32(code) else {
            return Err(self.fault(RefusalKind::LoneSurrogate));
        };
        match character {
            '\0'..='\x1f' | '"' | '\\' => {
                self.saw_nul |= character == '\0';
                write_escape(&mut self.scratch, character as u8);
            }
            _ => self.scratch.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        self.at += len;
        Ok(())
    }

    fn hex4(&self, at: usize) -> Step<u32> {
        let mut unit = 0;
        for i in at..at + 4 {
            let Some(&byte) = self.bytes.get(i) else {
                return Err(self.fault_at(RefusalKind::Truncated, self.bytes.len()));
            };
            let digit = char::from(byte).to_digit(16);
            unit = unit << 4 | digit.ok_or_else(|| self.fault(RefusalKind::BadEscape))?;
        }
        Ok(unit)
    }

    /// The number token here, as it stands.
    pub fn number(&mut self) -> Step<Span> {
        let start = self.at;
        if self.peek() == b'-' {
            self.at += 1;
        }
        let zero = self.peek() == b'0';
        let whole = self.digits();
        let mut good = whole == 1 || (whole > 1 && !zero);
        if good && self.peek() == b'.' {
            self.at += 1;
            good = self.digits() > 0;
        }
        if good && matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            good = self.digits() > 0;
        }
        // An event ends with a brace, so a number that reaches the end was cut.
        let Some(next) = self.bytes.get(self.at) else {
            return Err(self.fault(RefusalKind::Truncated));
        };
        if !good || next.is_ascii_alphanumeric() || b"._+-".contains(next) {
            return Err(self.fault_at(RefusalKind::BadNumber, start));
        }
        Ok(Span::input(start, self.at))
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    /// Eats `true`, `false` or `null`.
    pub fn literal(&mut self, literal: &'static str) -> Step<()> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(literal.as_bytes()) {
            self.at += literal.len();
            return Ok(());
        }
        if rest.len() < literal.len() && literal.as_bytes().starts_with(rest) {
            return Err(self.fault_at(RefusalKind::Truncated, self.bytes.len()));
        }
        Err(self.unexpected("true, false or null"))
    }

    /// A key as a refusal may repeat it: canonical, not longer than an error should be, and
    /// without the control characters that JSON allows but a terminal would obey.
    pub fn key_shown(&self, key: Span) -> String {
        let key = String::from_utf8_lossy(self.get(key)).replace(char::is_control, "\u{fffd}");
        match key.char_indices().map(|(at, _)| at).find(|&at| at >= limits::KEY_SHOWN_BYTES_MAX) {
            Some(cut) => format!("{}…", &key[..cut]),
            None => key,
        }
    }
}

//! Tokens of the parts' canonical JSON. What is not canonical is damage and ends the reading: `None`.

use std::borrow::Cow;

/// A part being read.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Whether bytes after `text` could not be read.
    torn: bool,
}

impl<'a> Scan<'a> {
    /// Reads as far as the bytes are UTF-8.
    pub fn new(bytes: &'a [u8]) -> Scan<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Scan { text, at: 0, torn: false },
            Err(error) => {
                let good = &bytes[..error.valid_up_to()];
                Scan { text: std::str::from_utf8(good).unwrap_or_default(), at: 0, torn: true }
            }
        }
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len() && !self.torn
    }

    /// The next byte; 0, which begins nothing, at the end.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// Takes this byte if it is the next one.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek() == byte).then(|| self.at += 1)
    }

    /// The text of the string here.
    #[inline]
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        self.eat(b'"')?;
        let start = self.at;
        let rest = self.text.as_bytes().get(start..)?;
        let end = start + rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        self.at = end + 1;
        if self.text.as_bytes()[end] == b'"' {
            return Some(Cow::Borrowed(&self.text[start..end]));
        }
        self.at = end;
        self.escaped(start).map(Cow::Owned)
    }

    /// The rest of a string that began at `start` and has an escape here.
    #[cold]
    fn escaped(&mut self, start: usize) -> Option<String> {
        let mut text = String::from(&self.text[start..self.at]);
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\'])?;
            text.push_str(&rest[..plain]);
            let escape = &rest.as_bytes()[plain..];
            self.at += plain + 2;
            match escape {
                [b'"', ..] => {
                    self.at -= 1;
                    return Some(text);
                }
                [_, b'u', ..] => {
                    let digits = self.text.get(self.at..self.at + 4)?;
                    let code = u32::from_str_radix(digits, 16).ok()?;
                    text.push(char::from_u32(code)?);
                    self.at += 4;
                }
                [_, letter, ..] => text.push(match letter {
                    b'"' | b'\\' | b'/' => char::from(*letter),
                    b'b' => '\u{8}',
                    b't' => '\t',
                    b'n' => '\n',
                    b'f' => '\u{c}',
                    b'r' => '\r',
                    _ => return None,
                }),
                _ => return None,
            }
        }
    }

    /// The number token here, and what it says.
    #[inline]
    pub fn number(&mut self) -> Option<(&'a str, f64)> {
        let rest = &self.text[self.at..];
        let in_number = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.bytes().position(|byte| !in_number(byte)).unwrap_or(rest.len());
        let token = &rest[..len];
        let number = match token.as_bytes() {
            // Short whole numbers, which most are, need no reader of floats.
            bytes if len <= 15 && bytes.iter().all(u8::is_ascii_digit) => {
                bytes.iter().fold(0_u64, |n, byte| n * 10 + u64::from(byte - b'0')) as f64
            }
            _ => token.parse().ok()?,
        };
        self.at += len;
        (len > 0).then_some((token, number))
    }

    /// `true`, `false` or `null` here.
    pub fn literal(&mut self) -> Option<&'static str> {
        let rest = &self.text[self.at..];
        let literal = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word))?;
        self.at += literal.len();
        Some(literal)
    }
}

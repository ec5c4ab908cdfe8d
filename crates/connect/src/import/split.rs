//! The records of a file, found without holding more than one of them.

use crate::limits::{RECORD_BYTES_MAX, SPLIT_KEY_BYTES_MAX};

/// Why a part of a file is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The record is longer than an import takes; it was passed over.
    TooLong,
    /// Bytes that are no JSON object or array, up to the end of their line.
    NotJson,
    /// The file ends within a record.
    Truncated,
}

impl Lost {
    /// It as a sentence that goes on from "record".
    pub fn message(self) -> String {
        match self {
            Lost::TooLong => format!("is longer than {RECORD_BYTES_MAX} bytes"),
            Lost::NotJson => "is not a JSON object".into(),
            Lost::Truncated => "is not whole: the file ends in it".into(),
        }
    }
}

/// Finds records in bytes that come in pieces: objects one after another (one a line, or not), the elements of an array,
/// or those of a list within an object (`{"Records": […]}`), mixed as they come.
///
/// It only counts brackets and skips strings; whether a record is JSON shows when it is read.
pub struct Split {
    /// Members of an outermost object whose elements are records.
    lists: &'static [&'static str],
    /// What is kept of the record that is not whole yet.
    record: Vec<u8>,
    state: State,
    /// Open brackets within the record.
    depth: u32,
    /// Open brackets around it: those of an array, or of an object and its list.
    around: Around,
    /// The outermost object's key that is being read, or was read last.
    key: Vec<u8>,
    /// Records so far, whole or lost.
    number: u64,
    too_long: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between records.
    Between,
    /// Within one, outside of its strings.
    Within,
    /// Within one of its strings.
    Text,
    /// After a backslash there.
    Escaped,
    /// Until the line ends.
    Junk,
    /// Past the list of an object, until that closes.
    After,
    AfterText,
    AfterEscaped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Nothing,
    Array,
    List,
}

impl Split {
    /// Begins.
    pub fn new(lists: &'static [&'static str]) -> Split {
        Split {
            lists,
            record: Vec::new(),
            state: State::Between,
            depth: 0,
            around: Around::Nothing,
            key: Vec::new(),
            number: 0,
            too_long: false,
        }
    }

    /// Takes the next piece, and gives each record that is whole with it, counted from 1.
    pub fn feed(&mut self, mut bytes: &[u8], mut sink: impl FnMut(u64, Result<&[u8], Lost>)) {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Between => self.between(bytes),
                State::Within => self.within(bytes, &mut sink),
                State::Text | State::Escaped => self.text(bytes),
                State::Junk => self.junk(bytes, &mut sink),
                State::After | State::AfterText | State::AfterEscaped => self.after(bytes),
            };
            bytes = &bytes[used..];
        }
    }

    /// The file ended.
    pub fn finish(mut self, mut sink: impl FnMut(u64, Result<&[u8], Lost>)) {
        match self.state {
            State::Junk => self.lose(Lost::NotJson, &mut sink),
            State::Within | State::Text | State::Escaped => self.lose(Lost::Truncated, &mut sink),
            State::Between if self.around != Around::Nothing => {
                self.lose(Lost::Truncated, &mut sink)
            }
            State::Between | State::After | State::AfterText | State::AfterEscaped => {}
        }
    }

    fn lose(&mut self, lost: Lost, sink: &mut impl FnMut(u64, Result<&[u8], Lost>)) {
        self.number += 1;
        self.record.clear();
        sink(self.number, Err(lost));
    }

    fn between(&mut self, bytes: &[u8]) -> usize {
        let skipped = |byte: &u8| {
            byte.is_ascii_whitespace() || matches!(byte, b',' | 0x1e | 0xef | 0xbb | 0xbf)
        };
        let Some(at) = bytes.iter().position(|byte| !skipped(byte)) else { return bytes.len() };
        match (bytes[at], self.around) {
            (b'{', _) => {
                (self.state, self.depth, self.too_long) = (State::Within, 0, false);
                self.key.clear();
                return at;
            }
            (b'[', Around::Nothing) => self.around = Around::Array,
            (b']', Around::Array) => self.around = Around::Nothing,
            (b']', Around::List) => {
                (self.state, self.around, self.depth) = (State::After, Around::Nothing, 1);
            }
            _ => self.state = State::Junk,
        }
        at + 1
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.record.len() + bytes.len() > RECORD_BYTES_MAX {
            self.too_long = true;
            self.record.clear();
        }
        if !self.too_long {
            self.record.extend_from_slice(bytes);
        }
    }

    fn within(&mut self, bytes: &[u8], sink: &mut impl FnMut(u64, Result<&[u8], Lost>)) -> usize {
        let is_mark = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
        let Some(at) = bytes.iter().position(is_mark) else {
            self.keep(bytes);
            return bytes.len();
        };
        self.keep(&bytes[..=at]);
        match bytes[at] {
            b'"' => {
                self.state = State::Text;
                self.key.clear();
            }
            b'[' if self.depth == 1 && self.is_list() => {
                // What stood before the list names the whole, not its records.
                self.record.clear();
                (self.state, self.around) = (State::Between, Around::List);
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            _ => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.state = State::Between;
                    self.number += 1;
                    let lost = std::mem::take(&mut self.too_long);
                    sink(self.number, if lost { Err(Lost::TooLong) } else { Ok(&self.record) });
                    self.record.clear();
                }
            }
        }
        at + 1
    }

    fn is_list(&self) -> bool {
        self.around == Around::Nothing
            && self.record.trim_ascii_end().len() > 1
            && self.lists.iter().any(|list| list.as_bytes() == self.key)
            && self.record[..self.record.len() - 1].trim_ascii_end().ends_with(b":")
    }

    fn text(&mut self, bytes: &[u8]) -> usize {
        if self.state == State::Escaped {
            self.keep(&bytes[..1]);
            self.state = State::Text;
            return 1;
        }
        let at = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let len = at.map_or(bytes.len(), |at| at + 1);
        self.keep(&bytes[..len]);
        if self.depth == 1 && self.around == Around::Nothing && self.key.len() < SPLIT_KEY_BYTES_MAX
        {
            self.key.extend_from_slice(&bytes[..at.unwrap_or(len).min(SPLIT_KEY_BYTES_MAX)]);
        }
        match at.map(|at| bytes[at]) {
            Some(b'"') => self.state = State::Within,
            Some(_) => self.state = State::Escaped,
            None => {}
        }
        len
    }

    fn junk(&mut self, bytes: &[u8], sink: &mut impl FnMut(u64, Result<&[u8], Lost>)) -> usize {
        let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { return bytes.len() };
        self.state = State::Between;
        self.lose(Lost::NotJson, sink);
        at + 1
    }

    fn after(&mut self, bytes: &[u8]) -> usize {
        match (self.state, bytes[0]) {
            (State::AfterEscaped, _) => self.state = State::AfterText,
            (State::AfterText, b'"') => self.state = State::After,
            (State::AfterText, b'\\') => self.state = State::AfterEscaped,
            (State::AfterText, _) => {}
            (_, b'"') => self.state = State::AfterText,
            (_, b'{' | b'[') => self.depth = self.depth.saturating_add(1),
            (_, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.state = State::Between;
                }
            }
            _ => {}
        }
        1
    }
}

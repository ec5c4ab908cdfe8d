//! Splitting a stream of bytes into events: NDJSON, or one JSON array.
//!
//! The splitter only finds where items begin and end; whether an item is an event is for
//! [`crate::check`] to say, so that one bad item refuses nothing but itself.

use crate::json::plain_until;
use crate::{Refusal, RefusalKind, limits};

/// An incremental splitter. Feed it chunks of any size; it hands each item to the closure as soon as
/// it is complete, and never holds more than one item of the limit's size.
///
/// Items are numbered: lines of NDJSON from 1 (blank lines are counted and skipped), elements of an
/// array from 0.
#[derive(Debug)]
pub struct Items {
    state: State,
    /// The beginning of an item that the chunks so far did not complete.
    carry: Vec<u8>,
    /// The current item is longer than the limit and is being skipped.
    oversize: bool,
    number: u64,
    /// The bytes of all chunks before the current one.
    before: u64,
    bytes_max: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only white space so far, with so many line ends in it.
    Start {
        lines: u64,
    },
    Lines,
    /// In an array, before an element; `first` while the array may still be empty.
    Before {
        first: bool,
    },
    /// In an element, with so many open brackets, perhaps in a string, perhaps after a backslash.
    Element {
        depth: u32,
        string: bool,
        escape: bool,
    },
    /// The array has ended.
    After,
    /// The array's structure is broken, and this was said.
    Broken,
}

/// An item or why it is none, with its number.
type Sink<'s> = dyn FnMut(u64, Result<&[u8], Refusal>) + 's;

impl Default for Items {
    fn default() -> Items {
        Items::new()
    }
}

impl Items {
    /// A splitter with the limit of an event.
    pub fn new() -> Items {
        Items::with_limit(limits::EVENT_BYTES_MAX)
    }

    /// A splitter with another limit on the bytes of an item.
    pub fn with_limit(bytes_max: usize) -> Items {
        let state = State::Start { lines: 0 };
        Items { state, carry: Vec::new(), oversize: false, number: 0, before: 0, bytes_max }
    }

    /// Whether the array's structure was broken; nothing that is fed now can give an item.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// Takes the next bytes and hands over the items they complete.
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(u64, Result<&[u8], Refusal>)) {
        let mut at = 0;
        while at < chunk.len() {
            at = match self.state {
                State::Start { lines } => self.start(chunk, at, lines),
                State::Lines => self.line(chunk, at, &mut sink),
                State::Before { first } => self.before_element(chunk, at, first, &mut sink),
                State::Element { depth, string, escape } => {
                    self.element(chunk, at, (depth, string, escape), &mut sink)
                }
                State::After => self.after(chunk, at, &mut sink),
                State::Broken => chunk.len(),
            };
        }
        self.before += chunk.len() as u64;
    }

    /// Ends the stream: the last line needs no line end, but an array must be closed.
    pub fn finish(mut self, mut sink: impl FnMut(u64, Result<&[u8], Refusal>)) {
        match self.state {
            State::Start { .. } | State::After | State::Broken => {}
            State::Lines => self.end_item(&[], &mut sink),
            State::Before { .. } | State::Element { .. } => {
                sink(self.number, Err(self.refusal(RefusalKind::Truncated, 0)));
            }
        }
    }

    fn start(&mut self, chunk: &[u8], at: usize, lines: u64) -> usize {
        match chunk[at] {
            b'[' => {
                self.state = State::Before { first: true };
                at + 1
            }
            byte if is_space(byte) => {
                self.state = State::Start { lines: lines + u64::from(byte == b'\n') };
                at + 1
            }
            _ => {
                self.number = lines + 1;
                self.state = State::Lines;
                at
            }
        }
    }

    fn line(&mut self, chunk: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        match memchr::memchr(b'\n', &chunk[at..]) {
            Some(len) => {
                self.end_item(&chunk[at..at + len], sink);
                at + len + 1
            }
            None => {
                self.keep(&chunk[at..]);
                chunk.len()
            }
        }
    }

    fn before_element(
        &mut self,
        chunk: &[u8],
        at: usize,
        first: bool,
        sink: &mut Sink<'_>,
    ) -> usize {
        match chunk[at] {
            byte if is_space(byte) => at + 1,
            b']' if first => {
                self.state = State::After;
                at + 1
            }
            found @ (b',' | b']' | b'}' | b':') => {
                self.broken("an element of the array", found, at, sink);
                chunk.len()
            }
            _ => {
                self.state = State::Element { depth: 0, string: false, escape: false };
                at
            }
        }
    }

    /// Looks for the end of the element: a comma or bracket outside strings and inner brackets.
    fn element(
        &mut self,
        chunk: &[u8],
        start: usize,
        inside: (u32, bool, bool),
        sink: &mut Sink<'_>,
    ) -> usize {
        let (mut depth, mut string, mut escape) = inside;
        let mut at = start;
        while at < chunk.len() {
            if escape {
                escape = false;
                at += 1;
                continue;
            }
            if string {
                at = plain_until(chunk, at);
                if let Some(&byte) = chunk.get(at) {
                    (string, escape) = (byte != b'"', byte == b'\\');
                    at += 1;
                }
                continue;
            }
            match chunk[at] {
                b'"' => string = true,
                b'{' | b'[' => depth = depth.saturating_add(1),
                end @ (b',' | b']') if depth == 0 => {
                    self.end_item(&chunk[start..at], sink);
                    self.state =
                        if end == b',' { State::Before { first: false } } else { State::After };
                    return at + 1;
                }
                found @ b'}' if depth == 0 => {
                    self.broken("a comma or the end of the array", found, at, sink);
                    return chunk.len();
                }
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        self.keep(&chunk[start..]);
        self.state = State::Element { depth, string, escape };
        at
    }

    fn after(&mut self, chunk: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        if is_space(chunk[at]) {
            return at + 1;
        }
        self.broken("nothing after the end of the array", chunk[at], at, sink);
        chunk.len()
    }

    /// Keeps a piece of an item for later, or forgets the item once it is too long.
    fn keep(&mut self, piece: &[u8]) {
        if self.oversize || self.carry.len() + piece.len() > self.bytes_max {
            self.oversize = true;
            self.carry.clear();
        } else {
            self.carry.extend_from_slice(piece);
        }
    }

    /// Hands over the item that ends with this piece.
    fn end_item(&mut self, piece: &[u8], sink: &mut Sink<'_>) {
        let number = self.number;
        self.number += 1;
        if self.oversize || self.carry.len() + piece.len() > self.bytes_max {
            self.oversize = false;
            self.carry.clear();
            let bytes_max = self.bytes_max;
            let reason = RefusalKind::TooLong { bytes_max };
            return sink(number, Err(Refusal { field: String::new(), reason, offset: bytes_max }));
        }
        let item = if self.carry.is_empty() {
            piece
        } else {
            self.carry.extend_from_slice(piece);
            &self.carry
        };
        if !item.iter().all(|&byte| is_space(byte)) {
            sink(number, Ok(item));
        }
        self.carry.clear();
    }

    fn broken(&mut self, expected: &'static str, found: u8, at: usize, sink: &mut Sink<'_>) {
        self.state = State::Broken;
        self.carry = Vec::new();
        sink(self.number, Err(self.refusal(RefusalKind::Syntax { expected, found }, at)));
    }

    /// A refusal of the array itself, whose offset counts from the beginning of the stream.
    fn refusal(&self, reason: RefusalKind, at: usize) -> Refusal {
        let offset = usize::try_from(self.before).unwrap_or(usize::MAX).saturating_add(at);
        Refusal { field: String::new(), reason, offset }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;

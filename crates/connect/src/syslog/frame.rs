//! A connection's bytes, taken apart into messages (RFC 6587).
//!
//! Each message is told apart on its own: where digits, a space and `<` come next, the octets are counted; else the
//! message goes up to the line break. A message that is too long is cut off, and what is left of it is passed over, so
//! that the next one is found where it begins.

use crate::limits::{SYSLOG_COUNT_DIGITS_MAX, SYSLOG_FRAME_BYTES_MAX};

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many it had, if that was more than are kept.
    pub cut_from: Option<u64>,
}

/// Messages out of bytes that arrive bit by bit.
#[derive(Debug, Default)]
pub struct Frames {
    /// What came and was not given out, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Where a line break was looked for without finding one, so that no byte is looked at twice.
    looked: usize,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Between,
    /// So many bytes of a message are still to come.
    Counted { left: u64 },
    /// A message up to its line break.
    Line,
    /// The rest of one that was too long.
    Passing { frame: Vec<u8>, passed: u64, left: Option<u64> },
}

impl Frames {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            // What is left is short: less than a message.
            self.buffer.drain(..self.start);
            self.looked = self.looked.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes wait for what is still to come. Never much more than a message, if [`Frames::next`] was asked until
    /// it had none.
    pub fn waiting(&self) -> usize {
        let passed = if let State::Passing { frame, .. } = &self.state { frame.len() } else { 0 };
        self.buffer.len() - self.start + passed
    }

    /// The next whole message.
    #[expect(clippy::should_implement_trait, reason = "it has one again after the next push")]
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = match &mut self.state {
                State::Between => match self.begin() {
                    Some(state) => {
                        self.state = state;
                        self.looked = self.start;
                        continue;
                    }
                    None => return None,
                },
                State::Counted { left } => {
                    let left = *left;
                    self.counted(left)?
                }
                State::Line => self.line()?,
                State::Passing { .. } => self.pass()?,
            };
            // An empty line is no message.
            if let Some(frame) = frame {
                return Some(frame);
            }
        }
    }

    /// What is left when the connection ends: a last line without its break, or a message that was broken off.
    pub fn finish(mut self) -> Option<Frame> {
        let state = std::mem::take(&mut self.state);
        let rest = &self.buffer[self.start..];
        match state {
            State::Passing { frame, passed, .. } => {
                let cut_from = Some(frame.len() as u64 + passed + rest.len() as u64);
                Some(Frame { bytes: frame, cut_from })
            }
            State::Counted { left } if !rest.is_empty() => {
                Some(Frame { bytes: rest.to_vec(), cut_from: Some(left) })
            }
            _ => {
                let bytes = trimmed(rest);
                (!bytes.is_empty()).then(|| Frame { bytes: bytes.to_vec(), cut_from: None })
            }
        }
    }

    /// How the next message is framed; `None` if that cannot be told yet.
    fn begin(&mut self) -> Option<State> {
        let rest = &self.buffer[self.start..];
        // Some senders count octets and break the line all the same.
        let blank = rest.iter().take_while(|b| matches!(b, b'\n' | b'\r' | 0)).count();
        self.start += blank;
        let rest = &self.buffer[self.start..];
        let digits = rest.iter().take(SYSLOG_COUNT_DIGITS_MAX + 1);
        let digits = digits.take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return (!rest.is_empty()).then_some(State::Line);
        }
        if digits > SYSLOG_COUNT_DIGITS_MAX || rest[0] == b'0' {
            return Some(State::Line);
        }
        match (rest.get(digits), rest.get(digits + 1)) {
            (Some(b' '), Some(b'<')) => {
                let count = rest[..digits].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
                self.start += digits + 1;
                Some(State::Counted { left: count })
            }
            (Some(b' '), None) | (None, _) => None,
            _ => Some(State::Line),
        }
    }

    fn counted(&mut self, left: u64) -> Option<Option<Frame>> {
        let rest = &self.buffer[self.start..];
        let len = usize::try_from(left).unwrap_or(usize::MAX);
        if len > SYSLOG_FRAME_BYTES_MAX {
            if rest.len() < SYSLOG_FRAME_BYTES_MAX {
                return None;
            }
            let left = left - SYSLOG_FRAME_BYTES_MAX as u64;
            self.cut(Some(left));
            return Some(None);
        }
        if rest.len() < len {
            return None;
        }
        // Senders count the line break that they end their messages with.
        let bytes = trimmed(&rest[..len]).to_vec();
        self.start += len;
        self.state = State::Between;
        Some((!bytes.is_empty()).then_some(Frame { bytes, cut_from: None }))
    }

    fn line(&mut self) -> Option<Option<Frame>> {
        let found = self.buffer[self.looked..].iter().position(|b| *b == b'\n');
        let Some(found) = found else {
            self.looked = self.buffer.len();
            if self.buffer.len() - self.start <= SYSLOG_FRAME_BYTES_MAX {
                return None;
            }
            self.cut(None);
            return Some(None);
        };
        let end = self.looked + found;
        let line = &self.buffer[self.start..end];
        let kept = trimmed(&line[..line.len().min(SYSLOG_FRAME_BYTES_MAX)]);
        let cut_from = (line.len() > SYSLOG_FRAME_BYTES_MAX).then_some(line.len() as u64);
        let frame = Frame { bytes: kept.to_vec(), cut_from };
        self.start = end + 1;
        self.looked = self.start;
        self.state = State::Between;
        Some((!frame.bytes.is_empty()).then_some(frame))
    }

    /// Keeps the beginning of a message that is too long.
    fn cut(&mut self, left: Option<u64>) {
        let end = self.start + SYSLOG_FRAME_BYTES_MAX;
        let frame = self.buffer[self.start..end].to_vec();
        self.start = end;
        self.state = State::Passing { frame, passed: 0, left };
    }

    /// Passes over what is left of it.
    fn pass(&mut self) -> Option<Option<Frame>> {
        let State::Passing { frame, passed, left } = &mut self.state else { return Some(None) };
        let rest = &self.buffer[self.start..];
        let (over, ended) = match left {
            Some(left) => {
                let over = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= over as u64;
                (over, *left == 0)
            }
            None => match rest.iter().position(|b| *b == b'\n') {
                Some(at) => (at, true),
                None => (rest.len(), false),
            },
        };
        *passed += over as u64;
        self.start += over;
        if !ended {
            return None;
        }
        let cut_from = Some(frame.len() as u64 + *passed);
        let frame = Frame { bytes: std::mem::take(frame), cut_from };
        self.state = State::Between;
        Some(Some(frame))
    }
}

/// Without what some senders end a line with besides.
fn trimmed(mut line: &[u8]) -> &[u8] {
    while let Some((b'\r' | b'\n' | 0, rest)) = line.split_last() {
        line = rest;
    }
    line
}

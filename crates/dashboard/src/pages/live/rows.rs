//! The API's stream of events made a stream of rows. What is no event goes through as it is: comments, places to go on
//! from, and what the node has to say.

use bytes::Bytes;
use indelible_connect::Event;
use indelible_event::Micros;
use serde::Serialize;

use crate::limits::LIVE_EVENT_BYTES_MAX;
use crate::parts;

/// How long a browser waits before it comes again, in milliseconds.
const RETRY: &str = "retry: 1000\n\n";

/// Reads server-sent events as they come, in whatever pieces.
#[derive(Default)]
pub struct Rows {
    /// What came of a line that is not whole yet.
    line: Vec<u8>,
    block: Block,
    begun: bool,
}

/// The lines until the next empty one.
#[derive(Default)]
struct Block {
    /// All but data.
    head: String,
    data: String,
    /// Whether it is of a type of its own, and so no event of the trail.
    named: bool,
    /// Whether some of it was more than is kept.
    cut: bool,
}

/// What a browser gets of an event.
#[derive(Serialize)]
struct Row<'a> {
    trail: &'a str,
    id: &'a str,
    html: String,
}

impl Rows {
    /// Takes a piece, and gives what is whole by now.
    pub fn feed(&mut self, piece: &[u8]) -> Bytes {
        let mut out = String::new();
        if !self.begun {
            self.begun = true;
            out.push_str(RETRY);
        }
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            self.keep(line);
            let line = std::mem::take(&mut self.line);
            self.take(&String::from_utf8_lossy(&line), &mut out);
        }
        self.keep(rest);
        out.into()
    }

    /// Keeps more of a line, up to a bound.
    fn keep(&mut self, more: &[u8]) {
        let room = LIVE_EVENT_BYTES_MAX.saturating_sub(self.line.len());
        self.block.cut |= more.len() > room;
        self.line.extend_from_slice(&more[..more.len().min(room)]);
    }

    fn take(&mut self, line: &str, out: &mut String) {
        if line.is_empty() {
            return std::mem::take(&mut self.block).finish(out);
        }
        match line.strip_prefix("data:") {
            Some(data) => {
                let data = data.strip_prefix(' ').unwrap_or(data);
                let room = LIVE_EVENT_BYTES_MAX.saturating_sub(self.block.data.len());
                match data.len() <= room {
                    true => self.block.data.push_str(data),
                    false => self.block.cut = true,
                }
            }
            None => {
                self.block.named |= line.starts_with("event:");
                let room = LIVE_EVENT_BYTES_MAX.saturating_sub(self.block.head.len());
                if line.len() < room {
                    self.block.head.push_str(line);
                    self.block.head.push('\n');
                }
            }
        }
    }
}

impl Block {
    fn finish(self, out: &mut String) {
        out.push_str(&self.head);
        if self.named {
            out.push_str(&format!("data: {}\n", self.data));
        } else if self.cut {
            out.push_str(
                "event: unshown\ndata: {\"reason\":\"an event is too large for this page\"}\n",
            );
        } else if !self.data.is_empty() {
            match row(&self.data) {
                Some(row) => out.push_str(&format!("data: {row}\n")),
                None => {
                    out.push_str("event: unshown\ndata: {\"reason\":\"an event cannot be read\"}\n")
                }
            }
        }
        out.push('\n');
    }
}

/// An event's row, as JSON: a value may hold line breaks, which would end a line of the stream.
fn row(json: &str) -> Option<String> {
    let event = Event::read(json)?;
    // The node's clock when it was recorded: the browser goes on from the times themselves.
    let now = Micros::parse(&event.recorded_at).unwrap_or_default();
    let html = parts::row(&event, now).into_string();
    serde_json::to_string(&Row { trail: &event.trail, id: &event.id, html }).ok()
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;

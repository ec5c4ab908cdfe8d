//! From bytes to checked events, on a thread of its own.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use indelible_event::{Checked, Items, Refusal, TrailName, check};
use indelible_log::AppendError;
use indelible_store::Item;

use crate::failure::Failure;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;
/// When a batch is handed over though more is at hand.
const EVENTS_MAX: usize = 1000;
const BYTES_MAX: u64 = 1 << 20;
/// Batches that wait, so that memory stays bounded.
const WAITING_MAX: usize = 4;

/// Some lines, in their order.
pub struct Batch {
    pub lines: Vec<Line>,
    /// The bytes they were read from.
    pub bytes: u64,
    /// What an item of this input is called.
    pub unit: &'static str,
}

/// What one line, or one element of an array, turned out to be.
pub struct Line {
    pub number: u64,
    pub event: Result<Item, Refused>,
    /// The event as it came; kept only where it is sent on.
    pub raw: Box<[u8]>,
}

/// Why a line is not kept.
pub struct Refused {
    pub field: String,
    pub reason: String,
    /// Where in the line.
    pub byte: Option<usize>,
}

impl Refused {
    /// Why the log did not take an event that is well-formed.
    pub fn by_log(error: &AppendError) -> Refused {
        Refused { field: String::new(), reason: error.to_string(), byte: None }
    }
}

impl Batch {
    /// Takes in the batch that follows.
    pub fn join(&mut self, more: Batch) {
        self.lines.extend(more.lines);
        self.bytes += more.bytes;
        self.unit = more.unit;
    }
}

impl From<Refusal> for Refused {
    fn from(Refusal { field, reason, offset }: Refusal) -> Refused {
        Refused { field, reason: reason.to_string(), byte: Some(offset) }
    }
}

/// Starts reading. Events that name no trail go to `trail`, or to `default`; their own bytes are kept if
/// `keep_raw`.
pub fn start(
    bytes: Box<dyn Read + Send>,
    trail: Option<TrailName>,
    keep_raw: bool,
) -> Result<(Receiver<io::Result<Batch>>, JoinHandle<()>), Failure> {
    let (to, batches) = sync_channel(WAITING_MAX);
    let run = move || read_all(bytes, &Reading { trail, keep_raw }, &to);
    // Joined only when it has ended: it may wait for input that does not come, and ends with the process.
    let thread = std::thread::Builder::new().name("indelible-input".into()).spawn(run);
    Ok((batches, thread.map_err(Failure::io("a thread"))?))
}

/// What is done with each item.
struct Reading {
    trail: Option<TrailName>,
    keep_raw: bool,
}

fn read_all(mut from: Box<dyn Read + Send>, reading: &Reading, to: &SyncSender<io::Result<Batch>>) {
    let mut buffer = vec![0; CHUNK];
    let mut items = Items::new();
    let mut unit = None;
    let mut batch = Batch { lines: Vec::new(), bytes: 0, unit: "line" };
    while !items.is_broken() {
        let len = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                // What was read before is good all the same.
                let _ = to.send(Ok(batch)).and_then(|()| to.send(Err(e)));
                return;
            }
        };
        let chunk = &buffer[..len];
        unit = unit.or_else(|| unit_of(chunk));
        batch.unit = unit.unwrap_or("line");
        items.feed(chunk, |number, item| batch.lines.push(reading.line(number, item)));
        batch.bytes += len as u64;
        // A short read means that nothing more is there yet: what is must not wait for it.
        if batch.lines.len() >= EVENTS_MAX || batch.bytes >= BYTES_MAX || len < CHUNK {
            let next = Batch { lines: Vec::with_capacity(EVENTS_MAX), bytes: 0, unit: batch.unit };
            if to.send(Ok(std::mem::replace(&mut batch, next))).is_err() {
                return;
            }
        }
    }
    items.finish(|number, item| batch.lines.push(reading.line(number, item)));
    // Nobody waits for it only if the appending ended already.
    let _ = to.send(Ok(batch));
}

/// What the items are called, once something other than white space has come.
fn unit_of(chunk: &[u8]) -> Option<&'static str> {
    let first = chunk.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(if *first == b'[' { "element" } else { "line" })
}

impl Reading {
    fn line(&self, number: u64, item: Result<&[u8], Refusal>) -> Line {
        let raw = item.as_deref().ok().filter(|_| self.keep_raw).unwrap_or_default().into();
        let event = item.and_then(check).map_err(Refused::from);
        let event = event.and_then(|event| place(event, self.trail.as_ref()));
        Line { number, event, raw }
    }
}

/// Finds the event's trail.
fn place(event: Checked, trail: Option<&TrailName>) -> Result<Item, Refused> {
    let trail = match (&event.trail, trail) {
        (Some(own), Some(given)) if own != given => {
            let reason = format!("is {own}, but this goes to --trail {given}");
            return Err(Refused { field: "trail".into(), reason, byte: None });
        }
        (Some(own), _) => own.clone(),
        (None, Some(given)) => given.clone(),
        (None, None) => TrailName::unnamed(),
    };
    Ok(Item { trail, event, recorded_by: None })
}

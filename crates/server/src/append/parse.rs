//! From a body's bytes to checked events. Decompressed bytes go straight through the splitter, so that they are
//! never all held, and reading ends at the first byte beyond the limit.

use std::io::Read;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use indelible_event::{Checked, EventId, Items, Refusal, TrailName, check_with_subject};
use indelible_store::Item;

use super::body::{Coding, Held, too_large};
use crate::auth::Caller;
use crate::extract::is_json;
use crate::limits;
use crate::problem::Problem;

/// What a body says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One event, or an array.
    Json,
    /// One event a line.
    Ndjson,
}

/// The format that the request names; JSON if it names none, or says what a tool says that does not ask.
pub fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
    let kind = kind.to_str().unwrap_or("?");
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Ok(Format::Ndjson),
        _ if is_json(kind) => Ok(Format::Json),
        _ => Err(Problem::unsupported("send application/json or application/x-ndjson")),
    }
}

/// Where events go, and what the credential adds to them.
pub struct Placing {
    pub caller: Caller,
    /// The trail of events that name none.
    pub default: Option<TrailName>,
    /// What ids are derived from.
    pub key: Option<Arc<str>>,
}

/// What one item of a body turned out to be.
pub enum Lot {
    /// An event: the place among those that are appended.
    Item(usize),
    /// None, or one that may not go where it wants to.
    Refused(Refused),
}

/// Why an item is not kept.
pub struct Refused {
    pub field: String,
    pub message: String,
    pub offset: Option<usize>,
}

/// The items of a body.
pub struct Batch {
    pub lots: Vec<Lot>,
    pub items: Vec<Item>,
    pub ndjson: bool,
    /// What they hold of the bytes in flight.
    pub held: Held,
}

/// Reads a body's events.
pub fn parse(
    bytes: &[u8],
    coding: Coding,
    format: Format,
    placing: &Placing,
    held: Held,
) -> Result<Batch, Problem> {
    let mut batch =
        Batch { lots: Vec::new(), items: Vec::new(), ndjson: format == Format::Ndjson, held };
    match coding {
        Coding::Identity if format == Format::Json && is_object(bytes) => {
            batch.take(Ok(bytes), placing);
        }
        Coding::Identity => {
            let mut items = Items::new();
            items.feed(bytes, |_, item| batch.take(item, placing));
            items.finish(|_, item| batch.take(item, placing));
            batch.limit()?;
        }
        Coding::Gzip => {
            let plain = flate2::read::MultiGzDecoder::new(bytes);
            decompress(plain, format, &mut batch, placing)?;
        }
        Coding::Zstd => {
            let bad = |e| Problem::bad_request(format!("the body is not zstd: {e}"));
            let mut plain = zstd::stream::read::Decoder::with_buffer(bytes).map_err(bad)?;
            plain.window_log_max(limits::ZSTD_WINDOW_LOG_MAX).map_err(bad)?;
            decompress(plain, format, &mut batch, placing)?;
        }
    }
    // Many small events take more room than their bytes.
    batch.held.more(batch.lots.len() * limits::EVENT_HELD_BYTES)?;
    Ok(batch)
}

fn decompress(
    mut plain: impl Read,
    format: Format,
    batch: &mut Batch,
    placing: &Placing,
) -> Result<(), Problem> {
    if format == Format::Ndjson {
        return split(&mut plain, batch, placing);
    }
    // An object may span lines, so its beginning decides whether the splitter may see it.
    let mut head = vec![0; limits::DECOMPRESS_CHUNK];
    let len = read_full(&mut plain, &mut head)?;
    head.truncate(len);
    if !is_object(&head) {
        return split(&mut head.chain(plain), batch, placing);
    }
    let max = indelible_event::limits::EVENT_BYTES_MAX as u64 + 1;
    let mut whole = Vec::new();
    head.chain(&mut plain).take(max).read_to_end(&mut whole).map_err(broken)?;
    batch.take(Ok(&whole), placing);
    // What lies beyond the longest event may be a bomb.
    batch.held.more(whole.len())?;
    count_rest(&mut plain, whole.len())
}

fn count_rest(plain: &mut impl Read, mut count: usize) -> Result<(), Problem> {
    let mut chunk = vec![0; limits::DECOMPRESS_CHUNK];
    loop {
        let len = read_full(plain, &mut chunk)?;
        count += len;
        if count > limits::BODY_BYTES_MAX {
            return Err(too_large());
        }
        if len == 0 {
            return Ok(());
        }
    }
}

/// Takes the events out of what is decompressed, a little at a time.
fn split(plain: &mut impl Read, batch: &mut Batch, placing: &Placing) -> Result<(), Problem> {
    let mut buffer = vec![0; limits::DECOMPRESS_CHUNK];
    let (mut items, mut count) = (Items::new(), 0);
    loop {
        let len = read_full(plain, &mut buffer)?;
        count += len;
        if count > limits::BODY_BYTES_MAX {
            return Err(too_large());
        }
        // What was received was counted then; this comes up only now.
        batch.held.more(len)?;
        items.feed(&buffer[..len], |_, item| batch.take(item, placing));
        batch.limit()?;
        if len == 0 {
            break;
        }
    }
    items.finish(|_, item| batch.take(item, placing));
    batch.limit()
}

/// Fills the buffer as far as there is something to fill it with.
fn read_full(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Problem> {
    let mut done = 0;
    while done < buffer.len() {
        match from.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(len) => done += len,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(broken(e)),
        }
    }
    Ok(done)
}

fn broken(e: std::io::Error) -> Problem {
    Problem::bad_request(format!("the body cannot be decompressed: {e}"))
}

/// Whether the first thing in a body is an object: then it is one event, however many lines it has.
fn is_object(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

impl Batch {
    /// Refuses more events than a request may have.
    fn limit(&self) -> Result<(), Problem> {
        if self.lots.len() <= limits::EVENTS_MAX {
            return Ok(());
        }
        let max = limits::EVENTS_MAX;
        let detail = format!("a request has at most {max} events; nothing was kept");
        Err(Problem::too_large(detail).with("limit", max))
    }

    fn take(&mut self, item: Result<&[u8], Refusal>, placing: &Placing) {
        // Those beyond are only counted: the whole is about to be refused.
        if self.lots.len() > limits::EVENTS_MAX {
            return;
        }
        let position = self.lots.len() as u64;
        let subject = placing.caller.subject.as_deref();
        let checked = item.and_then(|json| check_with_subject(json, subject));
        let placed = checked.map_err(Refused::from).and_then(|e| placing.place(e, position));
        self.lots.push(match placed {
            Ok(item) => {
                self.items.push(item);
                Lot::Item(self.items.len() - 1)
            }
            Err(refused) => Lot::Refused(refused),
        });
    }
}

impl Placing {
    /// Gives an event its trail, and its id if the request has a key for that.
    fn place(&self, mut event: Checked, position: u64) -> Result<Item, Refused> {
        let refused = |message: String| Refused { field: "trail".into(), message, offset: None };
        let trail = match (event.trail.take(), &self.default) {
            (Some(own), _) if self.caller.may_append(&own) => own,
            (Some(own), _) => {
                return Err(refused(format!("{own} is no trail of this credential's")));
            }
            (None, Some(default)) => default.clone(),
            (None, None) => {
                return Err(refused("is missing, and this credential has several".into()));
            }
        };
        if let (None, Some(key)) = (event.id, &self.key) {
            event.id = Some(EventId::derived(key, position));
        }
        Ok(Item { trail, event, recorded_by: Some(self.caller.id.clone()) })
    }
}

impl From<Refusal> for Refused {
    fn from(Refusal { field, reason, offset }: Refusal) -> Refused {
        Refused { field, message: reason.to_string(), offset: Some(offset) }
    }
}

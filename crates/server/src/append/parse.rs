//! From a body's bytes to checked events. Decompressed bytes go straight through the splitter, so that they are
//! never all held, and reading ends at the first byte beyond the limit.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use indelible_connect::draft::Unmapped;
use indelible_connect::intake::{bulk, cloudevents, otlp};
use indelible_event::limits::EVENT_BYTES_MAX;
use indelible_event::{Checked, EventId, Items, Refusal, TrailName, check_with_subject};
use indelible_store::Item;

use super::body::{Coding, Held, too_large};
use crate::auth::Caller;
use crate::limits;
use crate::problem::Problem;
use crate::state::AppState;

/// How a body's events are written.
#[derive(Debug)]
pub enum Form {
    /// One event, or an array.
    Json,
    /// One event a line.
    Ndjson,
    /// A CloudEvent in the JSON format, or an array of them.
    CloudEvents,
    /// The data of a CloudEvent whose attributes are in the header.
    CloudEvent { attributes: Vec<(String, String)>, kind: Option<String> },
    /// OpenTelemetry's log records in protobuf.
    Protobuf,
    /// The same in JSON.
    OtlpJson,
    /// Elasticsearch's lines.
    Bulk(bulk::Lines),
}

/// How a body is taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Lines, or the elements of an array.
    Items,
    /// The same, or one object that may span lines.
    ItemsOrOne,
    /// One event, whatever its bytes are.
    One,
    /// Something that must be there as a whole to be taken apart.
    Whole,
}

impl Form {
    fn shape(&self) -> Shape {
        match self {
            Form::Ndjson | Form::Bulk(_) => Shape::Items,
            Form::Json | Form::CloudEvents => Shape::ItemsOrOne,
            Form::CloudEvent { .. } => Shape::One,
            Form::Protobuf | Form::OtlpJson => Shape::Whole,
        }
    }
}

/// Where events go, and what the credential adds to them.
pub struct Placing {
    pub caller: Caller,
    /// The trail of events that name none.
    pub default: Option<TrailName>,
    /// What ids are derived from.
    pub key: Option<Arc<str>>,
    /// Where trails are looked up that an index is named after; absent where the request names one itself.
    pub indices: Option<AppState>,
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
    /// Of Elasticsearch's lines, what each lot was to be.
    pub ops: Vec<bulk::Op>,
    /// What they hold of the bytes in flight.
    pub held: Held,
}

/// A body being read.
struct Reading<'p> {
    form: Form,
    placing: &'p Placing,
    batch: Batch,
    /// Bytes of events that were made of something shorter.
    mapped: usize,
    /// Why the whole is refused.
    refused: Option<Problem>,
}

/// Reads a body's events.
pub fn parse(
    bytes: &[u8],
    coding: Coding,
    form: Form,
    placing: &Placing,
    held: Held,
) -> Result<Batch, Problem> {
    let batch = Batch { lots: Vec::new(), items: Vec::new(), ops: Vec::new(), held };
    let mut reading = Reading { form, placing, batch, mapped: 0, refused: None };
    match coding {
        Coding::Identity => reading.plain(bytes)?,
        Coding::Gzip => reading.packed(flate2::read::MultiGzDecoder::new(bytes))?,
        Coding::Zstd => {
            let bad = |e| Problem::bad_request(format!("the body is not zstd: {e}"));
            let mut plain = zstd::stream::read::Decoder::with_buffer(bytes).map_err(bad)?;
            plain.window_log_max(limits::ZSTD_WINDOW_LOG_MAX).map_err(bad)?;
            reading.packed(plain)?;
        }
    }
    reading.end()
}

impl Reading<'_> {
    fn plain(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        match self.form.shape() {
            Shape::Whole => self.whole(bytes),
            Shape::One => {
                self.item(0, Ok(bytes));
                Ok(())
            }
            Shape::ItemsOrOne if is_object(bytes) => {
                self.item(0, Ok(bytes));
                Ok(())
            }
            Shape::Items | Shape::ItemsOrOne => {
                let mut items = Items::new();
                items.feed(bytes, |number, item| self.item(number, item));
                items.finish(|number, item| self.item(number, item));
                self.go_on()
            }
        }
    }

    fn packed(&mut self, mut plain: impl Read) -> Result<(), Problem> {
        // An object may span lines, so its beginning decides whether the splitter may see it.
        let mut head = vec![0; limits::DECOMPRESS_CHUNK];
        let len = read_full(&mut plain, &mut head)?;
        head.truncate(len);
        let one = match self.form.shape() {
            Shape::Whole => return self.unpack_whole(&mut head.chain(plain)),
            Shape::Items => false,
            Shape::ItemsOrOne => is_object(&head),
            Shape::One => true,
        };
        if !one {
            return self.split(&mut head.chain(plain));
        }
        let mut whole = Vec::new();
        let max = EVENT_BYTES_MAX as u64 + 1;
        head.chain(&mut plain).take(max).read_to_end(&mut whole).map_err(broken)?;
        self.item(0, Ok(&whole));
        // What lies beyond the longest event may be a bomb.
        self.batch.held.more(whole.len())?;
        count_rest(&mut plain, whole.len())
    }

    /// Decompresses what must be there as a whole.
    fn unpack_whole(&mut self, plain: &mut impl Read) -> Result<(), Problem> {
        let (mut whole, mut chunk) = (Vec::new(), vec![0; limits::DECOMPRESS_CHUNK]);
        loop {
            let len = read_full(plain, &mut chunk)?;
            if len == 0 {
                return self.whole(&whole);
            }
            if whole.len() + len > limits::BODY_BYTES_MAX {
                return Err(too_large());
            }
            self.batch.held.more(len)?;
            whole.extend_from_slice(&chunk[..len]);
        }
    }

    /// Takes the events out of what is decompressed, a little at a time.
    fn split(&mut self, plain: &mut impl Read) -> Result<(), Problem> {
        let mut buffer = vec![0; limits::DECOMPRESS_CHUNK];
        let (mut items, mut count) = (Items::new(), 0);
        loop {
            let len = read_full(plain, &mut buffer)?;
            count += len;
            if count > limits::BODY_BYTES_MAX {
                return Err(too_large());
            }
            // What was received was counted then; this comes up only now.
            self.batch.held.more(len)?;
            items.feed(&buffer[..len], |number, item| self.item(number, item));
            self.go_on()?;
            if len == 0 {
                break;
            }
        }
        items.finish(|number, item| self.item(number, item));
        self.go_on()
    }

    /// Log records, in either encoding.
    fn whole(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let walk = match self.form {
            Form::OtlpJson => otlp::json,
            _ => otlp::protobuf,
        };
        let walked = walk(bytes, &mut |event| {
            self.mapped(event, None);
            !self.is_over()
        });
        walked.map_err(|Unmapped { field, message }| {
            Problem::bad_request(format!("{field} {message}").trim_start().to_owned())
        })?;
        self.go_on()
    }

    /// One item of the body.
    fn item(&mut self, number: u64, item: Result<&[u8], Refusal>) {
        if self.is_over() {
            return;
        }
        match &mut self.form {
            Form::CloudEvents => {
                let event = item.map_err(unmapped).and_then(cloudevents::structured);
                self.mapped(event, None);
            }
            Form::CloudEvent { attributes, kind } => {
                let event = item.map_err(unmapped);
                let kind = kind.as_deref();
                let event = event.and_then(|data| cloudevents::binary(attributes, kind, data));
                self.mapped(event, None);
            }
            Form::Bulk(lines) => {
                // The splitter counts the elements of an array from 0, and lines from 1.
                let taken = match number {
                    0 => Err(bulk::Malformed("the body must be lines, not an array".into())),
                    _ => lines.line(number, item.map_err(|why| why.reason.to_string())),
                };
                match taken {
                    Ok(Some((op, event))) => {
                        let trail = self.placing.of_index(&op.index);
                        self.batch.ops.push(op);
                        self.mapped(event, trail);
                    }
                    Ok(None) => {}
                    Err(bulk::Malformed(why)) => self.refused = Some(Problem::bad_request(why)),
                }
            }
            _ => self.event(item.map(Cow::Borrowed).map_err(Refused::from), None),
        }
    }

    /// An event that was made of something else. Where in that a fault is, its offset would not say.
    fn mapped(&mut self, event: Result<Vec<u8>, Unmapped>, trail: Option<TrailName>) {
        let bytes = event.as_ref().map_or(0, Vec::len);
        self.mapped += bytes;
        if let Err(problem) = self.batch.held.more(bytes) {
            self.refused = Some(problem);
        }
        self.event(event.map(Cow::Owned).map_err(Refused::from), trail);
        if let Some(Lot::Refused(refused)) = self.batch.lots.last_mut() {
            refused.offset = None;
        }
    }

    fn event(&mut self, event: Result<Cow<'_, [u8]>, Refused>, trail: Option<TrailName>) {
        // Those beyond are only counted: the whole is about to be refused.
        if self.is_over() {
            return;
        }
        let position = self.batch.lots.len() as u64;
        let subject = self.placing.caller.subject.as_deref();
        let checked =
            event.and_then(|json| check_with_subject(&json, subject).map_err(Refused::from));
        let placed = checked.and_then(|event| self.placing.place(event, position, trail));
        self.batch.lots.push(match placed {
            Ok(item) => {
                self.batch.items.push(item);
                Lot::Item(self.batch.items.len() - 1)
            }
            Err(refused) => Lot::Refused(refused),
        });
    }

    /// Whether nothing more need be read, since the whole is refused.
    fn is_over(&self) -> bool {
        self.refused.is_some()
            || self.batch.lots.len() > limits::EVENTS_MAX
            || self.mapped > limits::MAPPED_BYTES_MAX
    }

    /// Refuses the whole, where something in it asks for that, or there is too much of it.
    fn go_on(&mut self) -> Result<(), Problem> {
        if let Some(problem) = self.refused.take() {
            return Err(problem);
        }
        let (what, max) = if self.batch.lots.len() > limits::EVENTS_MAX {
            ("events", limits::EVENTS_MAX)
        } else if self.mapped > limits::MAPPED_BYTES_MAX {
            ("bytes, each event with all that it is part of", limits::MAPPED_BYTES_MAX)
        } else {
            return Ok(());
        };
        let detail = format!("a request has at most {max} {what}; nothing was kept");
        Err(Problem::too_large(detail).with("limit", max))
    }

    fn end(mut self) -> Result<Batch, Problem> {
        self.go_on()?;
        if let Form::Bulk(lines) = &self.form {
            lines.finish().map_err(|bulk::Malformed(why)| Problem::bad_request(why))?;
        }
        // Many small events take more room than their bytes.
        self.batch.held.more(self.batch.lots.len() * limits::EVENT_HELD_BYTES)?;
        Ok(self.batch)
    }
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

impl Placing {
    /// Gives an event its trail, and its id if the request has a key for that.
    fn place(
        &self,
        mut event: Checked,
        position: u64,
        named: Option<TrailName>,
    ) -> Result<Item, Refused> {
        let refused = |message: String| Refused { field: "trail".into(), message, offset: None };
        let trail = match (event.trail.take(), named.as_ref().or(self.default.as_ref())) {
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

impl Placing {
    /// The trail that an index is named after: one of the credential's, or for one that is bound to none, one that there
    /// is. An index of each day must not make a trail of each day.
    fn of_index(&self, index: &str) -> Option<TrailName> {
        let state = self.indices.as_ref()?;
        let name = TrailName::parse(index).ok().filter(|name| self.caller.may_append(name))?;
        let there = self.caller.trails.is_some() || state.reader().trail(&name).is_ok();
        there.then_some(name)
    }
}

fn unmapped(why: Refusal) -> Unmapped {
    Unmapped::new(why.field, why.reason.to_string())
}

impl From<Unmapped> for Refused {
    fn from(Unmapped { field, message }: Unmapped) -> Refused {
        Refused { field, message, offset: None }
    }
}

impl From<Refusal> for Refused {
    fn from(Refusal { field, reason, offset }: Refusal) -> Refused {
        Refused { field, message: reason.to_string(), offset: Some(offset) }
    }
}

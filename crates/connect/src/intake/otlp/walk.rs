//! Going through a request, record after record, in either encoding. What holds records is only walked through: a few
//! bytes can say that there are many, and a tree of them would take a hundred times their room.

use indelible_event::limits::EVENT_BYTES_MAX;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::super::json::each;
use super::model::{LogRecord, Scope};
use super::{Origin, Seen, Sink, event, wrong};
use crate::draft::Unmapped;

/// Why a walk ends before its end.
enum Stop {
    /// The request cannot be taken apart.
    Broken(Unmapped),
    /// No more records are wanted.
    Enough,
}

impl From<Unmapped> for Stop {
    fn from(why: Unmapped) -> Stop {
        Stop::Broken(why)
    }
}

fn ended(walk: Result<(), Stop>) -> Result<(), Unmapped> {
    match walk {
        Err(Stop::Broken(why)) => Err(why),
        Ok(()) | Err(Stop::Enough) => Ok(()),
    }
}

/// Hands over an event, and whether to go on.
fn give(event: Result<Vec<u8>, Unmapped>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    if sink(event) { Ok(()) } else { Err(Stop::Enough) }
}

/// Hands over the events of a request in protobuf. `Err` is a request that cannot be taken apart.
pub fn protobuf(bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Unmapped> {
    let mut seen = Seen::new();
    ended(fields(bytes, &mut |tag, resource_logs| match tag {
        1 => of_resource(resource_logs, &mut seen, sink),
        _ => Ok(()),
    }))
}

fn of_resource(bytes: &[u8], seen: &mut Seen, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut origin = Origin::default();
    // What all records are part of may stand behind them.
    fields(bytes, &mut |tag, value| {
        match tag {
            1 => {
                origin.resource(message("resource", value)?, value);
            }
            3 => origin.resource_schema = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
        Ok(())
    })?;
    fields(bytes, &mut |tag, scope_logs| match tag {
        2 => of_scope(scope_logs, &mut origin, seen, sink),
        _ => Ok(()),
    })
}

fn of_scope(
    bytes: &[u8],
    origin: &mut Origin,
    seen: &mut Seen,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    origin.scope(Scope::default(), &[]);
    origin.scope_schema.clear();
    fields(bytes, &mut |tag, value| {
        match tag {
            1 => {
                origin.scope(message("scope", value)?, value);
            }
            3 => origin.scope_schema = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
        Ok(())
    })?;
    fields(bytes, &mut |tag, value| {
        if tag == 2 {
            let record = message::<LogRecord>("", value);
            return give(record.and_then(|record| event(&record, value, origin, seen)), sink);
        }
        Ok(())
    })
}

fn message<T: Message + Default>(field: &str, bytes: &[u8]) -> Result<T, Unmapped> {
    short(field, bytes)?;
    T::decode(bytes).map_err(|e| wrong(field, format!("is no message of OTLP: {e}")))
}

/// No single message may be longer than an event: decoded it takes many times its bytes.
fn short(field: &str, bytes: &[u8]) -> Result<(), Unmapped> {
    let fits = bytes.len() <= EVENT_BYTES_MAX;
    fits.then_some(())
        .ok_or_else(|| wrong(field, format!("is longer than {EVENT_BYTES_MAX} bytes")))
}

/// Hands over the fields of a message that have a length: inner messages and texts.
fn fields<'a>(
    mut bytes: &'a [u8],
    take: &mut dyn FnMut(u32, &'a [u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let broken = |why: &dyn std::fmt::Display| wrong("", format!("the body is no OTLP: {why}"));
    while !bytes.is_empty() {
        let (tag, kind) = decode_key(&mut bytes).map_err(|e| broken(&e))?;
        if kind != WireType::LengthDelimited {
            skip_field(kind, tag, &mut bytes, DecodeContext::default()).map_err(|e| broken(&e))?;
            continue;
        }
        let len = decode_varint(&mut bytes).map_err(|e| broken(&e))?;
        let split = usize::try_from(len).ok().and_then(|len| bytes.split_at_checked(len));
        let (value, rest) = split.ok_or_else(|| broken(&"it ends too early"))?;
        bytes = rest;
        take(tag, value)?;
    }
    Ok(())
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RequestJson<'a> {
    #[serde(borrow)]
    resource_logs: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ResourceJson<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_logs: Option<&'a RawValue>,
    schema_url: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ScopeJson<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow)]
    log_records: Option<&'a RawValue>,
    schema_url: Option<String>,
}

/// Hands over the events of a request in JSON. `Err` is a request that cannot be taken apart.
pub fn json(bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Unmapped> {
    let broken = |e| wrong("", format!("the body is no OTLP in JSON: {e}"));
    let request: &RawValue = serde_json::from_slice(bytes).map_err(broken)?;
    let request: RequestJson<'_> = read("", request)?;
    let mut seen = Seen::new();
    let walk =
        list("resourceLogs", request.resource_logs, &mut |of| resource_json(of, &mut seen, sink));
    ended(walk)
}

fn resource_json(of: &RawValue, seen: &mut Seen, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let of: ResourceJson<'_> = read("resourceLogs", of)?;
    let mut origin =
        Origin { resource_schema: of.schema_url.unwrap_or_default(), ..Origin::default() };
    if let Some(resource) = of.resource {
        origin.resource(small("resource", resource)?, resource.get().as_bytes());
    }
    list("scopeLogs", of.scope_logs, &mut |of| {
        let of: ScopeJson<'_> = read("scopeLogs", of)?;
        origin.scope(Scope::default(), &[]);
        origin.scope_schema = of.schema_url.unwrap_or_default();
        if let Some(scope) = of.scope {
            origin.scope(small("scope", scope)?, scope.get().as_bytes());
        }
        list("logRecords", of.log_records, &mut |record| {
            let bytes = record.get().as_bytes();
            let record = small::<LogRecord>("", record);
            give(record.and_then(|record| event(&record, bytes, &origin, seen)), sink)
        })
    })
}

fn small<T: DeserializeOwned + Default>(field: &str, of: &RawValue) -> Result<T, Unmapped> {
    short(field, of.get().as_bytes())?;
    Ok(read::<Option<T>>(field, of)?.unwrap_or_default())
}

fn read<'a, T: Deserialize<'a>>(field: &str, of: &'a RawValue) -> Result<T, Unmapped> {
    // A list would be taken for the members by their order.
    if of.get().starts_with('[') {
        return Err(wrong(field, "is no JSON of OTLP: a list where an object must be"));
    }
    serde_json::from_str(of.get()).map_err(|e| wrong(field, format!("is no JSON of OTLP: {e}")))
}

fn list<'a>(
    field: &str,
    of: Option<&'a RawValue>,
    take: &mut dyn FnMut(&'a RawValue) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let Some(of) = of.filter(|of| of.get() != "null") else { return Ok(()) };
    let mut fault = Ok(());
    let read = each(of.get(), &mut |item| {
        fault = take(item);
        fault.is_ok()
    });
    // Having ended early is no fault of the list's.
    fault?;
    Ok(read.map_err(|e| wrong(field, format!("is no JSON of OTLP: {e}")))?)
}

//! What single headers say. Callers choose them, so nothing here trusts a byte.

use std::borrow::Cow;

use super::exchange::Lines;
use super::limits::{ID_BYTES_MAX, USER_AGENT_BYTES_MAX};
use crate::event::Text;

/// The first line of a header, as far as `max` bytes go; whatever is no UTF-8 in it is replaced.
pub(super) fn first(headers: Lines<'_>, name: &str, max: usize) -> Option<String> {
    let mut found = None;
    headers(name, &mut |line| {
        if found.is_none() {
            found = Some(bounded(line, max));
        }
    });
    found
}

fn bounded(line: &[u8], max: usize) -> String {
    let Some(head) = line.get(..max).filter(|head| head.len() < line.len()) else {
        return String::from_utf8_lossy(line).into_owned();
    };
    // A character that the cut went through is left out.
    let whole = match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() => &head[..error.valid_up_to()],
        _ => head,
    };
    String::from_utf8_lossy(whole).into_owned()
}

pub(super) fn user_agent(headers: Lines<'_>) -> Option<Text> {
    first(headers, "user-agent", USER_AGENT_BYTES_MAX)
        .filter(|text| !text.is_empty())
        .map(Cow::Owned)
}

/// An id that may be taken over: it goes into a response header and into logs of others.
pub(super) fn id(headers: Lines<'_>, name: &str) -> Option<Text> {
    let mut found = None;
    headers(name, &mut |line| {
        let fits = (1..=ID_BYTES_MAX).contains(&line.len());
        if found.is_none() && fits && line.iter().all(u8::is_ascii_graphic) {
            found = Some(String::from_utf8_lossy(line).into_owned());
        }
    });
    found.map(Cow::Owned)
}

/// Trace and span of a `traceparent`, by <https://www.w3.org/TR/trace-context/>: lower case, no id of zeros, of
/// version 00 nothing but its four fields; several such headers are none.
pub(super) fn traceparent(headers: Lines<'_>) -> Option<(String, String)> {
    let (mut found, mut lines) = (None, 0);
    headers("traceparent", &mut |line| {
        lines += 1;
        found = parse_traceparent(line);
    });
    found.filter(|_| lines == 1)
}

fn parse_traceparent(line: &[u8]) -> Option<(String, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.splitn(5, '-');
    let mut hex = |digits: usize| {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        fields.next().filter(|field| field.len() == digits && field.bytes().all(digit))
    };
    let (version, trace, span, _flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let more = fields.next().is_some();
    let zeros = |id: &str| id.bytes().all(|byte| byte == b'0');
    if version == "ff" || version == "00" && more || zeros(trace) || zeros(span) {
        return None;
    }
    Some((trace.to_owned(), span.to_owned()))
}

/// Whether the request is one of gRPC.
pub(super) fn is_grpc(headers: Lines<'_>) -> bool {
    let mut grpc = false;
    headers("content-type", &mut |line| {
        grpc |= line.get(..16).is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/grpc"));
    });
    grpc
}

//! Events as rows of a spreadsheet: RFC 4180, UTF-8, lines that end with CRLF, one flat set of columns.
//!
//! A spreadsheet runs what looks like a formula, and whoever writes to the trail chooses what names look like. So a
//! cell is text, always:
//!
//! - What begins, after any spaces, with `=`, `+`, `-`, `@` or one of their wide forms gets an apostrophe before it. So
//!   does what begins with an apostrophe: taking one leading apostrophe away gives the text back.
//! - The same after a semicolon or a line break within a cell, where programs that separate by semicolons, or read by
//!   lines, would begin a cell of their own.
//! - A tab becomes a space, CR and CRLF become LF. Other control characters, and those that are not seen or turn the
//!   direction of text, are shown as `\u{202e}`.
//! - Text longer than a spreadsheet's cell is cut, and ends with `…`. The JSON export has all of it.
//!
//! A column never changes its meaning; new ones are added at the end.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::event::{Actor, Auth, Changes, Context, Error, Http, Source};
use crate::limits::CELL_UNITS_MAX;
use crate::text::is_harmful;
use crate::{Event, Target, sentence};

/// What some spreadsheets need before the header in order to read UTF-8.
pub const BOM: &str = "\u{feff}";

/// How many columns there are.
pub const COLUMNS_COUNT: usize = 49;

/// The first line, with its end. The columns, in their order:
///
/// | columns | what they hold |
/// |---|---|
/// | `trail`, `seq`, `id` | the event's place and its id |
/// | `recorded_at`, `occurred_at` | when the node kept it, and when it happened where the caller said so |
/// | `actor_…` | who did it, and how it proved who it is |
/// | `on_behalf_of_…` | for whom it acted, the nearest only |
/// | `action`, `category`, `outcome`, `phase`, `ref` | as in the event |
/// | `sentence` | all of it as a person would say it |
/// | `target_…` | the first target: the resource |
/// | `more_targets`, `subjects` | `type id (name)`, separated by `; ` |
/// | `ip` to `http_duration_ms` | the context |
/// | `error_…` | what went wrong |
/// | `changes_before`, `changes_after`, `details` | JSON, as it was written |
/// | `recorded_by`, `credential_subject` | the credential, and whom it was given to |
/// | `source_id`, `source_seq` | the recorder, and its own count |
pub fn header() -> &'static str {
    "\
             trail,seq,id,recorded_at,occurred_at,actor_type,actor_id,actor_name,\
             actor_email,actor_auth_method,actor_token_id,on_behalf_of_type,on_behalf_of_id,on_behalf_of_name,on_behalf_of_email,action,\
             category,outcome,phase,ref,sentence,target_type,target_id,target_name,\
             more_targets,subjects,ip,user_agent,service,host,correlation_id,request_id,\
             session_id,trace_id,span_id,http_method,http_path,http_route,http_status,http_duration_ms,\
             error_code,error_message,changes_before,changes_after,details,recorded_by,credential_subject,source_id,source_seq\r\n"
}

/// Writes an event as a line, with its end.
///
/// ```
/// use indelible_connect::{Event, csv};
///
/// let event = r#"{"trail":"default","seq":7,"action":"file.read","actor":{"id":"=1+1"}}"#;
/// let event = Event::read(event).ok_or("no event")?;
/// let mut out = csv::header().as_bytes().to_vec();
/// csv::row(&event, &mut out);
/// let text = String::from_utf8(out)?;
/// assert!(text.contains("\r\ndefault,7,,,,,'=1+1,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn row(event: &Event, out: &mut Vec<u8>) {
    for (at, text) in cells(event).into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let of = kinds(&text);
        if of & CAREFUL == 0 && text.len() < CELL_UNITS_MAX && !begins_formula(&text) {
            quote(&text, of, out);
        } else {
            let text = cell(&text);
            quote(&text, kinds(&text), out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The texts of a row, by the order of the header.
fn cells(event: &Event) -> [Cow<'_, str>; COLUMNS_COUNT] {
    let actor = event.actor.as_ref();
    let auth = actor.and_then(|actor| actor.auth.as_ref());
    let other = actor.and_then(|actor| actor.on_behalf_of.as_deref());
    let first = event.targets.first();
    let context = event.context.as_ref();
    let http = context.and_then(|context| context.http.as_ref());
    let error = event.error.as_ref();
    let changes = event.changes.as_ref();
    let source = event.source.as_ref();
    let actor = |of: fn(&Actor) -> &Option<String>| text(actor, of);
    let other = |of: fn(&Actor) -> &Option<String>| text(other, of);
    let target = |of: fn(&Target) -> &Option<String>| text(first, of);
    let context = |of: fn(&Context) -> &Option<String>| text(context, of);
    let web = |of: fn(&Http) -> &Option<String>| text(http, of);
    [
        event.trail.as_str().into(),
        event.seq.to_string().into(),
        event.id.as_str().into(),
        event.recorded_at.as_str().into(),
        plain(&event.occurred_at),
        actor(|actor| &actor.kind),
        actor(|actor| &actor.id),
        actor(|actor| &actor.name),
        actor(|actor| &actor.email),
        text(auth, |auth: &Auth| &auth.method),
        text(auth, |auth: &Auth| &auth.token_id),
        other(|actor| &actor.kind),
        other(|actor| &actor.id),
        other(|actor| &actor.name),
        other(|actor| &actor.email),
        event.action.as_str().into(),
        plain(&event.category),
        plain(&event.outcome),
        plain(&event.phase),
        plain(&event.reference),
        sentence(event).to_string().into(),
        target(|target| &target.kind),
        target(|target| &target.id),
        target(|target| &target.name),
        listed(event.targets.get(1..).unwrap_or_default()),
        listed(&event.subjects),
        context(|context| &context.ip),
        context(|context| &context.user_agent),
        context(|context| &context.service),
        context(|context| &context.host),
        context(|context| &context.correlation_id),
        context(|context| &context.request_id),
        context(|context| &context.session_id),
        context(|context| &context.trace_id),
        context(|context| &context.span_id),
        web(|http| &http.method),
        web(|http| &http.path),
        web(|http| &http.route),
        http.and_then(|http| http.status)
            .map(|status| status.to_string().into())
            .unwrap_or_default(),
        json(http, |http: &Http| &http.duration_ms),
        text(error, |error: &Error| &error.code),
        text(error, |error: &Error| &error.message),
        json(changes, |changes: &Changes| &changes.before),
        json(changes, |changes: &Changes| &changes.after),
        json(Some(event), |event: &Event| &event.details),
        plain(&event.recorded_by),
        plain(&event.credential_subject),
        text(source, |source: &Source| &source.id),
        source.and_then(|source| source.seq).map(|seq| seq.to_string().into()).unwrap_or_default(),
    ]
}

fn plain(text: &Option<String>) -> Cow<'_, str> {
    text.as_deref().unwrap_or_default().into()
}

fn text<T>(of: Option<&T>, member: fn(&T) -> &Option<String>) -> Cow<'_, str> {
    of.map(|of| plain(member(of))).unwrap_or_default()
}

fn json<T>(of: Option<&T>, member: fn(&T) -> &Option<Box<RawValue>>) -> Cow<'_, str> {
    of.and_then(|of| member(of).as_deref()).map(RawValue::get).unwrap_or_default().into()
}

fn listed(things: &[Target]) -> Cow<'_, str> {
    let mut made = String::new();
    for thing in things {
        if !made.is_empty() {
            made.push_str("; ");
        }
        let words = [&thing.kind, &thing.id].into_iter().flatten().map(String::as_str);
        made.push_str(&words.collect::<Vec<_>>().join(" "));
        if let Some(name) = &thing.name {
            let _ = write!(made, " ({name})");
        }
    }
    made.into()
}

/// What a spreadsheet takes for the beginning of a formula, and the apostrophe, so that ours can be told from theirs.
fn is_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+'
            | '-'
            | '@'
            | '\''
            | '＝'
            | '＋'
            | '－'
            | '＠'
            | '﹦'
            | '﹢'
            | '﹣'
            | '﹫'
            | '−'
            | '＇'
    )
}

fn begins_formula(text: &str) -> bool {
    text.trim_start().starts_with(is_formula)
}

/// The text as a cell, before it is quoted.
fn cell(text: &str) -> String {
    let mut made = String::with_capacity(text.len() + 2);
    let (mut units, mut begins) = (0, true);
    // Where the apostrophe goes, if what follows turns out to need one.
    let mut begun_at = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before = made.len();
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                made.push('\n');
            }
            '\n' => made.push('\n'),
            '\t' => made.push(' '),
            c if is_harmful(c) => {
                let _ = write!(made, "\\u{{{:x}}}", u32::from(c));
            }
            c => made.push(c),
        }
        units += made[before..].encode_utf16().count();
        if begins && is_formula(c) {
            made.insert(begun_at, '\'');
            units += 1;
        }
        if units >= CELL_UNITS_MAX && chars.peek().is_some() {
            made.push('…');
            break;
        }
        let ends = matches!(c, ';' | '\n' | '\r');
        if ends {
            begun_at = made.len();
        }
        begins = ends || (begins && c.is_whitespace());
    }
    made
}

/// A byte with which a cell is looked through letter by letter.
const CAREFUL: u8 = 1;
/// A byte with which a cell is quoted.
const QUOTED: u8 = 2;

/// What each byte is: nothing can be wrong with most, and most cells have no others.
const KINDS: [u8; 256] = {
    let mut kinds = [CAREFUL; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        kinds[byte as usize] = 0;
        byte += 1;
    }
    kinds[b';' as usize] = CAREFUL | QUOTED;
    kinds[b'\n' as usize] = CAREFUL | QUOTED;
    kinds[b',' as usize] = QUOTED;
    kinds[b'"' as usize] = QUOTED;
    kinds
};

/// What its bytes are, all together.
fn kinds(text: &str) -> u8 {
    text.bytes().fold(0, |kinds, byte| kinds | KINDS[usize::from(byte)])
}

/// Quotes a cell of these kinds where it needs it.
fn quote(cell: &str, kinds: u8, out: &mut Vec<u8>) {
    if kinds & QUOTED == 0 && !cell.starts_with(' ') && !cell.ends_with(' ') {
        return out.extend_from_slice(cell.as_bytes());
    }
    out.push(b'"');
    for (at, between) in cell.split('"').enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(between.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;

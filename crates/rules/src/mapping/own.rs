//! Our own fields, by the paths that the API shows.

use crate::model::Path;
use crate::sigma::refusal::{listed, meant, shown};

const EVENT: [&str; 20] = [
    "trail",
    "seq",
    "id",
    "recorded_at",
    "occurred_at",
    "action",
    "category",
    "outcome",
    "phase",
    "ref",
    "source",
    "recorded_by",
    "credential_subject",
    "actor",
    "targets",
    "subjects",
    "changes",
    "details",
    "error",
    "context",
];
const ACTOR: [&str; 6] = ["type", "id", "name", "email", "auth", "on_behalf_of"];
const AUTH: [&str; 2] = ["method", "token_id"];
const THING: [&str; 3] = ["type", "id", "name"];
const CHANGES: [&str; 2] = ["before", "after"];
const ERROR: [&str; 2] = ["code", "message"];
const SOURCE: [&str; 2] = ["id", "seq"];
const CONTEXT: [&str; 10] = [
    "ip",
    "user_agent",
    "request_id",
    "correlation_id",
    "session_id",
    "trace_id",
    "span_id",
    "service",
    "host",
    "http",
];
const HTTP: [&str; 5] = ["method", "path", "route", "status", "duration_ms"];

/// The names of a path: they are parted by dots; `\.` is a dot in a name.
pub(super) fn names(said: &str) -> Vec<Box<str>> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut letters = said.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next_if_eq(&'.').is_some() => name.push('.'),
            '.' => names.push(std::mem::take(&mut name).into()),
            other => name.push(other),
        }
    }
    names.push(name.into());
    names
}

/// Reads a path of ours: what an event cannot have is told.
pub(super) fn path(said: &str) -> Result<Path, String> {
    let names = names(said);
    if names.iter().any(|name| name.is_empty()) {
        return Err(format!("the field `{}` has a name that is empty", shown(said)));
    }
    let mut known: &[&str] = &EVENT;
    for (i, name) in names.iter().enumerate() {
        if !known.contains(&&**name) {
            let around = names[..i].join(".");
            let prefix = if around.is_empty() { String::new() } else { format!("{around}.") };
            let near = meant(name, known.iter().copied());
            let hint = match near.is_empty() {
                true => {
                    let what = if i == 0 { "an event".to_owned() } else { format!("`{around}`") };
                    format!("; {what} has {}", listed(known.iter().copied()))
                }
                false => near.replace("did you mean `", &format!("did you mean `{prefix}")),
            };
            return Err(format!("there is no field `{}`{hint}", shown(said)));
        }
        known = match &**name {
            "actor" | "on_behalf_of" => &ACTOR,
            "auth" => &AUTH,
            "targets" | "subjects" => &THING,
            "error" => &ERROR,
            "source" => &SOURCE,
            "context" => &CONTEXT,
            "http" => &HTTP,
            "changes" => &CHANGES,
            // What lies in these is free.
            "details" | "before" | "after" => return Ok(names.into()),
            _ => match names.get(i + 1) {
                None => return Ok(names.into()),
                Some(more) => {
                    let (of, more) = (names[..=i].join("."), shown(more));
                    return Err(format!(
                        "there is no field `{}`; `{of}` is a value and has no `{more}`",
                        shown(said)
                    ));
                }
            },
        };
    }
    Ok(names.into())
}

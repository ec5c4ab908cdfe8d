//! Rules, alerts and reviews: the command line's side of that part of the HTTP API, and of the folder of rules.

pub mod alerts;
pub mod backtest;
pub mod reviews;
pub mod rules;
pub mod trying;

use serde_json::Value;

use crate::args::{At, Global};
use crate::failure::Failure;
use crate::keeping::{Session, session};
use crate::look::{Look, Paint, clean};
use crate::out::grouped;

/// Asks a node: nothing watches where none serves.
fn node<T>(
    global: &Global,
    at: &At,
    work: impl FnOnce(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if at.client(global)?.is_none() {
        return Err(Failure::Usage(
            "a node that serves does the watching: --url says where it is, --key who asks".into(),
        ));
    }
    session(global, at, work)
}

/// The texts at a place of an answer, or none.
fn text<'a>(of: &'a Value, at: &str) -> &'a str {
    of.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a place of an answer.
fn number(of: &Value, at: &str) -> u64 {
    of.pointer(at).and_then(Value::as_u64).unwrap_or_default()
}

/// The list at a place of an answer.
fn items<'a>(of: &'a Value, at: &str) -> &'a [Value] {
    of.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The values that something is about.
fn group(of: &Value) -> String {
    let members = of.as_object().into_iter().flatten();
    let said = members.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{} {}", clean(name), clean(&value))
    });
    said.collect::<Vec<_>>().join(", ")
}

/// A level in the colour that it deserves.
fn level(look: &Look, level: &str) -> String {
    let paint = match level {
        "critical" | "high" => Paint::Bad,
        "medium" => Paint::Odd,
        _ => Paint::Plain,
    };
    look.paint(paint, &clean(level))
}

/// So many of something.
fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

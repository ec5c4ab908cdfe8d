//! An event as a line on a terminal.

use indelible_connect::{Event, sentence as said};

use crate::look::Paint;

/// Who did what to what, and how it ended. Nothing in it steers a terminal.
pub fn sentence(event: &Event) -> String {
    said(event).to_string()
}

/// Its colour.
pub fn paint(event: &Event) -> Paint {
    match event.outcome.as_deref() {
        Some("failure" | "error" | "denied") => Paint::Bad,
        Some("pending") => Paint::Odd,
        _ if event.phase.as_deref() == Some("intent") => Paint::Odd,
        _ => Paint::Plain,
    }
}

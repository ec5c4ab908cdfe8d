//! What the API says of inputs and streams. Whatever it leaves out is not shown.

use maud::{Markup, html};
use serde::Deserialize;

use crate::visit::Visit;
use crate::{text, time};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Inputs {
    pub inputs: Vec<Input>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Streams {
    pub streams: Vec<Stream>,
}

/// An input.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    pub name: String,
    pub kind: String,
    /// Where from, without secrets.
    pub from: String,
    pub state: String,
    pub kept: u64,
    /// Events that were there already.
    pub known: u64,
    pub refused: u64,
    /// Messages that went to the dead-letter subject.
    pub dead: u64,
    pub last_at: Option<String>,
    /// Why the last one was refused.
    pub last_refused: Option<String>,
    pub trouble: Option<Trouble>,
}

/// A stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stream {
    pub name: String,
    pub kind: String,
    /// Where to, without secrets.
    pub to: String,
    pub query: String,
    pub state: String,
    /// Its place in the node's log.
    pub next: u64,
    /// Records behind the log's end.
    pub lag: u64,
    pub oldest_unsent_at: Option<String>,
    /// Since the process began.
    pub sent: u64,
    /// Ever.
    pub set_aside: u64,
    pub last_at: Option<String>,
    pub trouble: Option<Trouble>,
}

impl Stream {
    pub fn is_paused(&self) -> bool {
        self.state == "paused"
    }

    /// Whether it waits for somebody to say from where it is to go on.
    pub fn is_stopped(&self) -> bool {
        self.state == "stopped"
    }

    /// Whether it waits before it tries again.
    pub fn is_failing(&self) -> bool {
        self.state == "failing"
    }
}

/// What is wrong, and what to do about it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Trouble {
    pub message: String,
    pub hint: Option<String>,
    pub at: String,
    pub since: String,
    /// One after the other.
    pub failures: u64,
}

impl Trouble {
    pub fn markup(&self, visit: &Visit) -> Markup {
        html! {
            p { strong { (text::whole(&self.message)) } }
            @if let Some(hint) = &self.hint { p { (text::whole(hint)) } }
            p.quiet {
                @if self.failures > 0 { (text::counted(self.failures, "failure", "failures")) " in a row, since " } @else { "Since " }
                (time::at(&self.since)) @if self.failures > 1 { ", the last " (time::ago(&self.at, visit.now)) } "."
            }
        }
    }
}

/// Whether somebody has to look.
pub fn is_red(state: &str) -> bool {
    matches!(state, "failing" | "stopped")
}

/// What one is doing: a word and a shape, so that nobody needs the colour.
pub fn badge(state: &str) -> Markup {
    let (class, mark) = match state {
        "running" => ("good", "✓"),
        "failing" => ("bad", "!"),
        "stopped" => ("bad", "✕"),
        "paused" => ("denied", "‖"),
        "starting" => ("pending", "…"),
        _ => ("quiet", "?"),
    };
    html! { span class={"outcome " (class)} { span.mark aria-hidden="true" { (mark) } " " (text::short(state)) } }
}

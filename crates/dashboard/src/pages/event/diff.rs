//! What an event changed: the old and the new side by side, by path.

use maud::{Markup, html};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::emphasis::{Run, runs};
use super::json::{self, Shape};
use crate::{limits, text};

/// One difference, as the API tells it.
#[derive(Deserialize)]
pub struct Difference {
    op: String,
    /// A JSON Pointer.
    path: String,
    /// A `null` that was there is a value.
    #[serde(default, deserialize_with = "written")]
    before: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "written")]
    after: Option<Box<RawValue>>,
}

fn written<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

pub fn section(all: &[Difference]) -> Markup {
    let (open, folded) = all.split_at(all.len().min(limits::DIFF_OPEN_MAX));
    let shown = &folded[..folded.len().min(limits::DIFF_SHOWN_MAX)];
    let more = folded.len() - shown.len();
    html! {
        section #changes.panel aria-labelledby="changes-title" {
            h2 #changes-title { "Changes " span.quiet { "(" (text::counted(all.len() as u64, "member", "members")) ")" } }
            (table(open))
            @if !shown.is_empty() {
                details.fold {
                    summary { (text::counted(folded.len() as u64, "more change", "more changes")) }
                    (table(shown))
                    @if more > 0 { p.quiet { "The other " (text::grouped(more as u64)) " are in the raw JSON." } }
                }
            }
        }
    }
}

fn table(all: &[Difference]) -> Markup {
    html! {
        table.diff {
            thead { tr { th scope="col" { "Member" } th scope="col" { "Before" } th scope="col" { "After" } } }
            tbody { @for one in all { (row(one)) } }
        }
    }
}

fn row(one: &Difference) -> Markup {
    let (class, word) = match one.op.as_str() {
        "add" => ("add", "added"),
        "remove" => ("remove", "removed"),
        _ => ("change", "changed"),
    };
    let (before, after) = (one.before.as_deref(), one.after.as_deref());
    let [before, after] = sides(before, after);
    html! {
        tr.(class) data-op=(class) data-path=[(one.path.len() <= 512).then_some(&one.path)] {
            th scope="row" { (path(&one.path)) " " span.op { (word) } }
            td.before data-label="Before" { (before) }
            td.after data-label="After" { (after) }
        }
    }
}

/// A JSON Pointer, its steps one after the other.
fn path(pointer: &str) -> Markup {
    let steps = pointer.split('/').skip(1);
    html! {
        span.path {
            @if pointer.is_empty() { "the whole" }
            @for (at, step) in steps.enumerate() {
                @if at > 0 { span.step aria-hidden="true" { " › " } }
                code { (text::short(&step.replace("~1", "/").replace("~0", "~"))) }
            }
        }
    }
}

/// Both values; of two texts what differs within them stands out.
fn sides(before: Option<&RawValue>, after: Option<&RawValue>) -> [Markup; 2] {
    if let (Some(before), Some(after)) = (before, after)
        && let (Shape::Text(before), Shape::Text(after)) = (json::shape(before), json::shape(after))
        && let Some([old, new]) = runs(&before, &after)
    {
        return [emphasised(&old, &before, false), emphasised(&new, &after, true)];
    }
    [before, after].map(|side| {
        html! {
            @match side {
                Some(raw) => (value(raw)),
                None => span.quiet { "—" span.sr { "nothing" } },
            }
        }
    })
}

/// A value: a text as text, everything else as JSON.
pub fn value(raw: &RawValue) -> Markup {
    match json::shape(raw) {
        Shape::Text(inner) if inner.is_empty() => html! { span.quiet { "empty text" } },
        Shape::Text(inner) => text::whole(&inner),
        Shape::Plain(plain) => {
            html! { code.plain { (text::short_to(plain, limits::OPEN_CHARS_MAX)) } }
        }
        Shape::Object(_) | Shape::List(_) => {
            let laid = json::pretty(raw.get());
            html! {
                @if laid.lines().count() <= 12 && laid.len() <= limits::OPEN_CHARS_MAX { pre { (laid) } }
                @else {
                    details.fold {
                        summary { (text::short(raw.get())) " " span.quiet { "(" (text::counted(raw.get().len() as u64, "byte", "bytes")) ")" } }
                        @if laid.len() <= limits::SHOWN_CHARS_MAX { pre { (laid) } }
                        @else { p.quiet { "All of it is in the raw JSON." } }
                    }
                }
            }
        }
    }
}

fn emphasised(runs: &[Run<'_>], whole: &str, new: bool) -> Markup {
    let long = whole.chars().count() > limits::OPEN_CHARS_MAX;
    html! {
        @for run in runs.iter().take(limits::EMPHASIS_RUNS_MAX) {
            @match run {
                Run::Same(same) => (ends(same)),
                Run::Own(own) if new => ins { (pieces(own)) },
                Run::Own(own) => del { (pieces(own)) },
            }
        }
        @if runs.len() > limits::EMPHASIS_RUNS_MAX { span.quiet { " … and more" } }
        @if long { (text::whole(whole)) }
    }
}

/// What stayed, or both ends of it.
fn ends(same: &str) -> Markup {
    let chars = same.chars().count();
    if chars <= limits::EMPHASIS_SAME_CHARS_MAX {
        return text::whole(same);
    }
    let half = limits::EMPHASIS_SAME_CHARS_MAX / 2;
    let at = |place: usize| same.char_indices().nth(place).map_or(same.len(), |(at, _)| at);
    let (head, tail) = (&same[..at(half)], &same[at(chars - half)..]);
    html! {
        (text::whole(head))
        span.quiet { " … " (text::counted((chars - 2 * half) as u64, "character", "characters")) " the same … " }
        (text::whole(tail))
    }
}

/// What changed, in pieces that stand open.
fn pieces(own: &str) -> Markup {
    let chars: Vec<char> = own.chars().take(limits::EMPHASIS_OWN_CHARS_MAX).collect();
    html! {
        @for piece in chars.chunks(limits::OPEN_CHARS_MAX) { (text::whole(&piece.iter().collect::<String>())) }
        @if own.len() > chars.iter().map(|c| c.len_utf8()).sum::<usize>() { "…" }
    }
}

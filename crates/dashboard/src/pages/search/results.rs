//! What was found: rows, and on to the next; or why there is nothing.

use indelible_event::Micros;
use maud::{Markup, html};

use super::api::Found;
use super::state::{Asked, State};
use crate::by::By;
use crate::{parts, text};

/// The rows of one page and the way on, as items of a list.
pub fn rows(asked: &Asked, found: &Found, now: Micros) -> Markup {
    let next = found.next_cursor.as_deref();
    html! {
        @if found.incomplete.is_some() || !found.alarms.is_empty() {
            li.said-of-page { (parts::notices(found.incomplete.as_ref(), &found.alarms)) }
        }
        @for event in &found.events { (parts::row(event, now)) }
        @if let Some(next) = next { (more(asked, next)) }
    }
}

/// The way on: a link, which fetches by itself when it comes into view.
fn more(asked: &Asked, cursor: &str) -> Markup {
    let params = asked.state.params().set("cursor", cursor);
    html! {
        li.more {
            a rel="next" data-more href=(params.to("/")) hx-get=(params.to("/search/rows"))
                hx-trigger="intersect rootMargin:600px once, click" hx-target="closest li" hx-swap="outerHTML" {
                (if asked.state.oldest { "Newer" } else { "Older" })
            }
        }
    }
}

/// Nothing was found.
pub fn nothing(asked: &Asked, origin: &str, admin: bool) -> Markup {
    let Asked { state, parsed, .. } = asked;
    if state.q.is_empty() && state.t.is_empty() {
        return nothing_yet(origin, admin);
    }
    let without = |at: usize| {
        let mut clauses = parsed.clauses.clone();
        clauses.remove(at);
        state.with_q(super::fold::joined(&clauses))
    };
    parts::empty(
        "Nothing matches",
        html! {
            p { "No event that you may read is all of this." }
            ul {
                @if !state.t.is_empty() { li { a href=(state.with_t("").address()) { "Search all time" } } }
                @if state.by == By::Happened {
                    li { a href=(State { by: By::Recorded, ..state.clone() }.address()) { "By the time it was recorded" } }
                }
                @if parsed.clauses.len() > 1 { @for (at, clause) in parsed.clauses.iter().enumerate() {
                    li { a href=(without(at).address()) { "Without " code { (text::short_to(&clause.text, 60)) } } }
                } }
                @if !state.q.is_empty() { li { a href=(state.with_q("").address()) { "Without any condition" } } }
            }
        },
    )
}

/// Nothing was recorded yet, and how to.
fn nothing_yet(origin: &str, admin: bool) -> Markup {
    parts::empty(
        "Nothing is recorded yet",
        html! {
            p { "Send a first event. " code { "$KEY" } " is a key of the role writer or admin"
                @if admin { ": " a #first-key href="/settings/keys/new" { "make one" } } "." }
            pre #first-curl {
                "curl -H \"Authorization: Bearer $KEY\" " span data-origin { (origin) } "/api/audit/logs \\\n"
                "     -d '{\"action\":\"backup.delete\",\"user_id\":\"maria\",\"resource_type\":\"backup\",\"resource_id\":\"db-0417\"}'"
            }
            p { button.plain data-copy="#first-curl" { "Copy" } }
            p { "Or from a Rust program:" }
            pre #first-rust {
                "use indelible::prelude::*;\n\n"
                "let recorder = Recorder::connect(\"" span data-origin { (origin) } "\", \"idl_…\")?;\n"
                "recorder.record(Event::new(\"backup.delete\").actor(\"maria\").target(\"backup\", \"db-0417\"));\n"
                "recorder.close().wait()?;"
            }
            p { button.plain data-copy="#first-rust" { "Copy" } }
        },
    )
}

/// The same search for programs.
pub fn by_api(asked: &Asked, origin: &str) -> Markup {
    let params = asked.params();
    let path = params.to("/api/audit/logs");
    let query = asked.query();
    let (oldest, happened) = (asked.state.oldest, asked.state.by == By::Happened);
    html! {
        p { "The same by API" }
            pre #as-curl { "curl -H \"Authorization: Bearer $KEY\" " "'" span data-origin { (origin) } (path) "'" }
            p { button.plain data-copy="#as-curl" { "Copy" } }
            pre #as-cli {
                "indelible search"
                @if oldest { " --oldest-first" } @if happened { " --sort occurred" }
                " --url " span data-origin { (origin) } " --key \"$KEY\""
                @if !query.is_empty() { " -- " (shell(&query)) }
            }
            p { button.plain data-copy="#as-cli" { "Copy" } }
    }
}

/// A text as one word of a shell. What cannot be seen is written by its number, as `bash` and `zsh` read it.
fn shell(text: &str) -> String {
    let hidden = |c: char| !(c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric());
    if !text.contains(hidden) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if hidden(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_text_as_it_is() {
        assert_eq!(shell("actor:maria"), "'actor:maria'");
        assert_eq!(shell("a'b $(x) `y` \"z\" \\"), "'a'\\''b $(x) `y` \"z\" \\'");
        assert_eq!(shell("a\n'\u{202e}é"), "$'a\\x0a\\'\\xe2\\x80\\xaeé'");
    }
}

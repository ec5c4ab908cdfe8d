//! How each input and stream is, in two tables.

use maud::{Markup, html};

use super::model::{Input, Stream, badge};
use super::{All, address};
use crate::href;
use crate::text::{counted, grouped, short, short_to};
use crate::visit::{Me, Visit};
use crate::{limits, time};

/// Both, or how to begin.
pub fn tables(visit: &Visit, me: &Me, all: &All) -> Markup {
    if all.inputs.is_empty() && all.streams.is_empty() {
        return begin();
    }
    html! {
        section aria-labelledby="streams-title" {
            h2 #streams-title { "Streams: what goes out" }
            @if all.streams.is_empty() { p #no-streams.empty { "The file describes no stream." } }
            @else { (streams(visit, me, &all.streams)) }
        }
        section aria-labelledby="inputs-title" {
            h2 #inputs-title { "Inputs: what comes in" }
            @if all.inputs.is_empty() { p #no-inputs.empty { "The file describes no input." } }
            @else { (inputs(visit, &all.inputs)) }
        }
    }
}

/// What to do where there is nothing yet.
fn begin() -> Markup {
    html! {
        section #no-connections.empty {
            h2 { "No inputs and no streams yet" }
            p { "Describe them in a file, such as " code { "connections.yaml" } ":" }
            pre tabindex="0" { code #example {
"streams:
  - name: splunk
    to:
      splunk: { url: \"https://splunk.example.com:8088\", token: { env: SPLUNK_TOKEN }, index: audit }
inputs:
  - name: firewalls
    trail: network
    from:
      syslog: { listen: \"0.0.0.0:6514\", tls: { cert: cert.pem, key: key.pem } }
" } }
            p { "Have it checked, and give it to the server:" }
            pre tabindex="0" { code #begin { "indelible stream check connections.yaml\nindelible serve --connections connections.yaml" } }
            p { button.plain type="button" data-copy="#example" { "Copy the file" } " "
                button.plain type="button" data-copy="#begin" { "Copy the commands" } }
        }
    }
}

fn streams(visit: &Visit, me: &Me, streams: &[Stream]) -> Markup {
    html! {
        table #streams.stack.connections {
            thead { tr { th scope="col" { "Stream" } th scope="col" { "To" } th scope="col" { "State" } th scope="col" { "Behind" }
                th scope="col" { "Sent" } th scope="col" { "Last sent" } th scope="col" { span.sr { "Act" } } } }
            tbody { @for one in streams.iter().take(limits::SETTINGS_ROWS_MAX) {
                tr data-stream=(one.name) {
                    th scope="row" { a href=(address(&one.name)) { (short(&one.name)) } br; span.quiet { (short(&one.kind)) } }
                    td data-label="To" { (short_to(&one.to, 200)) }
                    td data-label="State" { (badge(&one.state)) }
                    td data-label="Behind" { (behind(one, visit)) }
                    td data-label="Sent" { (grouped(one.sent)) (aside(one)) }
                    td data-label="Last sent" { (last(one.last_at.as_deref(), visit)) }
                    td.acts { @if me.is_admin() {
                        @if one.is_paused() { a href=(deed(one, "resume")) { "Resume…" } }
                        @else if !one.is_stopped() { a href=(deed(one, "pause")) { "Pause…" } }
                        " " a href={(address(&one.name)) "#replay"} { "Replay…" }
                    } }
                }
                @if let Some(trouble) = &one.trouble { tr.trouble { td colspan="7" { (trouble.markup(visit)) } } }
            } }
        }
        @if streams.len() > limits::SETTINGS_ROWS_MAX { p.quiet { "And " (counted((streams.len() - limits::SETTINGS_ROWS_MAX) as u64, "other", "others")) "." } }
    }
}

/// An address at which something is done with a stream.
pub fn deed(stream: &Stream, deed: &str) -> String {
    format!("{}/{deed}", address(&stream.name))
}

/// How far it is behind.
pub fn behind(stream: &Stream, visit: &Visit) -> Markup {
    html! {
        @if stream.lag == 0 { "nothing waits" } @else { (counted(stream.lag, "record", "records")) }
        @if let Some(at) = &stream.oldest_unsent_at { br; span.quiet { "the oldest " (time::ago(at, visit.now)) } }
    }
}

/// What could not be sent, and where the trail tells of it.
fn aside(stream: &Stream) -> Markup {
    html! { @if stream.set_aside > 0 { br; (set_aside(stream)) } }
}

/// What was set aside, leading to the events that say why.
pub fn set_aside(stream: &Stream) -> Markup {
    let query = format!("trail:_system action:stream.set_aside {}", target("stream", &stream.name));
    html! { a.danger-link href=(href::search(&query)) { (grouped(stream.set_aside)) " set aside" } }
}

/// What `_system` tells of an input or a stream, as a condition.
pub fn target(kind: &str, name: &str) -> String {
    href::clause("target", &format!("{kind}/{name}"))
}

fn last(at: Option<&str>, visit: &Visit) -> Markup {
    html! { @match at {
        Some(at) => (time::ago(at, visit.now)),
        None => span.quiet title="Not since this node started" { "–" },
    } }
}

fn inputs(visit: &Visit, inputs: &[Input]) -> Markup {
    html! {
        table #inputs.stack.connections {
            thead { tr { th scope="col" { "Input" } th scope="col" { "From" } th scope="col" { "State" } th scope="col" { "Kept" }
                th scope="col" { "Refused" } th scope="col" { "Last came" } th scope="col" { span.sr { "More" } } } }
            tbody { @for one in inputs.iter().take(limits::SETTINGS_ROWS_MAX) {
                @let events = format!("trail:_system {}", target("input", &one.name));
                tr data-input=(one.name) {
                    th scope="row" { (short(&one.name)) br; span.quiet { (short(&one.kind)) } }
                    td data-label="From" { (short_to(&one.from, 200)) }
                    td data-label="State" { (badge(&one.state)) }
                    td data-label="Kept" { (grouped(one.kept))
                        @if one.known > 0 { br; span.quiet { (grouped(one.known)) " came again" } } }
                    td data-label="Refused" { (grouped(one.refused))
                        @if one.dead > 0 { br; span.quiet { (grouped(one.dead)) " to the dead-letter subject" } } }
                    td data-label="Last came" { (last(one.last_at.as_deref(), visit)) }
                    td.acts { a href=(href::search_for("key", &format!("input:{}", one.name))) { "Its events" } " " a href=(href::search(&events)) { "Notices" } }
                }
                @if one.trouble.is_some() || one.last_refused.is_some() { tr.trouble { td colspan="7" {
                    @if let Some(trouble) = &one.trouble { (trouble.markup(visit)) }
                    @if let Some(why) = &one.last_refused { p { "Refused last: " (short_to(why, limits::OPEN_CHARS_MAX)) } }
                } } }
            } }
        }
        @if inputs.len() > limits::SETTINGS_ROWS_MAX { p.quiet { "And " (counted((inputs.len() - limits::SETTINGS_ROWS_MAX) as u64, "other", "others")) "." } }
    }
}

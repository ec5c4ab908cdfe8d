//! Sending again what a stream has sent already.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use indelible_event::Micros;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::super::change::Asked;
use super::super::{Tab, admin, frame, went_wrong};
use super::model::Stream;
use super::tables::deed;
use super::{address, stream};
use crate::href::Params;
use crate::page::Page;
use crate::text::{grouped, short, short_to};
use crate::visit::{Api, Problem, Visit};
use crate::{limits, time};

pub fn routes() -> Router<Api> {
    Router::new().route("/settings/connections/streams/{name}/replay", get(ask).post(replay))
}

/// From where.
enum From {
    Beginning,
    /// What is recorded from now on: what waits is never sent.
    Now,
    /// What was recorded from this moment on.
    Time(Micros),
    /// From this event on.
    Place {
        trail: String,
        seq: u64,
    },
}

impl From {
    /// As a form has it.
    fn read(form: &Params) -> Result<From, &'static str> {
        let given = |name: &str| form.get(name).map(str::trim).unwrap_or_default();
        match given("from") {
            "beginning" => Ok(From::Beginning),
            "now" => Ok(From::Now),
            "time" => moment(given("time"))
                .map(From::Time)
                .ok_or("The time is one such as 2026-01-31 10:00, in UTC."),
            "place" => {
                let seq = given("seq")
                    .parse()
                    .map_err(|_| "The number in the trail is a number, from 0.")?;
                let trail = given("trail").to_owned();
                if trail.is_empty() {
                    Err("Name the trail.")
                } else {
                    Ok(From::Place { trail, seq })
                }
            }
            _ => Err("Say from where: the beginning, a time, an event, or now."),
        }
    }

    /// As the API takes it.
    fn json(&self) -> Value {
        let from = match self {
            From::Beginning => "beginning".to_owned(),
            From::Now => "now".to_owned(),
            From::Time(at) => at.to_string(),
            From::Place { trail, seq } => format!("{trail}/{seq}"),
        };
        json!({ "from": from })
    }

    /// As a form has it.
    fn hidden(&self) -> Vec<(&'static str, String)> {
        match self {
            From::Beginning => vec![("from", "beginning".to_owned())],
            From::Now => vec![("from", "now".to_owned())],
            From::Time(at) => vec![("from", "time".to_owned()), ("time", at.to_string())],
            From::Place { trail, seq } => vec![
                ("from", "place".to_owned()),
                ("trail", trail.clone()),
                ("seq", seq.to_string()),
            ],
        }
    }

    fn markup(&self) -> Markup {
        match self {
            From::Beginning => html! { "the first record there is" },
            From::Now => html! { "what is recorded from now on" },
            From::Time(at) => html! { "what was recorded from " (time::at(&at.to_string())) " on" },
            From::Place { trail, seq } => {
                html! { "record " (grouped(*seq)) " of " (short(trail)) }
            }
        }
    }
}

/// A moment as people and browsers write it, in UTC where it does not say.
fn moment(text: &str) -> Option<Micros> {
    if text.len() > limits::TIME_BYTES_MAX {
        return None;
    }
    let text = text.replacen(' ', "T", 1);
    ["", "Z", ":00Z", "T00:00:00Z"]
        .iter()
        .find_map(|rest| Micros::parse(&format!("{text}{rest}")).ok())
}

/// The ways to ask for it.
pub fn forms(stream: &Stream) -> Markup {
    let action = deed(stream, "replay");
    html! {
        section #replay.panel aria-labelledby="replay-title" {
            h2 #replay-title { "Replay" }
            p { "The stream goes back, sends again what matches, and goes on to the present. Use it where a receiver lost something, or "
                "a stream has stopped and has to be told from where to go on." }
            div.cols {
                form.save method="get" action=(action) {
                    input type="hidden" name="from" value="beginning";
                    h3 { "From the beginning" }
                    p.quiet { "Everything that is kept." }
                    p.acts { button.plain { "From the beginning…" } }
                }
                form.save method="get" action=(action) {
                    input type="hidden" name="from" value="time";
                    h3 { "From a time" }
                    p { label for="replay-time" { "Recorded from, UTC" } br; input #replay-time type="datetime-local" step="1" name="time" required; }
                    p.acts { button.plain { "From this time…" } }
                }
                form.save method="get" action=(action) {
                    input type="hidden" name="from" value="place";
                    h3 { "From an event" }
                    p { label for="replay-trail" { "Trail" } br; input #replay-trail name="trail" required autocomplete="off" spellcheck="false"; }
                    p { label for="replay-seq" { "Its number there (seq)" } br; input #replay-seq name="seq" required inputmode="numeric" pattern="[0-9]+" autocomplete="off"; }
                    p.acts { button.plain { "From this event…" } }
                }
                form.save method="get" action=(action) {
                    input type="hidden" name="from" value="now";
                    h3 { "From now on" }
                    p.quiet { "What waits is skipped, and never sent." }
                    p.acts { button.plain { "From now on…" } }
                }
            }
        }
    }
}

async fn ask(Path(name): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &name).await;
    visit.answer(page)
}

fn unreadable(why: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read", why)
}

async fn ask_page(visit: &Visit, name: &str) -> Result<Page, Problem> {
    admin(visit)?;
    let stream = stream::ask(visit, name).await?;
    let back = address(name);
    let from = match From::read(&visit.params) {
        Ok(from) => from,
        Err(why) => return Ok(went_wrong(visit, Tab::Connections, &unreadable(why), &back)),
    };
    let skips = matches!(from, From::Now);
    let means = html! {
        @if skips {
            p { "What waits is skipped: this stream never sends it, unless it is replayed. The trail keeps it." }
        } @else {
            p { "The receiver gets again what it may have already. Each event comes with its id, place and leaf hash as before, so that it can tell." }
        }
        @if stream.is_paused() { p.notice.warn { "The stream is paused: it begins when it is resumed." } }
    };
    let rows = vec![
        ("Stream", short(&stream.name), short(&stream.name)),
        ("To", short_to(&stream.to, 200), short_to(&stream.to, 200)),
        (
            "Sends next",
            html! { "place " (grouped(stream.next)) " of the node's log" },
            from.markup(),
        ),
    ];
    let action = deed(&stream, "replay");
    let asked = Asked {
        title: if skips { "Skip what waits?" } else { "Send it again?" },
        means,
        rows,
        action: &action,
        hidden: from.hidden(),
        button: if skips { "Skip it" } else { "Replay" },
        danger: true,
        back: &back,
    };
    Ok(frame(visit, Tab::Connections, asked.markup()))
}

async fn replay(Path(name): Path<String>, visit: Visit) -> Response {
    if let Err(problem) = admin(&visit) {
        return visit.answer(Err(problem));
    }
    match From::read(&visit.form) {
        Ok(from) => stream::change(&visit, &name, "replay", Some(from.json())).await,
        Err(why) => {
            let back = address(&name);
            visit.answer(Ok(went_wrong(&visit, Tab::Connections, &unreadable(why), &back)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_people_and_browsers_write_it() {
        for text in [
            "2026-01-31T10:00:00Z",
            "2026-01-31T10:00:00",
            "2026-01-31T10:00",
            "2026-01-31 10:00",
            "2026-01-31T12:00:00+02:00",
        ] {
            let read = moment(text).map(|at| at.to_string());
            assert_eq!(read.as_deref(), Some("2026-01-31T10:00:00.000000Z"), "{text}");
        }
        assert_eq!(moment("2026-01-31"), Micros::parse("2026-01-31T00:00:00Z").ok());
        for text in ["", "yesterday", "2026-13-31", "2026-01-31T10", &"1".repeat(100)] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}

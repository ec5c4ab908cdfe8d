//! How the log is kept: policies, holds, what waits for a second admin, erasures and backups.

mod backups;
mod erasures;
mod holds;
mod jobs;
mod requests;
mod retention;

use axum::Router;
use axum::http::Method;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::{Tab, done, went_wrong};
use crate::href::{Params, segment};
use crate::page::see_other;
use crate::text;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new()
        .merge(retention::routes())
        .merge(holds::routes())
        .merge(requests::routes())
        .merge(erasures::routes())
        .merge(backups::routes())
        .merge(jobs::routes())
}

/// What an answer to a change may be, beside what was asked for.
#[derive(Deserialize)]
struct Came {
    /// The request that waits for another admin.
    request: Option<String>,
    /// The job that does it.
    job: Option<String>,
}

/// Has something changed, and leads to where one sees what came of it: the job, the request that waits, or back.
async fn change(
    visit: &Visit,
    (method, path): (Method, &str),
    json: Option<Value>,
    tab: Tab,
    back: &str,
) -> Response {
    match visit.send(method, path, json).await {
        Ok((headers, body)) => {
            let came = serde_json::from_slice::<Came>(&body).ok();
            match came {
                Some(Came { job: Some(id), .. }) => see_other(&jobs::address(&id)),
                Some(Came { request: Some(_), .. }) => done(requests::HERE, &headers),
                _ => done(back, &headers),
            }
        }
        Err(problem) => refused(visit, problem, tab, back),
    }
}

/// What was refused is said on the page it was tried on; who may not do it at all is told so.
fn refused(visit: &Visit, problem: Problem, tab: Tab, back: &str) -> Response {
    match problem.status {
        401 | 403 => visit.answer(Err(problem)),
        _ => visit.answer(Ok(went_wrong(visit, tab, &problem, back))),
    }
}

/// Who did something, as an event's actor tells.
fn person(actor: &Value) -> Markup {
    let name = actor["name"].as_str().or(actor["id"].as_str()).unwrap_or("unknown");
    text::short(name)
}

/// A form that does one thing.
fn button(action: &str, word: &str, danger: bool) -> Markup {
    html! {
        form.inline method="post" action=(action) data-once {
            button.plain[!danger].danger[danger] { (word) }
        }
    }
}

/// An address below a page, of one thing.
fn below(page: &str, id: &str, deed: &str) -> String {
    format!("{page}/{}/{deed}", segment(id))
}

/// A field of a form.
fn field(label: &str, name: &str, value: &str, hint: &str) -> Markup {
    html! {
        p {
            label for=(name) { (label) } br;
            input id=(name) name=(name) value=(value) autocomplete="off" spellcheck="false" aria-describedby=[(!hint.is_empty()).then(|| format!("{name}-hint"))];
            @if !hint.is_empty() { br; span.quiet id={(name) "-hint"} { (hint) } }
        }
    }
}

/// A box to tick.
fn tick(label: &str, name: &str, on: bool) -> Markup {
    html! {
        p.tick { label { input type="checkbox" name=(name) value="yes" checked[on]; span { (label) } } }
    }
}

/// A value of a form, if something was written there.
fn given<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).map(str::trim).filter(|value| !value.is_empty())
}

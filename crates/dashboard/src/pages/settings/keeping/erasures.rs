//! What is erased because somebody has a right to it.

use axum::Router;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Tab, admin, frame, told};
use super::{change, field, given, tick};
use crate::href::{Params, segment};
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

const HERE: &str = "/settings/erasures";
const PARTS: [(&str, &str); 3] = [
    ("who", "who did it, and whose data it was"),
    ("where", "where it came from"),
    ("what", "what it was done to, what it changed, its details"),
];

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list).post(ask))
        .route("/settings/erasures/preview", post(preview))
}

#[derive(Deserialize)]
struct Erasures {
    erasures: Vec<Erasure>,
}

#[derive(Deserialize)]
struct Erasure {
    erasure: String,
    begun_at: String,
    kind: String,
    authority: String,
    parts: Vec<String>,
    records: u64,
    done: bool,
    complete: bool,
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let erasures = visit.get::<Erasures>("/api/erasures", &Params::new()).await?.erasures;
    let body = html! {
        (told(visit).await)
        p.quiet { "Erasing takes two people. Parts of records go for good; entries, hashes and every proof stay as they are, and the certificate says what was done." }
        @if erasures.is_empty() { p #no-erasures.empty { "Nothing was erased." } } @else { (table(&erasures, visit)) }
        (form())
    };
    Ok(frame(visit, Tab::Erasures, body))
}

fn table(erasures: &[Erasure], visit: &Visit) -> Markup {
    html! {
        table #erasures.stack {
            thead { tr { th { "When" } th { "By which authority" } th { "Parts" } th { "Records" } th { "State" } th { span.sr { "Certificate" } } } }
            tbody { @for one in erasures.iter().rev().take(limits::SETTINGS_ROWS_MAX) { tr data-erasure=(one.erasure) {
                th scope="row" { (time::ago(&one.begun_at, visit.now)) br; span.quiet { "a " (text::short(&one.kind)) } }
                td data-label="Authority" { (text::short_to(&one.authority, 200)) }
                td data-label="Parts" { (text::short(&one.parts.join(", "))) }
                td data-label="Records" { (text::grouped(one.records)) }
                td data-label="State" {
                    @if !one.done { span.outcome.pending { "going on" } }
                    @else if one.complete { span.outcome.good { "done" } }
                    @else { span.outcome.denied { "copies elsewhere to do" } }
                }
                td.acts { a data-certificate href=(certificate(&one.erasure)) { "Certificate" } }
            } } }
        }
    }
}

fn certificate(id: &str) -> String {
    Params::new().with("format", "text").to(&format!("/api/erasures/{}", segment(id)))
}

fn form() -> Markup {
    html! {
        section.panel aria-labelledby="erase-title" {
            h2 #erase-title { "Ask for an erasure" }
            // Sent in a body, never in an address: what is asked for must not be kept anywhere.
            form.save method="post" action="/settings/erasures/preview" data-once {
                (field("Whose data", "subject", "", "An id, an address or a name, as it stands in the events. It is not kept: the events have a keyed hash of it."))
                (field("Or what was done to", "resource", "", "Such as backup/db-0417."))
                (field("Only in this trail", "trail", "", "Empty: all of them."))
                fieldset { legend { "What goes" }
                    @for (part, means) in PARTS { p.tick { label { input type="checkbox" name="parts" value=(part) checked; span { (part) span.quiet { ": " (means) } } } } }
                }
                (tick("Also records that only mention it, in a text or in details", "mentions", false))
                (tick("Also what somebody holds", "despite_hold", false))
                (field("By which authority", "authority", "", "It is recorded, so it must not name the person."))
                p.acts { button { "See what would go…" } }
            }
        }
    }
}

/// What the form says, as the API takes it.
fn wanted(params: &Params) -> Value {
    let parts: Vec<&str> = params.all("parts").collect();
    let mut wanted = json!({
        "authority": given(params, "authority").unwrap_or_default(),
        "parts": parts,
        "mentions": params.get("mentions") == Some("yes"),
        "despite_hold": params.get("despite_hold") == Some("yes"),
    });
    for name in ["subject", "resource", "trail"] {
        if let Some(value) = given(params, name) {
            wanted[name] = value.into();
        }
    }
    wanted
}

#[derive(Deserialize)]
struct Job {
    state: String,
    result: Option<Preview>,
}

#[derive(Deserialize)]
struct Preview {
    records: u64,
    trails: Vec<Hits>,
    mentioned: u64,
    left: Vec<Left>,
    holds: Vec<Held>,
    places: Vec<Place>,
}

#[derive(Deserialize)]
struct Hits {
    trail: String,
    records: u64,
}

#[derive(Deserialize)]
struct Left {
    what: String,
    why: String,
    records: u64,
}

#[derive(Deserialize)]
struct Held {
    hold: String,
    reason: String,
    records: u64,
}

#[derive(Deserialize)]
struct Place {
    place: String,
    item: String,
    to_do: Option<String>,
}

async fn preview(visit: Visit) -> Response {
    let path = "/api/erasures/preview?wait=true";
    let sent = visit.send(Method::POST, path, Some(wanted(&visit.form))).await;
    match sent {
        Ok((_, body)) => {
            let job = serde_json::from_slice(&body).map_err(|e| Problem::broken(e.to_string()));
            visit.answer(job.map(|job| preview_page(&visit, &job)))
        }
        Err(problem) => super::refused(&visit, problem, Tab::Erasures, HERE),
    }
}

fn preview_page(visit: &Visit, job: &Job) -> Page {
    let names = ["subject", "resource", "trail", "mentions", "despite_hold", "authority"];
    let body = html! {
        section #confirm.panel.confirm aria-labelledby="confirm-title" {
            h2 #confirm-title { "Ask for this erasure?" }
            @match &job.result {
                None => p.notice.warn { "Looking for it takes longer than a minute (it is " (text::short(&job.state)) "). Whoever confirms it is told how many records it was." },
                Some(preview) => (found(preview)),
            }
            form method="post" action=(HERE) data-once {
                @for name in names { @if let Some(value) = given(&visit.form, name) { input type="hidden" name=(name) value=(value); } }
                @for part in visit.form.all("parts") { input type="hidden" name="parts" value=(part); }
                p.acts { button.danger { "Ask a second admin" } a.button.plain href=(HERE) { "Leave it" } }
                p.quiet { "Nothing is erased before somebody else confirms it. This is recorded in the trail, with your name." }
            }
        }
    };
    frame(visit, Tab::Erasures, body)
}

fn found(preview: &Preview) -> Markup {
    html! {
        p #goes { strong { (text::counted(preview.records, "record", "records")) } " would lose parts." }
        @if !preview.trails.is_empty() { ul { @for hits in preview.trails.iter().take(limits::DUE_ROWS_MAX) {
            li { (text::short(&hits.trail)) ": " (text::grouped(hits.records)) }
        } } }
        @if preview.mentioned > 0 { p { (text::counted(preview.mentioned, "further record mentions", "further records mention")) " it in a text or in details." } }
        @for held in &preview.holds {
            p.notice.warn { (text::counted(held.records, "of them is", "of them are")) " held: " (text::short(&held.hold)) ", " (text::short(&held.reason)) "." }
        }
        @for left in &preview.left {
            p { (text::counted(left.records, "record", "records")) " of " code { (text::short(&left.what)) } " stay as they are: " (text::short_to(&left.why, 300)) "." }
        }
        @if !preview.places.is_empty() { h3 { "Copies" } ul { @for place in preview.places.iter().take(limits::DUE_ROWS_MAX) {
            li { (text::short(&place.place)) " " (text::short(&place.item))
                @if let Some(to_do) = &place.to_do { ": " strong { (text::short_to(to_do, 300)) } } @else { ": erased with it" } }
        } } }
    }
}

async fn ask(visit: Visit) -> Response {
    let wanted = wanted(&visit.form);
    change(&visit, (Method::POST, "/api/erasures"), Some(wanted), Tab::Erasures, HERE).await
}

//! What happens now.
//!
//! The page begins with the newest rows and the place that the API says they reach up to; the stream goes on from
//! there. What comes twice is known by its address, so nothing is lost between the two and nothing shown twice.

mod rows;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http_body_util::BodyExt as _;
use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use self::rows::Rows;
use crate::href::{self, Params};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::overview::failed;
use crate::parts::{self, Alarm, Incomplete};
use crate::visit::{Api, Me, Problem, Visit};

const STREAM: &str = "/api/audit/stream";

pub fn routes() -> Router<Api> {
    Router::new().route("/live", get(live)).route("/live/stream", get(stream))
}

/// The newest events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Newest {
    events: Vec<Event>,
    incomplete: Option<Incomplete>,
    alarms: Vec<Alarm>,
}

async fn live(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    let me = visit.me()?;
    let q = visit.params.get("q").unwrap_or_default();
    let newest =
        Params::new().with("q", query(visit, me)).with("page_size", limits::LIVE_FIRST.to_string());
    let shown = match visit.get_all("/api/audit/logs", &newest).await {
        Ok((headers, newest)) => list(visit, &headers, &newest),
        // A query that cannot be read leaves the field to mend it in.
        Err(problem) if problem.status == 400 => failed(&problem),
        Err(problem) => return Err(problem),
    };
    let body = html! {
        header.head { h1 { "Live" } }
        form.choose role="search" action="/live" {
            label.sr for="q" { "Only what matches" }
            input #q type="search" name="q" value=(q) placeholder="actor:maria -outcome:success" autocomplete="off" spellcheck="false";
            @if me.may_audit() { label.check { input type="checkbox" name="system" value="1" checked[system(visit)]; " What the audit system itself does" } }
            button.plain { "Filter" }
            a #as-search href=(search(visit).to("/")) { "As a search" }
        }
        (shown)
    };
    Ok(Page::new("Live", Nav::Live, body).with(&["live.js"]))
}

/// The same as a search.
fn search(visit: &Visit) -> Params {
    let given = |name| visit.params.get(name).unwrap_or_default();
    Params::new().with("q", given("q")).with("system", given("system"))
}

/// Whether what the audit system itself does is among it: looking adds to that.
fn system(visit: &Visit) -> bool {
    visit.params.get("system") == Some("1")
}

/// The whole query, as the API takes it.
fn query(visit: &Visit, me: &Me) -> String {
    let q = visit.params.get("q").unwrap_or_default().trim();
    // Who names that trail wants it.
    let hidden = me.may_audit() && !system(visit) && !q.contains("_system");
    match (hidden, q.is_empty()) {
        (false, _) => q.to_owned(),
        (true, true) => href::WITHOUT_SYSTEM.to_owned(),
        (true, false) => format!("({q}) AND {}", href::WITHOUT_SYSTEM),
    }
}

fn list(visit: &Visit, headers: &HeaderMap, newest: &Newest) -> Markup {
    let from = headers.get("indelible-stream-id").and_then(|id| id.to_str().ok());
    let from = from.unwrap_or_default();
    let address = visit.params.clone().set("last_event_id", from).to("/live/stream");
    html! {
        (parts::notices(newest.incomplete.as_ref(), &newest.alarms))
        noscript { p.notice { "New events appear here by themselves with JavaScript. Without it: "
            a href=(visit.here()) { "load the newest again" } "." } }
        div.live-bar #live data-stream=(address) hidden {
            button.plain #live-pause aria-pressed="false" { "Pause" }
            span.live-state #live-state data-state="connecting" { "Connecting" }
            span.n #live-rate title="Events a second over the last ten seconds" { "0 a second" }
            svg.spark #live-spark width="120" height="24" viewBox="0 0 120 24" preserveAspectRatio="none" aria-hidden="true" focusable="false" {}
            span.n.quiet #live-count {}
        }
        p.sr #live-summary role="status" aria-live="polite" {}
        div #live-alarms {}
        ol.rows #live-rows { @for event in &newest.events { (parts::row(event, visit.now)) } }
        p.quiet #live-end hidden {}
        @if newest.events.is_empty() { p.quiet #live-empty { "Nothing yet. What happens from now on appears here." } }
    }
}

/// The stream, each event as the row that the page shows.
async fn stream(visit: Visit) -> Response {
    let me = match visit.me() {
        Ok(me) => me,
        Err(problem) => return problem.into_response(),
    };
    let asking = Params::new()
        .with("q", query(&visit, me))
        .with("last_event_id", visit.params.get("last_event_id").unwrap_or_default());
    let inner = match visit.ask(Method::GET, &asking.to(STREAM), None, HeaderMap::new()).await {
        Ok(response) => response.into_body(),
        Err(problem) => return problem.into_response(),
    };
    let mut rows = Rows::default();
    let body = inner.map_frame(move |frame| frame.map_data(|data| rows.feed(&data)));
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (unbuffered, "no")];
    (headers, Body::new(body)).into_response()
}

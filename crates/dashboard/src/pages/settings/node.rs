//! The node: how it is, and within which bounds it works.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Tab, admin, connections, frame};
use crate::href::Params;
use crate::page::Page;
use crate::text::{bytes, counted, grouped, short, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/settings/node", get(node))
}

#[derive(Deserialize)]
struct Status {
    version: String,
    started_at: String,
    public_url: String,
    listen: Option<String>,
    disk: Disk,
    log: Log,
    index: Index,
    losses: Losses,
    requests: Requests,
    limits: Limits,
}

#[derive(Deserialize)]
struct Disk {
    free_bytes: Option<u64>,
    log_bytes: u64,
    index_bytes: u64,
}

#[derive(Deserialize)]
struct Log {
    records: u64,
    durable_pos: u64,
    searchable_pos: u64,
    writable: bool,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    missing: u64,
    failure: Option<String>,
}

#[derive(Deserialize)]
struct Losses {
    reads_not_recorded: u64,
}

#[derive(Deserialize)]
struct Requests {
    answered: u64,
    client_errors: u64,
    server_errors: u64,
    connections: i64,
}

#[derive(Deserialize)]
struct Limits {
    event_bytes: u64,
    body_bytes: u64,
    events_a_request: u64,
    connections: u64,
    keys: u64,
    session_seconds: u64,
    saved_searches: u64,
}

async fn node(visit: Visit) -> Response {
    let page = page(&visit).await;
    visit.answer(page)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let status: Status = visit.get("/api/status", &Params::new()).await?;
    let body = html! {
        (health(&status))
        (connections::red(visit).await)
        div #node.cols {
            (facts("node-is", "This node", &[
                ("Version", html! { (short(&status.version)) }),
                ("Running since", time::at(&status.started_at)),
                ("Listens on", html! { @match &status.listen { Some(at) => code { (short(at)) }, None => "nothing" } }),
                ("Its address for others", html! { code { (whole(&status.public_url)) } }),
            ]))
            (facts("node-disk", "Room", &[
                ("Log", html! { (bytes(status.disk.log_bytes)) }),
                ("Index", html! { (bytes(status.disk.index_bytes)) " " span.quiet { "can be made again from the log" } }),
                ("Free", html! { @match status.disk.free_bytes { Some(free) => (bytes(free)), None => "not known" } }),
                ("Records", html! { (grouped(status.log.records)) }),
            ]))
            (facts("node-requests", "Requests since it runs", &[
                ("Answered", html! { (grouped(status.requests.answered)) }),
                ("Refused", html! { (grouped(status.requests.client_errors)) }),
                ("Failed", html! { (grouped(status.requests.server_errors)) }),
                ("Open connections", html! { (status.requests.connections) }),
            ]))
            (limits(&status.limits))
        }
        p.quiet { "Programs read the same at " a href="/api/status" { code { "/api/status" } } ", Prometheus at " a href="/metrics" { code { "/metrics" } } "." }
    };
    Ok(frame(visit, Tab::Node, body))
}

fn health(status: &Status) -> Markup {
    let lag = status.log.durable_pos.saturating_sub(status.log.searchable_pos);
    html! {
        @if status.log.writable {
            p #writable.notice.good { "Events are taken." @if lag > 0 { " " (counted(lag, "record is", "records are")) " not searchable yet." } }
        } @else {
            section #writable.notice.bad role="alert" { h2 { "No events are taken" } p { (whole(status.log.reason.as_deref().unwrap_or("The node does not say why."))) } }
        }
        @if status.index.missing > 0 { p.notice.warn { "A part of the index is being made again: " (counted(status.index.missing, "record", "records")) " cannot be found meanwhile." } }
        @if let Some(why) = &status.index.failure { p.notice.bad role="alert" { "The index does not get on: " (whole(why)) } }
        @if status.losses.reads_not_recorded > 0 {
            p.notice.bad role="alert" { (counted(status.losses.reads_not_recorded, "thing", "things")) " that should have been recorded could not be, since this node runs." }
        }
    }
}

fn limits(limits: &Limits) -> Markup {
    facts(
        "node-limits",
        "Bounds",
        &[
            ("An event", html! { (bytes(limits.event_bytes)) }),
            (
                "A request",
                html! { (bytes(limits.body_bytes)) ", " (counted(limits.events_a_request, "event", "events")) },
            ),
            ("Connections", html! { (grouped(limits.connections)) }),
            ("Keys", html! { (grouped(limits.keys)) " " span.quiet { "revoked ones included" } }),
            ("A session", html! { (counted(limits.session_seconds / 3600, "hour", "hours")) }),
            (
                "Saved searches",
                html! { (grouped(limits.saved_searches)) " " span.quiet { "a credential" } },
            ),
        ],
    )
}

fn facts(id: &str, title: &str, rows: &[(&str, Markup)]) -> Markup {
    html! {
        section.panel id=(id) { h2 { (title) }
            dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } } }
    }
}

//! What events come in and go out through: how each input and stream is, and the doors that are always open.

mod doors;
mod model;
mod red;
mod replay;
mod stream;
mod tables;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use self::model::{Input, Inputs, Stream, Streams};
use super::{Tab, frame};
use crate::href::{Params, segment};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::overview::failed;
use crate::visit::{Api, Me, Problem, Visit};

pub use red::red;

pub(super) const HERE: &str = "/settings/connections";
/// The tables alone, which the page asks for again and again.
const NOW: &str = "/settings/connections/now";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list))
        .route(NOW, get(now))
        .merge(stream::routes())
        .merge(replay::routes())
}

/// The visitor, if an auditor or an admin.
fn auditor(visit: &Visit) -> Result<&Me, Problem> {
    let me = visit.me()?;
    let title = "This credential's role may not do that";
    let detail = "Connections are for auditors and admins.";
    me.may_audit().then_some(me).ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, title, detail))
}

/// Everything that is described in the node's file of connections.
struct All {
    inputs: Vec<Input>,
    streams: Vec<Stream>,
}

async fn all(visit: &Visit) -> Result<All, Problem> {
    let streams = visit.get::<Streams>("/api/streams", &Params::new()).await?.streams;
    let inputs = visit.get::<Inputs>("/api/inputs", &Params::new()).await?.inputs;
    Ok(All { inputs, streams })
}

/// The page of a stream.
fn address(name: &str) -> String {
    format!("{HERE}/streams/{}", segment(name))
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    let is_admin = auditor(visit)?.is_admin();
    let shown = now_shown(visit).await?;
    let body = html! {
        p.quiet { "Events come in from what you already run, and go out to where people look. Inputs and streams are described in a file, which "
            "the server reads when it starts; what each does is recorded in the trail." }
        (piece("connections", NOW, &shown))
        (doors::doors(&visit.origin(), is_admin))
    };
    Ok(frame(visit, Tab::Connections, body))
}

/// Part of a page that asks for itself again, at `address`. What has the keyboard keeps it. What this node has to say
/// of a problem is shown in its place, so that nobody reads what has become old; what a proxy says while the node
/// starts anew is not.
fn piece(id: &str, address: &str, shown: &Markup) -> Markup {
    let every = format!("every {}s", limits::CONNECTIONS_EVERY_SECONDS);
    html! { div id=(id) hx-get=(address) hx-trigger=(every) hx-swap="outerMorph" hx-status:5xx="swap:none" { (shown) } }
}

/// The answer to who asks for such a part: it, or why there is none, which takes its place.
fn answer(visit: &Visit, id: &str, shown: Result<Markup, Problem>) -> Response {
    let shown = match shown {
        Ok(shown) => shown,
        Err(problem) if visit.fragment => failed(&problem),
        Err(problem) => return visit.answer(Err(problem)),
    };
    let piece = piece(id, visit.path(), &shown);
    visit.answer(Ok(Page::new("Connections", Nav::Settings, piece)))
}

async fn now(visit: Visit) -> Response {
    let shown = now_shown(&visit).await;
    answer(&visit, "connections", shown)
}

async fn now_shown(visit: &Visit) -> Result<Markup, Problem> {
    let me = auditor(visit)?;
    Ok(tables::tables(visit, me, &all(visit).await?))
}

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
    let me = auditor(visit)?;
    let shown = all(visit).await?;
    let body = html! {
        p.quiet { "Events come in from what you already run, and go out to where people look. Inputs and streams are described in a file, which "
            "the server reads when it starts; what each does is recorded in the trail." }
        (piece(&tables::tables(visit, me, &shown)))
        (doors::doors(&visit.origin(), me.is_admin()))
    };
    Ok(frame(visit, Tab::Connections, body))
}

/// Part of a page that asks for itself again. What has the keyboard keeps it, and an answer that tells of a problem
/// is shown in its place, so that nobody reads what has become old.
fn piece(tables: &Markup) -> Markup {
    let every = format!("every {}s", limits::CONNECTIONS_EVERY_SECONDS);
    html! { div #connections hx-get=(NOW) hx-trigger=(every) hx-swap="outerMorph" { (tables) } }
}

async fn now(visit: Visit) -> Response {
    let shown = match auditor(&visit) {
        Ok(me) => all(&visit).await.map(|shown| tables::tables(&visit, me, &shown)),
        Err(problem) => Err(problem),
    };
    let piece = match shown {
        Ok(tables) => piece(&tables),
        Err(problem) if visit.fragment => piece(&failed(&problem)),
        Err(problem) => return visit.answer(Err(problem)),
    };
    visit.answer(Ok(Page::new("Connections", Nav::Settings, piece)))
}

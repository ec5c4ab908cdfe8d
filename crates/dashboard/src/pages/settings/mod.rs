//! Keys, trails, how the log is kept, connections, the node, and saved searches. Each change shows what is and what will be, asks, is noticed if somebody
//! else was faster, and leads to its event.

mod change;
pub(super) mod connections;
mod keeping;
mod keys;
mod node;
mod searches;
mod trails;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use crate::href::{self, Params};
use crate::page::{Nav, Page, see_other};
use crate::parts;
use crate::visit::{Api, Me, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/settings", get(settings))
        .merge(keys::routes())
        .merge(keeping::routes())
        .merge(trails::routes())
        .merge(connections::routes())
        .merge(node::routes())
        .merge(searches::routes())
}

async fn settings(visit: Visit) -> Response {
    match admin(&visit) {
        Ok(_) => see_other("/settings/keys"),
        Err(problem) => visit.answer(Err(problem)),
    }
}

/// Which page of the settings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Keys,
    Trails,
    Retention,
    Holds,
    Erasures,
    Requests,
    Backups,
    Connections,
    Node,
    Searches,
}

const TABS: [(Tab, &str, &str); 10] = [
    (Tab::Keys, "/settings/keys", "Keys"),
    (Tab::Trails, "/settings/trails", "Trails"),
    (Tab::Retention, "/settings/retention", "Retention"),
    (Tab::Holds, "/settings/holds", "Holds"),
    (Tab::Erasures, "/settings/erasures", "Erasures"),
    (Tab::Requests, "/settings/requests", "Two people"),
    (Tab::Backups, "/settings/backups", "Backups"),
    (Tab::Connections, connections::HERE, "Connections"),
    (Tab::Node, "/settings/node", "Node"),
    (Tab::Searches, "/settings/searches", "Saved searches"),
];

/// The visitor, if an admin.
fn admin(visit: &Visit) -> Result<&Me, Problem> {
    let me = visit.me.as_ref().map_err(Clone::clone)?;
    let detail = "Keys, trails and the node are for admins.";
    let title = "This credential's role may not do that";
    me.is_admin().then_some(me).ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, title, detail))
}

/// Whether a page of the settings is for this visitor.
fn is_for(tab: Tab, me: &Me) -> bool {
    me.is_admin() || tab == Tab::Searches || tab == Tab::Connections && me.may_audit()
}

/// A page of the settings.
fn frame(visit: &Visit, tab: Tab, body: Markup) -> Page {
    let me = visit.me.as_ref();
    let admin = me.is_ok_and(Me::is_admin);
    let seen = TABS.iter().filter(|(tab, ..)| me.is_ok_and(|me| is_for(*tab, me)));
    let title = TABS.iter().find(|(of, ..)| *of == tab).map_or("Settings", |(_, _, word)| word);
    let body = html! {
        h1 { @if admin { "Settings" } @else { (title) } }
        @if seen.clone().count() > 1 {
            nav.tabs aria-label="Settings" { @for (of, address, word) in seen {
                a href=(address) aria-current=[(*of == tab).then_some("page")] { (word) }
            } }
        }
        (body)
    };
    Page::new(format!("{title} · Settings"), Nav::Settings, body).with(&["settings.js"])
}

/// A page of the settings that says what went wrong.
fn went_wrong(visit: &Visit, tab: Tab, problem: &Problem, back: &str) -> Page {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = html! {
        section #went-wrong.notice.bad role="alert" {
            h2 { @if problem.status == 409 { "Not as things are now" } @else { (crate::text::short(&problem.title)) } }
            p { (crate::text::whole(&problem.detail)) }
            p { "Nothing was changed. " a href=(back) { "Look at how it is now" } }
        }
    };
    Page { status, ..frame(visit, tab, body) }
}

/// Where to go after a change: back, with the event that tells of it.
pub(super) fn done(back: &str, headers: &HeaderMap) -> Response {
    let event = headers.get("indelible-event").and_then(|value| value.to_str().ok());
    see_other(&Params::new().with("event", event.unwrap_or_default()).to(back))
}

#[derive(Deserialize)]
struct Shown {
    event: Event,
}

/// What was done a moment ago, as its event says: nothing that an address claims is believed.
pub(super) async fn told(visit: &Visit) -> Markup {
    let Some(id) = visit.params.get("event") else { return html! {} };
    told_of(visit, id).await
}

/// A change, as its event says it.
async fn told_of(visit: &Visit, id: &str) -> Markup {
    let path = format!("/api/audit/logs/{}", href::segment(id));
    let asked = visit.get::<Shown>(&path, &Params::new().with("trail", "_system")).await;
    let Ok(Shown { event }) = asked else { return html! {} };
    html! {
        p #done.notice.good role="status" {
            (parts::said(&event)) ". "
            a href=(href::event("_system", &event.id)) { "See it in the trail" }
        }
    }
}

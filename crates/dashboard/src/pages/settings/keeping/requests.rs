//! What one admin asked for and another has to confirm.

use axum::Router;
use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Tab, admin, frame, told};
use super::{below, button, change, given, person};
use crate::href::{Params, segment};
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

pub const HERE: &str = "/settings/requests";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list))
        .route("/settings/requests/{id}/confirm", post(confirm))
        .route("/settings/requests/{id}/withdraw", post(withdraw))
}

#[derive(Deserialize)]
struct Requests {
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    id: String,
    kind: String,
    body: Value,
    state: String,
    requested_by: String,
    actor: Value,
    requested_at: String,
    expires_at: String,
    ended_by: Option<String>,
    ended_at: Option<String>,
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    let me = admin(visit)?.id.clone();
    let requests = visit.get::<Requests>("/api/requests", &Params::new()).await?.requests;
    let (waiting, ended): (Vec<&Request>, Vec<&Request>) =
        requests.iter().rev().partition(|request| request.state == "waiting");
    let body = html! {
        (told(visit).await)
        p.quiet { "What lets records go sooner than was promised takes two people. Another admin than the one who asked confirms it, with a key that is older than the request." }
        @if waiting.is_empty() { p #no-requests.empty { "Nothing waits for a second person." } }
        @for request in waiting.iter().take(limits::SETTINGS_ROWS_MAX) { (panel(request, &me, visit)) }
        @if !ended.is_empty() {
            details { summary { "Earlier ones" } (table(&ended, visit)) }
        }
    };
    Ok(frame(visit, Tab::Requests, body))
}

fn title(request: &Request) -> &'static str {
    match &*request.kind {
        "retention" => "A policy that shortens what was promised",
        "purge" => "Records that go before their time",
        "erasure" => "Parts of records that are erased",
        _ => "A request",
    }
}

fn panel(request: &Request, me: &str, visit: &Visit) -> Markup {
    let own = request.requested_by == me;
    html! {
        section.panel data-request=(request.id) {
            div.between { h2 { (title(request)) } span.outcome.pending { "waiting" } }
            (said(&request.body))
            p.quiet { "Asked for by " (person(&request.actor)) " " (time::ago(&request.requested_at, visit.now))
                "; it can be confirmed until " (time::at_short(&request.expires_at)) "." }
            @if own { p { "You asked for it, so somebody else has to confirm it." } } @else {
                form.save method="post" action=(below(HERE, &request.id, "confirm")) data-once {
                    @if request.kind == "erasure" {
                        // There may be several on the page.
                        @let id = format!("wanted-{}", request.id);
                        p { label for=(id) { "Whose data it is" } br;
                            input id=(id) name="wanted" required autocomplete="off" spellcheck="false"; br;
                            span.quiet { "The request holds only a keyed hash of it, so say it once more." } }
                    }
                    p.acts { button.danger { "Confirm, and do it" } }
                    p.quiet { "This cannot be undone. It is recorded in the trail, with both names." }
                }
            }
            (button(&below(HERE, &request.id, "withdraw"), if own { "Withdraw it" } else { "Decline it" }, false))
        }
    }
}

/// What was asked for, member by member.
fn said(body: &Value) -> Markup {
    let empty = serde_json::Map::new();
    let members = body.as_object().unwrap_or(&empty);
    let shown = |value: &Value| match value {
        Value::String(text) => Some(text::short_to(text, 400)),
        Value::Number(number) => Some(html! { (number) }),
        Value::Bool(true) => Some(html! { "yes" }),
        Value::Array(list) if !list.is_empty() => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            Some(text::short_to(&texts.join(", "), 400))
        }
        _ => None,
    };
    html! {
        dl.facts { @for (name, value) in members { @if let Some(value) = shown(value) {
            div { dt { (text::short(&name.replace('_', " "))) } dd { (value) } }
        } } }
    }
}

fn table(requests: &[&Request], visit: &Visit) -> Markup {
    html! {
        table.stack {
            thead { tr { th { "What" } th { "Asked for" } th { "State" } th { "Ended" } } }
            tbody { @for request in requests.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-request=(request.id) {
                th scope="row" { (title(request)) }
                td data-label="Asked for" { (time::ago(&request.requested_at, visit.now)) " by " (person(&request.actor)) }
                td data-label="State" { (text::short(&request.state)) }
                td data-label="Ended" { @if let (Some(at), Some(by)) = (&request.ended_at, &request.ended_by) {
                    (time::ago(at, visit.now)) " by " (text::short(by)) } }
            } } }
        }
    }
}

async fn confirm(Path(id): Path<String>, visit: Visit) -> Response {
    let path = format!("/api/requests/{}/confirm", segment(&id));
    let mut body = json!({});
    if let Some(wanted) = given(&visit.form, "wanted") {
        // The request says which of the three it is.
        let kind = match kind_of(&visit, &id).await {
            Ok(kind) => kind,
            Err(problem) => return super::refused(&visit, problem, Tab::Requests, HERE),
        };
        match &*kind {
            "ids" => body["ids"] = wanted.split([',', ' ']).filter(|id| !id.is_empty()).collect(),
            "resource" => body["resource"] = wanted.into(),
            _ => body["subject"] = wanted.into(),
        }
    }
    change(&visit, (Method::POST, &path), Some(body), Tab::Requests, HERE).await
}

async fn kind_of(visit: &Visit, id: &str) -> Result<String, Problem> {
    let requests = visit.get::<Requests>("/api/requests", &Params::new()).await?.requests;
    let request = requests.into_iter().find(|request| request.id == id);
    let kind = request.and_then(|request| request.body["kind"].as_str().map(str::to_owned));
    Ok(kind.unwrap_or_default())
}

async fn withdraw(Path(id): Path<String>, visit: Visit) -> Response {
    let path = format!("/api/requests/{}", segment(&id));
    change(&visit, (Method::DELETE, &path), None, Tab::Requests, HERE).await
}

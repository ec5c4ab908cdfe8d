//! Trails, and which of them everybody may check.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::change::Asked;
use super::{Tab, admin, done, frame, keys, told, went_wrong};
use crate::href::{Params, search_for, segment};
use crate::limits;
use crate::page::Page;
use crate::text;
use crate::visit::{Api, Problem, Visit};

const HERE: &str = "/settings/trails";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list))
        .route("/settings/trails/{name}/public", get(ask).post(change))
}

#[derive(Deserialize)]
struct Trails {
    trails: Vec<Trail>,
}

#[derive(Deserialize)]
struct Trail {
    name: String,
    size: u64,
    published: u64,
    origin: String,
    vkey: String,
    public: bool,
}

async fn all(visit: &Visit) -> Result<Vec<Trail>, Problem> {
    admin(visit)?;
    Ok(visit.get::<Trails>("/api/trails", &Params::new()).await?.trails)
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    let wanted = visit.params.get("q").unwrap_or_default();
    let mut trails = all(visit).await?;
    let total = trails.len();
    trails.retain(|trail| trail.name.contains(wanted));
    let more = trails.len().saturating_sub(limits::SETTINGS_ROWS_MAX);
    let body = html! {
        (told(visit).await)
        p.quiet { "Each trail has its own tree, signed under its own name. The first event for a new trail makes it." }
        @if total > 10 || !wanted.is_empty() { (keys::filter(wanted)) }
        div.trails { @for trail in trails.iter().take(limits::SETTINGS_ROWS_MAX) { (panel(trail)) } }
        @if trails.is_empty() { p.empty { "No trail matches." } }
        @if more > 0 { p.quiet { (text::counted(more as u64, "more trail", "more trails")) "; narrow the list down to see them." } }
    };
    Ok(frame(visit, Tab::Trails, body))
}

fn panel(trail: &Trail) -> Markup {
    let code = |what: &str| format!("{what}-{}", trail.name);
    let waiting = trail.size.saturating_sub(trail.published);
    html! {
        section.panel.trail data-trail=(trail.name) {
            div.between {
                h2 { (text::short(&trail.name)) " " (state(trail.public)) }
                span.acts { a href=(search_for("trail", &trail.name)) { "Its events" }
                a.button.plain href=(address(trail)) { @if trail.public { "Make private…" } @else { "Make public…" } } }
            }
            p { (text::counted(trail.size, "record", "records")) ", "
                @if waiting == 0 { "all of them under a signed checkpoint" } @else { (text::grouped(waiting)) " not yet under a signed checkpoint" }
                @if trail.name == "_system" { span.quiet { ". Here the node tells of itself: reads, keys, settings, sign-ins" } } "." }
            details {
                summary { "To check it from outside" }
                dl.codes {
                    dt { "Origin" }
                    dd { code id=(code("origin")) { (text::whole(&trail.origin)) } " " (copy(&code("origin"))) }
                    dt { "Verifier key" }
                    dd { code id=(code("vkey")) { (text::whole(&trail.vkey)) } " " (copy(&code("vkey"))) }
                }
            }
        }
    }
}

fn copy(id: &str) -> Markup {
    html! { button.plain.small type="button" data-copy={"#" (id)} { "Copy" } }
}

fn state(public: bool) -> Markup {
    html! { @if public { span.outcome.pending { "public" } } @else { span.outcome.quiet { "private" } } }
}

fn word(public: bool) -> &'static str {
    if public { "public" } else { "private" }
}

fn address(trail: &Trail) -> String {
    let to = word(!trail.public);
    Params::new().with("to", to).to(&format!("{HERE}/{}/public", segment(&trail.name)))
}

async fn ask(Path(name): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &name).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit, name: &str) -> Result<Page, Problem> {
    let found = all(visit).await?.into_iter().find(|trail| trail.name == name);
    let trail = found.ok_or_else(|| {
        let detail = "There is no trail of this name.";
        Problem::new(StatusCode::NOT_FOUND, "There is no such thing", detail)
    })?;
    let to = visit.params.get("to") == Some("public");
    if trail.public == to {
        let detail = format!("The trail is {} already.", word(to));
        let problem = Problem::new(StatusCode::CONFLICT, "Not as things are now", detail);
        return Ok(went_wrong(visit, Tab::Trails, &problem, HERE));
    }
    let means = html! {
        @if to {
            p { "Then everybody who reaches this node may fetch the trail's tree, and check it without a key: for each record "
                strong { "its time, action, category, outcome and the id of the credential that wrote it" }
                ". Who, where and what stay sealed." }
            p { "Whoever fetched it keeps it: making it private again takes nothing back." }
        } @else {
            p { "Then its tree is only for those who may read the trail. What was fetched before stays with whoever has it." }
        }
    };
    let action = format!("{HERE}/{}/public", segment(&trail.name));
    let rows = vec![
        ("Trail", text::short(&trail.name), text::short(&trail.name)),
        ("Its tree is", state(trail.public), state(to)),
    ];
    let hidden = vec![("expected", word(trail.public).to_owned()), ("to", word(to).to_owned())];
    let (title, button) = match to {
        true => ("Make this trail public?", "Make it public"),
        false => ("Make this trail private?", "Make it private"),
    };
    let asked =
        Asked { title, means, rows, action: &action, hidden, button, danger: to, back: HERE };
    Ok(frame(visit, Tab::Trails, asked.markup()))
}

async fn change(Path(name): Path<String>, visit: Visit) -> Response {
    if let Err(problem) = admin(&visit) {
        return visit.answer(Err(problem));
    }
    let to = match visit.form.get("to") {
        Some("public") => true,
        Some("private") => false,
        _ => {
            let detail = "Say public or private.";
            let problem = Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read", detail);
            return visit.answer(Ok(went_wrong(&visit, Tab::Trails, &problem, HERE)));
        }
    };
    let expected = visit.form.get("expected").unwrap_or(word(!to));
    let path = Params::new().with("expected", expected);
    let path = path.to(&format!("/api/trails/{}", segment(&name)));
    match visit.send(Method::PUT, &path, Some(json!({"public": to}))).await {
        Ok((headers, _)) => done(HERE, &headers),
        Err(problem) if matches!(problem.status, 400 | 409) => {
            visit.answer(Ok(went_wrong(&visit, Tab::Trails, &problem, HERE)))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

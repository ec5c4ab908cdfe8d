//! Legal holds.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::change::Asked;
use super::super::{Tab, admin, frame, told};
use super::{below, change, field, person};
use crate::href::{Params, search, segment};
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

const HERE: &str = "/settings/holds";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/settings/holds/{id}/release", get(ask))
        .route("/settings/holds/{id}/released", post(release))
}

#[derive(Deserialize)]
struct Holds {
    holds: Vec<Hold>,
}

#[derive(Deserialize)]
struct Hold {
    id: String,
    name: String,
    query: String,
    reason: String,
    owner: String,
    created_by: Value,
    created_at: String,
    released_by: Option<Value>,
    released_at: Option<String>,
}

async fn all(visit: &Visit) -> Result<Vec<Hold>, Problem> {
    admin(visit)?;
    Ok(visit.get::<Holds>("/api/holds", &Params::new()).await?.holds)
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    let holds = all(visit).await?;
    let (released, held): (Vec<&Hold>, Vec<&Hold>) =
        holds.iter().rev().partition(|hold| hold.released_at.is_some());
    let body = html! {
        (told(visit).await)
        p.quiet { "What a hold finds does not expire, whatever the policy says, until somebody releases it. What comes later and matches is held, too." }
        @if held.is_empty() { p #no-holds.empty { "Nothing is held." } } @else { (table(&held, visit)) }
        (form())
        @if !released.is_empty() {
            details { summary { (text::counted(released.len() as u64, "released hold", "released holds")) } (table(&released, visit)) }
        }
    };
    Ok(frame(visit, Tab::Holds, body))
}

fn table(holds: &[&Hold], visit: &Visit) -> Markup {
    html! {
        table.stack.holds {
            thead { tr { th { "Hold" } th { "What it holds" } th { "Why" } th { "Since" } th { span.sr { "Act" } } } }
            tbody { @for hold in holds.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-hold=(hold.id) {
                th scope="row" { (text::short(&hold.name)) br; span.quiet { (text::short(&hold.owner)) } }
                td data-label="What it holds" { a href=(search(&hold.query)) { code { (text::short_to(&hold.query, 200)) } } }
                td data-label="Why" { (text::short_to(&hold.reason, 200)) }
                td data-label="Since" { (time::ago(&hold.created_at, visit.now)) " by " (person(&hold.created_by))
                    @if let (Some(at), Some(by)) = (&hold.released_at, &hold.released_by) {
                        br; "released " (time::ago(at, visit.now)) " by " (person(by)) } }
                td.acts { @if hold.released_at.is_none() {
                    a.danger-link href=(below(HERE, &hold.id, "release")) { "Release…" } } }
            } } }
        }
    }
}

fn form() -> Markup {
    html! {
        section.panel aria-labelledby="new-hold" {
            h2 #new-hold { "Place a hold" }
            form.save method="post" action=(HERE) data-once {
                (field("Name", "name", "", "Such as the number of a case."))
                (field("What is held", "query", "", "A search, such as trail:shop or actor:maria or resource:invoice/17."))
                (field("Why", "reason", "", ""))
                (field("Who answers for it", "owner", "", "A name or a department."))
                p.acts { button { "Place the hold" } }
                p.quiet { "This is recorded in the trail, with your name." }
            }
        }
    }
}

async fn create(visit: Visit) -> Response {
    let value = |name: &str| visit.form.get(name).unwrap_or_default().trim().to_owned();
    let new = json!({
        "name": value("name"), "query": value("query"), "reason": value("reason"), "owner": value("owner"),
    });
    change(&visit, (Method::POST, "/api/holds"), Some(new), Tab::Holds, HERE).await
}

async fn ask(Path(id): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &id).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    let hold = all(visit).await?.into_iter().find(|hold| hold.id == id);
    let missing = || {
        let detail = "There is no hold of this id.";
        Problem::new(StatusCode::NOT_FOUND, "There is no such thing", detail)
    };
    let hold = hold.ok_or_else(missing)?;
    let rows = vec![
        ("Hold", text::short(&hold.name), html! { span.quiet { "released" } }),
        (
            "What it holds",
            html! { code { (text::short_to(&hold.query, 200)) } },
            html! { span.quiet { "expires when its time has come" } },
        ),
    ];
    let means = html! { p { "What it held and whose time has passed goes with the next run. That cannot be undone." } };
    let action = below(HERE, id, "released");
    let asked = Asked {
        title: "Release this hold?",
        means,
        rows,
        action: &action,
        hidden: Vec::new(),
        button: "Release it",
        danger: true,
        back: HERE,
    };
    Ok(frame(visit, Tab::Holds, asked.markup()))
}

async fn release(Path(id): Path<String>, visit: Visit) -> Response {
    let path = format!("/api/holds/{}", segment(&id));
    change(&visit, (Method::DELETE, &path), None, Tab::Holds, HERE).await
}

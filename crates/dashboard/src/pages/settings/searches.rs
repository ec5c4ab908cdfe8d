//! Saved searches: everybody's who reads, each their own.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::change::Asked;
use super::{Tab, done, frame, told, went_wrong};
use crate::href::{Params, segment};
use crate::page::{Page, see_other, within};
use crate::visit::{Api, Problem, Visit};
use crate::{text, time};

const HERE: &str = "/settings/searches";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list).post(save))
        .route("/settings/searches/{id}/forget", get(ask).post(forget))
}

#[derive(Deserialize)]
struct Searches {
    searches: Vec<Search>,
}

#[derive(Deserialize)]
struct Search {
    id: String,
    name: String,
    query: String,
    time: String,
    created_at: String,
}

impl Search {
    /// Where it is run; whoever is given this address finds what they may see.
    fn address(&self) -> String {
        Params::new().with("q", &*self.query).with("t", &*self.time).to("/")
    }
}

async fn all(visit: &Visit) -> Result<Vec<Search>, Problem> {
    visit.me()?;
    Ok(visit.get::<Searches>("/api/saved-searches", &Params::new()).await?.searches)
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit, None).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit, problem: Option<&Problem>) -> Result<Page, Problem> {
    let searches = all(visit).await?;
    let body = html! {
        (told(visit).await)
        p.quiet { "Only you see this list. To share a search, share its address: whoever opens it finds what they may see." }
        @if searches.is_empty() {
            section #no-searches.empty { h2 { "No saved searches yet" } p { "Save one here, or beside what you " a href="/" { "search" } " for." } }
        } @else {
            ol #searches.rows { @for search in &searches { (row(search, visit)) } }
        }
        (form(visit, problem))
    };
    Ok(frame(visit, Tab::Searches, body))
}

fn row(search: &Search, visit: &Visit) -> Markup {
    html! {
        li.saved data-search=(search.id) {
            div {
                a href=(search.address()) { strong { (text::short(&search.name)) } } " "
                span.quiet { (time::ago(&search.created_at, visit.now)) }
                br;
                code { @if search.query.is_empty() { "everything" } @else { (text::short_to(&search.query, 400)) } }
                @if !search.time.is_empty() { " " span.chip { (text::short(&search.time)) } }
            }
            a.danger-link data-forget href=(format!("{HERE}/{}/forget", segment(&search.id))) { "Forget" }
        }
    }
}

fn form(visit: &Visit, problem: Option<&Problem>) -> Markup {
    let given = |name: &str| visit.form.get(name).unwrap_or_default();
    html! {
        section.panel aria-labelledby="save-title" {
            h2 #save-title { "Save a search" }
            @if let Some(problem) = problem { p #refused.notice.bad role="alert" { (text::whole(&problem.detail)) } }
            form.save method="post" action=(HERE) {
                p { label for="name" { "Name" } br; input #name name="name" required maxlength="256" value=(given("name")) autocomplete="off"; }
                p { label for="saved-q" { "Query" } br; input #saved-q name="q" value=(given("q")) autocomplete="off" spellcheck="false" placeholder="outcome:denied"; }
                p { label for="saved-t" { "Time" } br; input #saved-t name="t" value=(given("t")) autocomplete="off" spellcheck="false" placeholder="-24h"; }
                input type="hidden" name="back" value=(given("back"));
                p.acts { button { "Save" } }
            }
        }
    }
}

async fn save(visit: Visit) -> Response {
    if let Err(problem) = visit.me() {
        return visit.answer(Err(problem));
    }
    let given = |name: &str| visit.form.get(name).unwrap_or_default();
    let new = json!({"name": given("name").trim(), "query": given("q"), "time": given("t").trim()});
    match visit.send(Method::POST, "/api/saved-searches", Some(new)).await {
        Ok((headers, _)) => match visit.form.get("back") {
            Some(back) => see_other(within(back)),
            None => done(HERE, &headers),
        },
        Err(problem) if matches!(problem.status, 400 | 409) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            let page = list_page(&visit, Some(&problem)).await;
            visit.answer(page.map(|page| Page { status, ..page }))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

async fn ask(Path(id): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &id).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    let search = all(visit).await?.into_iter().find(|search| search.id == id);
    let search = search.ok_or_else(|| {
        let detail = "You keep no search of this id.";
        Problem::new(StatusCode::NOT_FOUND, "There is no such thing", detail)
    })?;
    let action = format!("{HERE}/{}/forget", segment(id));
    let nothing = || html! { span.quiet { "not kept" } };
    let rows = vec![
        ("Name", text::short(&search.name), nothing()),
        ("Query", html! { code { (text::short_to(&search.query, 400)) } }, nothing()),
    ];
    let means =
        html! { p { "It is gone from your list. Addresses that you shared go on working." } };
    let (title, button, danger) = ("Forget this search?", "Forget it", true);
    let asked = Asked {
        title,
        means,
        rows,
        action: &action,
        hidden: Vec::new(),
        button,
        danger,
        back: HERE,
    };
    Ok(frame(visit, Tab::Searches, asked.markup()))
}

async fn forget(Path(id): Path<String>, visit: Visit) -> Response {
    if let Err(problem) = visit.me() {
        return visit.answer(Err(problem));
    }
    let path = format!("/api/saved-searches/{}", segment(&id));
    match visit.send(Method::DELETE, &path, None).await {
        Ok((headers, _)) => done(HERE, &headers),
        // Somebody, in another window, was faster.
        Err(problem) if problem.status == 404 => {
            let problem = Problem { status: 409, ..problem };
            visit.answer(Ok(went_wrong(&visit, Tab::Searches, &problem, HERE)))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

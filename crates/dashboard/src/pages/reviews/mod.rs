//! Days and weeks that somebody looks at and signs.

mod model;
mod one;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use self::model::{Review, Reviews};
use crate::href::{Params, segment};
use crate::page::{Nav, Page};
use crate::pages::alerts::parts::{auditor, who};
use crate::parts::empty;
use crate::text::{grouped, short, short_to};
use crate::visit::{Api, Problem, Visit};
use crate::{limits, time};

const HERE: &str = "/reviews";

pub fn routes() -> Router<Api> {
    Router::new().route(HERE, get(list)).merge(one::routes())
}

/// The page of a review.
fn address(period: &str) -> String {
    format!("{HERE}/{}", segment(period))
}

/// How far a review is: a word and a shape.
fn badge(state: &str) -> Markup {
    let (class, mark) = match state {
        "running" => ("quiet", "…"),
        "due" => ("pending", "●"),
        "overdue" => ("bad", "!"),
        "signed" => ("good", "✓"),
        _ => ("quiet", "?"),
    };
    html! { span class={"outcome " (class)} { span.mark aria-hidden="true" { (mark) } " " (short(state)) } }
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    auditor(visit)?;
    let all: Reviews = visit.get("/api/reviews", &Params::new()).await?;
    let every = if all.every.as_deref() == Some("week") { "week" } else { "day" };
    let due = all.due_seconds.and_then(|due| i64::try_from(due.checked_mul(1_000_000)?).ok());
    let body = html! {
        h1 { "Reviews" }
        p.quiet { "What happened in a " (every) ", in UTC: looked at, and signed, by an auditor or an admin."
            @if let Some(due) = due { " One that nobody signed " (time::length(due)) " after its " (every) " has ended is an alert." } }
        @if all.reviews.is_empty() { (empty("No review yet", html! { p { "The first one comes with the first event." } })) }
        @else { (table(visit, &all.reviews)) }
    };
    Ok(Page::new("Reviews", Nav::Reviews, body))
}

fn table(visit: &Visit, reviews: &[Review]) -> Markup {
    html! {
        table #reviews.stack.reviews {
            thead { tr { th scope="col" { "Of" } th scope="col" { "State" } th.n scope="col" { "Alerts" } th scope="col" { "Signed" } th scope="col" { "Note" } } }
            tbody { @for one in reviews.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-row data-review=(one.period) {
                th scope="row" { a href=(address(&one.period)) { (short(&one.period)) } }
                td data-label="State" { (badge(&one.state)) }
                td.n data-label="Alerts" { (grouped(one.alerts)) }
                td data-label="Signed" { @match &one.signed_at {
                    Some(at) => { "by " (who(one.signed_by.as_ref())) ", " (time::ago(at, visit.now)) },
                    None => @match &one.due_at { Some(due) => span.quiet { "due " (time::at(due)) }, None => span.quiet { "–" } },
                } }
                @match one.note.as_ref().filter(|note| !note.is_empty()) {
                    Some(note) => td data-label="Note" { (short_to(note, limits::SUMMARY_CHARS_MAX)) },
                    None => td {},
                }
            } } }
        }
    }
}

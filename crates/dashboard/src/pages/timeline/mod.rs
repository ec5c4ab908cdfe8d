//! What happened to something, by somebody or under a correlation id, across systems.

mod ask;
mod lanes;
mod losses;
mod rows;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use crate::page::{Nav, Page, problem_markup};
use crate::parts::{self, Alarm, Incomplete};
use crate::visit::{Api, Problem, Visit};
use crate::{href, limits, text, time};

use ask::Asked;

pub fn routes() -> Router<Api> {
    Router::new().route("/timeline", get(timeline)).route("/timeline/missing", get(missing))
}

/// What the API answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    entries: Vec<Entry>,
    correlations: Vec<String>,
    unfinished: u64,
    next_cursor: Option<String>,
    incomplete: Option<Incomplete>,
    alarms: Vec<Alarm>,
}

/// An event in its place.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    event: Event,
    at: String,
    via: String,
    gap_before_seconds: Option<i64>,
    outcome_ref: Option<String>,
    unfinished: bool,
}

async fn timeline(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn missing(visit: Visit) -> Response {
    let page = losses::missing(&visit).await;
    visit.answer(page.map(|body| Page::new("Missing events", Nav::Timeline, body)))
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    let asked = Asked::of(&visit.params);
    if asked.is_nothing() {
        // Nothing is asked yet, so that the API does not say it.
        visit.reader()?;
        return Ok(Page::new("Timeline", Nav::Timeline, ask::choose(visit, &asked).await));
    }
    let mut answer: Answer = match visit.get("/api/audit/timeline", &asked.params()).await {
        Ok(answer) => answer,
        // What was asked for can be mended here.
        Err(problem) if problem.status == 400 => {
            let body = html! { (problem_markup(&problem)) (ask::choose(visit, &asked).await) };
            return Ok(Page::new("Timeline", Nav::Timeline, body));
        }
        Err(problem) => return Err(problem),
    };
    if asked.is_correlation() {
        // All are here by it, so none stands out by that.
        answer.entries.iter_mut().for_each(|entry| entry.via.clear());
    }
    let losses = losses::told(visit, &answer.entries).await;
    let title = format!("Timeline of {}", asked.name().chars().take(60).collect::<String>());
    Ok(Page::new(title, Nav::Timeline, body(&asked, &answer, &losses, visit)))
}

fn body(asked: &Asked, answer: &Answer, losses: &[Event], visit: &Visit) -> Markup {
    html! {
        h1 { (asked.heading()) }
        (ask::narrow(asked))
        (parts::notices(answer.incomplete.as_ref(), &answer.alarms))
        @if answer.entries.is_empty() {
            (nothing(asked, visit))
        } @else {
            (summary(answer))
            (correlations(asked, &answer.correlations))
            (losses::look(&answer.entries))
            (rows::list(&answer.entries, losses))
            (pages(asked, answer, visit))
        }
    }
}

fn nothing(asked: &Asked, visit: &Visit) -> Markup {
    parts::empty(
        "Nothing found",
        html! {
            @if asked.cursor().is_some() {
                p { "There is nothing after the page before." }
            } @else {
                p { "No event that you may read has " (text::short(asked.name())) @if asked.has_bounds() { " in this time" } ". Ids are compared whole; upper and lower case are the same." }
            }
            p {
                @if let Some(search) = href::search_text(asked.name()) { a href=(search) { "Search for the word" } " · " }
                @if asked.has_bounds() { a href=(visit.params.clone().without(&["from", "to", "cursor"]).to("/timeline")) { "Look at all time" } " · " }
                a href="/timeline" { "Choose something else" }
            }
        },
    )
}

fn summary(answer: &Answer) -> Markup {
    let count = answer.entries.len() as u64;
    let (first, last) = (answer.entries.first(), answer.entries.last());
    html! {
        p #timeline-summary {
            (text::counted(count, "event", "events")) @if answer.next_cursor.is_some() { " on this page" }
            @if let (Some(first), Some(last)) = (first, last) && count > 1 { ", from " (time::at(&first.at)) " to " (time::at(&last.at)) }
            "."
            @if answer.unfinished > 0 {
                " " strong.unfinished { (text::counted(answer.unfinished, "intent has", "intents have")) " no outcome." }
            }
        }
    }
}

/// The correlation ids that were followed from a resource or an actor.
fn correlations(asked: &Asked, all: &[String]) -> Markup {
    let shown = &all[..all.len().min(limits::CORRELATIONS_SHOWN_MAX)];
    html! {
        @if !asked.is_correlation() && !all.is_empty() {
            details #followed.noprint {
                summary.quiet { "Followed " (text::counted(all.len() as u64, "correlation id", "correlation ids")) }
                p.chips { @for id in shown { a.chip href=(href::correlation_timeline(id)) { (text::short_to(id, 40)) } " " }
                    @if all.len() > shown.len() { span.quiet { "and more" } } }
            }
        }
    }
}

fn pages(asked: &Asked, answer: &Answer, visit: &Visit) -> Markup {
    html! {
        nav.chips.noprint aria-label="Pages of the timeline" {
            @if asked.cursor().is_some() { a.button.plain #first-page href=(visit.params.clone().without(&["cursor"]).to("/timeline")) { "From the beginning" } }
            @if let Some(next) = &answer.next_cursor {
                a.button #next-page rel="next" href=(visit.params.clone().set("cursor", next).to("/timeline")) { "What came after" }
            }
        }
    }
}

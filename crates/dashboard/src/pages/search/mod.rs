//! Search: what happened.
//!
//! The rows come first; what counts all that matches (histogram, facets, total) comes as a second piece, since
//! counting costs more than finding the newest fifty.

mod api;
mod bar;
mod filter;
mod fold;
mod histogram;
mod results;
mod state;
mod tools;
mod unfinished;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use indelible_event::Micros;
use maud::{Markup, html};

use self::api::{Found, Saved, SavedSearches, Stats, Unasked};
use self::histogram::Axis;
use self::state::{Asked, State};
use crate::by::By;
use crate::href::Params;
use crate::page::{Nav, Page, see_other};
use crate::visit::{Api, Problem, Visit};
use crate::{page, parts, text};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/", get(search))
        .route("/search/rows", get(more))
        .route("/search/summary", get(summary))
        .route("/search/unfinished", get(unfinished::unfinished))
}

async fn search(visit: Visit) -> Response {
    if fold::is_wanted(&visit.params) {
        return match fold::folded(&visit).await {
            Ok(state) => see_other(&state.address()),
            Err(problem) => visit.answer(Err(problem)),
        };
    }
    visit.answer(whole(&visit).await)
}

/// The rows of a later page alone.
async fn more(visit: Visit) -> Response {
    let page = async {
        let state = State::of(&visit.params);
        let asked = match api::asked(&visit, state).await? {
            Ok(asked) => asked,
            Err(_) => return Ok(fragment(html! {})),
        };
        let found = find(&visit, &asked).await?;
        Ok(fragment(results::rows(&asked, &found, visit.now)))
    };
    match page.await {
        Ok(page) => page.fragment(),
        Err(problem) => fragment(html! { li { (page::problem_markup(&problem)) } }).fragment(),
    }
}

/// What counts all that matches.
async fn summary(visit: Visit) -> Response {
    let page = async {
        let asked = match api::asked(&visit, State::of(&visit.params)).await? {
            Ok(asked) => asked,
            Err(_) => return Ok(html! {}),
        };
        let counted = count(&visit, &asked).await?;
        Ok(html! {
            (summed(&asked, &counted))
            (filter::facets(&asked, &counted.stats, true))
            (total(&counted.stats, true))
        })
    };
    // Whatever goes wrong here, the rows stand.
    let body = page.await.unwrap_or_else(|problem: Problem| html! {
        section #summary { p.notice.warn { "This could not be counted: " (text::short_to(&problem.detail, 200)) "." } }
    });
    fragment(body).fragment()
}

fn fragment(body: Markup) -> Page {
    Page::new("Search", Nav::Search, body)
}

async fn whole(visit: &Visit) -> Result<Page, Problem> {
    let me = visit.me()?;
    let state = State::of(&visit.params);
    let here = state.address();
    let asked = api::asked(visit, state.clone()).await?;
    let saved = saved(visit).await;
    let origin = visit.origin();
    let (asked, wrong) = match asked {
        Ok(asked) => (Some(asked), None),
        Err(wrong) => (None, Some(wrong)),
    };
    let parsed = asked.as_ref().map(|asked| asked.parsed.clone()).unwrap_or_default();
    let head = html! {
        h1.sr { "Search" }
        (bar::bar(&state, wrong.as_ref()))
        (tools::tools(&state, me, saved.as_deref(), &here, asked.as_ref().map(|asked| results::by_api(asked, &origin))))
    };
    let body = match &asked {
        None => {
            html! { (head) @if matches!(wrong, Some(Unasked::Time(_))) { p { a href=(state.with_t("").address()) { "Search all time" } } } }
        }
        Some(asked) => match find(visit, asked).await {
            // What is wrong with the address can be mended in the bar.
            Err(problem) if problem.status == 400 => {
                html! { (head) (page::problem_markup(&problem)) }
            }
            Err(problem) => return Err(problem),
            Ok(found) => {
                let (later, facets, total) = second(visit, asked, &found).await;
                html! {
                    (head)
                    (bar::chips(asked))
                    (later)
                    div #results.results {
                        (filter::panel(&state, &parsed, &facets))
                        section.found aria-label="Events" {
                            @if found.events.is_empty() && found.next_cursor.is_none() {
                                (parts::notices(found.incomplete.as_ref(), &found.alarms))
                                (results::nothing(asked, &origin, me.is_admin()))
                            } @else {
                                (over(asked, visit, total))
                                ol #rows.rows { (results::rows(asked, &found, visit.now)) }
                            }
                        }
                        aside #panel aria-label="Event" hidden tabindex="-1" {}
                    }
                    p #status.sr role="status" {}
                }
            }
        },
    };
    Ok(Page::new("Search", Nav::Search, body).with(&["search.js", "verify.js"]))
}

/// What stands over the rows.
fn over(asked: &Asked, visit: &Visit, total: Markup) -> Markup {
    let first = visit.params.get("cursor").is_some();
    html! {
        div.over aria-live="polite" {
            (total)
            span.quiet { "Times in " span data-zone { "UTC" } }
            @if first { a href=(asked.state.address()) { (if asked.state.oldest { "To the oldest" } else { "To the newest" }) } }
        }
    }
}

/// The second piece: where it will be; or itself, where a visitor without scripts asked for it.
async fn second(visit: &Visit, asked: &Asked, found: &Found) -> (Markup, Markup, Markup) {
    let nothing = found.events.is_empty() && found.next_cursor.is_none();
    if nothing {
        return (html! {}, filter::facets_later(), html! {});
    }
    if visit.params.get("summary") == Some("1")
        && let Ok(counted) = count(visit, asked).await
    {
        let facets = filter::facets(asked, &counted.stats, false);
        return (summed(asked, &counted), facets, total(&counted.stats, false));
    }
    let params = asked.state.params();
    let later = html! {
        section #summary.later aria-busy="true" hx-get=(params.to("/search/summary")) hx-trigger="load" hx-swap="outerHTML" {
            noscript { a href=(params.clone().set("summary", "1").to("/")) { "Count them, by time and by value" } }
        }
    };
    (later, filter::facets_later(), html! { span #total {} })
}

/// The histogram, and what lacks in it.
fn summed(asked: &Asked, counted: &Counted) -> Markup {
    let Counted { stats, axis, by } = counted;
    let state = State { by: *by, ..asked.state.clone() };
    html! {
        section #summary {
            @if let (Some(axis), Some(buckets)) = (axis, &stats.histogram) { (histogram::drawn(&state, *axis, buckets)) }
            (parts::notices(stats.incomplete.as_ref(), &stats.alarms))
        }
    }
}

fn total(stats: &Stats, later: bool) -> Markup {
    let one = stats.total.value == 1 && stats.total.relation != "at_least";
    html! {
        span #total hx-swap-oob=[later.then_some("true")] {
            strong { (stats.total) } (if one { " event" } else { " events" })
        }
    }
}

async fn find(visit: &Visit, asked: &Asked) -> Result<Found, Problem> {
    let cursor = visit.params.get("cursor").unwrap_or_default();
    let params = asked.params().with("page_size", asked.state.page_size.to_string());
    visit.get("/api/audit/logs", &params.with("cursor", cursor)).await
}

/// What was counted, and along which axis.
struct Counted {
    stats: Stats,
    axis: Option<Axis>,
    /// By which time.
    by: By,
}

/// Counts all that matches, over the time that is asked for, or else from the first of them until now.
async fn count(visit: &Visit, asked: &Asked) -> Result<Counted, Problem> {
    let (from, to) = asked.bounds();
    let (from, by) = match from {
        Some(from) => (Some(from), asked.state.by),
        None => first(visit, asked, to.is_none()).await?,
    };
    let axis = from.map(|from| Axis::over(from, to.unwrap_or(visit.now)));
    let stats = "/api/audit/stats";
    match visit.get(stats, &histogram::params(asked, by, axis)).await {
        // Some happened in another age, if their callers are to be believed, and so many bars there are not.
        Err(problem) if problem.status == 400 && axis.is_some() => {
            let counted = visit.get(stats, &histogram::params(asked, by, None)).await?;
            Ok(Counted { stats: counted, axis: None, by })
        }
        counted => Ok(Counted { stats: counted?, axis, by }),
    }
}

/// The first moment of all that matches, and by which time. Where they were recorded all at once long after they
/// happened, and nobody chose, the time when they happened says more.
async fn first(visit: &Visit, asked: &Asked, free: bool) -> Result<(Option<Micros>, By), Problem> {
    let by = asked.state.by;
    let params = asked.params().set("order", "asc").with("page_size", "1");
    let found: Found = visit.get("/api/audit/logs", &params).await?;
    let Some(event) = found.events.first() else { return Ok((None, by)) };
    let read = |text: &str| Micros::parse(text).ok();
    let (Some(recorded), Some(happened)) = (read(&event.recorded_at), read(event.at())) else {
        return Ok((None, by));
    };
    let late = recorded.0.saturating_sub(happened.0) > visit.now.0.saturating_sub(recorded.0);
    Ok(match by {
        By::Recorded if free && late => (Some(happened), By::Happened),
        By::Recorded => (Some(recorded), by),
        By::Happened => (Some(happened), by),
    })
}

/// The visitor's own searches; none where a node keeps none.
async fn saved(visit: &Visit) -> Option<Vec<Saved>> {
    let saved: Result<SavedSearches, Problem> =
        visit.get("/api/saved-searches", &Params::new()).await;
    saved.ok().map(|saved| saved.searches)
}

//! What rules would have found, had they been there.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::post;
use indelible_event::Micros;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::model::{Backtest, Example, Tested};
use super::{HERE, one};
use crate::chart::{Bar, Layer, stacked};
use crate::href::segment;
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::alerts::parts::{auditor, group, level, places, rule_address};
use crate::text::{counted, grouped, short, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

/// Where all rules are tried.
pub const ALL: &str = "/backtest";

const DAY: i64 = 86_400_000_000;
const FIRED: &[Layer] = &[Layer { class: "denied", name: "Fired" }];
/// As the API takes it, and in words.
const SINCE: [(&str, &str); 3] =
    [("24h", "the last 24 hours"), ("7d", "the last 7 days"), ("30d", "the last 30 days")];

pub fn routes() -> Router<Api> {
    Router::new().route(ALL, post(all)).route("/rules/{id}/backtest", post(of_rule))
}

/// Where one rule is tried.
pub fn address(id: &str) -> String {
    format!("{HERE}/{}/backtest", segment(id))
}

/// Asks since when. It is sent, not linked: it takes the node's time.
pub fn form(action: &str, title: &str) -> Markup {
    html! {
        section #backtest.panel.noprint aria-labelledby="backtest-title" {
            h2 #backtest-title { (title) }
            form.choose method="post" action=(action) data-once {
                label for="since" { "In" }
                select #since name="since" { @for (since, words) in SINCE { option value=(since) selected[since == "7d"] { (words) } } }
                button.plain { "Look back" }
                span.quiet { "Nobody is told. Over many events it may take a minute." }
            }
        }
    }
}

/// What was chosen; what cannot be is the middle one.
fn since(visit: &Visit) -> (&'static str, &'static str) {
    let given = visit.form.get("since").unwrap_or_default();
    SINCE.into_iter().find(|(since, _)| *since == given).unwrap_or(SINCE[1])
}

async fn ask(visit: &Visit, mut json: Value) -> Result<Backtest, Problem> {
    json["since"] = since(visit).0.into();
    let (_, body) = visit.send(Method::POST, "/api/rules/backtest", Some(json)).await?;
    serde_json::from_slice(&body)
        .map_err(|e| Problem::broken(format!("the backtest's answer: {e}")))
}

async fn of_rule(Path(id): Path<String>, visit: Visit) -> Response {
    let page = of_rule_page(&visit, &id).await;
    visit.answer(page)
}

async fn of_rule_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    auditor(visit)?;
    let rule = one::ask(visit, id).await?;
    let (status, shown) = shown(ask(visit, json!({"rules": [id]})).await, |found| {
        let of = found.rules.iter().find(|of| of.id == id);
        html! { @match of {
            Some(of) => (tested(found, of)),
            None => p.empty { "The rule was not tried." },
        } }
    })?;
    let body = html! {
        (one::head(&rule))
        (shown)
        (form(&address(id), "Look back again"))
        p { a href=(rule_address(id)) { "The rule" } }
    };
    let page = Page::new("Backtest · Rules", Nav::Alerts, body).with(&["settings.js"]);
    Ok(Page { status, ..page })
}

async fn all(visit: Visit) -> Response {
    let page = all_page(&visit).await;
    visit.answer(page)
}

async fn all_page(visit: &Visit) -> Result<Page, Problem> {
    auditor(visit)?;
    let (status, shown) =
        shown(ask(visit, json!({})).await, |found| html! { (sum(found)) (table(&found.rules)) })?;
    let body = html! {
        h1 { "What all rules would have found" }
        (shown)
        (form(ALL, "Look back again"))
        p { a href=(HERE) { "All rules" } }
    };
    let page = Page::new("Backtest · Rules", Nav::Alerts, body).with(&["settings.js"]);
    Ok(Page { status, ..page })
}

/// What came of it; a node that looks back already, or will not, says so on the page.
fn shown(
    asked: Result<Backtest, Problem>,
    found: impl FnOnce(&Backtest) -> Markup,
) -> Result<(StatusCode, Markup), Problem> {
    match asked {
        Ok(backtest) => Ok((StatusCode::OK, found(&backtest))),
        Err(problem) if matches!(problem.status, 400 | 409 | 422 | 429 | 503) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            let notice = html! { section #went-wrong.notice.bad role="alert" {
                h2 { (short(&problem.title)) } p { (whole(&problem.detail)) }
            } };
            Ok((status, notice))
        }
        Err(problem) => Err(problem),
    }
}

/// How much was looked at.
fn sum(found: &Backtest) -> Markup {
    html! {
        p #looked-at { (counted(found.events, "event", "events")) " from " (time::at(&found.from)) " to " (time::at(&found.to)) ", in "
            (time::length(i64::try_from(found.millis.saturating_mul(1_000)).unwrap_or(i64::MAX))) "." }
        @if found.late > 0 { p.quiet { (counted(found.late, "event", "events")) " came too late to be counted in windows." } }
        (super::refused(&found.refused))
    }
}

fn tested(found: &Backtest, of: &Tested) -> Markup {
    html! {
        (sum(found))
        dl.numbers {
            @for (id, name, number) in [("fired", "Would have fired", of.fired), ("alerts", "Alerts opened", of.alerts), ("matched", "Events matched", of.matched)] {
                div.panel id={ "number-" (id) } { dt { (name) } dd.much { (grouped(number)) } }
            }
        }
        @if of.groups_dropped > 0 { p.notice.warn role="status" { (counted(of.groups_dropped, "group was", "groups were")) " forgotten, because there were more than it keeps." } }
        section.panel { (stacked("by-day", "How often, by day", "Day", FIRED, &bars(found, of))) }
        @if !of.examples.is_empty() {
            section aria-labelledby="examples-title" {
                h2 #examples-title { "For example" }
                @for example in of.examples.iter().take(limits::EXAMPLES_SHOWN) { (shown_example(example)) }
            }
        }
    }
}

/// A bar for each day of the time, also for those on which it would not have fired.
fn bars(found: &Backtest, of: &Tested) -> Vec<Bar> {
    let day = |text: &str| Micros::parse(text).ok().map(|at| at.0.div_euclid(DAY));
    let (Some(first), Some(last)) = (day(&found.from), day(&found.to)) else { return Vec::new() };
    let first = first.max(last.saturating_sub(limits::HISTOGRAM_BUCKETS_MAX - 1));
    let every = usize::try_from((last - first) / 5).unwrap_or_default().max(1);
    let bar = |(place, day): (usize, i64)| {
        let label = Micros(day * DAY).to_string()[..10].to_owned();
        let fired = of.per_day.iter().find(|of| of.day == label).map_or(0, |of| of.fired);
        let tick = (place % every == 0).then(|| label[5..].to_owned());
        Bar { label, tick, href: None, counts: vec![fired] }
    };
    (first..=last).enumerate().map(bar).collect()
}

fn shown_example(example: &Example) -> Markup {
    html! {
        section.panel.example {
            p.chips { (time::at(&example.at)) " · " (counted(example.count, "event", "events")) (group(&example.group)) }
            @if !example.events.is_empty() { (places(&example.events)) }
        }
    }
}

fn table(rules: &[Tested]) -> Markup {
    let mut rules: Vec<&Tested> = rules.iter().collect();
    rules.sort_by(|a, b| b.fired.cmp(&a.fired).then_with(|| a.title.cmp(&b.title)));
    let more = rules.len().saturating_sub(limits::SETTINGS_ROWS_MAX);
    html! {
        table #tested.stack.rules {
            thead { tr { th scope="col" { "Level" } th scope="col" { "Rule" } th.n scope="col" { "Would have fired" } th.n scope="col" { "Alerts" } th.n scope="col" { "Matched" } } }
            tbody { @for rule in rules.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-row {
                td { (level(&rule.level)) }
                th scope="row" { a href=(rule_address(&rule.id)) { (short(&rule.title)) }
                    @if rule.groups_dropped > 0 { br; span.dropped { (counted(rule.groups_dropped, "group", "groups")) " forgotten" } } }
                td.n data-label="Would have fired" { (grouped(rule.fired)) }
                td.n data-label="Alerts" { (grouped(rule.alerts)) }
                td.n data-label="Matched" { (grouped(rule.matched)) }
            } } }
        }
        @if more > 0 { p.quiet { "And " (counted(more as u64, "other", "others")) "." } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_without_are_shown_too() {
        let found = Backtest {
            from: "2026-01-29T10:00:00Z".to_owned(),
            to: "2026-02-01T09:00:00Z".to_owned(),
            ..Backtest::default()
        };
        let per_day =
            serde_json::from_str(r#"[{"day":"2026-01-30","fired":3},{"day":"no day","fired":9}]"#);
        let of = Tested { per_day: per_day.unwrap(), ..Tested::default() };
        let bars: Vec<(String, u64)> =
            bars(&found, &of).into_iter().map(|bar| (bar.label, bar.counts[0])).collect();
        let wanted = [("2026-01-29", 0), ("2026-01-30", 3), ("2026-01-31", 0), ("2026-02-01", 0)];
        assert_eq!(bars, wanted.map(|(day, fired)| (day.to_owned(), fired)));
        // However long a time the answer claims.
        let long = Backtest {
            from: "0000-01-01T00:00:00Z".to_owned(),
            to: "9999-12-31T00:00:00Z".to_owned(),
            ..Backtest::default()
        };
        assert_eq!(super::bars(&long, &of).len() as i64, limits::HISTOGRAM_BUCKETS_MAX);
    }
}

//! One rule: what it means, how it does, what it found, and as it is written.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::model::Rule;
use super::{HERE, backtest, cost, kind};
use crate::href::{Params, segment};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::alerts::HERE as ALERTS;
use crate::pages::alerts::model::Alerts;
use crate::pages::alerts::parts::{auditor, level, table};
use crate::pages::overview::failed;
use crate::text::{counted, grouped, plain, short, short_to, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/rules/{id}", get(one))
}

/// What the API says of a rule.
pub async fn ask(visit: &Visit, id: &str) -> Result<Rule, Problem> {
    visit.get(&format!("/api/rules/{}", segment(id)), &Params::new()).await
}

async fn one(Path(id): Path<String>, visit: Visit) -> Response {
    let page = one_page(&visit, &id).await;
    visit.answer(page)
}

async fn one_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    auditor(visit)?;
    let rule = ask(visit, id).await?;
    let body = html! {
        (head(&rule))
        div.cols {
            (facts(&rule))
            section.panel aria-labelledby="means-title" {
                h2 #means-title { "What it means" }
                p { (words(rule.description.as_deref())) }
                h2 { "What to do" }
                p { (words(rule.advice.as_deref())) }
            }
        }
        @if rule.groups_dropped > 0 {
            p #dropped.notice.warn role="status" { (counted(rule.groups_dropped, "group was", "groups were")) " forgotten, because there were more than it keeps. "
                "What they would have led to is not found: narrow the rule, or group by something that has fewer values." }
        }
        (found(visit, &rule).await)
        (backtest::form(&backtest::address(&rule.id), "What would it have found?"))
        (written(&rule))
        p { a href=(HERE) { "All rules" } }
    };
    let title = format!("{} · Rules", plain(&rule.title, limits::ROW_CHARS_MAX));
    Ok(Page::new(title, Nav::Alerts, body).with(&["settings.js"]))
}

/// What a page about a rule begins with.
pub fn head(rule: &Rule) -> Markup {
    html! { div.head { h1 { (short(&rule.title)) } (level(&rule.level)) } }
}

fn words(text: Option<&str>) -> Markup {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => whole(text),
        None => html! { span.quiet { "The rule does not say." } },
    }
}

fn facts(rule: &Rule) -> Markup {
    html! {
        section.panel aria-labelledby="facts-title" {
            h2.sr #facts-title { "The rule" }
            dl.facts {
                div { dt { "Id" } dd { code { (short(&rule.id)) } } }
                @if let Some(name) = &rule.name { div { dt { "Name" } dd { code { (short(name)) } } } }
                div { dt { "Kind" } dd { (kind(&rule.kind)) @if !rule.alerts { span.quiet { ", for other rules: it opens no alerts" } } } }
                div { dt { "From" } dd { @if rule.from == "pack" { "the pack" } @else { code { (short_to(rule.file.as_deref().unwrap_or("the folder"), limits::SUMMARY_CHARS_MAX)) } } } }
                @if !rule.tags.is_empty() { div { dt { "Tags" } dd { @for tag in rule.tags.iter().take(limits::TAGS_SHOWN) { code.tag { (short(tag)) } " " } } } }
                div { dt { "Matched" } dd { (grouped(rule.matched)) " " span.quiet { "since the node started" } } }
                div { dt { "Fired" } dd { (grouped(rule.fired))
                    @if let Some(at) = &rule.last_fired_at { ", last " (time::at(at)) } } }
                div { dt { "An event costs" } dd { (cost(rule.nanos)) } }
                @if rule.kind != "event" { div { dt { "Groups" } dd { (grouped(rule.groups)) } } }
            }
        }
    }
}

/// The latest alerts of the rule; that they cannot be told hides nothing else.
async fn found(visit: &Visit, rule: &Rule) -> Markup {
    let params = Params::new().with("rule", rule.id.as_str());
    let asked = params.clone().with("limit", limits::RULE_ALERTS_SHOWN.to_string());
    let alerts: Alerts = match visit.get("/api/alerts", &asked).await {
        Ok(alerts) => alerts,
        Err(problem) => return failed(&problem),
    };
    html! {
        section #alerts aria-labelledby="alerts-title" {
            h2 #alerts-title { "Its alerts" }
            @if alerts.alerts.is_empty() { p.quiet { "None." } } @else { (table(visit, &alerts.alerts)) }
            @if alerts.next.is_some() { p { a href=(params.with("state", "all").to(ALERTS)) { "All of them" } } }
        }
    }
}

/// The rule as it is written, line by line: no line turns what stands beside it.
fn written(rule: &Rule) -> Markup {
    let Some(text) = rule.text.as_deref() else { return html! {} };
    let lines = text.lines().count();
    html! {
        section aria-labelledby="text-title" {
            div.between {
                h2 #text-title { "As it is written" }
                button.plain.small type="button" data-copy="#text" { "Copy" }
            }
            pre.yaml tabindex="0" { code #text { @for line in text.lines().take(limits::RULE_LINES_SHOWN) {
                (short_to(line, limits::OPEN_CHARS_MAX)) "\n"
            } } }
            @if lines > limits::RULE_LINES_SHOWN { p.quiet { "And " (counted((lines - limits::RULE_LINES_SHOWN) as u64, "line", "lines")) " more." } }
        }
    }
}

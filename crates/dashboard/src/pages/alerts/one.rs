//! One alert: what it means, what to do, what it is about, what was done, and what somebody does with it.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::model::{Alert, Step};
use super::parts::{assignee, auditor, events, group, level, rule_address, state, who};
use super::{HERE, address};
use crate::href::{self, Params, segment};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::settings::{done, told};
use crate::text::{grouped, plain, short, short_to, whole};
use crate::time;
use crate::visit::{Api, Me, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/alerts/{id}", get(one))
        .route("/alerts/{id}/acknowledge", post(acknowledge))
        .route("/alerts/{id}/assign", post(assign))
        .route("/alerts/{id}/comment", post(comment))
        .route("/alerts/{id}/close", post(close))
}

/// Where the API has an alert.
fn path(id: &str) -> String {
    format!("/api/alerts/{}", segment(id))
}

async fn one(Path(id): Path<String>, visit: Visit) -> Response {
    let page = one_page(&visit, &id, None).await;
    visit.answer(page)
}

/// The page of an alert, with what went wrong a moment ago on top of it.
async fn one_page(visit: &Visit, id: &str, wrong: Option<&Problem>) -> Result<Page, Problem> {
    let me = auditor(visit)?;
    let alert: Alert = visit.get(&path(id), &Params::new()).await?;
    let body = html! {
        @if let Some(problem) = wrong { (refused(problem)) } @else { (told(visit).await) }
        div.head {
            h1 { (short(&alert.rule.title)) }
            (level(&alert.rule.level)) (state(&alert.state))
            @if alert.escalated_at.is_some() && !alert.is_closed() { span.outcome.denied { "escalated" } }
        }
        @if let Some(summary) = alert.says() { p.lead { (short_to(summary, limits::OPEN_CHARS_MAX)) } }
        div.cols {
            (facts(visit, &alert))
            section.panel aria-labelledby="means-title" {
                h2 #means-title { "What it means" }
                p { (told_or(alert.description.as_deref(), "The rule does not say.")) }
                h2 { "What to do" }
                p { (told_or(alert.advice.as_deref(), "The rule does not say.")) }
            }
        }
        @if !alert.is_closed() { (forms(visit, me, &alert)) }
        section aria-labelledby="events-title" {
            h2 #events-title { "What it is about" }
            @if alert.events.is_empty() { p.quiet { "No event is named." } } @else { (events(visit, &alert.events)) }
            @if let Some(query) = alert.query.as_deref().filter(|query| !query.is_empty() && query.len() <= limits::QUERY_BYTES_MAX) {
                p { a #all-events href=(href::search_all(query)) { "All of it" } }
            }
        }
        (history(visit, &alert.history))
        p { a href=(HERE) { "All alerts" } }
    };
    let title = format!("{} · Alerts", plain(&alert.rule.title, limits::ROW_CHARS_MAX));
    Ok(Page::new(title, Nav::Alerts, body).with(&["settings.js"]))
}

fn told_or(text: Option<&str>, otherwise: &str) -> Markup {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => whole(text),
        None => html! { span.quiet { (otherwise) } },
    }
}

fn refused(problem: &Problem) -> Markup {
    html! {
        section #went-wrong.notice.bad role="alert" {
            h2 { @if problem.status == 409 { "Not as things are now" } @else { (short(&problem.title)) } }
            p { (whole(&problem.detail)) }
        }
    }
}

fn facts(visit: &Visit, alert: &Alert) -> Markup {
    let at = |at: &Option<String>, by: Option<&Value>| {
        html! { @if let Some(at) = at { (time::at(at)) @if by.is_some() { " by " (who(by)) } } }
    };
    html! {
        section.panel aria-labelledby="facts-title" {
            h2.sr #facts-title { "The alert" }
            dl.facts {
                div { dt { "Rule" } dd { a href=(rule_address(&alert.rule.id)) { (short(&alert.rule.title)) } } }
                @if !alert.group.is_empty() { div { dt { "Of" } dd { (group(&alert.group)) } } }
                div { dt { "Times" } dd { (grouped(alert.count)) } }
                @if let Some(first) = &alert.first_at { div { dt { "First" } dd { (time::at(first)) } } }
                @if let Some(last) = &alert.last_at { div { dt { "Last" } dd { (time::at(last)) " " span.quiet { "(" (time::ago(last, visit.now)) ")" } } } }
                div { dt { "Opened" } dd { (time::at(&alert.opened_at)) } }
                @if alert.escalated_at.is_some() { div { dt { "Escalated" } dd { (at(&alert.escalated_at, None)) } } }
                @if alert.acknowledged_at.is_some() { div { dt { "Acknowledged" } dd { (at(&alert.acknowledged_at, alert.acknowledged_by.as_ref())) } } }
                div { dt { "Assigned to" } dd { @match assignee(alert) { Some(name) => (short(name)), None => span.quiet { "nobody" } } } }
                @if alert.closed_at.is_some() { div { dt { "Closed" } dd { (at(&alert.closed_at, alert.closed_by.as_ref())) } } }
                @if let Some(event) = &alert.event { div { dt { "In the trail" } dd { a href=(href::event(&event.trail, &event.id)) { "its event" } } } }
            }
        }
    }
}

/// What somebody can do with it. What was written before something went wrong is still there.
fn forms(visit: &Visit, me: &Me, alert: &Alert) -> Markup {
    let to = |deed: &str| format!("{}/{deed}", address(&alert.id));
    let myself = me.name.as_deref().unwrap_or(&me.id);
    let written = |name: &str| visit.form.get(name).unwrap_or_default();
    html! {
        section #act.panel.noprint aria-labelledby="act-title" {
            h2 #act-title { "What do you do with it?" }
            div.cols {
                form.save method="post" action=(to("close")) data-once {
                    p { label for="note" { "Note" } br;
                        textarea #note name="note" rows="3" maxlength=(limits::NOTE_CHARS_MAX) required { (written("note")) } }
                    p.acts {
                        @if alert.is_open() { button formaction=(to("acknowledge")) formnovalidate { "Acknowledge" } }
                        button.plain formaction=(to("comment")) { "Comment" }
                        button.plain { "Close" }
                    }
                }
                form.save method="post" action=(to("assign")) data-once {
                    p { label for="to" { "Assign to" } br;
                        input #to name="to" value=(written("to")) maxlength=(limits::NAME_CHARS_MAX) autocomplete="off" spellcheck="false" required; }
                    p.acts {
                        button.plain { "Assign" }
                        @if assignee(alert) != Some(myself) { button.plain name="myself" value="yes" formnovalidate { "Assign to me" } }
                    }
                }
            }
            p.quiet { "Each step is recorded in the trail, with your name." }
        }
    }
}

fn history(visit: &Visit, steps: &[Step]) -> Markup {
    html! {
        @if !steps.is_empty() {
            section aria-labelledby="history-title" {
                h2 #history-title { "What was done" }
                ol.steps { @for step in steps.iter().take(limits::STEPS_SHOWN) { li {
                    span.when { (time::ago(&step.at, visit.now)) " " span.exact { (time::at_short(&step.at)) } }
                    div { (said(step)) }
                } } }
            }
        }
    }
}

/// What was done, and by whom; what was said stands below it.
fn said(step: &Step) -> Markup {
    let note = step.note.as_deref().filter(|note| !note.is_empty());
    let word = match step.action.as_str() {
        "alert.open" => "Opened",
        "alert.repeat" => "Fired again",
        "alert.acknowledge" => "Acknowledged",
        "alert.comment" => "Commented",
        "alert.close" => "Closed",
        "alert.escalate" => "Escalated",
        "alert.assign" => "Assigned",
        "alert.notify" => "Told",
        other => other,
    };
    let names = matches!(step.action.as_str(), "alert.assign" | "alert.notify");
    html! {
        strong { (short(word)) }
        @if names { @match note {
            Some(name) => { @if word == "Assigned" { " to " } @else { " " } (short(name)) },
            None => @if word == "Assigned" { " to nobody" },
        } }
        " by " (who(step.by.as_ref()))
        @if let Some(note) = note.filter(|_| !names) { p.note { (whole(note)) } }
    }
}

fn note(visit: &Visit) -> &str {
    visit.form.get("note").unwrap_or_default().trim()
}

async fn acknowledge(Path(id): Path<String>, visit: Visit) -> Response {
    let note = Some(note(&visit)).filter(|note| !note.is_empty());
    let json = note.map_or_else(|| json!({}), |note| json!({"note": note}));
    change(&visit, &id, "acknowledge", json).await
}

async fn assign(Path(id): Path<String>, visit: Visit) -> Response {
    let me = visit.me.as_ref().ok();
    let myself = me.map(|me| me.name.as_deref().unwrap_or(&me.id));
    let to = match visit.form.get("myself") {
        Some(_) => myself.unwrap_or_default(),
        None => visit.form.get("to").unwrap_or_default().trim(),
    };
    change(&visit, &id, "assign", json!({"to": to})).await
}

async fn comment(Path(id): Path<String>, visit: Visit) -> Response {
    change(&visit, &id, "comment", json!({"note": note(&visit)})).await
}

async fn close(Path(id): Path<String>, visit: Visit) -> Response {
    change(&visit, &id, "close", json!({"note": note(&visit)})).await
}

/// Has something done with an alert, and leads back to it.
async fn change(visit: &Visit, id: &str, deed: &str, json: Value) -> Response {
    let asked = match auditor(visit) {
        Ok(_) => visit.send(Method::POST, &format!("{}/{deed}", path(id)), Some(json)).await,
        Err(problem) => Err(problem),
    };
    match asked {
        Ok((headers, _)) => done(&address(id), &headers),
        Err(problem) if matches!(problem.status, 400 | 409 | 413 | 422) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            let page = one_page(visit, id, Some(&problem)).await;
            visit.answer(page.map(|page| Page { status, ..page }))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

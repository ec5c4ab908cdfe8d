//! How far something long is.

use axum::Router;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::super::{Tab, admin, frame};
use crate::href::{Params, segment};
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

const HERE: &str = "/settings/jobs";

pub fn routes() -> Router<Api> {
    Router::new().route(HERE, get(list)).route("/settings/jobs/{id}", get(one))
}

/// Where one is shown.
pub fn address(id: &str) -> String {
    format!("{HERE}/{}", segment(id))
}

#[derive(Deserialize)]
struct Jobs {
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
struct Job {
    id: String,
    what: String,
    by: String,
    state: String,
    stage: String,
    done: u64,
    of: Option<u64>,
    result: Value,
    error: Option<Problem>,
    started_at: String,
    ended_at: Option<String>,
}

impl Job {
    fn said(&self) -> &'static str {
        match &*self.what {
            "retention.run" => "Letting go what is due",
            "purge.run" => "Purging",
            "erasure" => "Erasing",
            "erasure.preview" => "Looking for what would be erased",
            "backup.create" => "Making a backup",
            "backup.verify" => "Verifying a backup",
            "backup.delete" => "Deleting a backup",
            "restore.create" => "Restoring a backup",
            "archive.create" => "Archiving",
            "archive.offload" => "Freeing this disk of what is archived",
            "import.create" => "Importing",
            "resume" => "Going on with what was cut off",
            _ => "At work",
        }
    }

    fn runs(&self) -> bool {
        self.state == "running"
    }

    fn outcome(&self) -> Markup {
        match &*self.state {
            "running" => html! { span.outcome.pending { "running" } },
            "done" => html! { span.outcome.good { "done" } },
            _ => html! { span.outcome.bad { "failed" } },
        }
    }
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let jobs = visit.get::<Jobs>("/api/jobs", &Params::new()).await?.jobs;
    let body = html! {
        p.quiet { "What runs, and what has ended since the node started. The trail tells of everything." }
        @if jobs.is_empty() { p #no-jobs.empty { "Nothing runs." } } @else {
            table #jobs.stack {
                thead { tr { th { "What" } th { "State" } th { "By" } th { "Since" } } }
                tbody { @for job in jobs.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-job=(job.id) {
                    th scope="row" { a href=(address(&job.id)) { (job.said()) } }
                    td data-label="State" { (job.outcome()) }
                    td data-label="By" { (text::short(&job.by)) }
                    td data-label="Since" { (time::ago(&job.started_at, visit.now)) }
                } } }
            }
        }
    };
    Ok(frame(visit, Tab::Backups, body))
}

async fn one(Path(id): Path<String>, visit: Visit) -> Response {
    let page = one_page(&visit, &id).await;
    visit.answer(page)
}

async fn one_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    admin(visit)?;
    let job = visit.get::<Job>(&format!("/api/jobs/{}", segment(id)), &Params::new()).await?;
    let here = address(&job.id);
    // While it runs the page asks for itself again; without scripts there is a link.
    let again = job.runs();
    let body = html! {
        section #job.panel data-state=(job.state) aria-live="polite"
            hx-get=[again.then_some(&here)] hx-trigger=[again.then_some("every 2s")]
            hx-select=[again.then_some("#job")] hx-swap=[again.then_some("outerHTML")] {
            div.between { h2 { (job.said()) } (job.outcome()) }
            @if again {
                p { @if job.stage.is_empty() { "beginning" } @else { (text::short(&job.stage)) }
                    @if let Some(of) = job.of { ": " (text::grouped(job.done)) " of " (text::grouped(of)) } }
                progress max=[job.of] value=[job.of.map(|of| job.done.min(of))] aria-label="How far it is" {}
                p.quiet { a href=(here) { "Look again" } ". It goes on when you leave this page." }
            }
            @if let Some(why) = &job.error {
                p #why.notice.bad role="alert" { (text::whole(&why.detail)) }
            }
            @if !job.result.is_null() { (result(&job.result)) }
            p.quiet { "Begun " (time::ago(&job.started_at, visit.now)) " by " (text::short(&job.by))
                @if let Some(at) = &job.ended_at { ", ended " (time::ago(at, visit.now)) } "." }
        }
        p { a href=(HERE) { "All that runs" } }
    };
    Ok(frame(visit, Tab::Backups, body))
}

/// The plain members of what came of it; lists by their length.
fn result(result: &Value) -> Markup {
    let Some(members) = result.as_object() else { return html! {} };
    let shown = |value: &Value| match value {
        Value::String(text) => Some(text::short_to(text, 200)),
        Value::Number(number) => Some(match number.as_u64() {
            Some(number) => html! { (text::grouped(number)) },
            None => html! { (number) },
        }),
        Value::Bool(yes) => Some(html! { @if *yes { "yes" } @else { "no" } }),
        Value::Array(list) if !list.is_empty() => {
            Some(html! { (text::grouped(list.len() as u64)) })
        }
        _ => None,
    };
    html! {
        dl.facts #result { @for (name, value) in members { @if let Some(value) = shown(value) {
            div { dt { (text::short(&name.replace('_', " "))) } dd { (value) } }
        } } }
    }
}

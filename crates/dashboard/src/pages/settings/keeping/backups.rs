//! Backups, and when they are made.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::super::change::Asked;
use super::super::{Tab, admin, frame, told, went_wrong};
use super::{below, button, change, field, given, tick};
use crate::href::{Params, segment};
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

const HERE: &str = "/settings/backups";

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/settings/backups/settings", post(set))
        .route("/settings/backups/{id}/verify", post(verify))
        .route("/settings/backups/{id}/delete", get(ask).post(delete))
}

#[derive(Deserialize)]
struct Backups {
    backups: Vec<Backup>,
}

#[derive(Deserialize)]
struct Backup {
    id: String,
    state: String,
    backup_type: String,
    created_at: String,
    user: String,
    target: String,
    trail: Option<String>,
    with_key: bool,
    scheduled: bool,
    size_bytes: Option<u64>,
    records: Option<u64>,
    error: Option<String>,
    verified: Option<Verified>,
}

#[derive(Deserialize)]
struct Verified {
    at: String,
    holds: bool,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Settings {
    schedule: Option<String>,
    target: Option<String>,
    #[serde(rename = "type")]
    backup_type: String,
    with_key: bool,
    keep: Option<u32>,
    on_failure: String,
    trouble: Option<String>,
}

async fn all(visit: &Visit) -> Result<Vec<Backup>, Problem> {
    admin(visit)?;
    Ok(visit.get::<Backups>("/api/backups", &Params::new()).await?.backups)
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    let backups = all(visit).await?;
    let settings = visit.get::<Settings>("/api/backups/settings", &Params::new()).await?;
    let body = html! {
        (told(visit).await)
        @if let Some(why) = &settings.trouble { p #trouble.notice.bad role="alert" { (text::whole(why)) } }
        p.quiet { "A backup is a copy of the whole log at one moment, made while the node goes on. It is restored with the node stopped: "
            code { "indelible restore ID" } ". " a href="/settings/jobs" { "What runs" } }
        @if backups.is_empty() { p #no-backups.empty { "There is no backup yet." } } @else { (table(&backups, visit)) }
        (now(&settings))
        (schedule(&settings))
    };
    Ok(frame(visit, Tab::Backups, body))
}

fn table(backups: &[Backup], visit: &Visit) -> Markup {
    html! {
        table #backups.stack {
            thead { tr { th { "Made" } th { "Where" } th { "What" } th { "Size" } th { "State" } th { span.sr { "Act" } } } }
            tbody { @for one in backups.iter().rev().take(limits::SETTINGS_ROWS_MAX) { tr data-backup=(one.id) {
                th scope="row" { (time::ago(&one.created_at, visit.now)) br;
                    span.quiet { @if one.scheduled { "by schedule" } @else { "by " (text::short(&one.user)) } } }
                td data-label="Where" { (text::short_to(&one.target, 200)) br; code.small { (text::short(&one.id)) } }
                td data-label="What" { (text::short(&one.backup_type))
                    @if let Some(trail) = &one.trail { ", only " (text::short(trail)) }
                    @if !one.with_key { br; span.quiet { "without the signing key" } } }
                td data-label="Size" { @if let Some(bytes) = one.size_bytes { (text::bytes(bytes)) }
                    @if let Some(records) = one.records { br; span.quiet { (text::counted(records, "record", "records")) } } }
                td data-label="State" { (state(one, visit)) }
                td.acts {
                    @if one.state == "complete" { (button(&below(HERE, &one.id, "verify"), "Verify", false)) " " }
                    a.danger-link href=(below(HERE, &one.id, "delete")) { "Delete…" }
                }
            } } }
        }
    }
}

fn state(one: &Backup, visit: &Visit) -> Markup {
    html! {
        @match &*one.state {
            "complete" => span.outcome.good { "whole" },
            "running" => span.outcome.pending { "being made" },
            other => span.outcome.denied { (text::short(other)) },
        }
        @if let Some(why) = &one.error { br; span.quiet { (text::short_to(why, 200)) } }
        @if let Some(verified) = &one.verified {
            br; @if verified.holds { span.quiet { "verified " (time::ago(&verified.at, visit.now)) } }
            @else { strong { "damaged: " (text::short_to(verified.error.as_deref().unwrap_or("see the trail"), 200)) } }
        }
    }
}

fn kinds(chosen: &str) -> Markup {
    html! {
        @for (kind, means) in [("full", "needs no other"), ("incremental", "names what earlier ones have")] {
            p.choice { input type="radio" id={"type-" (kind)} name="type" value=(kind) checked[kind == chosen];
                label for={"type-" (kind)} { (kind) } span.quiet { (means) } }
        }
    }
}

fn now(settings: &Settings) -> Markup {
    let target = settings.target.as_deref().unwrap_or_default();
    html! {
        section.panel aria-labelledby="create-title" {
            h2 #create-title { "Make one now" }
            form.save method="post" action=(HERE) data-once {
                (field("Where to", "to", target, "A directory on the node's machine, or s3://bucket/prefix."))
                p.acts { button name="type" value="full" { "Full backup" } button.plain name="type" value="incremental" { "Incremental" } }
            }
        }
    }
}

fn schedule(settings: &Settings) -> Markup {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let keep = settings.keep.map(|keep| keep.to_string()).unwrap_or_default();
    html! {
        section.panel aria-labelledby="schedule-title" {
            h2 #schedule-title { "By schedule" }
            form.save method="post" action="/settings/backups/settings" data-once {
                (field("When", "schedule", &text(&settings.schedule), "daily at 03:30 (UTC), or every 6h. Empty: none."))
                (field("Where to", "target", &text(&settings.target), "A directory on the node's machine, or s3://bucket/prefix with the AWS_* variables of its environment."))
                fieldset { legend { "Kind" } (kinds(&settings.backup_type)) }
                (field("How many stay", "keep", &keep, "The oldest go when a new one is whole. Empty: all."))
                (tick("With the node's signing key, so that a restored node goes on signing", "with_key", settings.with_key))
                (tick("Say here and in /metrics when it fails again and again", "alert", settings.on_failure == "alert"))
                p.acts { button { "Save" } }
                p.quiet { "This is recorded in the trail, with your name." }
            }
        }
    }
}

async fn create(visit: Visit) -> Response {
    let mut new = json!({"type": visit.form.get("type").unwrap_or("full")});
    if let Some(to) = given(&visit.form, "to") {
        new["to"] = to.into();
    }
    change(&visit, (Method::POST, "/api/backups"), Some(new), Tab::Backups, HERE).await
}

async fn set(visit: Visit) -> Response {
    let form = &visit.form;
    let keep = given(form, "keep").map(str::parse::<u32>).transpose();
    let Ok(keep) = keep else {
        let detail = "How many stay is a number.";
        let problem = Problem::new(StatusCode::BAD_REQUEST, "The form cannot be read", detail);
        return visit.answer(Ok(went_wrong(&visit, Tab::Backups, &problem, HERE)));
    };
    let yes = |name: &str| form.get(name) == Some("yes");
    let settings = json!({
        "schedule": given(form, "schedule"), "target": given(form, "target"),
        "type": form.get("type").unwrap_or("full"), "keep": keep, "with_key": yes("with_key"),
        "on_failure": if yes("alert") { "alert" } else { "ignore" },
    });
    let to = (Method::PUT, "/api/backups/settings");
    change(&visit, to, Some(settings), Tab::Backups, HERE).await
}

async fn verify(Path(id): Path<String>, visit: Visit) -> Response {
    let path = format!("/api/backups/{}/verify", segment(&id));
    change(&visit, (Method::POST, &path), None, Tab::Backups, HERE).await
}

async fn ask(Path(id): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &id).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    let backup = all(visit).await?.into_iter().find(|backup| backup.id == id);
    let missing = || {
        let detail = "There is no backup of this id.";
        Problem::new(StatusCode::NOT_FOUND, "There is no such thing", detail)
    };
    let backup = backup.ok_or_else(missing)?;
    let gone = || html! { span.quiet { "gone" } };
    let size = backup.size_bytes.map(text::bytes).unwrap_or_else(|| "unknown".into());
    let rows = vec![
        ("Made", time::at_short(&backup.created_at), gone()),
        ("Where", text::short_to(&backup.target, 200), gone()),
        ("Size", html! { (size) }, html! { "files that other backups name stay" }),
    ];
    let action = below(HERE, id, "delete");
    let asked = Asked {
        title: "Delete this backup?",
        means: html! { p { "It cannot be restored any more." } },
        rows,
        action: &action,
        hidden: Vec::new(),
        button: "Delete it",
        danger: true,
        back: HERE,
    };
    Ok(frame(visit, Tab::Backups, asked.markup()))
}

async fn delete(Path(id): Path<String>, visit: Visit) -> Response {
    let path = format!("/api/backups/{}", segment(&id));
    change(&visit, (Method::DELETE, &path), None, Tab::Backups, HERE).await
}

//! How long records are kept.

use axum::Router;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::change::Asked;
use super::super::{Tab, admin, frame, told, went_wrong};
use super::{button, change, field, given, person, tick};
use crate::href::Params;
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{limits, text, time};

pub const HERE: &str = "/settings/retention";
/// Bytes of a megabyte, as the form counts them.
const MB: u64 = 1_000_000;

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(show).post(set))
        .route("/settings/retention/confirm", get(ask))
        .route("/settings/retention/run", post(run))
        .route("/settings/retention/clock", post(confirm_clock))
}

#[derive(Deserialize)]
struct Retention {
    current: Policy,
    policies: Vec<Policy>,
    next: Vec<Next>,
    bytes: u64,
    clock: Clock,
}

#[derive(Deserialize)]
struct Policy {
    number: u32,
    rules: String,
    bytes_max: Option<u64>,
    floor_days: u32,
    existing: bool,
    set_at: Option<String>,
    set_by: Option<Value>,
}

#[derive(Deserialize)]
struct Next {
    at: String,
    class: String,
    day: String,
    records: u64,
}

#[derive(Deserialize)]
struct Clock {
    stopped: Option<String>,
}

#[derive(Deserialize)]
struct Presets {
    presets: Vec<Preset>,
}

#[derive(Deserialize)]
struct Preset {
    name: String,
    title: String,
    rules: String,
    why: String,
}

#[derive(Deserialize)]
struct Preview {
    records: u64,
    bytes: u64,
    going: Vec<Going>,
    held: Vec<Held>,
    promised: u64,
    stopped: Option<String>,
}

#[derive(Deserialize)]
struct Going {
    class: String,
    policy: u32,
    day: String,
    reason: String,
    records: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct Held {
    name: String,
    query: String,
    records: u64,
}

async fn show(visit: Visit) -> Response {
    let page = page(&visit).await;
    visit.answer(page)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let now = visit.get::<Retention>("/api/retention", &Params::new()).await?;
    let presets = visit.get::<Presets>("/api/retention/presets", &Params::new()).await?.presets;
    let chosen = visit.params.get("preset");
    let chosen = presets.iter().find(|preset| Some(&*preset.name) == chosen);
    let body = html! {
        (told(visit).await)
        @if let Some(why) = &now.clock.stopped {
            section #clock.notice.bad role="alert" {
                h2 { "Nothing expires" }
                p { (text::whole(why)) }
                (button("/settings/retention/clock", "The clock is right", true))
            }
        }
        (in_force(&now, visit))
        (form(&now.current, &presets, chosen))
        (earlier(&now.policies, visit))
    };
    Ok(frame(visit, Tab::Retention, body))
}

fn in_force(now: &Retention, visit: &Visit) -> Markup {
    let policy = &now.current;
    html! {
        section #policy.panel data-policy=(policy.number) {
            div.between {
                h2 { "Policy " (policy.number) }
                (button("/settings/retention/run", "Let go what is due", false))
            }
            p { code { (text::short_to(&policy.rules, 2_000)) } }
            p { (limit(policy)) " All segments have " (text::bytes(now.bytes)) "." }
            @if let (Some(at), Some(by)) = (&policy.set_at, &policy.set_by) {
                p.quiet { "Set " (time::ago(at, visit.now)) " by " (person(by)) "." }
            }
            @if now.next.is_empty() { p { "Nothing is due to expire." } } @else {
                details open { summary { "Due next" }
                    table.stack {
                        thead { tr { th { "When" } th { "Class" } th { "Recorded on" } th { "Records" } } }
                        tbody { @for next in now.next.iter().take(limits::DUE_ROWS_MAX) { tr {
                            th scope="row" { (time::at_short(&next.at)) }
                            td data-label="Class" { (text::short(&next.class)) }
                            td data-label="Recorded on" { (text::short(&next.day)) }
                            td data-label="Records" { (text::grouped(next.records)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn limit(policy: &Policy) -> Markup {
    html! {
        @match policy.bytes_max {
            None => "The log may become as large as the disk allows.",
            Some(bytes) => {
                "Beyond " (text::bytes(bytes)) " the oldest day goes first"
                @if policy.floor_days > 0 { ", but nothing younger than " (text::counted(u64::from(policy.floor_days), "day", "days")) } "."
            }
        }
    }
}

fn form(policy: &Policy, presets: &[Preset], chosen: Option<&Preset>) -> Markup {
    let rules = chosen.map_or(&*policy.rules, |preset| &*preset.rules);
    let mb = policy.bytes_max.map(|bytes| (bytes / MB).to_string()).unwrap_or_default();
    let floor = if policy.floor_days > 0 { policy.floor_days.to_string() } else { String::new() };
    html! {
        section #new-policy.panel aria-labelledby="new-policy-title" {
            h2 #new-policy-title { "Change it" }
            p { "Begin with: " @for preset in presets {
                a.chip data-preset=(preset.name) href={(Params::new().with("preset", &*preset.name).to(HERE)) "#new-policy"} { (text::short(&preset.title)) } " "
            } }
            @if let Some(preset) = chosen { p.notice { (text::whole(&preset.why)) } }
            form.save action="/settings/retention/confirm" {
                p {
                    label for="rules" { "Rules" } br;
                    textarea #rules name="rules" rows="3" required spellcheck="false" aria-describedby="rules-hint" { (text::named(rules)) }
                    br; span.quiet #rules-hint { "The first that fits counts, the last is for everything else: security 7y, trail:shop 1y archive 90d, everything else forever." }
                }
                (field("At most, in MB", "mb", &mb, "Beyond it the oldest day goes before its time. Empty: no bound."))
                (field("Never younger than, in days", "floor", &floor, "What is younger does not go for want of room."))
                (tick("Also for what is there already, which may have been promised more. That takes a second admin.", "existing", false))
                p.acts { button { "See what it would do…" } }
            }
        }
    }
}

fn earlier(policies: &[Policy], visit: &Visit) -> Markup {
    html! {
        @if policies.len() > 1 {
            details { summary { "All policies so far" }
                table #policies.stack {
                    thead { tr { th { "Number" } th { "Rules" } th { "Set" } } }
                    tbody { @for policy in policies.iter().rev().take(limits::SETTINGS_ROWS_MAX) { tr {
                        th scope="row" { (policy.number) }
                        td data-label="Rules" { code { (text::short_to(&policy.rules, 400)) } @if policy.existing { " " span.chip { "also for what was there" } } }
                        td data-label="Set" { @if let (Some(at), Some(by)) = (&policy.set_at, &policy.set_by) {
                            (time::ago(at, visit.now)) " by " (person(by)) } @else { "from the beginning" } }
                    } } }
                }
            }
        }
    }
}

/// What the form says, as the API takes it; and why not, if it is no number.
fn wanted(params: &Params) -> Result<Value, &'static str> {
    let number = |name: &str| given(params, name).map(str::parse::<u64>).transpose();
    let mb = number("mb").map_err(|_| "A number of megabytes has digits alone.")?;
    let floor = number("floor").map_err(|_| "A number of days has digits alone.")?;
    Ok(json!({
        "rules": given(params, "rules").unwrap_or_default(),
        "bytes_max": mb.map(|mb| mb.saturating_mul(MB)),
        "floor_days": floor.unwrap_or(0),
        "existing": params.get("existing") == Some("yes"),
    }))
}

fn no_form(visit: &Visit, why: &str) -> Page {
    let status = axum::http::StatusCode::BAD_REQUEST;
    let problem = Problem::new(status, "The form cannot be read", why);
    went_wrong(visit, Tab::Retention, &problem, HERE)
}

async fn ask(visit: Visit) -> Response {
    let page = ask_page(&visit).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let wanted = match wanted(&visit.params) {
        Ok(wanted) => wanted,
        Err(why) => return Ok(no_form(visit, why)),
    };
    let now = visit.get::<Retention>("/api/retention", &Params::new()).await?.current;
    let mut of = Params::new().with("rules", wanted["rules"].as_str().unwrap_or_default());
    for name in ["bytes_max", "floor_days", "existing"] {
        if !wanted[name].is_null() {
            of = of.with(name, wanted[name].to_string());
        }
    }
    let preview = match visit.get::<Preview>("/api/retention/preview", &of).await {
        Ok(preview) => preview,
        Err(problem) if problem.status == 400 => {
            return Ok(went_wrong(visit, Tab::Retention, &problem, HERE));
        }
        Err(problem) => return Err(problem),
    };
    let rules = wanted["rules"].as_str().unwrap_or_default();
    let existing = wanted["existing"] == true;
    let then = Policy {
        number: now.number + 1,
        rules: rules.to_owned(),
        bytes_max: wanted["bytes_max"].as_u64(),
        floor_days: wanted["floor_days"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(0),
        existing,
        set_at: None,
        set_by: None,
    };
    let code = |rules: &str| html! { code { (text::short_to(rules, 2_000)) } };
    let rows = vec![
        ("Rules", code(&now.rules), code(rules)),
        ("Size", limit(&now), limit(&then)),
        (
            "For what is there",
            html! { "keeps what it was promised" },
            html! { @if existing { strong { "shortened as well" } } @else { "keeps what it was promised" } },
        ),
    ];
    let names = ["rules", "mb", "floor", "existing"];
    let hidden = names.map(|name| (name, visit.params.get(name).unwrap_or_default().to_owned()));
    let asked = Asked {
        title: if existing { "Ask for this policy?" } else { "Set this policy?" },
        means: going(&preview, existing),
        rows,
        action: HERE,
        hidden: hidden.into(),
        button: if existing { "Ask a second admin" } else { "Set it" },
        danger: preview.records > 0 || existing,
        back: HERE,
    };
    Ok(frame(visit, Tab::Retention, asked.markup()))
}

/// What would go.
fn going(preview: &Preview, existing: bool) -> Markup {
    html! {
        @if existing { p { strong { "Another admin has to confirm it; nothing changes before." } } }
        @if let Some(why) = &preview.stopped { p.notice.warn { (text::whole(why)) } }
        @if preview.records == 0 { p #nothing-goes { "With it, nothing would go now." } } @else {
            p #goes { "With it, " strong { (text::counted(preview.records, "record", "records")) }
                " (about " (text::bytes(preview.bytes)) ") would go with the next run. Their parts are gone then; what proves that they were there stays." }
            table #preview.stack {
                thead { tr { th { "Class" } th { "Recorded on" } th { "Records" } th { "Size" } th { "Why" } } }
                tbody { @for going in preview.going.iter().filter(|going| going.records > 0).take(limits::DUE_ROWS_MAX) { tr {
                    th scope="row" { (text::short(&going.class)) span.quiet { " of policy " (going.policy) } }
                    td data-label="Recorded on" { (text::short(&going.day)) }
                    td data-label="Records" { (text::grouped(going.records)) }
                    td data-label="Size" { (text::bytes(going.bytes)) }
                    td data-label="Why" { (text::short(&going.reason)) }
                } } }
            }
        }
        @if preview.promised > 0 {
            p { (text::counted(preview.promised, "record stays", "records stay")) " because an earlier policy promised it." }
        }
        @for held in &preview.held {
            p { (text::counted(held.records, "record stays", "records stay")) " because of the hold " strong { (text::short(&held.name)) } " (" code { (text::short(&held.query)) } ")." }
        }
    }
}

async fn set(visit: Visit) -> Response {
    match wanted(&visit.form) {
        Err(why) => visit.answer(Ok(no_form(&visit, why))),
        Ok(wanted) => {
            let to = (Method::PUT, "/api/retention");
            change(&visit, to, Some(wanted), Tab::Retention, HERE).await
        }
    }
}

async fn run(visit: Visit) -> Response {
    change(&visit, (Method::POST, "/api/retention/run"), None, Tab::Retention, HERE).await
}

async fn confirm_clock(visit: Visit) -> Response {
    change(&visit, (Method::POST, "/api/retention/clock"), None, Tab::Retention, HERE).await
}

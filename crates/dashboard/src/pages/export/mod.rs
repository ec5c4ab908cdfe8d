//! What a search finds, as a file: what it is, which form, and how far it is.

mod wanted;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use self::wanted::Wanted;
use crate::href::Params;
use crate::limits;
use crate::page::{Nav, Page, see_other};
use crate::parts::Count;
use crate::text;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/export", get(export)).route("/export/file", get(file).head(look))
}

/// Whatever only looks must not begin an export.
async fn look() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// A form of export.
struct Format {
    name: &'static str,
    title: &'static str,
    /// What opens it.
    opens: &'static str,
    /// How its files end.
    extension: &'static str,
}

const FORMATS: [Format; 7] = [
    Format {
        name: "csv",
        title: "CSV",
        opens: "For spreadsheets. Cells that a spreadsheet would run as a formula are made harmless.",
        extension: "csv",
    },
    Format {
        name: "ndjson",
        title: "NDJSON",
        opens: "For programs: one event a line, as the API gives it.",
        extension: "ndjson",
    },
    Format {
        name: "parquet",
        title: "Parquet",
        opens: "For DuckDB, pandas and Spark: the columns of the log's own files.",
        extension: "parquet",
    },
    Format {
        name: "ocsf",
        title: "OCSF",
        opens: "For a SIEM: one event a line, in the Open Cybersecurity Schema.",
        extension: "ocsf.ndjson",
    },
    Format {
        name: "cef",
        title: "CEF",
        opens: "For a SIEM: one event a line, in the Common Event Format.",
        extension: "cef",
    },
    Format {
        name: "cloudevents",
        title: "CloudEvents",
        opens: "For brokers and functions: one event a line, as a CloudEvent with the whole event in it.",
        extension: "cloudevents.ndjson",
    },
    Format {
        name: "bundle",
        title: "Evidence",
        opens: "For a court or an auditor: a ZIP of events with their proofs, which anybody checks offline, without this node.",
        extension: "evidence.zip",
    },
];

/// Part, and what is in it.
const PARTS: [(&str, &str); 3] = [
    ("who", "actor and subjects"),
    ("where", "address, client and other context"),
    ("what", "targets, changes, details and error"),
];

async fn export(visit: Visit) -> Response {
    let page = page(&visit).await;
    visit.answer(page)
}

#[derive(Deserialize)]
struct Stats {
    total: Count,
}

fn auditor(visit: &Visit) -> Result<(), Problem> {
    let me = visit.me.as_ref().map_err(Clone::clone)?;
    let (title, detail) =
        ("This credential's role may not do that", "Only auditors and admins export.");
    let refused = || Problem::new(StatusCode::FORBIDDEN, title, detail);
    me.may_audit().then_some(()).ok_or_else(refused)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    auditor(visit)?;
    let wanted = Wanted::of(&visit.params);
    let stats: Result<Stats, Problem> = visit.get("/api/audit/stats", &wanted.counting()).await;
    let stats = match stats {
        Err(problem) if problem.status == 400 => {
            let (status, body) = (StatusCode::BAD_REQUEST, unread(&wanted, &problem));
            return Ok(Page { status, ..Page::new("Export", Nav::Export, body) });
        }
        stats => stats?,
    };
    let chosen = visit.params.get("format").unwrap_or_default();
    let chosen = FORMATS.iter().find(|format| format.name == chosen).unwrap_or(&FORMATS[0]);
    let body = html! {
        h1 { "Export" }
        (what(&wanted, &stats.total))
        form #export.panel action="/export/file" method="get" {
            @for (name, value) in wanted.params().pairs() { input type="hidden" name=(name) value=(value); }
            input type="hidden" name="ticket" value="" disabled;
            fieldset { legend { "Format" }
                @for format in &FORMATS { (choice(format, chosen.name, &stats.total)) }
            }
            fieldset #withhold { legend { "Withheld from the evidence" }
                p.quiet { "What is withheld cannot be read by whoever gets the bundle; the proofs hold all the same. For evidence only." br;
                    "Whoever gets it checks it with " code { "indelible verify bundle FILE" } ", or with the verifier that is in it." }
                @for (part, what) in PARTS {
                    p.choice { input type="checkbox" name="redact" value=(part) id=(format!("redact-{part}"));
                        label for=(format!("redact-{part}")) { (part) } " " span.quiet { (what) } }
                }
            }
            p.acts { button #download { "Download" } }
            p.quiet { "That you export this is recorded in the trail, before the first byte leaves." }
        }
        section #progress.panel hidden {
            h2 { "Your download" }
            progress #bar aria-label="How far the export is" {}
            p #so-far role="status" aria-live="polite" {}
        }
        section.panel {
            h2 { "From a shell" }
            pre tabindex="0" { code #shell data-line=(wanted.shell("FORMAT", "ENDING")) { (wanted.shell(chosen.name, chosen.extension)) } }
            p { button.plain.small type="button" data-copy="#shell" { "Copy" } }
            p.quiet { "Set " code { "INDELIBLE_URL" } " and " code { "INDELIBLE_KEY" } ". The file gets its name only when it is whole. The API gives the same: "
                a href=(wanted.asking(chosen.name).to("/api/audit/export")) download { code { "/api/audit/export" } } "." }
        }
    };
    Ok(Page::new("Export", Nav::Export, body).with(&["settings.js"]))
}

fn what(wanted: &Wanted, total: &Count) -> Markup {
    html! {
        section #what.panel {
            dl.facts {
                div { dt { "Events" } dd { strong #total { (total) } @if total.value == 0 { " – nothing matches" } } }
                div { dt { "That match" } dd { @if wanted.q.is_empty() { "everything" @if !wanted.system { ", without what the audit system itself did" } } @else { code { (text::short_to(&wanted.q, 600)) } } } }
                div { dt { "Time" } dd { (text::short_to(&wanted.time_in_words(), 200)) } }
            }
            p { a href=(wanted.params().to("/")) { "Change the search" }
                @if wanted.system { " · " a #system-out href=(wanted.params().without(&["system"]).to("/export")) { "Without what the audit system itself did" } }
                @else { " · " a #system-in href=(wanted.params().with("system", "1").to("/export")) { "Also what the audit system itself did" } } }
        }
    }
}

fn choice(format: &Format, chosen: &str, total: &Count) -> Markup {
    let max = limits::BUNDLE_EVENTS_MAX;
    let Format { name, title, opens, extension } = format;
    let bundle = *name == "bundle";
    let too_many = bundle && total.value > max;
    html! {
        p.choice {
            input type="radio" name="format" id=(format!("format-{name}")) value=(name) data-ending=(extension)
                checked[*name == chosen] disabled[too_many];
            label for=(format!("format-{name}")) { (title) } " " span.quiet { (opens)
                @if bundle { " At most " (text::grouped(max)) " events" @if too_many { ": narrow the search down" } "." } }
        }
    }
}

fn unread(wanted: &Wanted, problem: &Problem) -> Markup {
    html! {
        h1 { "Export" }
        section.notice.bad role="alert" {
            h2 { "The query cannot be read" }
            p { (text::whole(&problem.detail)) }
            @if let Some(hint) = problem.query.as_ref().and_then(|query| query.hint.as_deref()) { p { (text::short(hint)) } }
            p { a href=(wanted.params().to("/")) { "Change the search" } }
        }
    }
}

/// The file itself, as the API gives it. So an error is a page that says so.
async fn file(visit: Visit) -> Response {
    let wanted = Wanted::of(&visit.params);
    match auditor(&visit) {
        Ok(()) => {}
        // Who signs in asks once more: that alone must not begin it.
        Err(problem) if problem.status == 401 => {
            return see_other(
                &Params::new().with("next", wanted.params().to("/export")).to("/login"),
            );
        }
        Err(problem) => return visit.answer(Err(problem)),
    }
    let format = visit.params.get("format").unwrap_or("csv");
    let parts: Vec<&str> = visit.params.all("redact").collect();
    // The boxes may be ticked and the form be another: then they say nothing.
    let redact = if format == "bundle" { parts.join(",") } else { String::new() };
    let ticket = visit.params.get("ticket").unwrap_or_default();
    let address = wanted.asking(format).with("redact", redact).with("ticket", ticket);
    let address = address.to("/api/audit/export");
    match visit.ask(Method::GET, &address, None, HeaderMap::new()).await {
        Ok(response) => response,
        Err(problem) => visit.answer(Err(problem)),
    }
}

//! How the node is: how far it is behind, what was lost, when it last signed, how much room there is.

use maud::{Markup, html};
use serde::Deserialize;

use super::{Asked, limits};
use crate::chart::compact;
use crate::href::Params;
use crate::text::{self, bytes, counted, grouped};
use crate::time;
use crate::visit::{Problem, Visit};

/// What the node says of itself. Whatever it leaves out is not shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    version: Option<String>,
    started_at: Option<String>,
    disk: Option<Disk>,
    log: Option<Log>,
    trails: Vec<Trail>,
    more_trails: u64,
    losses: Option<Losses>,
    index: Option<IndexStatus>,
    retention: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IndexStatus {
    missing: u64,
    failure: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Disk {
    free_bytes: Option<u64>,
    log_bytes: Option<u64>,
    index_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Log {
    records: Option<u64>,
    durable_pos: Option<u64>,
    searchable_pos: Option<u64>,
    writable: Option<bool>,
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trail {
    name: String,
    size: u64,
    published: u64,
    checkpoint_at: Option<String>,
    witnesses: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Losses {
    reads_not_recorded: u64,
}

/// What recorders say they lost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Gaps {
    total: GapsTotal,
    losses: Vec<Loss>,
    incomplete: Option<crate::parts::Incomplete>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GapsTotal {
    sources: u64,
    missing: u64,
    explained: u64,
    unexplained: u64,
    in_flight: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Loss {
    event_type: String,
    cause: String,
    count: u64,
}

/// The node's own health: nothing for those who may not see it.
pub async fn health(visit: &Visit) -> Result<Markup, Problem> {
    let status: Status = match visit.get("/api/status", &Params::new()).await {
        Ok(status) => status,
        Err(problem) if matches!(problem.status, 403 | 404) => return Ok(html! {}),
        Err(problem) => return Err(problem),
    };
    Ok(html! {
        section.panel #health aria-labelledby="health-title" {
            h2 #health-title { "The node" }
            dl.facts {
                @if let Some(log) = &status.log { (lag(log)) }
                @if let Some(index) = &status.index { (index_facts(index)) }
                @if let Some(disk) = &status.disk { (room(disk)) }
                div { dt { "Retention" } dd { @match &status.retention {
                    Some(kept) => (text::short(kept)), None => "everything is kept",
                } } }
                @if let Some(losses) = &status.losses {
                    div { dt { "Reads that could not be recorded" } dd { (mark(losses.reads_not_recorded == 0)) (grouped(losses.reads_not_recorded)) } }
                }
                @if let Some(started) = &status.started_at { div { dt { "Running since" } dd { (time::at(started)) } } }
                @if let Some(version) = &status.version { div { dt { "Version" } dd { (text::short(version)) } } }
            }
            @if !status.trails.is_empty() { (trails(visit, &status.trails, status.more_trails)) }
        }
    })
}

/// Good or not, by a shape and its name.
fn mark(good: bool) -> Markup {
    html! {
        @if good { span.ok title="as it should be" { "✓ " } } @else { span.not title="not as it should be" { "! " } }
    }
}

fn lag(log: &Log) -> Markup {
    let behind =
        log.durable_pos.zip(log.searchable_pos).map(|(all, found)| all.saturating_sub(found));
    html! {
        @if let Some(writable) = log.writable {
            div { dt { "Appending" } dd { (mark(writable))
                @if writable { "works" } @else { "does not work: " (text::short_to(log.reason.as_deref().unwrap_or("no reason given"), 300)) }
            } }
        }
        @if let Some(records) = log.records { div { dt { "Records" } dd { (grouped(records)) } } }
        @if let Some(behind) = behind {
            div { dt { "Durable, not yet searchable" } dd { (mark(behind < limits::LAG_CALM)) (grouped(behind)) } }
        }
    }
}

fn index_facts(index: &IndexStatus) -> Markup {
    html! {
        @if index.missing > 0 || index.failure.is_some() {
            div { dt { "Index" } dd { (mark(false))
                @if index.missing > 0 { (counted(index.missing, "part is", "parts are")) " being made again " }
                @if let Some(failure) = &index.failure { (text::short_to(failure, 300)) }
            } }
        }
    }
}

fn room(disk: &Disk) -> Markup {
    let used =
        disk.log_bytes.unwrap_or_default().saturating_add(disk.index_bytes.unwrap_or_default());
    html! {
        @if let Some(free) = disk.free_bytes {
            div { dt { "Free on the disk" } dd { (mark(free > used / 10)) (bytes(free)) } }
        }
        @if let Some(log) = disk.log_bytes { div { dt { "Log" } dd { (bytes(log)) } } }
        @if let Some(index) = disk.index_bytes { div { dt { "Index" } dd { (bytes(index)) } } }
    }
}

fn trails(visit: &Visit, trails: &[Trail], unlisted: u64) -> Markup {
    let mut trails: Vec<&Trail> = trails.iter().collect();
    trails.sort_by_key(|trail| std::cmp::Reverse(trail.size));
    let more = trails.len().saturating_sub(limits::TRAILS_SHOWN) as u64;
    let more = more.saturating_add(unlisted);
    html! {
        h3 { "Checkpoints" }
        div.wide tabindex="0" role="group" aria-label="Checkpoints" { table #checkpoints {
            thead { tr {
                th scope="col" { "Trail" } th.n scope="col" { "Records" } th.n scope="col" { "Not yet published" }
                th scope="col" { "Last checkpoint" } th scope="col" { "Witnesses" }
            } }
            tbody { @for trail in trails.iter().take(limits::TRAILS_SHOWN) {
                @let behind = trail.size.saturating_sub(trail.published);
                tr {
                    th scope="row" { (text::short(&trail.name)) }
                    td.n { (grouped(trail.size)) }
                    td.n { (grouped(behind)) }
                    td { @match &trail.checkpoint_at { Some(at) => (time::ago(at, visit.now)), None => span.quiet { "none" } } }
                    td { @if trail.witnesses == 0 { span.quiet { "not witnessed" } } @else { (grouped(trail.witnesses)) } }
                }
            } }
        } }
        @if more > 0 { p.quiet { "And " (counted(more, "trail", "trails")) " more." } }
    }
}

/// What recorders lost on the way.
pub async fn losses(visit: &Visit, asked: &Asked) -> Result<Markup, Problem> {
    let since = asked.period.text().trim_start_matches('-');
    let params = Params::new().with("since", if since == "24h" { "1d" } else { since });
    let params = params.with("tenant_id", asked.trail.clone().unwrap_or_default());
    let gaps: Gaps = match visit.get("/api/audit/reports/gaps", &params).await {
        Ok(gaps) => gaps,
        Err(problem) if matches!(problem.status, 403 | 404) => return Ok(html! {}),
        Err(problem) => return Err(problem),
    };
    let total = &gaps.total;
    Ok(html! {
        section.panel #losses aria-labelledby="losses-title" {
            h2 #losses-title { "What did not arrive" }
            (crate::parts::notices(gaps.incomplete.as_ref(), &[]))
            p { (mark(total.unexplained == 0))
                @if total.sources == 0 {
                    "No recorder that counts its events has written here in this time."
                } @else if total.missing == 0 {
                    "Nothing is missing from " (counted(total.sources, "recorder", "recorders")) "."
                } @else {
                    (counted(total.missing, "event is", "events are")) " missing from "
                    (counted(total.sources, "recorder", "recorders")) "; "
                    (counted(total.explained, "was", "were")) " reported as lost, "
                    strong { (counted(total.unexplained, "is", "are")) " not explained" } "."
                }
                @if total.in_flight > 0 { " " (counted(total.in_flight, "is", "are")) " still on the way." }
            }
            @if !gaps.losses.is_empty() {
                table {
                    thead { tr { th scope="col" { "Kind of event" } th scope="col" { "Lost how" } th.n scope="col" { "Events" } } }
                    tbody { @for loss in gaps.losses.iter().take(limits::LOSSES_SHOWN) { tr {
                        th scope="row" { @if loss.event_type.is_empty() { span.quiet { "any" } } @else { (text::short(&loss.event_type)) } }
                        td { (text::short(&loss.cause)) }
                        td.n title=(grouped(loss.count)) { @if loss.count < 1_000_000 { (grouped(loss.count)) } @else { (compact(loss.count)) } }
                    } } }
                }
            }
        }
    })
}

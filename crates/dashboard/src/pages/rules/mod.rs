//! The rules that look at what is recorded: what is loaded, what was refused and why, how each does, and what they
//! would have found.

mod backtest;
pub(super) mod model;
mod one;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use self::model::{Refused, Rule, Rules};
use crate::href::Params;
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::alerts::parts::{auditor, level, rule_address, tabs};
use crate::parts::empty;
use crate::text::{counted, grouped, short, short_to, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

pub const HERE: &str = "/rules";

pub fn routes() -> Router<Api> {
    Router::new().route(HERE, get(list)).merge(one::routes()).merge(backtest::routes())
}

/// What a rule counts, in words.
fn kind(kind: &str) -> Markup {
    let word = match kind {
        "event" => "one event",
        "event_count" => "many events",
        "value_count" => "many values",
        "temporal" => "several together",
        "temporal_ordered" => "several in order",
        "first_seen" => "first seen",
        "absence" => "absence",
        "unusual" => "unusually many",
        other => return short(other),
    };
    html! { (word) }
}

/// What an event costs, on average.
fn cost(nanos: u64) -> String {
    match nanos {
        0 => "–".to_owned(),
        1..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        _ => format!("{:.1} ms", nanos as f64 / 1e6),
    }
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    auditor(visit)?;
    let mut rules: Rules = visit.get("/api/rules", &Params::new()).await?;
    // Those that fired last are looked for most.
    rules
        .rules
        .sort_by(|a, b| b.last_fired_at.cmp(&a.last_fired_at).then_with(|| a.title.cmp(&b.title)));
    let wanted = visit.params.get("find").unwrap_or_default().trim();
    let found: Vec<&Rule> = rules.rules.iter().filter(|rule| is_about(rule, wanted)).collect();
    let body = html! {
        h1 { "Rules" }
        (tabs(HERE))
        (state(visit, &rules))
        (refused(&rules.refused))
        @if rules.rules.is_empty() { (none()) } @else {
            form.choose action=(HERE) role="search" {
                input type="search" name="find" value=(wanted) aria-label="Find rules" placeholder="title, id, level, tag";
                button.plain { "Find" }
            }
            @if found.is_empty() { p.empty { "No rule is like that. " a href=(HERE) { "All rules" } } } @else { (table(visit, &found)) }
            (backtest::form(backtest::ALL, "What would all of them have found?"))
        }
    };
    Ok(Page::new("Rules", Nav::Alerts, body).with(&["settings.js"]))
}

/// Whether a rule has each of these words somewhere.
fn is_about(rule: &Rule, wanted: &str) -> bool {
    let all = [&rule.title, &rule.id, &rule.level, &rule.kind, &rule.from];
    let more = rule.name.iter().chain(&rule.file).chain(&rule.tags);
    let text: String = all.into_iter().chain(more).flat_map(|one| [one.as_str(), " "]).collect();
    let text = text.to_lowercase();
    wanted.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

fn state(visit: &Visit, rules: &Rules) -> Markup {
    html! {
        p #loaded { strong { (counted(rules.loaded, "rule", "rules")) } " loaded"
            @if let Some(folder) = &rules.folder { ", from the pack and " code { (short(folder)) } } @else { ", from the pack" }
            @if let Some(at) = &rules.loaded_at { ", " (time::ago(at, visit.now)) }
            @if let Some(digest) = &rules.digest { span.quiet { " · " code { (short_to(digest, limits::DIGEST_CHARS_SHOWN)) } } }
        }
        @if rules.behind >= limits::LAG_CALM { p.notice.warn role="status" { (counted(rules.behind, "record is", "records are")) " not looked at yet." } }
        @if rules.late > 0 { p.quiet { (counted(rules.late, "event", "events")) " came too late to be counted in windows." } }
    }
}

/// What was refused, and why: first, because nobody is told of what it would find.
fn refused(refused: &[Refused]) -> Markup {
    html! { @if !refused.is_empty() {
        section #refused.notice.bad aria-labelledby="refused-title" {
            h2 #refused-title { (counted(refused.len() as u64, "rule was refused", "rules were refused")) }
            table.stack {
                thead { tr { th scope="col" { "Where" } th scope="col" { "Rule" } th scope="col" { "Why" } } }
                tbody { @for one in refused.iter().take(limits::REFUSED_SHOWN) { tr {
                    th scope="row" { code { (short_to(one.file.as_deref().unwrap_or("–"), limits::SUMMARY_CHARS_MAX)) @if let Some(line) = one.line { ":" (line) } } }
                    td data-label="Rule" { @match &one.rule { Some(rule) => (short(rule)), None => span.quiet { "–" } } }
                    td data-label="Why" { (whole(&one.reason)) }
                } } }
            }
            @if refused.len() > limits::REFUSED_SHOWN { p { "And " (counted((refused.len() - limits::REFUSED_SHOWN) as u64, "other", "others")) "." } }
            p { "All others go on. The folder is looked at every few seconds: what is put right counts then." }
        }
    } }
}

fn none() -> Markup {
    empty(
        "No rule is loaded",
        html! {
            p { "Nothing is watched. Give the server a folder of Sigma rules:" }
            pre tabindex="0" { code { "indelible rules check ./watch\nindelible serve --rules ./watch" } }
        },
    )
}

fn table(visit: &Visit, rules: &[&Rule]) -> Markup {
    let more = rules.len().saturating_sub(limits::SETTINGS_ROWS_MAX);
    html! {
        table #rules.stack.rules {
            thead { tr { th scope="col" { "Level" } th scope="col" { "Rule" } th scope="col" { "Kind" } th scope="col" { "Last fired" }
                th.n scope="col" { "Fired" } th.n scope="col" { "Matched" } th.n scope="col" { "An event costs" } } }
            tbody { @for rule in rules.iter().take(limits::SETTINGS_ROWS_MAX) { tr data-row data-rule=(rule.id) {
                td { (level(&rule.level)) }
                th scope="row" {
                    a href=(rule_address(&rule.id)) { (short(&rule.title)) }
                    @if rule.from != "pack" { br; span.quiet { (short(rule.file.as_deref().unwrap_or("folder"))) } }
                    @if !rule.alerts { br; span.quiet { "for other rules" } }
                    @if rule.groups_dropped > 0 { br; span.dropped { (counted(rule.groups_dropped, "group", "groups")) " forgotten" } }
                }
                td data-label="Kind" { (kind(&rule.kind)) }
                td data-label="Last fired" { @match &rule.last_fired_at { Some(at) => (time::ago(at, visit.now)), None => span.quiet { "–" } } }
                td.n data-label="Fired" { (grouped(rule.fired)) }
                td.n data-label="Matched" { (grouped(rule.matched)) }
                td.n data-label="An event costs" { (cost(rule.nanos)) }
            } } }
        }
        @if more > 0 { p.quiet { "And " (counted(more as u64, "other", "others")) "; find them by title." } }
        p.quiet { "Fired and matched count since the node started." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_in_one_unit() {
        for (nanos, wanted) in [(0, "–"), (850, "850 ns"), (1_250, "1.2 µs"), (3_400_000, "3.4 ms")]
        {
            assert_eq!(cost(nanos), wanted);
        }
    }

    #[test]
    fn a_rule_is_found_by_its_words() {
        let rule = Rule {
            title: "Password spray".to_owned(),
            level: "high".to_owned(),
            tags: vec!["attack.t1110".to_owned()],
            ..Rule::default()
        };
        for (wanted, is) in
            [("", true), ("SPRAY high", true), ("t1110", true), ("spray low", false)]
        {
            assert_eq!(is_about(&rule, wanted), is, "{wanted}");
        }
    }
}

//! What stands on the pages of alerts, rules and reviews alike.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use maud::{Markup, html};
use serde_json::Value;

use super::model::{Alert, Place};
use super::{HERE, address};
use crate::href::{self, Params, segment};
use crate::parts;
use crate::text::{self, grouped, short, short_to};
use crate::visit::{Me, Problem, Visit};
use crate::{limits, time};

/// The visitor, if an auditor or an admin.
pub fn auditor(visit: &Visit) -> Result<&Me, Problem> {
    let me = visit.me()?;
    let title = "This credential's role may not do that";
    let detail = "Alerts, rules and reviews are for auditors and admins of all trails.";
    me.may_audit().then_some(me).ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, title, detail))
}

/// The two pages of what watches.
pub fn tabs(current: &str) -> Markup {
    html! {
        nav.tabs aria-label="Alerts and rules" { @for (to, word) in [(HERE, "Alerts"), (super::super::rules::HERE, "Rules")] {
            a href=(to) aria-current=[(to == current).then_some("page")] { (word) }
        } }
    }
}

/// How bad it is: a word and a shape, so that nobody needs the colour.
pub fn level(level: &str) -> Markup {
    let (class, mark) = match level {
        "critical" => ("bad critical", "▲▲"),
        "high" => ("bad", "▲"),
        "medium" => ("denied", "◆"),
        "low" => ("pending", "●"),
        _ => ("quiet", "○"),
    };
    html! { span class={"outcome level " (class)} { span.mark aria-hidden="true" { (mark) } " " (short(level)) } }
}

/// What became of an alert.
pub fn state(state: &str) -> Markup {
    let (class, mark) = match state {
        "open" => ("bad", "!"),
        "acknowledged" => ("pending", "…"),
        "closed" => ("good", "✓"),
        _ => ("quiet", "?"),
    };
    html! { span class={"outcome " (class)} { span.mark aria-hidden="true" { (mark) } " " (short(state)) } }
}

/// Who did something: a name, or an actor as events have them.
pub fn who(by: Option<&Value>) -> Markup {
    let name =
        by.and_then(|by| by.as_str().or_else(|| by["name"].as_str()).or_else(|| by["id"].as_str()));
    match name.filter(|name| !name.is_empty()) {
        Some(name) => short(name),
        None => html! { span.quiet { "the node" } },
    }
}

/// What an alert is about, a chip a value; each leads to what else there is with it.
pub fn group(group: &BTreeMap<String, Value>) -> Markup {
    html! {
        @if !group.is_empty() {
            span.chips.group { @for (name, value) in group.iter().take(limits::GROUP_SHOWN) { (chip(name, value)) } }
        }
    }
}

fn chip(name: &str, value: &Value) -> Markup {
    let text = match value {
        Value::Null => {
            return html! { span.chip { span.key { (short(name)) } span.quiet { "none" } } };
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = html! { span.key { (short_to(name, limits::RANKED_CHARS_MAX)) } (short_to(&text, limits::RANKED_CHARS_MAX)) };
    let found = match searchable(name) {
        _ if text.len() > limits::SEARCHED_BYTES_MAX => None,
        true => Some(href::search_for(name, &text)),
        false => href::search_text(&text),
    };
    match found {
        Some(href) => html! { a.chip href=(href) { (shown) } },
        None => html! { span.chip { (shown) } },
    }
}

/// Whether the query language takes this name of a field as a key.
fn searchable(name: &str) -> bool {
    const KEYS: &[&str] = &[
        "action",
        "actor",
        "actor.id",
        "actor.type",
        "actor.email",
        "actor.name",
        "category",
        "credential_subject",
        "error.code",
        "error.message",
        "ip",
        "outcome",
        "phase",
        "recorded_by",
        "service",
        "source.id",
        "targets.id",
        "targets.name",
        "targets.type",
        "trail",
    ];
    const ROOTS: &[&str] = &[
        "details.",
        "changes.before.",
        "changes.after.",
        "before.",
        "after.",
        "context.",
        "actor.",
    ];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    KEYS.contains(&name)
        || ROOTS.iter().any(|root| name.len() > root.len() && name.starts_with(root))
            && name.chars().all(plain)
}

/// The page of a rule.
pub fn rule_address(id: &str) -> String {
    format!("{}/{}", super::super::rules::HERE, segment(id))
}

/// Alerts, a row each; `j` and `k` walk from row to row.
pub fn table(visit: &Visit, alerts: &[Alert]) -> Markup {
    html! {
        table.stack.alerts {
            thead { tr { th scope="col" { "Level" } th scope="col" { "Alert" } th.n scope="col" { "Times" }
                th scope="col" { "Last" } th scope="col" { "State" } } }
            tbody { @for one in alerts { (row(visit, one)) } }
        }
    }
}

fn row(visit: &Visit, one: &Alert) -> Markup {
    let last = one.last_at.as_deref().unwrap_or(&one.opened_at);
    html! {
        tr data-row data-alert=(one.id) {
            td { (level(&one.rule.level)) }
            th scope="row" {
                a href=(address(&one.id)) { (short(&one.rule.title)) }
                @if let Some(summary) = one.says() { span.summary { (short_to(summary, limits::SUMMARY_CHARS_MAX)) } }
                (group(&one.group))
            }
            td.n data-label="Times" { (grouped(one.count)) }
            td data-label="Last" { (time::ago(last, visit.now)) br; span.quiet { "opened " (time::ago(&one.opened_at, visit.now)) } }
            td data-label="State" {
                (state(&one.state))
                @if one.is_closed() { br; span.quiet { "by " (who(one.closed_by.as_ref())) } }
                @else if let Some(name) = assignee(one) {
                    br; (theirs(name))
                } @else if !one.is_open() { br; span.quiet { "by " (who(one.acknowledged_by.as_ref())) } }
                @if one.escalated_at.is_some() && !one.is_closed() { br; span.quiet { "escalated" } }
            }
        }
    }
}

/// Somebody, leading to all that they have or had.
fn theirs(name: &str) -> Markup {
    if name.len() > limits::SEARCHED_BYTES_MAX {
        return short(name);
    }
    let all = Params::new().with("state", "all").with("assignee", name);
    html! { a href=(all.to(HERE)) { (short(name)) } }
}

/// Who has it.
pub fn assignee(alert: &Alert) -> Option<&str> {
    alert.assignee.as_deref().filter(|name| !name.is_empty())
}

/// Events as far as an alert tells of them, each leading to its page.
pub fn events(visit: &Visit, events: &[Place]) -> Markup {
    let more = events.len().saturating_sub(limits::ALERT_EVENTS_SHOWN);
    html! {
        ol.rows { @for event in events.iter().take(limits::ALERT_EVENTS_SHOWN) {
            @let address = href::event(&event.trail, &event.id);
            li.row data-row data-href=(address) {
                span.when { @if let Some(at) = &event.at { (time::ago(at, visit.now)) span.exact { (time::at_short(at)) } } }
                a.said href=(address) {
                    @match &event.action {
                        Some(action) => { (short(action)) @if event.actor.is_some() { " by " strong { (who(event.actor.as_ref())) } } },
                        None => { "Record " (grouped(event.seq)) },
                    }
                }
                span.facets { (parts::value("trail", Some(&event.trail))) }
            }
        } }
        @if more > 0 { p.quiet { "And " (text::counted(more as u64, "other", "others")) "." } }
    }
}

/// Events of which no more is known than where they are.
pub fn places(events: &[Place]) -> Markup {
    let more = events.len().saturating_sub(limits::ALERT_EVENTS_SHOWN);
    html! { p.chips {
        @for event in events.iter().take(limits::ALERT_EVENTS_SHOWN) {
            a.chip href=(href::event(&event.trail, &event.id)) { span.key { (short(&event.trail)) } (grouped(event.seq)) }
        }
        @if more > 0 { span.quiet { "and " (text::counted(more as u64, "other", "others")) } }
    } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_leads_to_what_has_it() {
        for (name, value, wanted) in [
            ("context.ip", Value::from("203.0.113.9"), "/?q=context.ip%3A203.0.113.9"),
            ("actor.id", Value::from("a b"), "/?q=actor.id%3A%22a+b%22"),
            ("details.store_id", Value::from(7), "/?q=details.store_id%3A7"),
            // What is no key of the query language is looked for as it stands.
            ("sourceIPAddress", Value::from("x"), "/?q=%22x%22"),
            ("details.a:b", Value::from("x"), "/?q=%22x%22"),
        ] {
            let shown = chip(name, &value).into_string();
            assert!(shown.contains(&format!("href=\"{wanted}\"")), "{shown}");
        }
        let long = chip("actor.id", &Value::from("x".repeat(100_000))).into_string();
        assert!(long.len() < 1_000 && !long.contains("href"), "{}", long.len());
        assert!(!chip("actor.id", &Value::Null).into_string().contains("href"));
    }
}

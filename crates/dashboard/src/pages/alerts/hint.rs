//! What other pages say of alerts: how many are open, and how bad.

use axum::response::Response;
use maud::{Markup, html};

use super::HERE;
use super::model::{Alerts, LEVELS};
use super::parts::level;
use crate::href::Params;
use crate::limits;
use crate::page::{Nav, Page, see_other};
use crate::pages::overview::failed;
use crate::text::{counted, grouped};
use crate::visit::{Problem, Visit};

async fn open(visit: &Visit, most: usize) -> Result<Alerts, Problem> {
    let params = Params::new().with("state", "open").with("limit", most.to_string());
    visit.get("/api/alerts", &params).await
}

/// The open alerts by level, for those who may know of them; nothing if there are none.
pub async fn notice(visit: &Visit) -> Markup {
    if !visit.me.as_ref().is_ok_and(|me| me.may_audit()) {
        return html! {};
    }
    let alerts = match open(visit, limits::ALERTS_PAGE).await {
        Ok(alerts) if alerts.alerts.is_empty() => return html! {},
        Ok(alerts) => alerts,
        Err(problem) if matches!(problem.status, 403 | 404 | 503) => return html! {},
        Err(problem) => return failed(&problem),
    };
    let of =
        |level: &str| alerts.alerts.iter().filter(|one| one.rule.level == level).count() as u64;
    html! {
        section #open-alerts.notice.warn aria-labelledby="open-alerts-title" {
            div.between {
                h2 #open-alerts-title { a href=(HERE) { (counted(alerts.open.max(alerts.alerts.len() as u64), "open alert", "open alerts")) } }
                p.chips {
                    @if alerts.next.is_some() { span { "of the newest " (grouped(alerts.alerts.len() as u64)) ":" } }
                    @for name in LEVELS { @if of(name) > 0 {
                        a.chip href=(Params::new().with("state", "open").with("level", name).to(HERE)) { (grouped(of(name))) " " (level(name)) }
                    } }
                }
            }
        }
    }
}

/// The number beside the word in the navigation. Whatever goes wrong, the navigation stands.
pub async fn count(visit: Visit) -> Response {
    if !visit.fragment {
        return see_other(HERE);
    }
    let many = match visit.me.as_ref().is_ok_and(|me| me.may_audit()) {
        true => open(&visit, 1).await.map_or(0, |alerts| alerts.open),
        false => 0,
    };
    let shown = html! { @if many > 0 { (grouped(many)) span.sr { " open" } } };
    Page::new("Alerts", Nav::Alerts, shown).fragment()
}

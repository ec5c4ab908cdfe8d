//! What rules found, and what became of it: the list, each alert's own page, and what other pages say of them.

mod hint;
pub(super) mod model;
mod one;
pub(super) mod parts;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use self::model::{Alerts, LEVELS};
use self::parts::{auditor, rule_address, table, tabs};
use crate::href::{Params, segment};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::rules::{HERE as RULES, model::Rules};
use crate::parts::empty;
use crate::text::{counted, grouped, plain, short};
use crate::visit::{Api, Problem, Visit};

pub use hint::notice;

pub const HERE: &str = "/alerts";
/// How many are open, for the navigation.
pub const COUNT: &str = "/alerts/open";

pub fn routes() -> Router<Api> {
    Router::new().route(HERE, get(list)).route(COUNT, get(hint::count)).merge(one::routes())
}

/// The page of an alert.
pub fn address(id: &str) -> String {
    format!("{HERE}/{}", segment(id))
}

/// What is asked for.
struct Asked {
    /// One state, `all`, or what nobody has closed.
    state: String,
    level: String,
    rule: String,
    assignee: String,
}

impl Asked {
    fn of(params: &Params) -> Asked {
        let get = |name| params.get(name).unwrap_or_default().trim().to_owned();
        Asked {
            state: get("state"),
            level: get("level"),
            rule: get("rule"),
            assignee: get("assignee"),
        }
    }

    /// As an address has it, but for the state.
    fn narrowing(&self) -> Params {
        Params::new()
            .with("level", self.level.as_str())
            .with("rule", self.rule.as_str())
            .with("assignee", self.assignee.as_str())
    }

    fn address(&self, state: &str) -> String {
        self.narrowing().with("state", state).to(HERE)
    }

    /// Some of them, as the API is asked.
    async fn ask(&self, visit: &Visit, state: &str, most: usize) -> Result<Alerts, Problem> {
        let state = if state == "all" { "" } else { state };
        let params = self.narrowing().with("state", state).with("limit", most.to_string());
        let cursor = visit.params.get("cursor").filter(|_| !self.state.is_empty());
        visit.get("/api/alerts", &params.with("cursor", cursor.unwrap_or_default())).await
    }
}

/// The states that the list opens with, and what they are called there.
const NOT_CLOSED: [(&str, &str); 2] = [("open", "Open"), ("acknowledged", "In hand")];

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    auditor(visit)?;
    let asked = Asked::of(&visit.params);
    // What watches is good to know, and no reason to hide what was found.
    let rules = visit.get::<Rules>("/api/rules", &Params::new()).await.ok();
    let shown = match asked.state.as_str() {
        "" => not_closed(visit, &asked, rules.as_ref()).await?,
        _ => of_state(visit, &asked).await?,
    };
    let body = html! {
        h1 { "Alerts" }
        (tabs(HERE))
        (filter(&asked, rules.as_ref()))
        (refused(rules.as_ref()))
        (shown)
    };
    Ok(Page::new("Alerts", Nav::Alerts, body).with(&["overview.js"]))
}

/// What somebody has to look at or has in hand, and what was closed last.
async fn not_closed(
    visit: &Visit,
    asked: &Asked,
    rules: Option<&Rules>,
) -> Result<Markup, Problem> {
    let mut sections = Vec::with_capacity(NOT_CLOSED.len());
    for (state, title) in NOT_CLOSED {
        let found = asked.ask(visit, state, limits::ALERTS_SHOWN).await?;
        if !found.alerts.is_empty() {
            sections.push((state, title, found));
        }
    }
    let closed = asked.ask(visit, "closed", limits::CLOSED_SHOWN).await?;
    let narrowed = asked.narrowing() != Params::new();
    Ok(html! {
        @if sections.is_empty() { (nothing(rules, narrowed)) }
        @for (state, title, found) in &sections {
            section id=(state) aria-labelledby={(state) "-title"} {
                h2 id={(state) "-title"} { (title)
                    @if !narrowed { " " span.quiet { (grouped(if *state == "open" { found.open } else { found.acknowledged })) } } }
                (table(visit, &found.alerts))
                @if found.next.is_some() { p { a href=(asked.address(state)) { "All of them" } } }
            }
        }
        @if !closed.alerts.is_empty() {
            section #closed aria-labelledby="closed-title" {
                h2 #closed-title { "Closed last" }
                (table(visit, &closed.alerts))
                @if closed.next.is_some() { p { a href=(asked.address("closed")) { "All of them" } } }
            }
        }
    })
}

/// All of one state, a page at a time.
async fn of_state(visit: &Visit, asked: &Asked) -> Result<Markup, Problem> {
    let found = asked.ask(visit, &asked.state, limits::ALERTS_PAGE).await?;
    let here = asked.narrowing().with("state", asked.state.as_str());
    Ok(html! {
        @if found.alerts.is_empty() { (empty("No such alert", html! { p { a href=(HERE) { "What is open" } } })) }
        @else { (table(visit, &found.alerts)) }
        p.acts {
            @if visit.params.get("cursor").is_some() { a.button.plain href=(here.clone().to(HERE)) { "Newest" } }
            @if let Some(next) = &found.next { a.button.plain rel="next" href=(here.with("cursor", next.as_str()).to(HERE)) { "Older" } }
        }
    })
}

/// Nobody has to look: what watches, so that silence can be told from blindness.
fn nothing(rules: Option<&Rules>, narrowed: bool) -> Markup {
    if narrowed {
        return empty("No such alert is open", html! { p { a href=(HERE) { "All alerts" } } });
    }
    empty(
        "Nothing is open",
        html! {
            @match rules {
                Some(rules) if rules.loaded == 0 => p { "No rule is loaded, so nothing is watched. " a href=(RULES) { "Rules" } },
                Some(rules) => p #watches { a href=(RULES) { (counted(rules.loaded, "rule looks", "rules look")) } " at what is recorded." },
                None => p { a href=(RULES) { "What watches" } },
            }
        },
    )
}

/// Rules that do not watch because they make no sense.
fn refused(rules: Option<&Rules>) -> Markup {
    let many = rules.map_or(0, |rules| rules.refused.len() as u64);
    html! { @if many > 0 {
        p #refused-rules.notice.warn role="status" { (counted(many, "rule was", "rules were")) " refused and "
            (if many == 1 { "does" } else { "do" }) " not watch. " a href={(RULES) "#refused"} { "Which, and why" } }
    } }
}

fn filter(asked: &Asked, rules: Option<&Rules>) -> Markup {
    let states = [
        ("", "Open and in hand"),
        ("open", "Open"),
        ("acknowledged", "Acknowledged"),
        ("closed", "Closed"),
        ("all", "All"),
    ];
    let rules = rules.map_or(&[][..], |rules| &rules.rules);
    let known = rules.iter().any(|rule| rule.id == asked.rule);
    html! {
        form.choose action=(HERE) {
            span.pair { label for="state" { "State" }
                select #state name="state" data-submit { @for (state, word) in states {
                    option value=(state) selected[state == asked.state] { (word) }
                } } }
            span.pair { label for="level" { "Level" }
                select #level name="level" data-submit {
                    option value="" { "Every" }
                    @for level in LEVELS { option value=(level) selected[level == asked.level] { (level) } }
                } }
            @if !rules.is_empty() || !asked.rule.is_empty() {
                span.pair { label for="rule" { "Rule" }
                    select #rule name="rule" data-submit {
                        option value="" { "Every" }
                        @if !known && !asked.rule.is_empty() { option value=(asked.rule) selected { (plain(&asked.rule, limits::RANKED_CHARS_MAX)) } }
                        @for rule in rules.iter().take(limits::RULES_CHOICE_MAX) {
                            option value=(rule.id) selected[rule.id == asked.rule] { (plain(&rule.title, limits::RANKED_CHARS_MAX)) }
                        }
                    } }
            }
            @if !asked.assignee.is_empty() { input type="hidden" name="assignee" value=(asked.assignee); }
            button.plain { "Show" }
        }
        @if !asked.assignee.is_empty() || known {
            p.chips {
                @if known { a.chip href=(rule_address(&asked.rule)) { "About this rule" } }
                @if !asked.assignee.is_empty() {
                    a.chip.on href=(asked.narrowing().without(&["assignee"]).with("state", asked.state.as_str()).to(HERE)) {
                        "assigned to " (short(&asked.assignee)) span aria-hidden="true" { " ×" } span.sr { " (remove)" }
                    }
                }
            }
        }
    }
}

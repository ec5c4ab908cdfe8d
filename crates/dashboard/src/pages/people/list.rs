//! Who acts most, when they were last seen, and how much of it failed.

use std::collections::HashMap;

use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use crate::href::{self, Params};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::overview::counts::{Counts, join};
use crate::pages::overview::figures::FAILED;
use crate::pages::overview::period::Period;
use crate::pages::overview::scope;
use crate::parts::{self, Incomplete, ValueCount};
use crate::text::{self, grouped};
use crate::time;
use crate::visit::{Problem, Visit};

/// The latest events, to learn from them when somebody was last seen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Latest {
    events: Vec<Event>,
}

/// Values that a text could go on with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Suggested {
    values: Vec<ValueCount>,
    incomplete: Option<Incomplete>,
}

/// The list, or who is found by the beginning of an id.
pub async fn page(visit: &Visit) -> Result<Page, Problem> {
    let me = visit.reader()?;
    let period = Period::read(visit.params.get("t").or(Some(Period::Month.text())));
    let sought = visit.params.get("find").unwrap_or_default();
    let trail = visit.params.get("trail");
    let all = visit.params.get("all").is_some();
    let here = Params::new().with("trail", trail.unwrap_or_default());
    let asked = here.clone().with("t", period.text());
    let list = match sought {
        "" if all => most_active(visit, period, &scope(trail, me)).await?,
        "" => html! {
            (parts::at_once(&asked.clone().with("all", "1").to("/people")))
            (parts::later(&asked.with("active", "1").to("/people"), "Who acts most"))
        },
        _ => found(visit, sought).await?,
    };
    let body = html! {
        header.head {
            h1 { "People" }
            @if sought.is_empty() {
                nav.chips aria-label="Time" { @for of in Period::ALL {
                    a.chip href=(here.clone().with("t", of.text()).to("/people")) aria-current=[(of == period).then_some("true")] { (of.words()) }
                } }
            }
        }
        form.choose role="search" action="/people" {
            label for="find" { "Find by the beginning of the id" }
            input #find type="search" name="find" value=(sought) maxlength="256";
            button.plain { "Find" }
        }
        (list)
    };
    Ok(Page::new("People", Nav::People, body))
}

/// Who acts most, by itself: counting takes a while where there is much.
pub async fn active(visit: &Visit) -> Result<Page, Problem> {
    let period = Period::read(visit.params.get("t").or(Some(Period::Month.text())));
    let scope = scope(visit.params.get("trail"), visit.me()?);
    Ok(Page::new("People", Nav::People, most_active(visit, period, &scope).await?))
}

async fn most_active(visit: &Visit, period: Period, scope: &str) -> Result<Markup, Problem> {
    let q = join(scope, &format!("occurred:{}", period.text()));
    let asking = |q: &str| {
        let params = Params::new().with("q", q).with("facets", "actor");
        params.with("top", limits::FACET_VALUES_MAX.to_string())
    };
    let counts = Counts::ask(visit, &asking(&q)).await?;
    let failed = Counts::ask(visit, &asking(&join(&q, FAILED))).await?;
    let denied = Counts::ask(visit, &asking(&join(&q, "outcome:denied"))).await?;
    let latest = Params::new().with("q", &q).with("sort", "occurred_at");
    let latest = latest.with("page_size", limits::PEOPLE_LATEST.to_string());
    let latest: Latest = visit.get("/api/audit/logs", &latest).await?;
    let seen = Seen::of(&latest.events);
    let (failed, denied) = (by_value(&failed), by_value(&denied));
    let all = counts.values("actor");
    let shown = &all[..all.len().min(limits::PEOPLE_SHOWN)];
    let count = |of: &HashMap<&str, u64>, id: &str| of.get(id).copied().unwrap_or_default();
    if shown.is_empty() {
        let more = html! { p { "Nobody did anything in the last " (period.words()) ". Choose a longer time above, or " a href="/" { "search" } "." } };
        return Ok(parts::empty("Nobody", more));
    }
    Ok(html! {
        (parts::notices(counts.incomplete.as_ref(), &counts.alarms))
        div.panel.wide tabindex="0" role="group" aria-label="People" { table #people {
            thead { tr {
                th scope="col" { "Who" } th.n scope="col" { "Events" } th.n scope="col" { "Failed" }
                th.n scope="col" { "Denied" } th scope="col" { "Last seen" }
            } }
            tbody { @for of in shown { tr {
                th scope="row" { a href=(href::person(&of.value)) { (text::short(&of.value)) } }
                td.n { (grouped(of.count)) }
                td.n { (grouped(count(&failed, &of.value))) }
                td.n { (grouped(count(&denied, &of.value))) }
                td { (seen.last(&of.value, visit)) }
            } } }
        } }
        @if all.len() > shown.len() || counts.other("actor") > 0 {
            p.quiet { "The " (shown.len()) " most active of the last " (period.words()) "; find others by their id." }
        }
    })
}

fn by_value(counts: &Counts) -> HashMap<&str, u64> {
    counts.values("actor").iter().map(|of| (of.value.as_str(), of.count)).collect()
}

/// When somebody was last seen, as far as the latest events say it.
struct Seen<'a> {
    last: HashMap<&'a str, &'a str>,
    /// Who is not among them was last seen before this.
    before: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(events: &'a [Event]) -> Seen<'a> {
        let mut last = HashMap::new();
        for event in events {
            if let Some(id) = event.actor.as_ref().and_then(|actor| actor.id.as_deref()) {
                // The newest comes first.
                last.entry(id).or_insert(event.at());
            }
        }
        Seen { last, before: events.last().map(Event::at) }
    }

    fn last(&self, id: &str, visit: &Visit) -> Markup {
        html! {
            @if let Some(at) = self.last.get(id) { (time::ago(at, visit.now)) }
            @else if let Some(at) = self.before { span.quiet { "before " (time::at(at)) } }
        }
    }
}

/// Whoever has an id that begins so, whenever they were active.
async fn found(visit: &Visit, sought: &str) -> Result<Markup, Problem> {
    let most = limits::PEOPLE_SHOWN.to_string();
    let asking = Params::new().with("field", "actor").with("prefix", sought).with("limit", most);
    let found: Suggested = visit.get("/api/audit/suggest", &asking).await?;
    if found.values.is_empty() {
        return Ok(parts::empty(
            "Nobody is called that",
            html! {
                (parts::notices(found.incomplete.as_ref(), &[]))
                p { "No id begins with " (text::short(sought)) ". Names and addresses of people are found by the "
                    a href=(href::search_for("name", sought)) { "search" } "." }
            },
        ));
    }
    Ok(html! {
        (parts::notices(found.incomplete.as_ref(), &[]))
        div.panel { table #people {
            thead { tr { th scope="col" { "Who" } th.n scope="col" { "Events ever" } } }
            tbody { @for of in &found.values { tr {
                th scope="row" { a href=(href::person(&of.value)) { (text::short(&of.value)) } }
                td.n { (grouped(of.count)) }
            } } }
        } }
    })
}

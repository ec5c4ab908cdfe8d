//! What one actor did, and whether it is what they usually do: to be read, and to be printed.

use indelible_connect::Event;
use indelible_event::Micros;
use maud::{Markup, html};
use serde::Deserialize;

use super::usual::{Compared, Finding};
use crate::chart::{Bar, Layer, Ranked, ranked, stacked};
use crate::href::{self, Params};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::overview::counts::{Counts, join, narrowed, with_query};
use crate::pages::overview::figures::FAILED;
use crate::pages::overview::zone::Zone;
use crate::pages::overview::{failed, hours, period};
use crate::parts::{self, Alarm, Count, Incomplete, ValueCount};
use crate::text::{self, counted, grouped};
use crate::time;
use crate::visit::{Problem, Visit};

const DAY: i64 = 86_400_000_000;
const DAYS: [u64; 4] = [7, 30, 90, 365];
const ONE: &[Layer] = &[Layer { class: "good", name: "Events" }];

/// What the API says of an actor.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Activity {
    total: Count,
    first_seen: Option<String>,
    last_seen: Option<String>,
    actions: Vec<ValueCount>,
    outcomes: Vec<ValueCount>,
    resources: Vec<ValueCount>,
    addresses: Vec<ValueCount>,
    failures: Count,
    by_day: Vec<DayCount>,
    recent: Vec<Event>,
    incomplete: Option<Incomplete>,
    alarms: Vec<Alarm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DayCount {
    start: String,
    count: u64,
}

/// The report on one actor.
pub async fn page(visit: &Visit, id: &str) -> Result<Page, Problem> {
    visit.me()?;
    let days = visit.params.get("days").and_then(|days| days.parse().ok());
    let days = days.filter(|days| (1..=366).contains(days)).unwrap_or(30);
    let path = format!("/api/audit/users/{}", href::segment(id));
    let activity: Activity =
        visit.get(&path, &Params::new().with("days", days.to_string())).await?;
    if activity.total.value == 0 && activity.last_seen.is_none() && activity.incomplete.is_none() {
        let body = html! { (head(visit, id, days)) (unknown(id)) };
        return Ok(Page::new(title(id), Nav::People, body).with(&["overview.js"]));
    }
    // What is compared, and who acted for whom, may fail without the rest.
    let compared = compared(visit, id, &activity).await.unwrap_or_else(|e| failed(&e));
    let behalf = behalf(visit, id, days).await.unwrap_or_else(|e| failed(&e));
    let search = search(id, days);
    // What others did on their behalf stands apart.
    let own =
        |event: &Event| event.actor.as_ref().and_then(|actor| actor.id.as_deref()) == Some(id);
    let recent: Vec<&Event> = activity.recent.iter().filter(|event| own(event)).collect();
    let body = html! {
        article.report {
            (head(visit, id, days))
            (parts::notices(activity.incomplete.as_ref(), &activity.alarms))
            (facts(visit, id, &activity, &search, days))
            (compared)
            section.panel { (stacked("events-by-day", "Events by day", "Day", ONE, &by_day(&activity, id)))
                p.quiet.zone { "Days are UTC." } }
            h2.sr { "Most frequent" }
            div.cols.four {
                div.panel { (values("actions", "Actions", "action", &activity.actions, &search)) }
                div.panel { (values("addresses", "Addresses", "ip", &activity.addresses, &search)) }
                div.panel { (values("resources", "Resources", "target", &activity.resources, &search)) }
                div.panel { (values("outcomes", "How it ended", "outcome", &activity.outcomes, &search)) }
            }
            (behalf)
            section aria-labelledby="recent-title" {
                h2 #recent-title { "Latest events" }
                @if recent.is_empty() { p.quiet { "None of their own among the latest of the last " (counted(days, "day", "days")) "." } }
                @else { ol.rows { @for event in recent { (parts::row(event, visit.now)) } } }
            }
        }
    };
    Ok(Page::new(title(id), Nav::People, body).with(&["overview.js"]))
}

fn title(id: &str) -> String {
    text::plain(id, limits::RANKED_CHARS_MAX)
}

/// A search for what they did in this time; empty if their id is longer than a query may be.
fn search(id: &str, days: u64) -> Params {
    let clause = href::clause("actor", id);
    let q = if clause.len() <= limits::QUERY_BYTES_MAX { clause } else { String::new() };
    Params::new().with("q", q).with("t", format!("-{days}d")).with("by", "happened")
}

fn head(visit: &Visit, id: &str, days: u64) -> Markup {
    let me = visit.me.as_ref().ok();
    let asker = me.map(|me| me.name.as_deref().unwrap_or(&me.id));
    let address = |days: u64| {
        let path = href::person(id);
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{path}{mark}days={days}")
    };
    html! {
        header.head {
            h1 #person { (text::short_to(id, 120)) }
            nav.chips.noprint aria-label="Time" {
                @for of in DAYS { a.chip href=(address(of)) aria-current=[(of == days).then_some("true")] { (of) " days" } }
            }
            button.plain.noprint #print data-print hidden { "Print" }
        }
        p.quiet.asked { "Activity of " (text::short(id)) " in the last " (counted(days, "day", "days"))
            @if let Some(asker) = asker { ", asked for by " (text::short(asker)) }
            ", " (time::at(&visit.now.to_string())) "." }
        @if id.chars().count() > 120 { details.fold { summary { "The whole id" } span.text { (text::whole(id)) } } }
    }
}

/// Nobody of this id did anything, so perhaps another one is meant.
fn unknown(id: &str) -> Markup {
    parts::empty(
        "Nobody with this id did anything",
        html! {
            p { "Ids are compared whole." }
            @if let Some(search) = href::search_text(id) {
                p { a href=(Params::new().with("find", id).to("/people")) { "Find ids that begin so" } " · " a href=(search) { "Search for the word" } }
            }
            p { a href="/people" { "All people" } }
        },
    )
}

fn facts(visit: &Visit, id: &str, activity: &Activity, search: &Params, days: u64) -> Markup {
    let timeline = Params::new().with("resource_id", id).to("/timeline");
    let of = |outcome: &str| {
        let found = activity.outcomes.iter().find(|of| of.value == outcome);
        found.map_or(0, |of| of.count)
    };
    let q = search.get("q").unwrap_or_default();
    let known = !q.is_empty();
    let link = |condition: &str| with_query(search, &join(q, condition)).to("/");
    let linked = |number: Markup, condition: &str| {
        html! {
            @if known { a href=(link(condition)) { (number) } } @else { (number) }
        }
    };
    let seen = |at: &Option<String>| match at {
        Some(at) => html! { (time::ago(at, visit.now)) span.exact { (time::at(at)) } },
        None => html! { span.quiet { "never" } },
    };
    html! {
        dl.numbers {
            div.panel { dt { "Events" } dd.much { (linked(html! { (activity.total) }, "")) } dd.change.quiet { "in " (counted(days, "day", "days")) } }
            div.panel { dt { "Failed" } dd.much { (linked(html! { (activity.failures) }, FAILED)) } }
            div.panel { dt { "Denied" } dd.much { (linked(html! { (grouped(of("denied"))) }, "outcome:denied")) } }
            div.panel { dt { "First seen" } dd.seen { @match before_first(activity) {
                Some(day) => { (text::short(&day)) " or before" },
                None => (seen(&activity.first_seen)),
            } } }
            div.panel { dt { "Last seen" } dd.seen { (seen(&activity.last_seen)) } }
        }
        @if known { p.noprint.links {
            a href=(link("")) { "All their events" } " · "
            a href=(link(FAILED)) { "What failed" } " · "
            a href=(link("has:changes")) { "What they changed" } " · "
            a href=(href::actor_timeline(id)) { "As a timeline" } " · "
            a href=(timeline) { "What was done to them" }
        } }
    }
}

/// The day of an event that happened before the one that was recorded first.
fn before_first(activity: &Activity) -> Option<String> {
    let first = Micros::parse(activity.first_seen.as_deref()?).ok()?;
    let day = activity.by_day.iter().find(|day| day.count > 0)?;
    let start = Micros::parse(&day.start).ok()?;
    (start.day() < first.day()).then(|| start.day().to_string())
}

fn by_day(activity: &Activity, id: &str) -> Vec<Bar> {
    let search = search(id, 1);
    let all = activity.by_day.len();
    let bar = |(place, day): (usize, &DayCount)| {
        let start = Micros::parse(&day.start).ok()?;
        let zone = Zone::default();
        let every = all.div_ceil(6).max(1);
        let tick = (place % every == 0).then(|| period::month_day(&zone.clock(start)));
        Some(Bar { counts: vec![day.count], ..period::bar(start, DAY, zone, tick, &search) })
    };
    activity.by_day.iter().enumerate().filter_map(bar).collect()
}

fn values(id: &str, title: &str, key: &str, of: &[ValueCount], search: &Params) -> Markup {
    let known = search.get("q").is_some();
    let row = |of: &ValueCount| Ranked {
        label: text::short_to(&of.value, limits::RANKED_CHARS_MAX),
        href: if known { narrowed(search, key, &of.value) } else { None },
        count: of.count,
    };
    ranked(id, title, &of.iter().map(row).collect::<Vec<_>>(), 0)
}

/// The last week against the eight before it.
async fn compared(visit: &Visit, id: &str, activity: &Activity) -> Result<Markup, Problem> {
    let asking = |time: &str| {
        let params = Params::new().with("user_id", id).with("q", format!("occurred:{time}"));
        let params = params.with("facets", "action,ip").with("interval", "1h");
        params.with("time", "occurred_at").with("top", limits::FACET_VALUES_MAX.to_string())
    };
    let lately = Counts::ask(visit, &asking("-7d")).await?;
    let before = Counts::ask(visit, &asking("-63d..-7d")).await?;
    let zone = Zone::of(visit);
    let first = activity.first_seen.as_deref().and_then(|at| Micros::parse(at).ok());
    let compared =
        Compared { lately: &lately, before: &before, first_seen: first, now: visit.now, zone };
    let findings = compared.findings();
    let search = search(id, 7);
    let note = if zone.known { zone.name() } else { "UTC".to_owned() };
    Ok(html! {
        section.panel #usual aria-labelledby="usual-title" {
            h2 #usual-title { "Compared with their own usual" }
            (parts::notices(lately.incomplete.as_ref().or(before.incomplete.as_ref()), &lately.alarms))
            ul.findings { @for finding in &findings { (said(finding, &search)) } }
            @if !findings.iter().skip(1).any(|finding| finding.unusual) && before.total.value > 0 {
                p.quiet { "No new addresses or actions, and no unusual hours." }
            }
        }
        section.panel { (hours::week("Hours of the last 9 weeks", &merged(lately, before), zone)) p.quiet.zone { "Times are " (note) "." } }
    })
}

/// Both histograms as one.
fn merged(mut lately: Counts, before: Counts) -> Counts {
    let more = before.histogram.map(|histogram| histogram.buckets).unwrap_or_default();
    lately.histogram.get_or_insert_default().buckets.extend(more);
    lately
}

fn said(finding: &Finding, search: &Params) -> Markup {
    html! {
        li.unusual[finding.unusual] {
            span.mark { @if finding.unusual { "! " span.sr { "Unusual: " } } @else { "✓ " span.sr { "As usual: " } } }
            span { (finding.words)
                @if !finding.values.is_empty() {
                    ": "
                    @for (at, (key, value)) in finding.values.iter().enumerate() {
                        @if at > 0 { ", " }
                        @match narrowed(search, key, value) {
                            Some(href) if search.get("q").is_some() => a href=(href) { (text::short(value)) },
                            _ => (text::short(value)),
                        }
                    }
                }
            }
        }
    }
}

/// What others did for them, and what they did for others.
async fn behalf(visit: &Visit, id: &str, days: u64) -> Result<Markup, Problem> {
    let clause = href::clause("on_behalf_of", id);
    if clause.len() > limits::QUERY_BYTES_MAX / 2 {
        return Ok(html! {});
    }
    let own = href::clause("actor", id);
    let for_them = clause.clone();
    let for_others = format!("{own} has:on_behalf_of -{clause}");
    let mut panels = Vec::new();
    let kinds = [
        ("for-them", "Done by others on their behalf", for_them, "actor", "By whom"),
        ("for-others", "Done by them on behalf of others", for_others, "action", "What"),
    ];
    for (name, title, q, facet, heading) in kinds {
        let params = Params::new().with("q", format!("{q} occurred:-{days}d"));
        let params = params.with("facets", facet).with("top", limits::TROUBLES_TOP.to_string());
        let counts = Counts::ask(visit, &params).await?;
        let search =
            Params::new().with("q", q).with("t", format!("-{days}d")).with("by", "happened");
        if counts.total.value > 0 {
            panels.push(html! {
                div.panel id=(name) {
                    h3 { (title) }
                    p { a href=(search.to("/")) { (counted(counts.total.value, "event", "events")) } }
                    (counts.ranked(&format!("{name}-{facet}"), heading, facet, &search))
                }
            });
        }
    }
    Ok(html! {
        @if !panels.is_empty() {
            section aria-labelledby="behalf-title" {
                h2 #behalf-title { "On behalf of somebody" }
                p.quiet { "What others did on their behalf is part of all numbers above." }
                div.cols { @for panel in panels { (panel) } }
            }
        }
    })
}

//! How much happened, how it ended, and who and what was in it most.

use maud::{Markup, html};

use super::counts::{Counts, OUTCOMES, join, narrowed, with_query};
use super::{Asked, limits};
use crate::chart::stacked;
use crate::parts::{self, Count};
use crate::text::grouped;
use crate::visit::{Problem, Visit};

/// The chart, the numbers that matter, and the most frequent values.
pub async fn figures(visit: &Visit, asked: &Asked) -> Result<Markup, Problem> {
    let (interval, _) = asked.period.interval();
    let most = limits::OVERVIEW_TOP.to_string();
    let asking = asked.counting(asked.period.text());
    let asking = asking.with("interval", interval).with("time", asked.by.field());
    let asking = asking.with("top", &most);
    let now = Counts::ask(visit, &asking.with("facets", "action,resource,ip")).await?;
    let people = |time: &str| {
        let asking = asked.counting(time).with("facets", "actor");
        asking.with("top", limits::FACET_VALUES_MAX.to_string())
    };
    let acting = Counts::ask(visit, &people(asked.period.text())).await?;
    let before = Counts::ask(visit, &people(asked.period.before())).await?;
    let bars = now.bars(asked.period, visit.now, asked.zone, &asked.search());
    let search = asked.search();
    let mut shown = acting.clone();
    if let Some(actors) = shown.facets.get_mut("actor") {
        let rest = actors.values.split_off(actors.values.len().min(limits::OVERVIEW_TOP));
        let rest = rest.iter().fold(0_u64, |sum, of| sum.saturating_add(of.count));
        actors.other = actors.other.saturating_add(rest);
    }
    Ok(html! {
        (parts::notices(now.incomplete.as_ref(), &now.alarms))
        (numbers(asked, &acting, &before))
        section.panel {
            (stacked("events-over-time", "Events over time", "From – to", OUTCOMES, &bars))
            p.quiet.zone { (asked.zone_note())
                " Each event is counted when it " (asked.by.past()) "; "
                a href=(asked.other_by()) { "count it when it " (asked.by.other().past()) } "."
            }
        }
        h2.sr { "Most frequent" }
        div.cols.four {
            div.panel { (shown.ranked("top-actors", "Who acts most", "actor", &search)) }
            div.panel { (now.ranked("top-actions", "What is done most", "action", &search)) }
            div.panel { (now.ranked("top-resources", "To what", "resource", &search)) }
            div.panel { (now.ranked("top-addresses", "From where", "ip", &search)) }
        }
    })
}

/// The numbers that matter, each with its change.
fn numbers(asked: &Asked, now: &Counts, before: &Counts) -> Markup {
    let search = asked.search();
    let all = Some(search.to("/"));
    let failed = join(search.get("q").unwrap_or_default(), FAILED);
    let failed = Some(with_query(&search, &failed).to("/"));
    let denied = narrowed(&search, "outcome", "denied");
    let (people, people_before) = (people(now), people(before));
    let numbers = [
        ("events", "Events", &now.total, &before.total, all),
        ("failures", "Failed", &now.failures, &before.failures, failed),
        ("denied", "Denied", &now.denied, &before.denied, denied),
        ("people", "Who acted", &people, &people_before, Some(asked.people())),
    ];
    html! {
        dl.numbers {
            @for (id, name, now, before, href) in numbers {
                div.panel id={ "number-" (id) } {
                    dt { (name) }
                    dd.much { @if let Some(href) = href { a href=(href) { (now) } } @else { (now) } }
                    dd.change.quiet { (change(now, before, asked.period.words())) }
                }
            }
        }
    }
}

/// What failed, as the API counts it.
pub const FAILED: &str = "outcome:failure,error";

/// How many different ones acted.
fn people(counts: &Counts) -> Count {
    let relation = if counts.other("actor") > 0 { "at_least" } else { "exact" };
    Count { value: counts.values("actor").len() as u64, relation: relation.to_owned() }
}

/// What a number is against the one before, in words.
fn change(now: &Count, before: &Count, time: &str) -> String {
    let was = format!("in the {time} before");
    if before.value == 0 {
        return if now.value == 0 { format!("none {was} either") } else { format!("none {was}") };
    }
    if now.relation == "at_least" || before.relation == "at_least" {
        return format!("{before} {was}");
    }
    let (more, times) = (now.value > before.value, now.value / before.value);
    let by = now.value.abs_diff(before.value);
    let percent = (100.0 * by as f64 / before.value as f64).round() as u64;
    let was = format!("{} {was}", grouped(before.value));
    match (by, percent) {
        (0, _) => format!("as many as {was}"),
        (_, 0) => format!("about as many as {was}"),
        _ if times >= 3 => format!("▲ {} times the {was}", grouped(times)),
        _ if more => format!("▲ {percent} % more than {was}"),
        _ => format!("▼ {percent} % fewer than {was}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(value: u64) -> Count {
        Count { value, relation: "exact".to_owned() }
    }

    #[test]
    fn a_change_is_said_in_words() {
        for (now, before, wanted) in [
            (0, 0, "none in the 7 days before either"),
            (5, 0, "none in the 7 days before"),
            (5, 5, "as many as 5 in the 7 days before"),
            (1_000_001, 1_000_000, "about as many as 1,000,000 in the 7 days before"),
            (0, 5, "▼ 100 % fewer than 5 in the 7 days before"),
            (110, 100, "▲ 10 % more than 100 in the 7 days before"),
            (20, 10, "▲ 100 % more than 10 in the 7 days before"),
            (3_000, 1, "▲ 3,000 times the 1 in the 7 days before"),
            (u64::MAX, 1, "▲ 18,446,744,073,709,551,615 times the 1 in the 7 days before"),
        ] {
            assert_eq!(change(&exact(now), &exact(before), "7 days"), wanted);
        }
        let many = Count { value: 1_000, relation: "at_least".to_owned() };
        assert_eq!(change(&exact(7), &many, "7 days"), "1,000+ in the 7 days before");
    }
}

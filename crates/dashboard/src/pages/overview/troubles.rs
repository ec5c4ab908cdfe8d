//! Who and what fails or is denied most.

use maud::{Markup, html};

use super::counts::{Counts, join, with_query};
use super::figures::FAILED;
use super::{Asked, limits};
use crate::visit::{Problem, Visit};

/// What was denied.
const DENIED: &str = "outcome:denied";

/// The most frequent actors and actions among what failed and what was denied.
pub async fn troubles(visit: &Visit, asked: &Asked) -> Result<Markup, Problem> {
    let mut panels = Vec::with_capacity(4);
    for (id, how, condition) in [("failing", "fails", FAILED), ("denied", "is denied", DENIED)] {
        let q = join(&asked.scope, condition);
        let search = asked.search();
        let search = with_query(&search, &join(search.get("q").unwrap_or_default(), condition));
        let asking = asked.counting(asked.period.text());
        let asking = asking.set("q", join(&q, &asked.within(asked.period.text())));
        let asking = asking.with("facets", "actor,action");
        let counts =
            Counts::ask(visit, &asking.with("top", limits::TROUBLES_TOP.to_string())).await?;
        panels.push(counts.ranked(
            &format!("{id}-actors"),
            &format!("Who {how} most"),
            "actor",
            &search,
        ));
        panels.push(counts.ranked(
            &format!("{id}-actions"),
            &format!("What {how} most"),
            "action",
            &search,
        ));
    }
    Ok(
        html! { h2.sr { "What fails or is denied" } div.cols.four { @for panel in panels { div.panel { (panel) } } } },
    )
}

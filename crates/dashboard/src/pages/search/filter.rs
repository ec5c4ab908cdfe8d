//! The panel beside the rows: a field for each key that is often asked for, and the values that the result has.

use maud::{Markup, html};

use super::api::{Clause, Parsed, Stats};
use super::fold::{changed, shown_in_form};
use super::state::{Asked, State};
use super::tools;
use crate::text;

/// Keys with a field: key, word, example.
const FIELDS: &[(&str, &str, &str)] = &[
    ("actor", "Actor", "maria"),
    ("action", "Action", "backup.*"),
    ("resource_type", "Type", "backup"),
    ("resource_id", "Id", "db-0417"),
    ("ip", "Address", "10.0.0.0/8"),
    ("service", "Service", "files"),
    ("trail", "Trail", "default"),
    ("correlation", "Correlation", "0192aa"),
];

const OUTCOMES: &[&str] = &["success", "failure", "denied", "error", "pending", "unknown"];

/// Facets in their order: as the API calls it, the key, the word.
const FACETS: &[(&str, &str, &str)] = &[
    ("outcome", "outcome", "Outcome"),
    ("action", "action", "Action"),
    ("actor", "actor", "Actor"),
    ("resource_type", "resource_type", "Resource type"),
    ("resource", "target", "Resource"),
    ("ip", "ip", "Address"),
    ("service", "service", "Service"),
    ("category", "category", "Category"),
];

/// The panel.
pub fn panel(state: &State, parsed: &Parsed, facets: &Markup) -> Markup {
    html! {
        details #filters.filters open {
            summary { "Filter" }
            (form(state, parsed))
            (facets)
        }
    }
}

fn form(state: &State, parsed: &Parsed) -> Markup {
    let chosen = values(parsed, "outcome");
    let chosen: Vec<&str> = chosen.split(',').collect();
    html! {
        form #filter action="/" {
            (tools::kept(state, &[]))
            fieldset.outcomes {
                legend { "Outcome" }
                // Says that the field was there when none is ticked.
                input type="hidden" name="f.outcome" value="";
                @for outcome in OUTCOMES {
                    label { input type="checkbox" name="f.outcome" value=(outcome) checked[chosen.contains(outcome)]; " " (outcome) }
                }
            }
            @for (key, word, example) in FIELDS {
                @let id = format!("f-{key}");
                p { label for=(id) { (word) }
                    input id=(id) name=(format!("f.{key}")) value=(values(parsed, key)) placeholder=(example)
                        data-complete=(key) autocomplete="off" autocapitalize="off" spellcheck="false"; }
            }
            button.plain { "Apply" }
        }
    }
}

/// What a query says of a key, as its field shows it.
fn values(parsed: &Parsed, key: &str) -> String {
    let of = |clause: &Clause| shown_in_form(clause, key).then(|| clause.value.clone())?;
    parsed.clauses.iter().filter_map(of).collect::<Vec<_>>().join(",")
}

/// Where the values will be, once they are counted.
pub fn facets_later() -> Markup {
    html! { div #facets {} }
}

/// The most frequent values, each with a way to add it and one to exclude it.
pub fn facets(asked: &Asked, stats: &Stats, later: bool) -> Markup {
    let Asked { state, parsed, .. } = asked;
    let shown = FACETS.iter().filter_map(|(facet, key, word)| {
        let counted = stats.facets.get(*facet).filter(|counted| !counted.values.is_empty())?;
        Some((*key, *word, counted))
    });
    html! {
        div #facets hx-swap-oob=[later.then_some("true")] {
            @for (key, word, counted) in shown {
                section.facet data-facet=(key) aria-label=(word) {
                    h2 { (word) }
                    ul { @for value in &counted.values {
                        @let (with, without) = links(state, parsed, key, &value.value);
                        li {
                            a.with href=(with) title="Add to the search" { (text::short_to(&value.value, 60)) }
                            span.n.quiet { (text::grouped(value.count)) }
                            a.without href=(without) aria-label="Exclude it" title="Exclude" { "−" }
                        }
                    } }
                    @if counted.other > 0 { p.quiet { (text::grouped(counted.other)) " with another" } }
                }
            }
        }
    }
}

fn links(state: &State, parsed: &Parsed, key: &str, value: &str) -> (String, String) {
    let link = |exclude| state.with_q(changed(&state.q, parsed, key, value, exclude)).address();
    (link(false), link(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::href::Params;
    use crate::pages::search::api::FacetValues;
    use crate::parts::ValueCount;

    #[test]
    fn a_form_shows_what_the_query_says() {
        let clause = |key: &str, value: &str, negated| Clause {
            key: Some(key.into()),
            value: Some(value.into()),
            negated,
            ..Clause::default()
        };
        let clauses = vec![
            clause("actor", "\"<b>\"", false),
            clause("outcome", "denied,error", false),
            clause("ip", "10.0.0.1", true),
        ];
        let parsed = Parsed { ok: true, clauses, ..Parsed::default() };
        let shown = form(&State::of(&Params::parse("q=x")), &parsed).into_string();
        assert!(shown.contains("name=\"f.actor\" value=\"&quot;&lt;b&gt;&quot;\""), "{shown}");
        assert!(shown.contains("value=\"denied\" checked"), "{shown}");
        assert!(shown.contains("value=\"success\">"), "{shown}");
        assert!(shown.contains("name=\"f.ip\" value=\"\""), "{shown}");
    }

    #[test]
    fn a_facet_leads_to_its_values() {
        let values = vec![ValueCount { value: "a\"b <i>".into(), count: 1_234 }];
        let facets = [("resource".to_owned(), FacetValues { values, other: 7 })].into();
        let stats = Stats { facets, ..Stats::default() };
        let state = State::of(&Params::parse("q=x&t=-1h"));
        let clauses = vec![Clause { text: "x".into(), ..Clause::default() }];
        let parsed = Parsed { ok: true, clauses, ..Parsed::default() };
        let asked = Asked { state, parsed, time: None, hides_system: false };
        let shown = super::facets(&asked, &stats, true).into_string();
        assert!(shown.contains("q=x+target%3A%22a%5C%22b+%3Ci%3E%22&amp;t=-1h"), "{shown}");
        assert!(shown.contains("q=x+-target%3A"), "{shown}");
        assert!(shown.contains("1,234") && shown.contains("&lt;i&gt;"), "{shown}");
    }
}

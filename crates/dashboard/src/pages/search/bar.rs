//! The bar: the query, what is wrong with it, and its clauses one by one.

use maud::{Markup, html};

use super::api::{Parsed, Unasked, Wrong};
use super::fold::joined;
use super::state::{Asked, State};
use super::tools;
use crate::by::By;
use crate::{limits, parts, text};

/// The field, and what it has to keep when it is sent.
pub fn bar(state: &State, wrong: Option<&Unasked>) -> Markup {
    let is_wrong = matches!(wrong, Some(Unasked::Query(_)));
    html! {
        form #search.search role="search" action="/" {
            div.bar {
                (parts::icon("search"))
                input #q type="search" name="q" value=(state.q) maxlength=(limits::QUERY_BYTES_MAX)
                    aria-label="Search" placeholder="actor:maria action:backup.* -outcome:success"
                    autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false"
                    aria-describedby="q-wrong" aria-invalid=[is_wrong.then_some("true")];
                button { "Search" }
            }
            (tools::kept(state, &["q"]))
        }
        div #q-wrong aria-live="polite" {
            @match wrong {
                Some(Unasked::Query(wrong)) => (wrong_query(state, wrong)),
                Some(Unasked::Time(hint)) => p.notice.bad { "The time cannot be read: " (text::short_to(hint, 300)) "." },
                None => {}
            }
        }
    }
}

/// What is wrong, under the very column.
fn wrong_query(state: &State, wrong: &Wrong) -> Markup {
    let chars: Vec<char> = state.q.chars().collect();
    let skipped = wrong.column.saturating_sub(1 + limits::WRONG_CHARS_AROUND).min(chars.len());
    let shown = 2 * limits::WRONG_CHARS_AROUND;
    // One character each, so that the mark stands where it should.
    let line: String = chars.iter().skip(skipped).take(shown).map(|c| plain(*c)).collect();
    let indent = " ".repeat(wrong.column.saturating_sub(1 + skipped).min(shown));
    let length = wrong.length.clamp(1, shown);
    let fixed = wrong.instead.as_ref().map(|instead| {
        let at = (wrong.column - 1).min(chars.len());
        let end = (at + wrong.length).min(chars.len());
        chars[..at]
            .iter()
            .copied()
            .chain(instead.chars())
            .chain(chars[end..].iter().copied())
            .collect::<String>()
    });
    html! {
        div.wrong {
            pre { (line) "\n" (indent) span.mark { ("^".repeat(length)) } }
            p { strong { (text::short_to(&wrong.message, 300)) }
                @if let (Some(instead), Some(fixed)) = (&wrong.instead, fixed) {
                    " Did you mean " a #q-meant href=(state.with_q(fixed).address()) { (text::short(instead)) } "?"
                } @else if let Some(hint) = &wrong.hint { br; span.quiet { (text::short_to(hint, 300)) } }
            }
        }
    }
}

/// A character as wide as one.
fn plain(c: char) -> char {
    let printed = c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() && (c as u32) < 0x1100;
    if printed { c } else { '·' }
}

/// Each clause by itself, with a way to be rid of it.
pub fn chips(asked: &Asked) -> Markup {
    let Asked { state, parsed, hides_system, .. } = asked;
    html! {
        @if !parsed.clauses.is_empty() || !state.t.is_empty() || *hides_system || state.by == By::Happened {
            ul #chips.chips aria-label="Conditions" {
                @for (at, clause) in parsed.clauses.iter().enumerate() {
                    (chip(&text::short_to(&clause.text, 60), &clause.text, "clause", &state.with_q(without(parsed, at))))
                }
                @if !state.t.is_empty() {
                    (chip(&html! { (state.by.key()) ": " (tools::time_said(&state.t)) }, "the time", "time", &state.with_t("")))
                }
                @if state.by == By::Happened && state.t.is_empty() {
                    (chip(&html! { "by the time it happened" }, "it", "by", &State { by: By::Recorded, ..state.clone() }))
                }
                @if *hides_system {
                    (chip(&html! { "without the audit system itself" }, "it", "system", &State { system: true, ..state.clone() }))
                }
            }
        }
    }
}

fn chip(shown: &Markup, said: &str, kind: &str, without: &State) -> Markup {
    let removed =
        format!("Remove {}", said.chars().take(limits::ROW_CHARS_MAX).collect::<String>());
    html! {
        li.chip data-chip=(kind) {
            span { (shown) }
            a.remove href=(without.address()) aria-label=(removed) title="Remove" { "×" }
        }
    }
}

fn without(parsed: &Parsed, at: usize) -> String {
    let mut clauses = parsed.clauses.clone();
    clauses.remove(at);
    joined(&clauses)
}

#[cfg(test)]
mod tests {
    use super::super::api::Clause;
    use super::*;
    use crate::href::Params;

    fn asked(address: &str, clauses: Vec<Clause>) -> Asked {
        let state = State::of(&Params::parse(address));
        let parsed = Parsed { ok: true, clauses, ..Parsed::default() };
        Asked { state, parsed, time: None, hides_system: false }
    }

    fn clause(text: &str, group: usize) -> Clause {
        Clause { text: text.into(), group, ..Clause::default() }
    }

    #[test]
    fn each_clause_can_be_taken_away() {
        let clauses = vec![clause("a", 0), clause("actor:\"<b>\"", 1), clause("c", 1)];
        let asked = asked("q=x&t=-24h&order=asc", clauses);
        let chips = chips(&asked).into_string();
        for link in [
            "/?q=actor%3A%22%3Cb%3E%22+c&amp;t=-24h&amp;order=asc",
            "/?q=a+AND+c&amp;t=-24h&amp;order=asc",
            "/?q=a+AND+actor%3A%22%3Cb%3E%22&amp;t=-24h&amp;order=asc",
            "/?q=x&amp;order=asc",
        ] {
            assert!(chips.contains(&format!("href=\"{link}\"")), "{link}: {chips}");
        }
        assert!(!chips.contains("<b>"), "{chips}");
        assert_eq!(chips.matches("data-chip").count(), 4);
    }

    #[test]
    fn what_is_wrong_stands_under_its_column() {
        let state = State::of(&Params::parse("q=%C3%A9+%E2%80%AEactr:x"));
        let wrong = Wrong {
            column: 4,
            length: 4,
            message: "no".into(),
            hint: None,
            instead: Some("actor".into()),
        };
        let shown = wrong_query(&state, &wrong).into_string();
        assert!(shown.contains("é ·actr:x\n   <span class=\"mark\">^^^^</span>"), "{shown}");
        assert!(shown.contains("q=%C3%A9+%E2%80%AEactor%3Ax"), "{shown}");
        let long = State::of(&Params::new().with("q", "x".repeat(5_000)));
        let far = wrong_query(&long, &Wrong { column: 4_000, length: 900, ..Wrong::default() });
        assert!(far.into_string().len() < 1_000);
        let beyond =
            Wrong { column: 9_999, length: 9, instead: Some("y".into()), ..Wrong::default() };
        wrong_query(&state, &beyond);
    }
}

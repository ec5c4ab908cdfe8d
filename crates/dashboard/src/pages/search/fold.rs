//! Forms and links that change a search: `f.key=value` sets the value of a key, `a.key=` adds one, `x.key=` excludes
//! one, `t.from=` and `t.to=` bound the time. They are folded into the search's own parameters, and the visitor is
//! led to its one address.

use super::api::{self, Clause, Parsed};
use super::state::State;
use crate::href::{self, Params};
use crate::visit::{Problem, Visit};

/// Whether there is something to fold.
pub fn is_wanted(params: &Params) -> bool {
    let mut names = params.pairs().map(|(name, _)| name);
    names.any(|name| ["f.", "a.", "x.", "t."].iter().any(|mark| name.starts_with(mark)))
}

/// The search that is meant. One whose query cannot be read is left as it is, so that its fault is shown.
pub async fn folded(visit: &Visit) -> Result<State, Problem> {
    let params = &visit.params;
    let state = with_times(State::of(params), params);
    let parsed = api::parsed(visit, &state.q).await?;
    if !parsed.ok {
        return Ok(state);
    }
    let q = query(&state.q, parsed, params);
    Ok(state.with_q(q))
}

/// The query with what the forms say.
fn query(q: &str, mut parsed: Parsed, params: &Params) -> String {
    let mut q = q.to_owned();
    let mut set: Vec<&str> =
        params.pairs().filter_map(|(name, _)| name.strip_prefix("f.")).collect();
    set.sort_unstable();
    set.dedup();
    for key in set.into_iter().filter(|key| is_key(key)) {
        let name = format!("f.{key}");
        let values: Vec<String> =
            params.all(&name).filter(|value| !value.trim().is_empty()).map(written).collect();
        let wanted = (!values.is_empty()).then(|| format!("{key}:{}", values.join(",")));
        let had = |clause: &Clause| shown_in_form(clause, key);
        if wanted.as_ref().is_some_and(|wanted| parsed.clauses.iter().any(|c| c.text == *wanted)) {
            continue;
        }
        if !parsed.any && parsed.clauses.iter().any(had) {
            parsed.clauses.retain(|clause| !had(clause));
            q = joined(&parsed.clauses);
        }
        if let Some(wanted) = wanted {
            q = with(&q, &mut parsed, key, wanted, false);
        }
    }
    for (name, value) in params.pairs() {
        let (key, negated) = match (name.strip_prefix("a."), name.strip_prefix("x.")) {
            (Some(key), _) => (key, false),
            (_, Some(key)) => (key, true),
            _ => continue,
        };
        if is_key(key) {
            q = with(&q, &mut parsed, key, href::clause(key, value), negated);
        }
    }
    q
}

/// A query with a value more, or without it.
pub fn changed(q: &str, parsed: &Parsed, key: &str, value: &str, exclude: bool) -> String {
    with(q, &mut parsed.clone(), key, href::clause(key, value), exclude)
}

/// Adds a clause; the opposite of it goes.
fn with(q: &str, parsed: &mut Parsed, key: &str, clause: String, exclude: bool) -> String {
    let (wanted, opposite) = match exclude {
        true => (format!("-{clause}"), clause),
        false => (clause.clone(), format!("-{clause}")),
    };
    let mut q = q.trim().to_owned();
    if parsed.clauses.iter().any(|clause| clause.text == wanted) {
        return q;
    }
    if !parsed.any && parsed.clauses.iter().any(|clause| clause.text == opposite) {
        parsed.clauses.retain(|clause| clause.text != opposite);
        q = joined(&parsed.clauses);
    }
    if parsed.any && !q.is_empty() {
        q = format!("({q})");
        *parsed = Parsed {
            ok: true,
            clauses: vec![Clause { text: q.clone(), ..Clause::default() }],
            ..Parsed::default()
        };
    }
    let group = parsed.clauses.last().map_or(0, |clause| clause.group);
    let key = Some(key.to_owned());
    parsed.clauses.push(Clause { text: wanted, key, negated: exclude, group, ..Clause::default() });
    joined(&parsed.clauses)
}

/// Clauses as a query.
pub fn joined(clauses: &[Clause]) -> String {
    let mut out = String::new();
    let mut group = None;
    for clause in clauses {
        match group {
            None => {}
            Some(group) if group == clause.group => out.push(' '),
            Some(_) => out.push_str(" AND "),
        }
        out.push_str(&clause.text);
        group = Some(clause.group);
    }
    out
}

/// Whether a form's field of this key shows a clause.
pub fn shown_in_form(clause: &Clause, key: &str) -> bool {
    clause.key.as_deref() == Some(key) && !clause.negated
}

/// What somebody wrote into a field, as a value of the query language: as it is where it can be nothing but one
/// value, else in quotes.
fn written(value: &str) -> String {
    let value = value.trim();
    let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | '\\');
    if quoted || !value.contains(special) {
        return value.to_owned();
    }
    href::clause("", value).split_off(1)
}

/// Whether a name can be a key, so that no name makes more of a query than a clause.
fn is_key(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b))
}

/// With the bounds of a form's two fields, `2026-01-31T10:00` or a day.
fn with_times(state: State, params: &Params) -> State {
    let bound = |name: &str| params.get(name).map(|text| text.trim().replacen(' ', "T", 1));
    let given = params.pairs().any(|(name, _)| name.starts_with("t."));
    match (bound("t.from"), bound("t.to")) {
        (Some(from), Some(to)) => state.with_t(format!("{from}..{to}")),
        (Some(from), None) => state.with_t(format!(">={from}")),
        (None, Some(to)) => state.with_t(format!("<={to}")),
        (None, None) if given => state.with_t(""),
        (None, None) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses as the API gives them: `key:value` by spaces.
    fn parsed(q: &str) -> Parsed {
        let clause = |text: &str| {
            let negated = text.starts_with('-');
            let (key, value) = text.trim_start_matches('-').split_once(':').unzip();
            Clause {
                text: text.into(),
                key: key.map(Into::into),
                value: value.map(Into::into),
                negated,
                ..Clause::default()
            }
        };
        let clauses = q.split_whitespace().map(clause).collect();
        Parsed { ok: true, clauses, ..Parsed::default() }
    }

    fn after(q: &str, form: &str) -> String {
        query(q, parsed(q), &Params::parse(form))
    }

    #[test]
    fn a_form_sets_the_values_of_its_keys() {
        assert_eq!(after("", "f.actor=maria"), "actor:maria");
        assert_eq!(after("word actor:maria -actor:x", "f.actor=ali"), "word -actor:x actor:ali");
        assert_eq!(after("actor:maria word", "f.actor=+"), "word");
        assert_eq!(after("actor:maria word", "f.actor=maria"), "actor:maria word");
        assert_eq!(
            after("", "f.outcome=&f.outcome=denied&f.outcome=error"),
            "outcome:denied,error"
        );
        assert_eq!(after("outcome:denied", "f.outcome="), "");
        assert_eq!(after("", "f.action=backup.*"), "action:backup.*");
        assert_eq!(after("", "f.name=Ada Example"), "name:\"Ada Example\"");
        assert_eq!(after("", "f.name=x\") OR (y"), "name:\"x\\\") OR (y\"");
        assert_eq!(after("", "f.a b=x&f.=y&f.x:y=z"), "");
    }

    #[test]
    fn values_are_added_and_excluded_once() {
        assert_eq!(after("word", "a.actor=maria"), "word actor:maria");
        assert_eq!(after("actor:maria", "a.actor=maria"), "actor:maria");
        assert_eq!(after("actor:maria word", "x.actor=maria"), "word -actor:maria");
        assert_eq!(after("-actor:maria", "a.actor=maria"), "actor:maria");
        assert_eq!(after("", "x.ip=2001:db8::1"), "-ip:\"2001:db8::1\"");
        let either = Parsed { any: true, ..parsed("") };
        assert_eq!(query("a OR b", either, &Params::parse("a.actor=x")), "(a OR b) actor:x");
    }

    #[test]
    fn times_of_a_form_are_a_time() {
        let t = |form: &str| with_times(State::of(&Params::parse("t=-1h")), &Params::parse(form)).t;
        assert_eq!(
            t("t.from=2026-01-01T10:00&t.to=2026-01-02T10:00"),
            "2026-01-01T10:00..2026-01-02T10:00"
        );
        assert_eq!(t("t.from=2026-01-01&t.to="), ">=2026-01-01");
        assert_eq!(t("t.to=2026-01-01"), "<=2026-01-01");
        assert_eq!(t("t.from=&t.to="), "");
        assert_eq!(t("q=x"), "-1h");
    }
}

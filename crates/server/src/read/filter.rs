//! What is searched for: the parameters and `q` of a request as one query.

use indelible_event::{Day, Micros, TrailName};
use indelible_index::query::{Expr, Leaf, Query, QueryError, Span, parse};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{ObjectBuilder, Required};

use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

/// A parameter of exact values: its name, the key of the query language, and what it says.
struct Exact {
    name: &'static str,
    key: &'static str,
    what: &'static str,
    example: &'static str,
}

const fn exact(
    name: &'static str,
    key: &'static str,
    what: &'static str,
    example: &'static str,
) -> Exact {
    Exact { name, key, what, example }
}

const EXACT: &[Exact] = &[
    exact("user_id", "actor", "Who did it, or on whose behalf", "maria"),
    exact("event_type", "category", "The category", "login"),
    exact("action", "action", "The action", "backup.delete"),
    exact("resource_type", "resource_type", "The type of any target", "backup"),
    exact("resource_id", "resource_id", "The id of any target", "db-0417"),
    exact("status", "outcome", "The outcome", "failure"),
    exact("ip_address", "ip", "From which address", "192.0.2.7"),
    exact("correlation_id", "correlation", "What belongs together", "c-8d1f"),
    exact("request_id", "request", "The request", "r-17"),
    exact("session_id", "session", "The session", "s-4"),
];

/// The type and the id of the same target.
const RESOURCE: [&str; 2] = ["resource_type", "resource_id"];

/// What a request searches for.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The query. Its text says all of it, in the query language.
    pub query: Query,
    /// The trails it names.
    pub trails: Option<Vec<TrailName>>,
}

impl Filter {
    /// Takes the parameters of search out of a request.
    pub fn take(params: &mut Params, state: &AppState, caller: &Caller) -> Result<Filter, Problem> {
        let names: Vec<&'static str> = EXACT.iter().map(|exact| exact.name).collect();
        let mut made = Made::take(params, state, &names)?;
        let trails = named(params.many("tenant_id"), state, caller)?;
        if let Some(trails) = &trails {
            made.text(trails.iter().map(|name| format!("trail:{}", quoted(name.as_str()))));
        }
        made.dates(params, ["start_date", "end_date"])?;
        if let Some(q) = params.one("q")? {
            let query = parse(&q, state.now()).map_err(|e| bad_query(&e))?;
            if query.expr != Expr::All {
                made.exprs.push(query.expr);
                made.texts.push(format!("({})", q.trim()));
            }
        }
        Ok(made.into_filter(trails))
    }
}

/// A query being made of parameters: conditions, and the same as text. All of them are to hold.
#[derive(Default)]
pub(super) struct Made {
    exprs: Vec<Expr>,
    texts: Vec<String>,
    /// The parameters that were given.
    given: Vec<&'static str>,
}

impl Made {
    /// Takes these of the parameters of exact values.
    pub fn take(
        params: &mut Params,
        state: &AppState,
        names: &[&'static str],
    ) -> Result<Made, Problem> {
        let mut made = Made::default();
        let mut resource: [Vec<String>; 2] = [Vec::new(), Vec::new()];
        for exact in EXACT.iter().filter(|exact| names.contains(&exact.name)) {
            let values = params.many(exact.name);
            if let Some(at) = RESOURCE.iter().position(|name| *name == exact.name) {
                resource[at].clone_from(&values);
            }
            made.any(exact.name, exact.key, &values, state.now())?;
        }
        // Type and id, each of some target, could be of two: both must be of one.
        let [types, ids] = resource;
        let pairs = types.iter().flat_map(|t| ids.iter().map(move |id| format!("{t}/{id}")));
        let pairs: Vec<String> = pairs.collect();
        made.any("resource_id", "resource", &pairs, state.now())?;
        Ok(made)
    }

    /// Adds that a key has any of these values.
    pub fn any(
        &mut self,
        name: &'static str,
        key: &str,
        values: &[String],
        now: Micros,
    ) -> Result<(), Problem> {
        let mut exprs = Vec::with_capacity(values.len());
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            if value.is_empty() {
                let detail = format!("{name} is empty; leave it out");
                return Err(Problem::bad_parameter(name, detail));
            }
            let text = format!("{key}:{}", quoted(value));
            let query = parse(&text, now).map_err(|e| {
                let hint = e.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
                Problem::bad_parameter(name, format!("{name}: {}{hint}", e.message))
            })?;
            exprs.push(query.expr);
            texts.push(text);
        }
        if !exprs.is_empty() {
            self.given.push(name);
            self.exprs.push(Expr::any_of(exprs));
            self.text(texts.into_iter());
        }
        Ok(())
    }

    fn text(&mut self, texts: impl Iterator<Item = String>) {
        let texts: Vec<String> = texts.collect();
        match texts.as_slice() {
            [] => {}
            [only] => self.texts.push(only.clone()),
            several => self.texts.push(format!("({})", several.join(" OR "))),
        }
    }

    /// Takes the bounds of `occurred_at` out of two parameters: each a date or a time, both included.
    pub fn dates(
        &mut self,
        params: &mut Params,
        [from_name, to_name]: [&'static str; 2],
    ) -> Result<(), Problem> {
        let form = "a date such as 2026-01-31, or a time such as 2026-01-31T10:00:00Z";
        let from = params.read(from_name, form, written)?.map(|(from, _)| from);
        let to = params.read(to_name, form, written)?.map(|(_, to)| to);
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            let detail = format!("{to_name} lies before {from_name}");
            return Err(Problem::bad_parameter(to_name, detail));
        }
        self.occurred(Span { from, to });
        Ok(())
    }

    /// Adds that it happened in this span.
    pub fn occurred(&mut self, span: Span) {
        if span == Span::default() {
            return;
        }
        let text = |at: Option<Micros>| at.map(|at| at.to_string()).unwrap_or_default();
        let last = span.to.map(|to| Micros(to.0.saturating_sub(1)));
        self.exprs.push(Leaf::Occurred(span).into());
        self.texts.push(format!("occurred:{}..{}", text(span.from), text(last)));
    }

    /// Whether a parameter was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// The query.
    pub fn into_filter(self, trails: Option<Vec<TrailName>>) -> Filter {
        let query = Query { text: self.texts.join(" AND "), expr: Expr::all_of(self.exprs) };
        Filter { query, trails }
    }
}

/// The trails that a request names. One that the caller may not read does not exist for it; one of its own that
/// nothing was appended to yet has no events.
pub(super) fn named(
    names: Vec<String>,
    state: &AppState,
    caller: &Caller,
) -> Result<Option<Vec<TrailName>>, Problem> {
    let mut trails = Vec::with_capacity(names.len());
    for name in &names {
        match caller.readable_trail(state, name) {
            Ok(trail) => trails.push(trail.info.name.clone()),
            Err(problem) => {
                let name = TrailName::parse(name).ok();
                let own = |name: &TrailName| {
                    let bound = caller.trails.as_ref().is_some_and(|own| own.contains(name));
                    bound && caller.may_read(name)
                };
                trails.push(name.filter(own).ok_or(problem)?);
            }
        }
    }
    Ok((!trails.is_empty()).then_some(trails))
}

/// A value as the query language quotes it.
pub(super) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

/// The first moment that a date or a time means, and the first after it.
pub(super) fn written(text: &str) -> Option<(Micros, Micros)> {
    if let Ok(day) = Day::parse(text) {
        return Some((day.start(), Day(day.0 + 1).start()));
    }
    // A + that was not encoded arrives as a space.
    let at = Micros::parse(&text.replace(' ', "+")).ok()?;
    Some((at, Micros(at.0 + 1)))
}

/// A query that cannot be read, and where.
fn bad_query(error: &QueryError) -> Problem {
    let title = "The query cannot be read";
    let status = axum::http::StatusCode::BAD_REQUEST;
    let place = serde_json::json!({
        "column": error.column,
        "length": error.len,
        "hint": error.hint,
        "instead": error.instead,
    });
    Problem::new(status, "bad-query", title, error.message.clone()).with("query", place)
}

impl IntoParams for Filter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let query = |name: &str, what: &str| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(what))
        };
        let several = |name: &str, what: &str, example: &str| {
            let what = format!("{what}; several by repeating it");
            let example = serde_json::json!([example]);
            query(name, &what)
                .schema(Some(ArrayBuilder::new().items(text())))
                .example(Some(example))
                .build()
        };
        let one = |name: &str, what: &str, example: &str| {
            query(name, what).schema(Some(text())).example(Some(example.into())).build()
        };
        let exact = EXACT.iter().map(|exact| several(exact.name, exact.what, exact.example));
        let mut all = vec![one("q", "The query language", "actor:maria action:backup.*")];
        all.extend(exact);
        all.extend([
            several("tenant_id", "The trail", "shop"),
            one("start_date", "Happened then or later: a date or a time", "2026-01-01"),
            one("end_date", "Happened then or before: a date, all of it, or a time", "2026-01-31"),
        ]);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day_and_a_time_a_moment() {
        let day = Day::parse("2026-01-31").unwrap();
        assert_eq!(written("2026-01-31"), Some((day.start(), Day(day.0 + 1).start())));
        let at = Micros::parse("2026-01-31T10:00:00+02:00").unwrap();
        assert_eq!(written("2026-01-31T10:00:00 02:00"), Some((at, Micros(at.0 + 1))));
        for bad in ["", "2026", "2026-02-30", "31.01.2026", "2026-01-31 10:00:00Z", "today"] {
            assert_eq!(written(bad), None, "{bad}");
        }
    }

    #[test]
    fn whatever_a_value_holds_is_read_back_as_it_was() {
        for value in ["maria", "a\"b", "\\", "a\\\"", "*", "x OR y", "(", "a,b", "10..20", "ä/ö"]
        {
            let mut made = Made::default();
            made.any("user_id", "actor", &[value.to_owned()], Micros(0)).unwrap();
            let query = made.into_filter(None).query;
            let folded = indelible_index::fold(value).into_owned();
            let wanted = indelible_index::query::Test::Is(folded);
            let leaf = Leaf::Field(indelible_index::Field::Actor, wanted);
            assert_eq!(query.expr, leaf.into(), "{value}");
            assert_eq!(parse(&query.text, Micros(0)).unwrap().expr, query.expr, "{value}");
        }
    }
}

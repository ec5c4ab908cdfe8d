//! The query language, explained: what a text means, or where it cannot be read. Nothing is searched, so no read is
//! recorded.

use axum::extract::State;
use axum::response::Response;
use indelible_event::Micros;
use indelible_index::Facet;
use indelible_index::limits::QUERY_BYTES_MAX;
use indelible_index::query::{self, KeyHelp, Query};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown::{self, Time};
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(explain)).routes(routes!(keys))
}

/// What a query's text is.
#[derive(Serialize, ToSchema)]
struct QueryAnswer {
    /// Whether it can be read.
    ok: bool,
    /// Whether its outermost conditions are joined by `OR`; then the whole is one clause.
    any: bool,
    /// Its outermost conditions.
    clauses: Vec<ClauseShown>,
    /// Why it cannot be read.
    error: Option<ErrorShown>,
}

/// A condition. Places are in characters, from 0, the end not included.
#[derive(Serialize, ToSchema)]
struct ClauseShown {
    /// Where it begins.
    start: usize,
    /// Where it ends.
    end: usize,
    /// How many written `AND` stand before it: clauses of one group stand side by side.
    group: usize,
    /// As it is written.
    text: String,
    /// Its key under its usual name, if it has one.
    key: Option<String>,
    /// What is written after the key.
    value: Option<String>,
    /// Whether it excludes.
    negated: bool,
    /// The first moment it means, if it is about a time that begins.
    from: Option<Time>,
    /// The last moment it means, if it is about a time that ends.
    to: Option<Time>,
}

/// Why a query cannot be read.
#[derive(Serialize, ToSchema)]
struct ErrorShown {
    /// The first character concerned, from 1.
    column: usize,
    /// How many are concerned.
    length: usize,
    /// What is wrong.
    message: String,
    /// What to do about it.
    hint: Option<String>,
    /// What was probably meant, for the place of those characters.
    instead: Option<String>,
}

/// Explains a query: its conditions, or where it cannot be read.
#[utoipa::path(
    get, path = "/api/audit/query", tag = "search",
    params(("q" = Option<String>, Query, description = "The query", example = "actor:maria -outcome:success")),
    responses(
        (status = 200, description = "What it is, whether it can be read or not", body = QueryAnswer, example = json!({
            "ok": true, "any": false, "error": null,
            "clauses": [{
                "start": 0, "end": 11, "group": 0, "text": "actor:maria", "key": "actor",
                "value": "maria", "negated": false, "from": null, "to": null,
            }],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn explain(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let q = params.one("q")?.unwrap_or_default();
    params.finish()?;
    if q.len() > QUERY_BYTES_MAX {
        let detail = format!("q is longer than {QUERY_BYTES_MAX} bytes");
        return Err(Problem::bad_parameter("q", detail));
    }
    let answer = match query::clauses(&q, state.now()) {
        Ok(found) => QueryAnswer {
            ok: true,
            any: found.any,
            clauses: found.clauses.into_iter().map(clause).collect(),
            error: None,
        },
        Err(error) => QueryAnswer {
            ok: false,
            any: false,
            clauses: Vec::new(),
            error: Some(ErrorShown {
                column: error.column,
                length: error.len,
                message: error.message,
                hint: error.hint,
                instead: error.instead,
            }),
        },
    };
    Ok(shown::json(shown::bytes(&answer)?))
}

fn clause(clause: query::Clause) -> ClauseShown {
    let span = clause.span.unwrap_or_default();
    ClauseShown {
        start: clause.place.start,
        end: clause.place.end,
        group: clause.group,
        text: clause.text,
        key: clause.key,
        value: clause.value,
        negated: clause.negated,
        from: span.from.map(Time),
        to: span.to.map(|to| Time(Micros(to.0.saturating_sub(1)))),
    }
}

/// The keys of the language.
#[derive(Serialize, ToSchema)]
struct KeysAnswer {
    /// In the order of the documentation.
    keys: Vec<KeyShown>,
}

/// A key.
#[derive(Serialize, ToSchema)]
struct KeyShown {
    /// How it is written; `…` stands for the path of a member.
    name: &'static str,
    /// Other names of the same.
    aliases: &'static [&'static str],
    /// What it finds.
    what: &'static str,
    /// One use of it.
    example: &'static str,
    /// All its values, where no others can be.
    values: &'static [&'static str],
    /// The `field` of `/api/audit/suggest` that has values of it.
    field: Option<&'static str>,
}

impl From<&'static KeyHelp> for KeyShown {
    fn from(key: &'static KeyHelp) -> KeyShown {
        let names = std::iter::once(key.name).chain(key.aliases.iter().copied());
        let facet = names.filter_map(Facet::from_name).next();
        KeyShown {
            name: key.name,
            aliases: key.aliases,
            what: key.what,
            example: key.example,
            values: key.values(),
            field: facet.map(Facet::name),
        }
    }
}

/// Lists the keys of the query language.
#[utoipa::path(
    get, path = "/api/audit/query/keys", tag = "search",
    responses(
        (status = 200, description = "The keys", body = KeysAnswer, example = json!({
            "keys": [{
                "name": "actor", "aliases": ["user", "user_id", "actor.id"], "what": "id of who did it, or on whose behalf",
                "example": "actor:alice", "values": [], "field": "actor",
            }],
        })),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn keys(caller: Caller, params: Params) -> Result<Response, Problem> {
    caller.require_read()?;
    params.finish()?;
    let answer = KeysAnswer { keys: Query::keys().iter().map(KeyShown::from).collect() };
    Ok(shown::json(shown::bytes(&answer)?))
}

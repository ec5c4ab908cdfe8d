//! What rules would have found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use indelible_event::Micros;
use indelible_rules::{File, Origin, RuleNo, RuleSet};
use indelible_watch::Folder;
use indelible_watch::backtest::{Ask, Backtest, BacktestError, backtest};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::host::NodeHost;
use crate::auth::Caller;
use crate::extract::{Json, LargeJson};
use crate::keep::require_auditor;
use crate::limits::BACKTEST_BODY_BYTES_MAX;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::moment;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

/// Where it is asked for: it takes longer than other requests may.
pub(crate) const PATH: &str = "/api/rules/backtest";

/// The turn of backtests: one at a time, since each takes what the machine has.
pub(crate) struct Backtests(Arc<Semaphore>);

impl Default for Backtests {
    fn default() -> Backtests {
        Backtests(Arc::new(Semaphore::new(1)))
    }
}

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(run))
}

/// What is to be tried on the past.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// From when on, by `recorded_at`: `30d`, a date or a time.
    #[schema(example = "30d")]
    since: String,
    /// Up to when; to the end of the log if not given.
    #[serde(default)]
    until: Option<String>,
    /// Files of rules; the rules that are loaded if not given.
    #[serde(default)]
    files: Option<Vec<Text>>,
    /// Mappings beside those of the node and its folder.
    #[serde(default)]
    mappings: Vec<Text>,
    /// Only these rules, by id, name or title; all if none is named.
    #[serde(default)]
    rules: Vec<String>,
}

/// A file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// Its path in the folder.
    #[schema(example = "rules/spray.yml")]
    name: String,
    /// What is in it.
    text: String,
}

/// Judges the past by rules, as if they had been there. Nobody is told of what they would have found.
///
/// One at a time. It ends when whoever asked goes away.
#[utoipa::path(
    post, path = "/api/rules/backtest", tag = "watch",
    request_body(content = Asked),
    responses(
        (status = 200, description = "What they would have found; `alerts` is how many would have been opened if each were seen to within a day", content_type = "application/json", example = json!({
            "events": 812_000, "unreadable": 0, "from": "2026-01-01T00:00:00.000000Z", "to": "2026-01-31T00:00:00.000000Z",
            "millis": 4210, "late": 0, "refused": [], "rules": [{
                "id": "indelible-password-spray", "title": "Password spray", "level": "high", "matched": 120, "fired": 2, "alerts": 1,
                "groups_dropped": 0, "per_day": [{"day": "2026-01-30", "fired": 2}], "examples": [{
                    "at": "2026-01-30T10:00:00.000000Z", "group": {"context.ip": "203.0.113.9"}, "count": 12,
                    "events": [{"trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000"}],
                }],
            }],
        })),
        (status = 400, description = "A time cannot be read, or none of the rules that are named is there"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 409, description = "`busy`: another one runs"),
        (status = 413, description = "The files are too large"),
        (status = 503, description = "No node serves here, or it stops"),
    ),
)]
async fn run(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    LargeJson(asked): LargeJson<Asked, BACKTEST_BODY_BYTES_MAX>,
) -> Result<Json<Backtest>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let busy = || Problem::conflict("busy", "another backtest runs; try again when it has ended");
    let turn = state.backtests().0.clone().try_acquire_owned().map_err(|_| busy())?;
    let text = told(&asked);
    let times = Times::read(&state, &asked)?;
    let (loaded, folder) = state.watch()?.loaded();
    let (gone, of, runtime) = (Gone::default(), state.clone(), Handle::current());
    let is_gone = gone.0.clone();
    let done = tokio::task::spawn_blocking(move || {
        let ask = ask(asked, times, loaded, &folder)?;
        let refused = ask.rules.refused.clone();
        let (host, stopping) = (NodeHost::new(&of, &runtime), of.stopping());
        let mut go_on = |_| !is_gone.load(Ordering::Relaxed) && !*stopping.borrow();
        let found = backtest(&host, &ask, &*of.seams().clock, &mut go_on);
        drop(turn);
        let found = found.map_err(problem)?;
        Ok(Backtest { refused, ..found })
    });
    let found = done.await.unwrap_or_else(|_| Err(Problem::internal("the backtest broke off")))?;
    drop(gone);
    // Its examples say something of every trail.
    let trails = caller.readable(&state).iter().map(|of| of.info.name.to_string()).collect();
    let results = Some(found.rules.iter().map(|of| of.fired).sum());
    let details = ReadDetails { trails, query: Some(text), target: None, results };
    state.record_read(&caller, Read::Search, details).await?;
    Ok(Json(found))
}

/// Set when whoever asked has gone.
#[derive(Default)]
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The stretch of time.
struct Times {
    since: Micros,
    until: Option<Micros>,
}

impl Times {
    fn read(state: &AppState, asked: &Asked) -> Result<Times, Problem> {
        let form = "must be a time ago such as 30d, a date such as 2026-01-31, or a time such as 2026-01-31T10:00:00Z";
        let read = |name: &str, text: &str| {
            let bad = || Problem::bad_request(format!("{name} {form}")).with("field", name);
            moment(text, state.now()).ok_or_else(bad)
        };
        let until = asked.until.as_deref().map(|text| read("until", text)).transpose()?;
        Ok(Times { since: read("since", &asked.since)?, until })
    }
}

/// What is recorded of it.
fn told(asked: &Asked) -> String {
    let until = asked.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let what = match &asked.files {
        Some(files) => format!(" of {} files", files.len()),
        None => String::new(),
    };
    let only = if asked.rules.is_empty() {
        String::new()
    } else {
        format!(": {}", asked.rules.join(", "))
    };
    format!("backtest{what} since {}{until}{only}", asked.since)
}

/// The rules that are tried, compiled where they were sent. Takes its time.
fn ask(
    asked: Asked,
    Times { since, until }: Times,
    loaded: Arc<RuleSet>,
    folder: &Folder,
) -> Result<Ask, Problem> {
    let file =
        |Text { name, text }| File { name: name.into(), text: text.into(), origin: Origin::Folder };
    let rules = match asked.files {
        None => loaded,
        Some(files) => {
            let files: Vec<File> = files.into_iter().map(file).collect();
            let mut mappings: Vec<File> = asked.mappings.into_iter().map(file).collect();
            mappings.extend(folder.mappings.iter().cloned());
            Arc::new(RuleSet::read(&files, &mappings, &[]))
        }
    };
    let named = |called: &String| {
        let shown: String = called.chars().take(128).collect();
        let missing = || Problem::bad_request(format!("there is no rule {shown:?}"));
        rules.find(called).ok_or_else(missing)
    };
    let only = asked.rules.iter().map(named).collect::<Result<Vec<RuleNo>, Problem>>()?;
    let lateness = folder.settings.lateness();
    Ok(Ask { rules, only, lateness, since, until })
}

fn problem(error: BacktestError) -> Problem {
    match error {
        BacktestError::Empty { .. } => Problem::bad_request(error.to_string()),
        BacktestError::Host(_) | BacktestError::Cancelled => {
            Problem::unavailable(error.to_string(), 5)
        }
    }
}

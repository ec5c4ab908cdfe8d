//! How a node is now.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Instant;

use indelible_event::Micros;
use indelible_log::hex;
use serde::Deserialize;
use serde_json::Value;

use super::{ACTIONS, Look, Pulse, Told as GapsTold};
use crate::limits;
use crate::problem::Problem;
use crate::read::{Holes, holes};
use crate::state::AppState;

/// How long this process has run: what the clock is held against, so it cannot come from the clock.
#[expect(clippy::disallowed_methods, reason = "the one time that nobody can set")]
pub(super) fn steady() -> Micros {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let began = *BEGAN;
    Micros(i64::try_from(Instant::now().duration_since(began).as_micros()).unwrap_or(i64::MAX))
}

/// Everything that is looked at. What cannot be told now is left as it was.
pub(super) fn look(state: &AppState, steady: Micros, gaps: &GapsTold) -> Look {
    let now = state.now();
    let from = Micros(now.0.saturating_sub(limits::GAPS_WINDOW_MICROS));
    let mut failing = failing(state);
    let told = |id: &[u8; 16], last: u64| {
        gaps.get(&hex::encode(id)).is_some_and(|(through, _)| *through >= last)
    };
    let Holes { holes, more } = holes(state, from, &told).unwrap_or_else(|why| {
        tracing::debug!(why = why.detail(), "gaps could not be looked for");
        failing.insert("gaps", why.detail().to_owned());
        Holes::default()
    });
    if more > 0 {
        failing.insert("gaps", format!("{more} more sources have gaps than are told of at once"));
    }
    Look {
        now,
        steady,
        space: state.seams().storage.space().ok().flatten(),
        failing,
        ahead: state.metrics().ahead().shown(),
        holes,
    }
}

fn failing(state: &AppState) -> BTreeMap<&'static str, String> {
    let mut failing = BTreeMap::new();
    let Some(writer) = state.writer() else { return failing };
    if writer.is_full() {
        failing.insert("writing", "the disk is full".into());
    }
    if let Some(why) = writer.store().trouble() {
        failing.insert("signing", why);
    }
    if let Some(why) = state.reader().search().ok().and_then(|search| search.status().failure) {
        failing.insert("index", why.to_string());
    }
    let duties = state.metrics().duties().failing();
    if !duties.is_empty() {
        failing.insert("keeping", duties.join(", "));
    }
    match state.failing_connections() {
        0 => {}
        count => drop(failing.insert("connections", format!("{count} of the inputs and streams"))),
    }
    failing
}

#[derive(Deserialize)]
struct Told {
    action: String,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    details: Value,
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

/// What was told before this process began.
pub(super) fn told(state: &AppState) -> Result<Pulse, Problem> {
    let mut pulse = Pulse::default();
    for record in state.reader().told(&ACTIONS)? {
        let at = record.entry().recorded_at;
        let Ok(told) = serde_json::from_slice::<Told>(&record.view("_system")) else { continue };
        let target = told.targets.first().map_or("", |target| target.id.as_str());
        pulse.take(&told.action, target, &told.details, at);
    }
    Ok(pulse)
}

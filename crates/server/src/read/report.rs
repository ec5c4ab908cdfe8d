//! Reports: what was begun and never ended, and what was lost on the way.

mod gaps;
mod losses;
mod unfinished;

pub(crate) use gaps::{Hole, Holes, holes};
use indelible_event::{Micros, TrailName};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::filter::{quoted, written};
use super::stats::length;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(unfinished::unfinished)).routes(routes!(gaps::gaps))
}

/// A time ago such as `30d`, a date, or a time: its first moment.
pub(crate) fn moment(text: &str, now: Micros) -> Option<Micros> {
    match length(text) {
        Some(micros) => Some(Micros(now.0.saturating_sub(micros))),
        None => written(text).map(|(from, _)| from),
    }
}

/// What is reported on: the trails named and the time.
#[derive(Debug)]
struct Window {
    trails: Option<Vec<TrailName>>,
    since: Option<Micros>,
    now: Micros,
}

impl Window {
    /// The first moment of it, out of a parameter.
    fn since(params: &mut Params, now: Micros) -> Result<Option<Micros>, Problem> {
        let form = "a time ago such as 30d, a date such as 2026-01-31, or a time such as 2026-01-31T10:00:00Z";
        params.read("since", form, |text| moment(text, now))
    }

    /// As it is recorded of the read.
    fn text(&self, report: &str) -> String {
        let named = self.trails.iter().flatten();
        let trails = named.map(|name| format!(" trail:{}", quoted(name.as_str())));
        let since = self.since.map(|since| format!(" created:>={since}"));
        let parts: Vec<String> = trails.chain(since).collect();
        format!("report {report}{}", parts.concat())
    }
}

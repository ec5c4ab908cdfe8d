//! What can be asked: the command line's side of the HTTP API, for a node and for a directory alike.

pub mod answers;
pub mod change;
pub mod event;
pub mod gaps;
pub mod search;
pub mod sentence;
pub mod source;
pub mod stats;
pub mod tail;
pub mod timeline;
pub mod unfinished;
pub mod user;
pub mod when;

use indelible_event::TrailName;
use indelible_log::{Clock, SystemClock};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::args::{Shape, Which};
use crate::failure::Failure;
use crate::look::{self, Look};
use crate::out::{self, Out};
use answers::Incomplete;
use when::End;

/// Parameters of a request.
pub type Params = Vec<(String, String)>;

/// The time now, by the clock of everything else.
pub fn now() -> Timestamp {
    Timestamp::from_microsecond(SystemClock.now().0).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Which {
    /// The parameters that say which events.
    pub fn params(&self) -> Result<Params, Failure> {
        let mut params = Params::new();
        if !self.query.is_empty() {
            params.push(("q".into(), self.query.join(" ").trim().to_owned()));
        }
        if let Some(trail) = &self.trail {
            params.push(("tenant_id".into(), trail.to_string()));
        }
        bounds(
            &mut params,
            ["start_date", "end_date"],
            self.since.as_deref(),
            self.until.as_deref(),
        )?;
        Ok(params)
    }
}

impl Shape {
    /// How to show it on this standard output.
    pub fn look(&self, out: &Out) -> Look {
        Look::new(out.is_json(), self.text, self.utc)
    }
}

/// Adds the bounds of a time.
fn bounds(
    params: &mut Params,
    names: [&str; 2],
    since: Option<&str>,
    until: Option<&str>,
) -> Result<(), Failure> {
    let ends = [(since, End::Since), (until, End::Until)];
    for (name, (text, end)) in names.into_iter().zip(ends) {
        if let Some(text) = text {
            let at = when::moment(text, end, now(), &TimeZone::system()).map_err(Failure::Usage)?;
            params.push((name.into(), at));
        }
    }
    Ok(())
}

/// The parameters of a report: its trail and the first moment of its time.
fn report(trail: Option<&TrailName>, since: Option<&str>) -> Result<Params, Failure> {
    let mut params = Params::new();
    params.extend(trail.map(|trail| ("tenant_id".to_owned(), trail.to_string())));
    bounds(&mut params, ["since", "until"], since, None)?;
    Ok(params)
}

/// Says what does not match its leaf, and was left out. Whether there is any.
fn tell_alarms(alarms: &[serde_json::Value], json: bool) -> bool {
    for alarm in alarms {
        if json {
            out::note_json(&serde_json::json!({ "alarm": alarm }));
        } else {
            out::note(format_args!("ALARM: {}", look::clean(&alarm.to_string())));
        }
    }
    !alarms.is_empty()
}

/// Says that a budget was met.
fn tell_incomplete(incomplete: Option<&Incomplete>, json: bool) {
    if let Some(Incomplete { limit, message }) = incomplete
        && !json
    {
        let message = if message.is_empty() { "what is there is right" } else { message };
        out::note(format_args!("not all was looked at ({limit}): {message}"));
    }
}

//! How many there were over time, and how they ended: drawn here, by attributes alone.

use indelible_event::Micros;
use maud::{Markup, html};

use super::api::{Bucket, Buckets};
use super::state::{Asked, State};
use crate::by::By;
use crate::href::Params;
use crate::{limits, text, time};

/// What is stacked, from the bottom, where it is compared best: class, word, and the outcomes it is of.
const KINDS: &[(&str, &str, &[&str])] = &[
    ("bad", "failed", &["failure", "error"]),
    ("denied", "denied", &["denied"]),
    ("pending", "pending", &["pending"]),
    ("quiet", "unknown", &["unknown"]),
    ("good", "succeeded", &["success"]),
];

/// Lengths of a bucket, in seconds.
const STEPS: &[i64] = &[
    1, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
    7_776_000, 31_536_000,
];

const SECOND: i64 = 1_000_000;
/// Width of a bucket and height of the whole, in the drawing's own units.
const WIDE: i64 = 10;
const HIGH: i64 = 100;

/// A stretch of time in buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The first moment of the first bucket.
    pub from: Micros,
    /// Seconds of a bucket.
    pub step: i64,
    /// How many there are.
    pub count: i64,
}

impl Axis {
    /// Over this time, both ends included.
    pub fn over(from: Micros, to: Micros) -> Axis {
        let to = Micros(to.0.max(from.0));
        let span = (to.0.saturating_sub(from.0)) / SECOND;
        let fits = |step: &&i64| span / **step < limits::HISTOGRAM_BUCKETS;
        let step = STEPS.iter().find(fits).or(STEPS.last()).copied().unwrap_or(1);
        let micros = step * SECOND;
        let first = from.0.div_euclid(micros);
        let count = to.0.div_euclid(micros) - first + 1;
        Axis { from: Micros(first * micros), step, count: count.min(limits::HISTOGRAM_BUCKETS_MAX) }
    }

    /// The `interval` that the API is asked for.
    pub fn interval(&self) -> String {
        format!("{}s", self.step)
    }

    /// The first moment of a bucket.
    pub fn at(&self, bucket: i64) -> Micros {
        Micros(self.from.0.saturating_add(bucket.saturating_mul(self.step * SECOND)))
    }

    /// Longer at the front where there were events before it, as far as there is room.
    fn grown(self, counted: &Buckets) -> Axis {
        let starts = counted.buckets.iter().filter_map(|bucket| Micros::parse(&bucket.start).ok());
        let first = starts.min().map_or(self.from, |first| first.min(self.from));
        let more = (self.from.0 - first.0).div_euclid(self.step * SECOND);
        match self.count + more <= limits::HISTOGRAM_BUCKETS_MAX {
            true => Axis { from: first, count: self.count + more, ..self },
            false => self,
        }
    }

    /// The bucket of a moment, if it is one of these.
    fn bucket(&self, at: Micros) -> Option<i64> {
        let bucket = (at.0 - self.from.0).div_euclid(self.step * SECOND);
        (0..self.count).contains(&bucket).then_some(bucket)
    }
}

/// The histogram. Each bar leads to its own time; `state` is the search that it narrows.
pub fn drawn(state: &State, axis: Axis, counted: &Buckets) -> Markup {
    let axis = axis.grown(counted);
    let bars: Vec<(i64, &Bucket)> = counted
        .buckets
        .iter()
        .filter_map(|bucket| Some((axis.bucket(Micros::parse(&bucket.start).ok()?)?, bucket)))
        .collect();
    let most = bars.iter().map(|(_, bucket)| bucket.count).max().unwrap_or(0);
    let kinds = KINDS.iter().filter(|kind| bars.iter().any(|(_, bucket)| of(bucket, kind.2) > 0));
    let view = format!("0 0 {} {HIGH}", axis.count * WIDE);
    html! {
        figure #histogram data-from=(axis.from.0 / SECOND) data-step=(axis.step) data-buckets=(axis.count)
            data-by=(state.by.unless(By::Recorded)) {
            figcaption {
                span.legend { @for (class, word, _) in kinds { span { span class={"key " (class)} aria-hidden="true" {} (word) } " " } }
                span.quiet { "by the time it " (state.by.past()) ", each bar " (length(axis.step)) }
            }
            div.plot {
                span.most.quiet aria-hidden="true" { (text::grouped(most)) }
                svg viewBox=(view) preserveAspectRatio="none" role="group" aria-label="Events over time" {
                    line.mid x1="0" x2=(axis.count * WIDE) y1=(HIGH / 2) y2=(HIGH / 2) {}
                    @for (at, bucket) in &bars { (bar(state, axis, *at, bucket, most)) }
                    rect.brush x="0" y="0" width="0" height=(HIGH) {}
                }
            }
            div.axis aria-hidden="true" { @for tick in 0..=4 { (moment(axis, axis.count * tick / 4)) } }
            p #brush-said.sr role="status" {}
            details.table {
                summary { "As a table" }
                (table(axis, &bars))
            }
        }
    }
}

fn bar(state: &State, axis: Axis, at: i64, bucket: &Bucket, most: u64) -> Markup {
    let stretch = time::stretch(axis.at(at), axis.at(at + 1));
    let parts: Vec<String> = KINDS
        .iter()
        .map(|(_, word, outcomes)| (word, of(bucket, outcomes)))
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{} {word}", text::grouped(count)))
        .collect();
    let title = format!("{}: {}", time::utc(&axis.at(at).to_string()), parts.join(", "));
    html! {
        a href=(state.with_t(stretch).address()) aria-label=(title) data-bucket=(at) {
            title { (title) }
            rect.room x=(at * WIDE) y="0" width=(WIDE) height=(HIGH) {}
            @for (class, y, height) in stacked(bucket, most) {
                rect class=(class) x=(at * WIDE + 1) y=(y) width=(WIDE - 2) height=(height) {}
            }
        }
    }
}

/// The pieces of a bar: class, top and height, to a tenth. What is there at all can be seen.
fn stacked(bucket: &Bucket, most: u64) -> Vec<(&'static str, String, String)> {
    let tenth = |value: i64| format!("{}.{}", value / 10, value % 10);
    let mut top = HIGH * 10;
    let mut pieces = Vec::new();
    for (class, _, outcomes) in KINDS {
        let count = of(bucket, outcomes);
        if count == 0 {
            continue;
        }
        let share = u128::from(count) * (HIGH as u128 * 10) / u128::from(most.max(1));
        let height = i64::try_from(share).unwrap_or(HIGH * 10).clamp(15, HIGH * 10);
        top = (top - height).max(0);
        pieces.push((*class, tenth(top), tenth(height)));
    }
    pieces
}

fn of(bucket: &Bucket, outcomes: &[&str]) -> u64 {
    outcomes.iter().filter_map(|outcome| bucket.outcomes.get(*outcome)).sum()
}

/// A mark of the axis. Days are those of UTC, as the buckets are.
fn moment(axis: Axis, bucket: i64) -> Markup {
    let at = axis.at(bucket).to_string();
    match axis.step {
        86_400.. => html! { span { (&at[..10]) } },
        step => {
            let form = if step < 60 { "clock" } else { "minute" };
            let shown = if step < 60 { &at[11..19] } else { &at[5..16] };
            html! { time datetime=(at) title=(time::utc(&at)) data-time=(form) { (shown.replace('T', " ")) } }
        }
    }
}

fn table(axis: Axis, bars: &[(i64, &Bucket)]) -> Markup {
    html! {
        table {
            thead { tr { th { "From" } th.n { "Events" } @for (_, word, _) in KINDS { th.n { (word) } } } }
            tbody { @for (at, bucket) in bars {
                tr {
                    td { (time::at(&axis.at(*at).to_string())) }
                    td.n { (text::grouped(bucket.count)) }
                    @for (_, _, outcomes) in KINDS { td.n { (text::grouped(of(bucket, outcomes))) } }
                }
            } }
        }
    }
}

fn length(seconds: i64) -> String {
    let (count, unit) = match seconds {
        86_400.. => (seconds / 86_400, "day"),
        3_600.. => (seconds / 3_600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    text::counted(count.unsigned_abs(), unit, &format!("{unit}s"))
}

/// The parameters of what is counted.
pub fn params(asked: &Asked, by: By, axis: Option<Axis>) -> Params {
    let params = Params::new().with("q", asked.query()).with("top", limits::FACET_TOP.to_string());
    let params = params.with("time", by.field());
    match axis {
        Some(axis) => params.with("interval", axis.interval()),
        None => params,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse(text).unwrap()
    }

    #[test]
    fn an_axis_has_neither_too_many_buckets_nor_too_few() {
        let from = at("2026-01-01T10:20:30Z");
        for seconds in [0, 1, 59, 600, 3_600, 86_400, 30 * 86_400, 400 * 86_400, 40 * 366 * 86_400]
        {
            let to = Micros(from.0 + seconds * SECOND);
            let axis = Axis::over(from, to);
            assert!(axis.count <= limits::HISTOGRAM_BUCKETS + 1, "{seconds}: {axis:?}");
            assert!(axis.count >= 20 || axis.step <= 5, "{seconds}: {axis:?}");
            assert!(axis.from <= from && axis.at(axis.count) > to, "{seconds}: {axis:?}");
            assert_eq!(axis.bucket(to), Some(axis.count - 1));
            assert_eq!(axis.bucket(Micros(axis.from.0 - 1)), None);
        }
        let eternal = Axis::over(at("0001-01-01T00:00:00Z"), at("9999-12-31T00:00:00Z"));
        assert!(eternal.count <= limits::HISTOGRAM_BUCKETS_MAX, "{eternal:?}");
        assert_eq!(Axis::over(from, Micros(0)).count, 1);
        let axis = Axis { from, step: 60, count: 10 };
        let early = |start: &str| Buckets {
            buckets: vec![Bucket { start: start.to_owned(), ..Bucket::default() }],
            ..Buckets::default()
        };
        assert_eq!(axis.grown(&early("2026-01-01T10:15:30Z")).count, 15);
        assert_eq!(axis.grown(&early("2025-01-01T10:15:30Z")), axis);
    }

    #[test]
    fn bars_are_stacked_to_the_top_and_lead_to_their_time() {
        let outcomes = [("success", 90), ("denied", 9), ("error", 1)];
        let outcomes = outcomes.map(|(outcome, count)| (outcome.to_owned(), count)).into();
        let start = "2026-01-01T11:00:00.000000Z".to_owned();
        let bucket = Bucket { start, count: 100, outcomes };
        let pieces = stacked(&bucket, 100);
        let shown: Vec<&str> = pieces.iter().map(|(class, ..)| *class).collect();
        assert_eq!(shown, ["bad", "denied", "good"]);
        assert_eq!(pieces[2].2, "90.0");
        assert_eq!(pieces[0].2, "1.5", "what is there at all can be seen");
        let axis = Axis { from: at("2026-01-01T10:00:00Z"), step: 3_600, count: 24 };
        let state = State::of(&Params::parse("q=x"));
        let drawn =
            drawn(&state, axis, &Buckets { interval_seconds: 3_600, buckets: vec![bucket] });
        let drawn = drawn.into_string();
        assert!(drawn.contains("t=2026-01-01T11%3A00%3A00Z..2026-01-01T11%3A59%3A59Z"), "{drawn}");
        assert!(drawn.contains("1 failed, 9 denied, 90 succeeded"), "{drawn}");
        assert!(!drawn.contains("style="), "{drawn}");
    }
}

//! What `/metrics` shows, in Prometheus' text format. Written by hand: a registry for the whole process would mix
//! the nodes of one process, and the format is a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use indelible_event::Micros;
use indelible_relay::status::{InputStatus, State, StreamStatus};
use serde_json::{Map, Value, json};

use crate::keeper::Duties;
use crate::pulse::Ahead;

/// Upper bounds of durations, in microseconds.
const MICROS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
/// Upper bounds of batches, in events.
const EVENTS: [u64; 12] = [1, 2, 4, 8, 16, 32, 64, 128, 512, 2048, 8192, 50_000];

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Kept.
    New,
    /// Kept before.
    Known,
    /// Another event has its id.
    Conflict,
    /// It is none, or may not go there.
    Refused,
    /// Not kept, for no fault of its own.
    Failed,
}

impl Fate {
    const ALL: [Fate; 5] = [Fate::New, Fate::Known, Fate::Conflict, Fate::Refused, Fate::Failed];

    /// Its name in results and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Fate::New => "new",
            Fate::Known => "known",
            Fate::Conflict => "conflict",
            Fate::Refused => "refused",
            Fate::Failed => "failed",
        }
    }
}

/// Counts of values up to each bound, and their sum.
struct Histogram<const N: usize> {
    bounds: [u64; N],
    counts: [AtomicU64; N],
    sum: AtomicU64,
    count: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [u64; N]) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Histogram { bounds, counts, sum: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    fn observe(&self, value: u64) {
        if let Some(at) = self.bounds.iter().position(|bound| value <= *bound) {
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str, unit: f64) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut below = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            below += count.load(Ordering::Relaxed);
            let bound = *bound as f64 * unit;
            line(out, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}"));
        }
        let (count, sum) = (self.count.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed));
        line(out, format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}"));
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        line(out, format_args!("{name}_sum{braces} {}", sum as f64 * unit));
        line(out, format_args!("{name}_count{braces} {count}"));
    }
}

struct Route {
    statuses: BTreeMap<u16, u64>,
    seconds: Histogram<14>,
}

/// The counters of one node.
pub struct Metrics {
    accepted: AtomicU64,
    durable: [AtomicU64; 5],
    losses: AtomicU64,
    batch_events: Histogram<12>,
    append_seconds: Histogram<14>,
    connections: AtomicI64,
    lag_records: AtomicU64,
    /// Jobs by what they do and how they ended.
    jobs: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    /// Records that lost something, by what became of them.
    gone: Mutex<BTreeMap<&'static str, u64>>,
    /// When the last backup was made, in seconds since 1970; 0 if none is known.
    backup_at: AtomicI64,
    duties: Duties,
    ahead: Ahead,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    routes: Mutex<BTreeMap<Box<str>, Route>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            accepted: AtomicU64::new(0),
            durable: std::array::from_fn(|_| AtomicU64::new(0)),
            losses: AtomicU64::new(0),
            batch_events: Histogram::new(EVENTS),
            append_seconds: Histogram::new(MICROS),
            connections: AtomicI64::new(0),
            lag_records: AtomicU64::new(0),
            jobs: Mutex::default(),
            gone: Mutex::default(),
            backup_at: AtomicI64::new(0),
            duties: Duties::default(),
            ahead: Ahead::default(),
            refusals: Mutex::default(),
            routes: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Events that were read from bodies.
    pub fn accepted(&self, events: u64) {
        self.accepted.fetch_add(events, Ordering::Relaxed);
    }

    /// What became of some of them.
    pub fn fate(&self, fate: Fate, events: u64) {
        self.durable[fate as usize].fetch_add(events, Ordering::Relaxed);
    }

    /// Events that went into one append, and how long it took.
    pub fn appended(&self, events: u64, micros: i64) {
        self.batch_events.observe(events);
        self.append_seconds.observe(micros.max(0) as u64);
    }

    /// Something that should have been recorded was not.
    pub fn lost(&self, count: u64) {
        self.losses.fetch_add(count, Ordering::Relaxed);
    }

    /// A request that was refused, by the type of its problem.
    pub fn refused(&self, reason: &'static str) {
        *self.refusals.lock().expect("counting does not panic").entry(reason).or_default() += 1;
    }

    /// A connection was opened (1) or closed (-1).
    pub fn connection(&self, change: i64) {
        self.connections.fetch_add(change, Ordering::Relaxed);
    }

    /// How many durable records cannot be found yet.
    pub fn searchable_lag(&self, records: u64) {
        self.lag_records.store(records, Ordering::Relaxed);
    }

    /// Who sends events of the future.
    pub(crate) fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    /// How the node's own duties went.
    pub(crate) fn duties(&self) -> &Duties {
        &self.duties
    }

    /// A long operation that ended.
    pub(crate) fn job(&self, what: &'static str, well: bool) {
        let result = if well { "done" } else { "failed" };
        let mut jobs = self.jobs.lock().expect("counting does not panic");
        *jobs.entry((what, result)).or_default() += 1;
    }

    /// Records of which something is gone: `expired`, `pruned` or `erased`.
    pub(crate) fn gone(&self, how: &'static str, records: u64) {
        *self.gone.lock().expect("counting does not panic").entry(how).or_default() += records;
    }

    /// A backup was whole at this time.
    pub(crate) fn backed_up(&self, at: Micros) {
        self.backup_at.fetch_max(at.0.div_euclid(1_000_000), Ordering::Relaxed);
    }

    /// When the last backup was whole, in seconds since 1970.
    pub(crate) fn backup_at(&self) -> Option<i64> {
        Some(self.backup_at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// A request that was answered.
    pub fn answered(&self, route: &str, status: u16, micros: i64) {
        let mut routes = self.routes.lock().expect("counting does not panic");
        if !routes.contains_key(route) {
            let new = Route { statuses: BTreeMap::new(), seconds: Histogram::new(MICROS) };
            routes.insert(route.into(), new);
        }
        let of = routes.get_mut(route).expect("it was just put there");
        *of.statuses.entry(status).or_default() += 1;
        of.seconds.observe(micros.max(0) as u64);
    }

    /// What should have been recorded and was not.
    pub fn losses(&self) -> u64 {
        self.losses.load(Ordering::Relaxed)
    }

    /// Events that were read from bodies, and what became of them.
    pub(crate) fn events_shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("accepted".into(), self.accepted.load(Ordering::Relaxed).into());
        for fate in Fate::ALL {
            let count = self.durable[fate as usize].load(Ordering::Relaxed);
            shown.insert(fate.name().into(), count.into());
        }
        shown.into()
    }

    /// Requests that were answered, and how.
    pub(crate) fn requests_shown(&self) -> Value {
        let routes = self.routes.lock().expect("counting does not panic");
        let statuses = routes.values().flat_map(|route| &route.statuses);
        let (mut answered, mut client_errors, mut server_errors) = (0, 0, 0);
        for (status, count) in statuses {
            answered += count;
            match status {
                400..500 => client_errors += count,
                500.. => server_errors += count,
                _ => {}
            }
        }
        let connections = self.connections.load(Ordering::Relaxed);
        json!({
            "answered": answered, "client_errors": client_errors, "server_errors": server_errors,
            "connections": connections,
        })
    }

    /// The page.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(4096);
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(&mut out, "indelible_events_accepted_total", "counter", "Events read from bodies.");
        line(&mut out, format_args!("indelible_events_accepted_total {}", get(&self.accepted)));
        head(&mut out, "indelible_events_durable_total", "counter", "What became of them.");
        for fate in Fate::ALL {
            let (name, count) = (fate.name(), get(&self.durable[fate as usize]));
            line(
                &mut out,
                format_args!("indelible_events_durable_total{{result=\"{name}\"}} {count}"),
            );
        }
        head(&mut out, "indelible_refusals_total", "counter", "Requests refused, by type.");
        for (reason, count) in &*self.refusals.lock().expect("counting does not panic") {
            line(&mut out, format_args!("indelible_refusals_total{{reason=\"{reason}\"}} {count}"));
        }
        head(&mut out, "indelible_losses_total", "counter", "Recordings that could not be made.");
        line(&mut out, format_args!("indelible_losses_total {}", get(&self.losses)));
        head(&mut out, "indelible_batch_events", "histogram", "Events appended together.");
        self.batch_events.write(&mut out, "indelible_batch_events", "", 1.0);
        head(&mut out, "indelible_append_seconds", "histogram", "From the queue to the disk.");
        self.append_seconds.write(&mut out, "indelible_append_seconds", "", 1e-6);
        head(&mut out, "indelible_connections", "gauge", "Open connections.");
        let open = self.connections.load(Ordering::Relaxed);
        line(&mut out, format_args!("indelible_connections {open}"));
        head(&mut out, "indelible_searchable_lag_records", "gauge", "Durable, not searchable yet.");
        line(&mut out, format_args!("indelible_searchable_lag_records {}", get(&self.lag_records)));
        self.write_keeping(&mut out);
        self.write_routes(&mut out);
        out
    }

    fn write_keeping(&self, out: &mut String) {
        head(out, "indelible_jobs_total", "counter", "Long operations that ended.");
        for ((what, result), count) in &*self.jobs.lock().expect("counting does not panic") {
            let labels = format_args!("what=\"{what}\",result=\"{result}\"");
            line(out, format_args!("indelible_jobs_total{{{labels}}} {count}"));
        }
        head(out, "indelible_records_gone_total", "counter", "Records that lost something.");
        for (how, count) in &*self.gone.lock().expect("counting does not panic") {
            line(out, format_args!("indelible_records_gone_total{{how=\"{how}\"}} {count}"));
        }
        if let Some(at) = self.backup_at() {
            let name = "indelible_backup_last_success_seconds";
            head(out, name, "gauge", "When the last backup was whole, since 1970.");
            line(out, format_args!("{name} {at}"));
        }
        let duties = self.duties.counted();
        let name = "indelible_keep_last_success_seconds";
        head(out, name, "gauge", "When a duty was last done, since 1970.");
        for (what, at, _) in &duties {
            if let Some(at) = at {
                line(out, format_args!("{name}{{what=\"{what}\"}} {at}"));
            }
        }
        head(out, "indelible_keep_failures_total", "counter", "Duties that failed.");
        for (what, _, failures) in &duties {
            line(out, format_args!("indelible_keep_failures_total{{what=\"{what}\"}} {failures}"));
        }
    }

    fn write_routes(&self, out: &mut String) {
        let routes = self.routes.lock().expect("counting does not panic");
        head(out, "indelible_http_requests_total", "counter", "Requests answered.");
        for (route, of) in &*routes {
            for (status, count) in &of.statuses {
                let labels = format_args!("route=\"{route}\",status=\"{status}\"");
                line(out, format_args!("indelible_http_requests_total{{{labels}}} {count}"));
            }
        }
        head(out, "indelible_http_seconds", "histogram", "Until the answer began.");
        for (route, of) in &*routes {
            let labels = format!("route=\"{route}\"");
            of.seconds.write(out, "indelible_http_seconds", &labels, 1e-6);
        }
    }
}

/// Inputs and streams, as the page tells them.
pub(crate) fn connections(inputs: &[InputStatus], streams: &[StreamStatus], now: Micros) -> String {
    let mut out = String::new();
    let red = |state| u8::from(matches!(state, State::Failing | State::Stopped));
    if !streams.is_empty() {
        write_streams(&mut out, streams, now);
        let name = "indelible_stream_failing";
        head(&mut out, name, "gauge", "Whether it fails, or has stopped.");
        for of in streams {
            line(&mut out, format_args!("{name}{{stream=\"{}\"}} {}", of.name, red(of.state)));
        }
    }
    if inputs.is_empty() {
        return out;
    }
    let name = "indelible_input_events_total";
    head(&mut out, name, "counter", "What became of what came in.");
    for of in inputs {
        let fates =
            [("new", of.kept), ("known", of.known), ("refused", of.refused), ("dead", of.dead)];
        for (fate, count) in fates {
            let labels = format_args!("input=\"{}\",fate=\"{fate}\"", of.name);
            line(&mut out, format_args!("{name}{{{labels}}} {count}"));
        }
    }
    let name = "indelible_input_failing";
    head(&mut out, name, "gauge", "Whether it fails.");
    for of in inputs {
        line(&mut out, format_args!("{name}{{input=\"{}\"}} {}", of.name, red(of.state)));
    }
    out
}

fn write_streams(out: &mut String, streams: &[StreamStatus], now: Micros) {
    let age = |of: &StreamStatus| {
        let micros = of.oldest_unsent_at.map_or(0, |at| now.0.saturating_sub(at.0));
        micros.max(0) as f64 * 1e-6
    };
    type Of<'a> = &'a dyn Fn(&StreamStatus) -> f64;
    let all: [(&str, &str, &str, Of<'_>); 4] = [
        ("indelible_stream_lag_records", "gauge", "Records behind its place.", &|of| of.lag as f64),
        ("indelible_stream_lag_seconds", "gauge", "Age of the oldest that it has not sent.", &age),
        ("indelible_stream_sent_total", "counter", "Events sent.", &|of| of.sent as f64),
        ("indelible_stream_set_aside_total", "counter", "Events set aside, ever.", &|of| {
            of.set_aside as f64
        }),
    ];
    for (name, kind, help, value) in all {
        head(out, name, kind, help);
        for of in streams {
            line(out, format_args!("{name}{{stream=\"{}\"}} {}", of.name, value(of)));
        }
    }
}

pub(crate) fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(out, format_args!("# HELP {name} {help}"));
    line(out, format_args!("# TYPE {name} {kind}"));
}

pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_what_is_at_most_their_bound() {
        let metrics = Metrics::default();
        metrics.appended(1, 250);
        metrics.appended(3, 251);
        metrics.appended(60_000, -5);
        metrics.answered("/x", 200, 10);
        metrics.refused("not-found");
        let text = metrics.text();
        for line in [
            "indelible_batch_events_bucket{le=\"1\"} 1",
            "indelible_batch_events_bucket{le=\"4\"} 2",
            "indelible_batch_events_bucket{le=\"50000\"} 2",
            "indelible_batch_events_bucket{le=\"+Inf\"} 3",
            "indelible_append_seconds_bucket{le=\"0.00025\"} 2",
            "indelible_http_requests_total{route=\"/x\",status=\"200\"} 1",
            "indelible_refusals_total{reason=\"not-found\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }
}

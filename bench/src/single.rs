//! Single durable events from many callers at once: over HTTP, into PostgreSQL, and what the machine can.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

use crate::bulk::beginning;
use crate::generator::Events;
use crate::http::{Connection, JSON};
use crate::limits;
use crate::measure::quantile;
use crate::node::Node;
use crate::ours::Ours;
use crate::peers::postgres::{self, Postgres};
use crate::peers::wire::Wire;
use crate::table::{Table, thousands};

/// The first part of the time does not count.
const WARM_UP_PARTS: u32 = 10;
/// Events of the plain loop: each waits for the disk.
const LOOP_EVENTS: usize = 2_000;
/// A blocking client needs little.
const STACK_BYTES: usize = 256 << 10;

/// What single events are sent to.
pub trait Taker {
    /// Sends one and waits until it is durable.
    fn take(&mut self, event: &[u8]) -> Result<()>;
}

impl Taker for Connection {
    fn take(&mut self, event: &[u8]) -> Result<()> {
        let answer = self.post("/api/audit/logs", JSON, event)?;
        ensure!(answer.status == 201, "not new: {} {}", answer.status, beginning(answer.body));
        Ok(())
    }
}

impl Taker for Wire {
    fn take(&mut self, event: &[u8]) -> Result<()> {
        self.query(&Postgres::insert(event)?).map(drop)
    }
}

/// The rate of many callers, and how long each event waited, in milliseconds, sorted.
#[derive(Clone, Debug)]
pub struct Driven {
    /// Events a second.
    pub events_per_s: f64,
    /// How long each waited.
    pub waits_ms: Vec<f64>,
}

/// Each caller sends one event after the other, until the time or the events are over.
pub fn drive<T: Taker + Send>(
    events: &Events,
    takers: Vec<T>,
    time_max: Duration,
) -> Result<Driven> {
    let (next, barrier) = (AtomicUsize::new(0), Barrier::new(takers.len()));
    let all = std::thread::scope(|scope| -> Result<Vec<(Duration, Duration)>> {
        let mut workers = Vec::new();
        for taker in takers {
            let worker = || work(events, taker, &next, &barrier, time_max);
            workers.push(
                std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker)?,
            );
        }
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        let mut all = Vec::new();
        for end in ends {
            all.extend(end.map_err(|_| anyhow!("a caller panicked"))??);
        }
        Ok(all)
    })?;
    let end = all.iter().map(|&(began, wait)| began + wait).max().unwrap_or_default();
    let warm = end / WARM_UP_PARTS;
    let mut waits_ms: Vec<f64> = all
        .iter()
        .filter(|&&(began, wait)| began + wait >= warm)
        .map(|(_, wait)| wait.as_secs_f64() * 1e3)
        .collect();
    waits_ms.sort_by(f64::total_cmp);
    let events_per_s = waits_ms.len() as f64 / (end - warm).as_secs_f64().max(f64::MIN_POSITIVE);
    Ok(Driven { events_per_s, waits_ms })
}

/// When each event was sent, since the start, and how long it waited.
fn work(
    events: &Events,
    mut taker: impl Taker,
    next: &AtomicUsize,
    barrier: &Barrier,
    time_max: Duration,
) -> Result<Vec<(Duration, Duration)>> {
    let mut times = Vec::new();
    barrier.wait();
    let start = Instant::now();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let began = start.elapsed();
        if index >= events.len() || began >= time_max {
            return Ok(times);
        }
        taker.take(events.get(index))?;
        times.push((began, start.elapsed() - began));
    }
}

/// Everything in one table; PostgreSQL only where it is installed.
pub fn compare(
    dir: &Path,
    node: &Node,
    events: &Events,
    connections: usize,
    time_max: Duration,
) -> Result<Table> {
    let heading = ["single durable events", "callers", "events/s", "p50 ms", "p99 ms", "note"];
    let mut table = Table::new(&heading);
    let few = Events::generate(1, LOOP_EVENTS.min(events.len()));
    let plain = limits::plain_loop(dir, &few, 1, 1)?;
    let sync = limits::sync_latency(dir, few.len().min(300))?;
    table.row(&[
        "machine: write + fdatasync".into(),
        "1".into(),
        thousands(plain.events_per_s as u64),
        format!("{:.2}", sync.p50_us / 1e3),
        format!("{:.2}", sync.p99_us / 1e3),
        "times are of fdatasync alone".into(),
    ]);
    let (events_per_s, waits_ms) = Ours::create(dir, u64::MAX)?.append(events, 1, connections)?;
    let inside = Driven { events_per_s, waits_ms };
    row(&mut table, "Indelible, in process", connections, &inside, "receipts; no HTTP");
    let opened: Result<Vec<_>> =
        (0..connections).map(|_| Connection::open(&node.address)).collect();
    let watch = node.watch();
    let cpu_before = node.cpu_seconds()?;
    let over_http = drive(events, opened?, time_max)?;
    let mut note = "JSON in, receipt out, keep-alive".to_owned();
    if let (Some(before), Some(after)) = (cpu_before, node.cpu_seconds()?) {
        let micros = (after - before) * 1e6 / over_http.waits_ms.len().max(1) as f64;
        note += &format!(", about {micros:.0} µs of its processor time each");
    }
    row(&mut table, "Indelible, HTTP/1.1", connections, &over_http, &note);
    if let Some(peak) = watch.end() {
        println!("the node's memory over HTTP: {}\n", peak.text());
    }
    if Postgres::find().is_some() {
        let server = Postgres::start(dir)?;
        let opened: Result<Vec<Wire>> = (0..connections).map(|_| inserting(&server)).collect();
        let driven = drive(events, opened?, time_max)?;
        row(&mut table, "PostgreSQL, INSERT", connections, &driven, postgres::INSERT_NOTE);
    }
    Ok(table)
}

fn inserting(server: &Postgres) -> Result<Wire> {
    let mut wire = server.connect()?;
    wire.query(&Postgres::prepare_insert())?;
    Ok(wire)
}

fn row(table: &mut Table, name: &str, callers: usize, driven: &Driven, note: &str) {
    let milliseconds = |part: f64| format!("{:.2}", quantile(&driven.waits_ms, part));
    table.row(&[
        name.into(),
        callers.to_string(),
        thousands(driven.events_per_s as u64),
        milliseconds(0.5),
        milliseconds(0.99),
        note.into(),
    ]);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::http::tests::{serve, whole};

    struct Remembering<'a>(&'a Mutex<Vec<Vec<u8>>>);

    impl Taker for Remembering<'_> {
        fn take(&mut self, event: &[u8]) -> Result<()> {
            self.0.lock().expect("a lock").push(event.to_vec());
            Ok(())
        }
    }

    #[test]
    fn every_event_is_taken_once_by_one_of_the_callers() {
        let events = Events::generate(2, 500);
        let taken = Mutex::new(Vec::new());
        let takers = (0..8).map(|_| Remembering(&taken)).collect();
        let driven = drive(&events, takers, Duration::from_secs(60)).expect("all are taken");
        assert!(driven.events_per_s > 0.0 && driven.waits_ms.len() <= 500);
        let mut taken = taken.into_inner().expect("a lock");
        let mut expected: Vec<Vec<u8>> = events.iter().map(<[u8]>::to_vec).collect();
        taken.sort();
        expected.sort();
        assert!(taken == expected);
    }

    #[test]
    fn the_whole_comparison_runs() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let node = Node::running(serve(|_, _| whole(201, "{}")), None, None);
        let events = Events::generate(2, 200);
        let text = compare(dir.path(), &node, &events, 4, Duration::from_secs(60))
            .expect("it runs")
            .render();
        assert!(text.contains("Indelible, HTTP/1.1") && text.contains("in process"), "{text}");
    }

    #[test]
    fn an_event_that_is_not_kept_is_an_error() {
        let address = serve(|_, _| whole(503, "full"));
        let takers = vec![Connection::open(&address).expect("it listens")];
        let error = drive(&Events::generate(2, 5), takers, Duration::from_secs(60));
        assert!(error.is_err_and(|error| error.to_string().contains("503 full")));
    }
}

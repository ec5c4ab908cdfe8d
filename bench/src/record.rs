//! What recording costs the application's threads: the time that each call of `record` takes, beside the least it could
//! take (reading the clock and handing over a box) and beside what people do today.

use std::hint::{black_box, spin_loop};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow};
use indelible::{
    Actor, Embedded, Event, EventId, Outcome, Receipt, Recorder, SendError, Sent, Transport,
    WhenFull,
};

use crate::generator::Generator;
use crate::measure::quantile;
use crate::peers::sqlite::Sqlite;
use crate::table::{Table, thousands};

/// Calls that do not count: threads start, pages are touched.
const WARM_UP: usize = 1_000;
/// SQLite waits for the disk each time; it gets fewer.
const SQLITE_CALLS: usize = 500;

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Threads that record at once.
    pub threads: usize,
    /// Calls of each thread.
    pub calls: usize,
    /// Calls a second of all threads together, where they are paced.
    pub rate: usize,
}

/// Keeps nothing: what is measured is the way there.
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    fn destination(&self) -> String {
        "nowhere".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let receipt =
            Receipt { id: EventId::default(), trail: String::new(), seq: None, leaf: None };
        Ok(events.iter().map(|event| Sent::Kept(black_box((event, receipt.clone())).1)).collect())
    }
}

/// An event such as a web application makes.
pub(crate) fn event(number: usize) -> Event {
    Event::new("invoice.update")
        .category("data_modify")
        .outcome(Outcome::Success)
        .actor(Actor::user(format!("user-{}", number % 1000)).email("maria@example.com"))
        .target("invoice", format!("inv-{number}"))
        .detail("amount", number)
        .with_context(|context| {
            context.ip = Some("192.0.2.17".into());
            context.correlation_id = Some(format!("corr-{:08x}", number / 3).into());
        })
}

/// Measures and prints.
pub fn run(plan: Plan, dir: &Path) -> Result<()> {
    let columns =
        ["what one call costs its thread (ns)", "p50", "p90", "p99", "p99.9", "mean", "lost"];
    let mut table = Table::new(&columns);
    let nothing = timed(plan, None, |_| (), |()| ());
    table.row(&row("reading the clock twice (in every row below)", &nothing, 0));
    let queue = crossbeam_queue::SegQueue::new();
    let least = timed(plan, Some(plan.rate), event, |event| {
        queue.push((event, SystemTime::now()));
        if queue.len() > 1_000 {
            while queue.pop().is_some() {}
        }
    });
    table.row(&row("the clock and a lock-free queue, paced", &least, 0));
    let (sender, receiver) = mpsc::channel();
    let drained = std::thread::spawn(move || receiver.iter().count());
    let channel = timed(plan, Some(plan.rate), event, |event| {
        let _ = sender.send((event, SystemTime::now()));
    });
    drop(sender);
    drained.join().map_err(|_| anyhow!("the receiving thread panicked"))?;
    table.row(&row("a channel of the standard library, paced", &channel, 0));
    for (name, pace, embedded) in [
        ("record(), paced, null transport", Some(plan.rate), false),
        ("record(), paced, a trail in this process", Some(plan.rate), true),
        ("record(), as fast as it goes, null transport", None, false),
    ] {
        let data = tempfile::tempdir_in(dir)?;
        let builder = match embedded {
            true => Recorder::builder(Embedded::open(data.path().join("audit"))?),
            false => Recorder::builder(Nowhere),
        };
        let recorder = builder.when_full(WhenFull::Drop).build()?;
        let times = timed(plan, pace, event, |event| recorder.record(event));
        recorder.close_within(Duration::from_secs(60)).wait()?;
        let lost = recorder.losses().iter().map(|loss| loss.count).sum();
        table.row(&row(name, &times, lost));
    }
    let sqlite = Mutex::new(Sqlite::create(dir)?);
    let insert = Plan { calls: SQLITE_CALLS / plan.threads, ..plan };
    let events = Mutex::new(Generator::new(1));
    let times = timed(
        insert,
        None,
        |_| events.lock().map(|mut generator| generator.take(1)),
        |event| {
            if let (Ok(mut sqlite), Ok(event)) = (sqlite.lock(), event) {
                let _ = sqlite.append(&event, 1);
            }
        },
    );
    table.row(&row("INSERT into an audit table (SQLite, six indexes, durable)", &times, 0));
    println!(
        "{} threads, {} calls each, paced: {} calls a second together; two runs differ by the machine's mood\n",
        plan.threads,
        thousands(plan.calls as u64),
        thousands(plan.rate as u64),
    );
    println!("{}", table.render());
    Ok(())
}

/// The nanoseconds that each call took, sorted.
fn timed<T>(
    plan: Plan,
    rate: Option<usize>,
    make: impl Fn(usize) -> T + Sync,
    call: impl Fn(T) + Sync,
) -> Vec<f64> {
    let barrier = Barrier::new(plan.threads);
    let gap = rate.map(|rate| Duration::from_secs(1) * plan.threads as u32 / rate as u32);
    let thread = &|number: usize| {
        let mut times = Vec::with_capacity(plan.calls);
        barrier.wait();
        let start = Instant::now();
        for at in 0..plan.calls {
            let value = make(number * plan.calls + at);
            pace(start, gap, at);
            let begun = Instant::now();
            call(value);
            let took = begun.elapsed();
            if at >= WARM_UP.min(plan.calls / 10) {
                times.push(took.as_nanos() as f64);
            }
        }
        times
    };
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..plan.threads).map(|number| scope.spawn(move || thread(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    times.sort_by(f64::total_cmp);
    times
}

/// Waits until it is this call's turn: sleeping if that is long, as applications do.
fn pace(start: Instant, gap: Option<Duration>, at: usize) {
    let Some(gap) = gap else { return };
    let turn = start + gap * at as u32;
    loop {
        let left = turn.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > Duration::from_micros(100) { std::thread::sleep(left) } else { spin_loop() }
    }
}

fn row(name: &str, times: &[f64], lost: u64) -> Vec<String> {
    let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
    let mut cells = vec![name.to_owned()];
    cells.extend([0.5, 0.9, 0.99, 0.999].map(|part| thousands(quantile(times, part) as u64)));
    cells.extend([thousands(mean as u64), thousands(lost)]);
    cells
}

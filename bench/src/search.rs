//! Everything about searching in one run: loading, size, memory, questions, and how soon it is found.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::asking::{self, Asked};
use crate::bulk::{self, Load};
use crate::delay;
use crate::generator::{Events, Generator};
use crate::http::Connection;
use crate::node::{MERGED, Node};
use crate::peers::postgres::{self, Postgres};
use crate::peers::sqlite::{self, Sqlite};
use crate::table::{Table, thousands};
use crate::values;

/// How many events are made and inserted into a database at a time.
const CHUNK: usize = 100_000;
/// How many events a database commits together.
const GROUP: usize = 1_000;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How our node is loaded.
    pub load: Load,
    /// How many events the databases get.
    pub peer_events: usize,
    /// How often each question is asked at most.
    pub asked: usize,
    /// How many events are watched until they are found.
    pub probes: usize,
}

/// Loads a node and asks it, printing on the way.
pub fn ours(node: &Node, plan: &Plan) -> Result<Vec<Asked>> {
    println!("Indelible, {} events:", thousands(plan.load.events as u64));
    let loaded = bulk::load(node, &plan.load)?;
    println!("{}\n", loaded.text()?);
    let start = Instant::now();
    node.settle(MERGED)?;
    println!("small segments merged after {:.0} s more, at rest\n", start.elapsed().as_secs_f64());
    print_sizes(node, plan.load.events)?;
    let draws = values::draw(plan.load.seed, plan.load.events, plan.asked)?;
    let watch = node.watch();
    let asked = asking::ask_all(&mut Connection::open(&node.address)?, &draws)?;
    if let Some(peak) = watch.end() {
        println!("the node's memory while asking: {}\n", peak.text());
    }
    // Under load last, so that the questions were asked of exactly these events.
    let round = plan.load.seed.rotate_left(32);
    println!("{}", delay::measure(&node.address, plan.probes, round)?.render());
    Ok(asked)
}

/// What is on disk, by directory and kind.
pub fn print_sizes(node: &Node, events: usize) -> Result<()> {
    let sizes = node.sizes()?;
    if sizes.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["on disk", "B/event", "bytes"]);
    let mut line = |name: &str, size: u64| {
        let each = format!("{:.1}", size as f64 / events as f64);
        table.row(&[name.to_owned(), each, thousands(size)]);
    };
    line("all", sizes.values().sum());
    for (name, &size) in &sizes {
        line(name, size);
    }
    println!("{}", table.render());
    Ok(())
}

/// The same for SQLite.
pub fn sqlite(dir: &Path, plan: &Plan) -> Result<Vec<Asked>> {
    let mut sqlite = Sqlite::create(dir)?;
    sqlite.add_text_search()?;
    let rates = fill(plan, |events| sqlite.append(events, GROUP))?;
    sqlite.analyze()?;
    loaded("SQLite", plan, rates, sqlite.size_on_disk()?, &[sqlite::NOTE, sqlite::TEXT_NOTE]);
    let draws = values::draw(plan.load.seed, plan.peer_events, plan.asked)?;
    asking::ask_all(&mut sqlite, &draws)
}

/// The same for PostgreSQL.
pub fn postgres(dir: &Path, plan: &Plan) -> Result<Vec<Asked>> {
    let server = Postgres::start(dir)?;
    server.add_text_search()?;
    let rates = fill(plan, |events| server.append(events, GROUP))?;
    server.analyze()?;
    let size = server.size_on_disk()?;
    loaded("PostgreSQL", plan, rates, size, &[postgres::NOTE, postgres::TEXT_NOTE]);
    let draws = values::draw(plan.load.seed, plan.peer_events, plan.asked)?;
    asking::ask_all(&mut server.connect()?, &draws)
}

/// The rate over all, and that of the last part.
fn fill(plan: &Plan, mut append: impl FnMut(&Events) -> Result<f64>) -> Result<(f64, f64)> {
    let mut generator = Generator::new(plan.load.seed);
    let (mut done, mut seconds, mut last) = (0, 0.0, 0.0);
    while done < plan.peer_events {
        let events = generator.take(CHUNK.min(plan.peer_events - done));
        // The system's own clock: making the events, and for COPY the lines, is not in it.
        last = append(&events)?;
        seconds += events.len() as f64 / last;
        done += events.len();
        eprintln!("  {} rows: {} events/s", thousands(done as u64), thousands(last as u64));
    }
    Ok((done as f64 / seconds, last))
}

fn loaded(system: &str, plan: &Plan, (all, last): (f64, f64), size: u64, notes: &[&str]) {
    println!(
        "{system}, {} events: {}/s, the last of them at {}/s; {} B/event on disk\n  ({})\n",
        thousands(plan.peer_events as u64),
        thousands(all as u64),
        thousands(last as u64),
        size / plan.peer_events.max(1) as u64,
        notes.join("; ")
    );
}

//! `indelible-bench`: prints how fast the log, the machine and other systems take the same events.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock and writes real files; that is what it measures"
)]

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use indelible_bench::generator::{Events, Generator};
use indelible_bench::limits;
use indelible_bench::measure::Measurement;
use indelible_bench::ours::{self, Ours};
use indelible_bench::peers::postgres::{self, Postgres};
use indelible_bench::peers::sqlite::{self, Sqlite};
use indelible_bench::table::{Table, thousands};

/// How many events are made and inserted at a time where a table grows to millions.
const CHUNK: usize = 200_000;

/// Measures the log beside the machine's limit and beside other systems.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// The same events into everything, in one table.
    Append(Options),
    /// Only ours.
    Ours(Options),
    /// Sealing, size on disk, needles, verification and opening of our log.
    Log {
        /// Events in the log.
        #[arg(long, default_value_t = 2_500_000)]
        events: usize,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Only what this machine could do at best.
    Limits(Options),
    /// Only SQLite with the classic audit table.
    Sqlite(Options),
    /// Only PostgreSQL with the classic audit table, if it is installed.
    Postgres(Options),
    /// Writes events to standard output, one a line.
    Generate {
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        events: usize,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[derive(Args, Clone)]
struct Options {
    /// Events in each run.
    #[arg(long, default_value_t = 200_000)]
    events: usize,
    /// How many events become durable together; several, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100])]
    groups: Vec<usize>,
    /// Runs that the median is taken of.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Let the databases' tables grow to this many rows, to see what is left of their speed.
    #[arg(long, default_value_t = 0)]
    grow_to: usize,
    /// Where to write: a directory on the disk that is to be measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Another seed, other events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Bench::Append(options) => append(&options),
        Bench::Ours(options) => print(&options, &[machine, ours]),
        Bench::Log { events, dir, seed } => log(&dir, seed, events),
        Bench::Limits(options) => print(&options, &[machine]),
        Bench::Sqlite(options) => print(&options, &[sqlite]),
        Bench::Postgres(options) => print(&options, &[postgres]),
        Bench::Generate { events, seed } => generate(events, seed),
    }
}

/// One system's rows of the table.
type Part = fn(&Options, &Events) -> Result<Vec<Measurement>>;

fn append(options: &Options) -> Result<()> {
    let mut parts: Vec<Part> = vec![machine, ours, sqlite];
    if Postgres::find().is_some() {
        parts.push(postgres);
    }
    print(options, &parts)
}

fn print(options: &Options, parts: &[Part]) -> Result<()> {
    let events = Events::generate(options.seed, options.events);
    let mean_size = events.total_size().checked_div(events.len()).unwrap_or(0);
    let cores = std::thread::available_parallelism()?;
    println!(
        "{} events of {mean_size} bytes, {cores} cores, {}",
        thousands(events.len() as u64),
        options.dir.display()
    );
    let latency = limits::sync_latency(&options.dir, 300)?;
    println!(
        "fdatasync of 4 KiB appended: median {:.0} µs, p99 {:.0} µs, slowest {:.0} µs\n",
        latency.p50_us, latency.p99_us, latency.max_us
    );
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(part(options, &events)?);
    }
    print!("{}", Table::of(&rows).render());
    Ok(())
}

fn machine(options: &Options, events: &Events) -> Result<Vec<Measurement>> {
    let mut rows = Vec::new();
    for &group_size in &options.groups {
        rows.push(limits::plain_loop(&options.dir, events, group_size, options.runs)?);
    }
    rows.extend(limits::parts(events, options.runs)?);
    Ok(rows)
}

fn ours(options: &Options, events: &Events) -> Result<Vec<Measurement>> {
    let mut rows = Vec::new();
    // Two waiting callers keep both cores busy; single events come from many.
    let kinds = options.groups.iter().map(|&group| (group, 3)).chain([(1, 64)]);
    for (group_size, threads) in kinds {
        let name = format!("Indelible, {threads} callers");
        rows.push(Measurement::median(name, group_size, options.runs, ours::NOTE, || {
            Ok(Ours::create(&options.dir, u64::MAX)?.append(events, group_size, threads)?.0)
        })?);
    }
    Ok(rows)
}

fn log(dir: &std::path::Path, seed: u64, count: usize) -> Result<()> {
    let mut table = Table::new(&["our log", "measured"]);
    for figure in ours::figures(dir, seed, count)? {
        table.row(&[figure.what, figure.measured]);
    }
    print!("{}", table.render());
    Ok(())
}

fn sqlite(options: &Options, events: &Events) -> Result<Vec<Measurement>> {
    let mut rows = Vec::new();
    for &group_size in &options.groups {
        let mut size = 0;
        let mut row = Measurement::median("SQLite, fresh", group_size, options.runs, "", || {
            let mut sqlite = Sqlite::create(&options.dir)?;
            let rate = sqlite.append(events, group_size)?;
            size = sqlite.size_on_disk()?;
            Ok(rate)
        })?;
        row.note = format!("{}; {}", sqlite::NOTE, per_event(size, events.len()));
        rows.push(row);
        if options.grow_to > 0 {
            let mut sqlite = Sqlite::create(&options.dir)?;
            let last = grow(options, |events| sqlite.append(events, group_size))?;
            rows.push(grown("SQLite", group_size, options.grow_to, last, sqlite.size_on_disk()?));
        }
    }
    Ok(rows)
}

fn postgres(options: &Options, events: &Events) -> Result<Vec<Measurement>> {
    let mut rows = Vec::new();
    for &group_size in &options.groups {
        let mut size = 0;
        let mut row =
            Measurement::median("PostgreSQL, fresh", group_size, options.runs, "", || {
                let server = Postgres::start(&options.dir)?;
                let rate = server.append(events, group_size)?;
                size = server.size_on_disk()?;
                Ok(rate)
            })?;
        row.note = format!("{}; {}", postgres::NOTE, per_event(size, events.len()));
        rows.push(row);
        if options.grow_to > 0 {
            let server = Postgres::start(&options.dir)?;
            let last = grow(options, |events| server.append(events, group_size))?;
            rows.push(grown(
                "PostgreSQL",
                group_size,
                options.grow_to,
                last,
                server.size_on_disk()?,
            ));
        }
    }
    Ok(rows)
}

/// Fills a table to the size asked for; the rate of the last chunk. Making events is not timed.
fn grow(options: &Options, mut append: impl FnMut(&Events) -> Result<f64>) -> Result<f64> {
    let mut generator = Generator::new(options.seed);
    let (mut done, mut last) = (0, 0.0);
    while done < options.grow_to {
        let events = generator.take(CHUNK.min(options.grow_to - done));
        last = append(&events)?;
        done += events.len();
        eprintln!("  {} rows: {} events/s", thousands(done as u64), thousands(last as u64));
    }
    Ok(last)
}

fn grown(
    system: &str,
    group_size: usize,
    count: usize,
    events_per_s: f64,
    size: u64,
) -> Measurement {
    Measurement {
        name: format!("{system}, at {} rows", thousands(count as u64)),
        group_size,
        events_per_s,
        runs: 1,
        note: format!(
            "the last {} of them; {}",
            thousands(CHUNK.min(count) as u64),
            per_event(size, count)
        ),
    }
}

fn per_event(size: u64, count: usize) -> String {
    format!("{} B/event on disk", size.checked_div(count as u64).unwrap_or(0))
}

fn generate(count: usize, seed: u64) -> Result<()> {
    let mut generator = Generator::new(seed);
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut line = Vec::with_capacity(1024);
    let written = (0..count).try_for_each(|_| {
        line.clear();
        generator.write_event(&mut line);
        line.push(b'\n');
        out.write_all(&line)
    });
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

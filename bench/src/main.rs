//! `indelible-bench`: prints how fast the log, the machine and other systems take the same events.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real clock and writes real files; that is what it measures"
)]

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use indelible_bench::bulk::{self, Load};
use indelible_bench::generator::{Events, Generator};
use indelible_bench::history::History;
use indelible_bench::http::Address;
use indelible_bench::import::{self, Import};
use indelible_bench::keep;
use indelible_bench::measure::Measurement;
use indelible_bench::node::{MERGED, Node};
use indelible_bench::ours::{self, Ours};
use indelible_bench::peers::postgres::{self, Postgres};
use indelible_bench::peers::sqlite::{self, Sqlite};
use indelible_bench::search::Plan;
use indelible_bench::table::{Table, thousands};
use indelible_bench::{
    asking, dashboard, history, layer, limits, pages, record, search, single, watch,
};

/// How many events are made and inserted at a time where a table grows to millions.
const CHUNK: usize = 200_000;

/// What the databases are asked over, if not told otherwise: they would take hours for more.
const PEER_EVENTS: usize = 1_000_000;

/// What a node that is started for it has in it before its pages are loaded, if not told otherwise.
const PAGES_EVENTS: usize = 20_000;

/// What rules look at, if not told otherwise.
const WATCH_EVENTS: usize = 200_000;

/// What a log has that is backtested, if not told otherwise.
const BACKTEST_EVENTS: usize = 1_000_000;

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
    /// Loads a running node, SQLite and PostgreSQL, and asks all of them the same questions.
    ///
    /// Prints rates, bytes on disk, the node's memory, how soon an event is found, and p50 and p99 of
    /// each question. Values asked for were loaded; they are drawn again from the seed.
    Search {
        /// How the node is loaded.
        #[command(flatten)]
        load: LoadOptions,
        /// Events for each database. They are slow, so they get fewer by default: at most a million.
        #[arg(long)]
        peer_events: Option<usize>,
        /// Which systems, separated by commas; PostgreSQL only if it is installed.
        #[arg(long, value_delimiter = ',', default_values = ["ours", "sqlite", "postgres"])]
        systems: Vec<System>,
        /// How often each question is asked, each time with other values; fewer if it takes over 20 s.
        #[arg(long, default_value_t = 200)]
        asked: usize,
        /// How many events are watched until a search finds them, idle and again under load.
        #[arg(long, default_value_t = 100)]
        probes: usize,
        /// Which node.
        #[command(flatten)]
        node: NodeOptions,
    },
    /// Only loads a running node over HTTP: NDJSON, until everything is sealed and indexed.
    Bulk {
        /// How it is loaded.
        #[command(flatten)]
        load: LoadOptions,
        /// Which node.
        #[command(flatten)]
        node: NodeOptions,
    },
    /// Loads the dashboard's pages, as a browser asks for them.
    ///
    /// Prints how soon the first and the last byte of each is there, and its compressed weight. A node that is
    /// named by --url is asked as it is, unless --events says what to load first.
    Pages {
        /// Events that are loaded first: 20,000 into a node that this starts.
        #[arg(long)]
        events: Option<usize>,
        /// How often each page is loaded, over a warm connection.
        #[arg(long, default_value_t = 30)]
        loads: usize,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Which node.
        #[command(flatten)]
        node: NodeOptions,
    },
    /// Single durable events over many connections, beside the machine's limit and PostgreSQL.
    Http {
        /// Connections, each with one event under way.
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Events that each system gets at most.
        #[arg(long, default_value_t = 300_000)]
        events: usize,
        /// Seconds that each system gets at most.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Which node.
        #[command(flatten)]
        node: NodeOptions,
    },
    /// What a call of the SDK's `record` costs the thread that makes it.
    Record {
        /// Threads that record at once.
        #[arg(long, default_value_t = 8)]
        threads: usize,
        /// Calls of each thread.
        #[arg(long, default_value_t = 50_000)]
        calls: usize,
        /// Calls a second of all threads together, where they are paced.
        #[arg(long, default_value_t = 40_000)]
        rate: usize,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// What auditing every request costs a web service, beside the usual INSERT a request.
    Layer {
        /// Seconds of load for each.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Runs that the median is taken of.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Imports files of CloudTrail, beside what it takes to unpack, parse and write them.
    Import {
        /// Records in all.
        #[arg(long, default_value_t = 1_000_000)]
        records: usize,
        /// Plain files, not gzip.
        #[arg(long)]
        plain: bool,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// The program; without it the `indelible` beside this one.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Another seed, other records.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Makes a directory with months of events, to ask a node over it what a dashboard asks.
    History {
        /// How many.
        #[arg(long, default_value_t = 10_000_000)]
        events: usize,
        /// Over how many days until now.
        #[arg(long, default_value_t = 90)]
        days: u64,
        /// The directory, a new one.
        #[arg(long)]
        data: PathBuf,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Asks a running node what a dashboard asks, such as one over the directory that `history` made.
    Dashboard {
        /// How often each question is asked, each time a little different.
        #[arg(long, default_value_t = 60)]
        asked: usize,
        /// The node: http://host:port.
        #[arg(long)]
        url: String,
        /// A key that may read all trails there.
        #[arg(long)]
        key: String,
        /// Its process, to see what a question costs there.
        #[arg(long)]
        pid: Option<u32>,
    },
    /// Backs up, restores with verification, erases one of many and expires a day, as people do it.
    ///
    /// Needs a directory that `history` made; it is only read, but for the events of its backups.
    Keep {
        /// The directory.
        #[arg(long)]
        data: PathBuf,
        /// The program; without it the `indelible` beside this one.
        #[arg(long)]
        program: Option<PathBuf>,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Runs of backup and restore that the median is taken of.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// The trail that somebody is erased in.
        #[arg(long, default_value = "globex")]
        trail: String,
        /// Who is erased there; without it whoever has about 10,000 events.
        #[arg(long)]
        subject: Option<String>,
        /// Events of the day that expires.
        #[arg(long, default_value_t = 1_000_000)]
        day_events: usize,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// What rules cost that look at every event, beside another engine; or a backtest over a whole log.
    Watch {
        /// Events; 200,000, or of a backtest 1,000,000.
        #[arg(long)]
        events: Option<usize>,
        /// Rules of one event.
        #[arg(long, default_value_t = 1_000)]
        rules: usize,
        /// Backtests 30 rules over a log of so many events.
        #[arg(long)]
        backtest: bool,
        /// A log that is there, such as one that `history` made.
        #[arg(long, requires = "backtest")]
        data: Option<PathBuf>,
        /// Where to write: a directory on the disk that is to be measured.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Another seed, other events.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
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

/// A system that is asked.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum System {
    Ours,
    Sqlite,
    Postgres,
}

#[derive(Args, Clone)]
struct LoadOptions {
    /// Events for the node.
    #[arg(long, default_value_t = 10_000_000)]
    events: usize,
    /// Connections that send at the same time.
    #[arg(long, default_value_t = 3)]
    connections: usize,
    /// Events in a request.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// Another seed, other events.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl LoadOptions {
    fn load(&self) -> Load {
        let Self { seed, events, connections, batch } = *self;
        Load { seed, events, connections, batch }
    }
}

/// A node is started with an empty directory, unless one that runs is named. One that runs must not have
/// the seed's events yet.
#[derive(Args, Clone)]
struct NodeOptions {
    /// Where to write: a directory on the disk that is to be measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The program to start; without it the `indelible` beside this one.
    #[arg(long)]
    program: Option<PathBuf>,
    /// A node that runs already: http://host:port.
    #[arg(long, requires = "key")]
    url: Option<String>,
    /// A key that may write and read all trails there.
    #[arg(long)]
    key: Option<String>,
    /// The process of the node at --url, to see its memory.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// The directory of the node at --url, to see its size and its sealing.
    #[arg(long, requires = "url")]
    data: Option<PathBuf>,
}

impl NodeOptions {
    fn node(&self) -> Result<Node> {
        if let (Some(url), Some(key)) = (&self.url, &self.key) {
            return Ok(Node::running(Address::parse(url, key)?, self.pid, self.data.clone()));
        }
        let beside =
            || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("indelible"));
        let program = self.program.clone().map_or_else(beside, Ok)?;
        Node::start(&program, &self.dir).context("no node")
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Bench::Append(options) => append(&options),
        Bench::Ours(options) => print(&options, &[machine, ours]),
        Bench::Log { events, dir, seed } => log(&dir, seed, events),
        Bench::Limits(options) => print(&options, &[machine]),
        Bench::Sqlite(options) => print(&options, &[sqlite]),
        Bench::Postgres(options) => print(&options, &[postgres]),
        Bench::Search { load, peer_events, systems, asked, probes, node } => {
            let peer_events = peer_events.unwrap_or(load.events.min(PEER_EVENTS));
            search(&Plan { load: load.load(), peer_events, asked, probes }, &systems, &node)
        }
        Bench::Bulk { load, node } => {
            let node = node.node()?;
            println!("{}\n", bulk::load(&node, &load.load())?.text()?);
            search::print_sizes(&node, load.events)
        }
        Bench::Pages { events, loads, seed, node } => {
            let own = node.url.is_none().then_some(PAGES_EVENTS);
            let node = node.node()?;
            if let Some(events) = events.or(own) {
                let load = Load { seed, events, connections: 3, batch: 1_000 };
                println!("{}\n", bulk::load(&node, &load)?.text()?);
                node.settle(MERGED)?;
            }
            print!("{}", pages::measure(&node, loads)?.render());
            println!("\n{}", pages::bound());
            Ok(())
        }
        Bench::Http { connections, events, seconds, seed, node } => {
            let events = Events::generate(seed, events);
            let time_max = Duration::from_secs(seconds);
            let table = single::compare(&node.dir, &node.node()?, &events, connections, time_max)?;
            print!("{}", table.render());
            Ok(())
        }
        Bench::Record { threads, calls, rate, dir } => {
            record::run(record::Plan { threads, calls, rate }, &dir)
        }
        Bench::Layer { seconds, runs, dir } => layer::run(&dir, seconds, runs),
        Bench::Import { records, plain, dir, program, seed } => {
            let beside =
                || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("indelible"));
            let program = program.map_or_else(beside, Ok)?;
            import::run(&dir, &Import { records, seed, plain, program })
        }
        Bench::History { events, days, data, seed } => {
            history::make(&data, &History { seed, events, days })
        }
        Bench::Dashboard { asked, url, key, pid } => {
            let node = Node::running(Address::parse(&url, &key)?, pid, None);
            print!("{}", dashboard::ask(&node, asked)?.render());
            Ok(())
        }
        Bench::Keep { data, program, dir, runs, trail, subject, day_events, seed } => {
            let beside =
                || Ok::<_, anyhow::Error>(std::env::current_exe()?.with_file_name("indelible"));
            let program = program.map_or_else(beside, Ok)?;
            let plan = keep::Plan { program, data, dir, runs, trail, subject, day_events, seed };
            print!("{}", keep::measure(&plan)?.render());
            Ok(())
        }
        Bench::Watch { events, backtest: true, data, dir, seed, .. } => {
            watch::history(seed, events.unwrap_or(BACKTEST_EVENTS), data.as_deref(), &dir)
        }
        Bench::Watch { events, rules, seed, .. } => {
            watch::run(seed, rules, events.unwrap_or(WATCH_EVENTS))
        }
        Bench::Generate { events, seed } => generate(events, seed),
    }
}

fn search(plan: &Plan, systems: &[System], node: &NodeOptions) -> Result<()> {
    println!(
        "seed {}, {} cores, {}; the databases get {} events, ours {}\n",
        plan.load.seed,
        std::thread::available_parallelism()?,
        node.dir.display(),
        thousands(plan.peer_events as u64),
        thousands(plan.load.events as u64)
    );
    let mut all = Vec::new();
    // One after the other, so that each has the machine for itself.
    for system in systems {
        match system {
            System::Ours => all.push(("Indelible", search::ours(&node.node()?, plan)?)),
            System::Sqlite => all.push(("SQLite", search::sqlite(&node.dir, plan)?)),
            System::Postgres if Postgres::find().is_some() => {
                all.push(("PostgreSQL", search::postgres(&node.dir, plan)?));
            }
            System::Postgres => println!("PostgreSQL is not installed\n"),
        }
    }
    print!("{}", asking::table(&all).render());
    Ok(())
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

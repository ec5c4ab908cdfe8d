//! `indelible import --from`: the audit table that an application has until now.

use std::borrow::Cow;
use std::future::Future;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use indelible_connect::import::finish;
use indelible_connect::limits::MAP_BYTES_MAX;
use indelible_connect::rows::{self, Cell, Map, guess};
use indelible_event::Micros;
use indelible_log::{Clock, SystemClock};
use indelible_store::Store;
use indelible_tables::{Address, Reading, Row, Table, TableError, TableName, Wanted};
use serde_json::json;
use tokio::runtime::Runtime;

use super::mapping::{Mapped, explained, item};
use super::report::{Report, Tally};
use super::sink::Sink;
use super::table_place::TablePlace;
use super::{take, told};
use crate::args::{Global, Import};
use crate::ask::change::writer;
use crate::ask::when::{End, moment};
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, Out};
use crate::progress::Progress;

/// Events that are shown before anything is imported.
const SHOWN: usize = 3;
/// Rows that are looked at by --dry-run.
const DRY_ROWS_MAX: u32 = 1_000;
/// Rows appended together.
const LOT_ROWS_MAX: usize = 500;
/// How often the table is asked for more while it is followed.
const POLL: Duration = Duration::from_secs(2);
/// How often in a row a database may be away before an import gives up that does not follow.
const TRIES: u32 = 8;
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is imported, and how.
struct Importing<'a> {
    global: &'a Global,
    args: &'a Import,
    runtime: Runtime,
    map: Map,
    /// What rows are said to come from: their ids are made of it.
    source: String,
    until: Option<Micros>,
}

/// Ends when somebody wants an end.
type Stop = Pin<Box<dyn Future<Output = std::io::Result<()>>>>;

pub fn run(global: &Global, out: &mut Out, args: &Import, from: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::io("starting"))?;
    let name = args.table.table.as_deref().unwrap_or_default();
    let name: TableName = name.parse().map_err(said)?;
    let wanted = Wanted { key: args.table.order_by.clone(), follow: args.table.follow };
    let address = address(from)?;
    let database = address.to_string();
    let mut table = runtime.block_on(Table::open(address, &name, &wanted)).map_err(said)?;
    let source = args.files.source.clone().unwrap_or_else(|| table.source());
    let map = map(args, &source, &table)?;
    let until = until(args)?;
    let importing =
        Importing { global, args, runtime, source: map.source().to_owned(), map, until };
    importing.show(out, &mut table)?;
    if args.files.dry_run {
        return importing.dry(out, &mut table);
    }
    if !importing.agreed()? {
        return Err(Failure::cannot("nothing was imported"));
    }
    let client = args.at.client(global)?;
    let to = args.at.url.clone().unwrap_or_else(|| global.data.display().to_string());
    let place =
        TablePlace::open(args, &database, &importing.source, &table.order().to_string(), &to)?;
    if let Some(client) = client {
        let sink = Sink::node(client, args.trail.as_ref());
        return importing.all(table, &sink, place)?.end(global.json);
    }
    let store = Arc::new(writer(global)?);
    let target = json!({"type": "table", "id": importing.source});
    let details = json!({"table": name.to_string(), "follow": args.table.follow});
    let result = told(global, &store, "import.table", (target, details), |sink| {
        importing.all(table, sink, place)
    });
    let closed = Arc::into_inner(store).map_or(Ok(()), Store::close);
    let tally = result?;
    closed?;
    tally.end(global.json)
}

/// An address, or `env:NAME`, whose value it is: what stands on a command line is seen by everybody on the machine.
fn address(from: &str) -> Result<Address, Failure> {
    let text = match from.strip_prefix("env:") {
        Some(name) => Cow::Owned(std::env::var(name).map_err(|_| {
            Failure::Usage(format!("--from: the environment variable {name} is not set"))
        })?),
        None => Cow::Borrowed(from),
    };
    Address::parse(&text).map_err(said)
}

fn map(args: &Import, source: &str, table: &Table) -> Result<Map, Failure> {
    let columns = table.row_columns();
    let map = match &args.files.map {
        None => guess(source, &columns),
        Some(path) => {
            let text = files::read(path, MAP_BYTES_MAX as u64)?;
            let shown = path.display();
            let text = String::from_utf8(text);
            let text = text.map_err(|_| Failure::cannot(format_args!("{shown}: is not UTF-8")))?;
            Map::read(&text, source, &columns)
                .map_err(|error| Failure::cannot(format_args!("{shown}: {error}")))?
        }
    };
    if let Some(why) = map.missing() {
        let hint = "write what --dry-run prints to a file, add the line, and name it with --map"
            .to_owned();
        return Err(Failure::Cannot { why, hint: Some(hint) });
    }
    Ok(if args.trail.is_some() { map.without_trail() } else { map })
}

fn until(args: &Import) -> Result<Option<Micros>, Failure> {
    let Some(text) = &args.table.until else { return Ok(None) };
    let at = match crate::ask::when::ahead(text, jiff::Timestamp::now()) {
        Some(at) => at.to_string(),
        None => moment(text, End::Until, jiff::Timestamp::now(), &jiff::tz::TimeZone::system())
            .map_err(Failure::Usage)?,
    };
    Micros::parse(&at).map(Some).map_err(Failure::cannot)
}

impl Importing<'_> {
    /// What becomes what.
    fn show(&self, out: &mut Out, table: &mut Table) -> Result<(), Failure> {
        let order = table.order();
        let order = format!("# read by {order} ({}); ids are made of {}", order.why(), self.source);
        let text = format!("{}\n{}", clean(&order), explained(&self.map));
        if self.args.files.dry_run {
            return if out.is_json() { Ok(()) } else { out.line(text.trim_end()) };
        }
        if !self.global.json {
            out::note(format_args!("{}", text.trim_end()));
        }
        Ok(())
    }

    fn dry(&self, out: &mut Out, table: &mut Table) -> Result<(), Failure> {
        let page = self.runtime.block_on(table.read(None, None, DRY_ROWS_MAX)).map_err(said)?;
        let progress = Progress::count("rows", true);
        let refused = self.args.files.refused.as_deref();
        let mut report = Report::new((refused, false), &progress, self.global.json)?;
        let mut shown = 0;
        for (number, row) in (1..).zip(&page.rows) {
            match self.mapped(row) {
                Mapped::Refused { field, reason, original } => {
                    report.refused(Path::new(&self.source), number, &field, &reason, &original)?;
                }
                Mapped::Event(_, json) => {
                    report.tally.kept += 1;
                    if shown < SHOWN {
                        shown += 1;
                        out.bytes(&json)?;
                        out.line("")?;
                    }
                }
            }
        }
        out.flush()?;
        if !page.last && !self.global.json {
            out::note(format_args!("of the first {} rows:", page.rows.len()));
        }
        report.dry();
        if report.tally.refused > 0 { Err(Failure::Told) } else { Ok(()) }
    }

    /// Asks a person who sits there. Who calls it from a program has read the manual.
    fn agreed(&self) -> Result<bool, Failure> {
        let stdin = std::io::stdin();
        if self.args.table.yes || self.global.json || !stdin.is_terminal() || !out::is_watched() {
            return Ok(true);
        }
        out::note(format_args!("Import it so? Another mapping is given with --map. [y/N]"));
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer).map_err(Failure::io("standard input"))?;
        Ok(matches!(&*answer.trim().to_lowercase(), "y" | "yes"))
    }

    /// Imports everything, and what is added while it is followed.
    fn all(&self, mut table: Table, sink: &Sink, mut place: TablePlace) -> Result<Tally, Failure> {
        let started = SystemClock.now();
        let rows = self.runtime.block_on(table.count()).ok().flatten();
        let progress = match self.args.table.follow {
            true => Progress::count("rows", self.global.json),
            false => Progress::of("rows", self.global.json),
        };
        let refused = (self.args.files.refused.as_deref(), place.reached().is_some());
        let mut report = Report::new(refused, &progress, self.global.json)?;
        let mut reading = Reading::new(table, place.reached().cloned());
        if place.reached().is_some() && !self.global.json {
            out::note(format_args!(
                "going on where an import was before; to begin anew, remove {}",
                place.shown()
            ));
        }
        let mut stop: Stop = Box::pin(tokio::signal::ctrl_c());
        let (mut done, mut tries) = (0_u64, 0_u32);
        let result = loop {
            if self.stopped(&mut stop, Duration::ZERO) {
                break Ok(());
            }
            let page = match self.runtime.block_on(reading.next(SystemClock.now())) {
                Ok(page) => page,
                Err(TableError::Later { why }) if self.args.table.follow || tries < TRIES => {
                    let pause = (Duration::from_secs(1) * 2_u32.saturating_pow(tries.min(6)))
                        .min(PAUSE_MAX);
                    tries += 1;
                    report.waiting(&clean(&why));
                    if self.stopped(&mut stop, pause) {
                        break Ok(());
                    }
                    continue;
                }
                Err(error) => break Err(said(error)),
            };
            tries = 0;
            let lots = self.append(sink, &page.rows, &mut done, &mut report);
            match rows.filter(|_| !self.args.table.follow) {
                Some(rows) => progress.set_of(done, rows.max(done)),
                None => progress.set(done),
            }
            // Only what is durable is behind the place.
            if let Err(failure) = lots.and_then(|()| place.go_on(reading.place(), page.last)) {
                break Err(failure);
            }
            if page.last && (!self.args.table.follow || self.stopped(&mut stop, POLL)) {
                break Ok(());
            }
        };
        report.clear();
        place.write()?;
        result?;
        report.finish(SystemClock.now().0 - started.0)
    }

    fn append(
        &self,
        sink: &Sink,
        rows: &[Row],
        done: &mut u64,
        report: &mut Report<'_>,
    ) -> Result<(), Failure> {
        for rows in rows.chunks(LOT_ROWS_MAX) {
            let mut mapped: Vec<Mapped> = rows.iter().map(|row| self.mapped(row)).collect();
            let numbers: Vec<u64> = (*done + 1..).take(rows.len()).collect();
            take(sink, Path::new(&self.source), &numbers, &mut mapped, report)?;
            *done += rows.len() as u64;
        }
        Ok(())
    }

    /// Waits so long, and says whether somebody wants an end, or the time has come.
    fn stopped(&self, stop: &mut Stop, wait: Duration) -> bool {
        let over = self.until.is_some_and(|until| SystemClock.now() >= until);
        over || self.runtime.block_on(async { tokio::time::timeout(wait, stop).await.is_ok() })
    }

    fn mapped(&self, row: &Row) -> Mapped {
        let original = self.original(row);
        let row = rows::Row { position: row.position, cells: &row.cells, more: &[] };
        let mut line = Vec::new();
        let event = self.map.event(&row).and_then(|draft| finish(draft, &original, &mut line));
        match event.and_then(|event| item(event, self.args.trail.as_ref())) {
            Ok(item) => Mapped::Event(Some(item), line.into()),
            Err(unmapped) => Mapped::Refused {
                field: unmapped.field,
                reason: unmapped.message,
                original: original.into_bytes().into(),
            },
        }
    }

    /// The row as an object, for whoever looks at what was refused.
    fn original(&self, row: &Row) -> String {
        let text = |cell: &Cell<'_>| match cell {
            Cell::Null => serde_json::Value::Null,
            Cell::Bool(value) => (*value).into(),
            Cell::Text(text) | Cell::Number(text) | Cell::Json(text) => (&**text).into(),
            Cell::Time(at) => at.to_string().into(),
            Cell::Bytes(bytes) => {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
            }
        };
        let members = self.map.columns().iter().zip(&row.cells);
        let members: serde_json::Map<_, _> =
            members.map(|(column, cell)| (column.name.clone(), text(cell))).collect();
        serde_json::Value::Object(members).to_string()
    }
}

fn said(error: TableError) -> Failure {
    match error {
        TableError::Wrong { why, hint } => {
            Failure::Cannot { why: clean(&why), hint: Some(clean(&hint)) }
        }
        error => {
            let hint = "see that the database runs and that this machine may reach it; the same again goes on";
            Failure::Cannot { why: clean(&error.to_string()), hint: Some(hint.into()) }
        }
    }
}

//! `indelible append`: one thread reads and checks, this one hashes and appends, so that both cores work.

mod input;
mod remote;
mod told;

use std::sync::mpsc::Receiver;

use indelible_log::{AppendError, Clock, SystemClock};
use indelible_store::{Item, Store};

use crate::args::{Append, Global};
use crate::failure::Failure;
use crate::files;
use crate::out::{self, Out};
use crate::progress::Progress;
use input::{Batch, Line, Refused};
use told::{Tally, Teller};

/// Events that are appended together, at most and at least if more are waiting already.
const EVENTS_MAX: usize = 1000;
/// Bytes beyond which nothing more is taken along.
const BYTES_MAX: u64 = 1 << 20;

pub fn run(global: &Global, out: &mut Out, args: &Append) -> Result<(), Failure> {
    if let Some(client) = args.at.client(global)? {
        return remote::run(global, out, args, &client);
    }
    let input = files::open(&args.file)?;
    let store = global.writer(args.accept_rollback)?;
    invite(args);
    let progress = Progress::bytes(input.len, global.json);
    let started = SystemClock.now();
    let (batches, reading) = input::start(input.bytes, args.trail.clone(), false)?;
    let mut teller = Teller {
        json: global.json,
        receipts: args.receipts,
        progress: &progress,
        tally: Tally::default(),
    };
    let appended = append_all(&store, &batches, out, &mut teller).and_then(|()| {
        // A reader that gave up in a panic must not look like the end of the input.
        reading.join().map_err(|_| Failure::cannot("reading the events broke off"))
    });
    // Also after a failure: what is durable is to be signed, if that can still be done.
    let closed = store.close();
    progress.clear();
    teller.tally.tell(SystemClock.now().0 - started.0, global.json);
    appended.map_err(|failure| unread(failure, &teller.tally))?;
    closed?;
    if teller.tally.refused > 0 { Err(Failure::Told) } else { Ok(()) }
}

fn append_all(
    store: &Store,
    batches: &Receiver<std::io::Result<Batch>>,
    out: &mut Out,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    while let Some(batch) = gather(batches)? {
        append_batch(store, batch, out, teller)?;
    }
    Ok(())
}

/// Says what is waited for, to somebody who sits there.
fn invite(args: &Append) {
    if files::is_standard(&args.file) && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        out::note(format_args!("reading events from standard input; Ctrl-D ends them"));
    }
}

/// The next events, until there are none.
fn gather(batches: &Receiver<std::io::Result<Batch>>) -> Result<Option<Batch>, Failure> {
    let Ok(batch) = batches.recv() else { return Ok(None) };
    let mut batch = batch.map_err(Failure::io("reading the events"))?;
    // Whatever waits goes along: a pipe hands over little at a time, and each append is a sync.
    while batch.lines.len() < EVENTS_MAX
        && batch.bytes < BYTES_MAX
        && let Ok(more) = batches.try_recv()
    {
        batch.join(more.map_err(Failure::io("reading the events"))?);
    }
    Ok(Some(batch))
}

fn append_batch(
    store: &Store,
    batch: Batch,
    out: &mut Out,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    let Batch { lines, bytes, unit } = batch;
    let mut items: Vec<Item> = Vec::with_capacity(lines.len());
    let mut lots: Vec<(u64, Option<Refused>)> = Vec::with_capacity(lines.len());
    for Line { number, event, .. } in lines {
        match event {
            Ok(item) => {
                items.push(item);
                lots.push((number, None));
            }
            Err(refused) => lots.push((number, Some(refused))),
        }
    }
    let mut results = items.iter().zip(store.append(&items));
    let (mut missing, mut cause) = (Vec::new(), None);
    let last = lots.last().map_or(0, |(number, _)| *number);
    for (number, refused) in lots {
        if let Some(refused) = refused {
            teller.refused(unit, number, &refused);
            continue;
        }
        let (item, result) = results.next().expect("append gives a result for each item");
        match result {
            Ok(appended) => teller.appended(out, unit, number, &item.trail, appended)?,
            Err(e) if e.stops_all() => {
                missing.push(number);
                cause.get_or_insert(e);
            }
            Err(e) => teller.refused(unit, number, &Refused::by_log(&e)),
        }
    }
    if let Some(cause) = cause {
        teller.missing(unit, &missing, &cause);
        return Err(stopped(&cause, unit, last));
    }
    teller.progress.advance(bytes);
    if teller.receipts {
        out.flush()?;
    }
    Ok(())
}

/// Whoever wanted the receipts is gone, so this must not look as if all had been appended.
fn unread(failure: Failure, tally: &Tally) -> Failure {
    match failure {
        Failure::OutputClosed => {
            let told = tally.kept + tally.known;
            Failure::cannot(format_args!(
                "standard output was closed after {told} receipts; more may be kept, and the rest was not read"
            ))
        }
        failure => failure,
    }
}

fn stopped(cause: &AppendError, unit: &'static str, last: u64) -> Failure {
    let hint = format!(
        "what was not acknowledged is named above; send it, and what follows {unit} {last}, again. Events with \
         an id of their own can all be sent again without harm"
    );
    Failure::Cannot { why: cause.to_string(), hint: Some(hint) }
}

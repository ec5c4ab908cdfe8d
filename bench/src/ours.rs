//! Our own log, through the front door of the store: JSON text in, receipt out.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use indelible_event::{TrailName, check};
use indelible_log::record::Seq;
use indelible_log::{Appended, SealAt, Seams};
use indelible_store::{InitOptions, Item, OpenOptions, Reader, Store, VerifyOptions, verify};
use tempfile::TempDir;

use crate::generator::{Events, Generator};
use crate::measure::{median, quantile, rate_since};

/// What a reader of the numbers has to know.
pub const NOTE: &str = "parse, check, salt, hash, Merkle tree, fdatasync; receipts";

/// A store in a directory of its own, removed at the end.
pub struct Ours {
    store: Store,
    seams: Seams,
    dir: TempDir,
}

impl Ours {
    /// A new store. Its active file is sealed at `seal_at` records, so that what is measured is what is
    /// meant.
    pub fn create(dir: &Path, seal_at: u64) -> Result<Ours> {
        let dir = TempDir::with_prefix_in("indelible-bench-", dir)?;
        let seams = Seams::real(dir.path());
        Store::init(&seams, &InitOptions { origin: "bench.example.com".into() })?;
        let seal_at = SealAt { records: seal_at, bytes: u64::MAX, ..SealAt::default() };
        let options = OpenOptions { seal_at, ..OpenOptions::default() };
        let store = Store::open(seams.clone(), options)?;
        Ok(Ours { store, seams, dir })
    }

    /// Appends events in groups from several threads; each waits for its receipts before it goes on.
    /// Gives the rate, and how long each group waited, in milliseconds, sorted.
    pub fn append(
        &self,
        events: &Events,
        group_size: usize,
        threads: usize,
    ) -> Result<(f64, Vec<f64>)> {
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        let waits = std::thread::scope(|scope| -> Result<Vec<f64>> {
            let workers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.work(events, group_size, &next)))
                .collect();
            let mut waits = Vec::new();
            for worker in workers {
                waits.extend(worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??);
            }
            Ok(waits)
        });
        let rate = rate_since(start, events.len());
        let mut waits = waits?;
        waits.sort_by(f64::total_cmp);
        Ok((rate, waits))
    }

    fn work(&self, events: &Events, group_size: usize, next: &AtomicUsize) -> Result<Vec<f64>> {
        let (mut items, mut waits) = (Vec::with_capacity(group_size), Vec::new());
        let recorded_by: std::sync::Arc<str> = "bench".into();
        loop {
            let at = next.fetch_add(group_size, Ordering::Relaxed);
            if at >= events.len() {
                return Ok(waits);
            }
            items.clear();
            for i in at..(at + group_size).min(events.len()) {
                let event = check(events.get(i)).map_err(|e| anyhow::anyhow!("{e}"))?;
                let trail = event.trail.clone().unwrap_or_else(TrailName::unnamed);
                items.push(Item { trail, event, recorded_by: Some(recorded_by.clone()) });
            }
            let start = Instant::now();
            let answers = self.store.append(&items);
            waits.push(start.elapsed().as_secs_f64() * 1e3);
            for answer in answers {
                if !matches!(answer?, Appended::Kept(r) if !r.known) {
                    bail!("an event was not kept as new");
                }
            }
        }
    }

    /// Bytes of the segments (with their row tables), and of them in Parquet files.
    pub fn segment_bytes(&self) -> Result<(u64, u64)> {
        let (mut all, mut parquet) = (0, 0);
        for entry in std::fs::read_dir(self.dir.path().join("segments"))? {
            let entry = entry?;
            let len = entry.metadata()?.len();
            all += len;
            if entry.path().extension().is_some_and(|e| e == "parquet") {
                parquet += len;
            }
        }
        Ok((all, parquet))
    }
}

/// One line of the second table: what, measured, asked.
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What came out.
    pub measured: String,
}

fn figure(what: impl Into<String>, measured: impl Into<String>) -> Figure {
    Figure { what: what.into(), measured: measured.into() }
}

/// Everything but appending: sealing, size, needles, verification, opening.
pub fn figures(dir: &Path, seed: u64, count: usize) -> Result<Vec<Figure>> {
    const CHUNK: usize = 250_000;
    let mut out = Vec::new();
    let ours = Ours::create(dir, u64::MAX)?;
    let mut generator = Generator::new(seed);
    let (mut done, mut seal_rates, mut waits_alone, mut waits_sealing) =
        (0, vec![], vec![], vec![]);
    while done < count {
        let events = generator.take(CHUNK.min(count - done));
        // The first chunks are appended in peace, the others while the chunk before is being sealed.
        waits_alone.extend(ours.append(&events, 1_000, 2)?.1);
        let start = Instant::now();
        ours.store.log().seal()?;
        seal_rates.push(rate_since(start, events.len()));
        done += events.len();
    }
    let log = ours.store.log();
    let size = ours.segment_bytes()?;
    out.push(figure(
        "sealing, alone: write, sync, read back, hash",
        format!("{:.0} k events/s", median(&mut seal_rates) / 1e3),
    ));
    out.push(figure(
        "a sealed segment (Parquet)",
        format!("{:.0} B/event", size.1 as f64 / count as f64),
    ));
    out.push(figure(
        "  with its row table",
        format!("{:.0} B/event", size.0 as f64 / count as f64),
    ));

    let events = generator.take(CHUNK);
    waits_alone.clear();
    waits_alone.extend(ours.append(&events, 100, 1)?.1);
    waits_alone.sort_by(f64::total_cmp);
    let more = generator.take(60_000);
    std::thread::scope(|scope| -> Result<()> {
        let sealing = scope.spawn(|| log.seal());
        waits_sealing.extend(ours.append(&more, 100, 1)?.1);
        sealing.join().map_err(|_| anyhow::anyhow!("sealing panicked"))??;
        Ok(())
    })?;
    waits_sealing.sort_by(f64::total_cmp);
    for (name, waits) in [("alone", &waits_alone), ("while sealing", &waits_sealing)] {
        let (p50, p99, max) = (quantile(waits, 0.5), quantile(waits, 0.99), quantile(waits, 1.0));
        out.push(figure(
            format!("append of 100, {name}: p50, p99, max"),
            format!("{p50:.2}, {p99:.2}, {max:.2} ms"),
        ));
    }
    out.extend(needles(&ours)?);
    let (seams, kept_dir) = (ours.seams.clone(), ours.dir);
    ours.store.close()?;
    out.extend(cold(&seams)?);
    drop(kept_dir);
    Ok(out)
}

/// Fifty records scattered over everything, each checked against its leaf.
fn needles(ours: &Ours) -> Result<Vec<Figure>> {
    let reader = ours.store.reader();
    let trails = reader.trails();
    let biggest = trails.iter().max_by_key(|t| t.size).context("there are trails")?;
    let (no, size) = (biggest.info.no, biggest.size.0);
    let mut all = Vec::new();
    for round in 0..40u64 {
        let seqs: Vec<Seq> = (0..50).map(|i| Seq((i * size / 50 + round * 7919) % size)).collect();
        let start = Instant::now();
        let records = reader.read(no, &seqs)?;
        all.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(records.len(), 50);
    }
    let first = all[0];
    let mut warm = all.split_off(10);
    warm.sort_by(f64::total_cmp);
    let (p50, p99) = (quantile(&warm, 0.5), quantile(&warm, 0.99));
    Ok(vec![figure(
        "fifty scattered records, checked: first, p50, p99",
        format!("{first:.1}, {p50:.2}, {p99:.2} ms"),
    )])
}

/// Opening for writing, and verifying, a directory nobody has open.
fn cold(seams: &Seams) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    let before = resident_mib();
    let start = Instant::now();
    let store =
        Store::open(seams.clone(), OpenOptions { background: false, ..OpenOptions::default() })?;
    let seconds = start.elapsed().as_secs_f64();
    let records: u64 = store.reader().trails().iter().map(|t| t.size.0).sum();
    out.push(figure(
        format!("opening {records} events for writing"),
        format!("{seconds:.2} s, {:.0} MiB more memory", resident_mib() - before),
    ));
    store.close()?;
    let start = Instant::now();
    drop(Reader::open(seams.storage.clone())?);
    out.push(figure("opening for reading", format!("{:.2} s", start.elapsed().as_secs_f64())));
    let threads = std::thread::available_parallelism()?.get();
    let mut rates = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let report =
            verify(&seams.storage, &VerifyOptions { threads, ..VerifyOptions::default() })?;
        if let Some(finding) = report.log.findings.first() {
            bail!("verification found {finding}");
        }
        rates.push(rate_since(start, report.log.records as usize));
    }
    out.push(figure(
        "verify log, both cores",
        format!("{:.0} k events/s", median(&mut rates) / 1e3),
    ));
    Ok(out)
}

/// Memory of this process in MiB, without the pages of mapped files, which the system takes back when it
/// needs them.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

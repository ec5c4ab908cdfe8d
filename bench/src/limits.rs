//! What this machine can do at best: the plain loop that any durable log with hashes must do.
//!
//! For each event: look at its JSON once, hash it, check-sum it and append it; for each group one
//! write and one `fdatasync`. No numbering, no tree, no index. A log can come near to this, not past it.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::generator::Events;
use crate::measure::{Measurement, quantile, rate_since};

/// An event taken apart as far as a log must: its own members, and the rest as it stands.
#[derive(Deserialize)]
struct Shallow<'a> {
    id: &'a str,
    trail: &'a str,
    occurred_at: &'a str,
    action: &'a str,
    category: &'a str,
    outcome: &'a str,
    #[serde(borrow)]
    actor: &'a RawValue,
    #[serde(borrow)]
    targets: &'a RawValue,
    #[serde(borrow)]
    context: &'a RawValue,
    #[serde(borrow, default)]
    changes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

impl Shallow<'_> {
    /// Touches each member, so that none of the parsing can be optimised away.
    fn size(&self) -> usize {
        let whole =
            [self.id, self.trail, self.occurred_at, self.action, self.category, self.outcome];
        let parts =
            [Some(self.actor), Some(self.targets), Some(self.context), self.changes, self.details];
        whole.iter().map(|text| text.len()).sum::<usize>()
            + parts.iter().flatten().map(|part| part.get().len()).sum::<usize>()
    }
}

fn parse(event: &[u8]) -> Result<usize> {
    let shallow: Shallow<'_> =
        serde_json::from_slice(event).context("the generator made an event that does not parse")?;
    Ok(shallow.size())
}

/// The machine's limit at each group size, on one thread.
pub fn plain_loop(
    dir: &Path,
    events: &Events,
    group_size: usize,
    runs: usize,
) -> Result<Measurement> {
    let note = "one thread: parse + SHA-256 + CRC-32C + write + fdatasync";
    Measurement::median("machine: plain loop", group_size, runs, note, || {
        one_plain_loop(dir, events, group_size)
    })
}

fn one_plain_loop(dir: &Path, events: &Events, group_size: usize) -> Result<f64> {
    let mut file = tempfile::tempfile_in(dir).context("no file for the plain loop")?;
    let mut buffer = Vec::with_capacity(group_size * 800);
    let start = Instant::now();
    for group in events.groups(group_size) {
        buffer.clear();
        for event in group {
            black_box(parse(event)?);
            buffer.extend_from_slice(&(event.len() as u32).to_le_bytes());
            buffer.extend_from_slice(&crc32c::crc32c(event).to_le_bytes());
            buffer.extend_from_slice(event);
            buffer.extend_from_slice(&Sha256::digest(event));
        }
        file.write_all(&buffer)?;
        file.sync_data()?;
    }
    Ok(rate_since(start, events.len()))
}

/// What the loop's parts cost alone, in memory: where the time of a slow machine goes.
pub fn parts(events: &Events, runs: usize) -> Result<Vec<Measurement>> {
    let size = events.len();
    Ok(vec![
        Measurement::median("machine: parse alone", size, runs, "one thread, in memory", || {
            let start = Instant::now();
            for event in events.iter() {
                black_box(parse(event)?);
            }
            Ok(rate_since(start, size))
        })?,
        Measurement::median("machine: SHA-256 alone", size, runs, "one thread, in memory", || {
            let start = Instant::now();
            for event in events.iter() {
                black_box(Sha256::digest(event));
            }
            Ok(rate_since(start, size))
        })?,
    ])
}

/// How long this disk takes to make a small append durable, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct SyncLatency {
    /// Half of the calls were faster.
    pub p50_us: f64,
    /// One call in a hundred was slower.
    pub p99_us: f64,
    /// The slowest call.
    pub max_us: f64,
}

/// Times `count` appends of 4 KiB, each followed by `fdatasync`; the file grows, as a log's does.
pub fn sync_latency(dir: &Path, count: usize) -> Result<SyncLatency> {
    let mut file: File = tempfile::tempfile_in(dir).context("no file for the sync latency")?;
    let page = [0x5a; 4096];
    let mut times_us = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        file.write_all(&page)?;
        let start = Instant::now();
        file.sync_data()?;
        times_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times_us.sort_by(f64::total_cmp);
    Ok(SyncLatency {
        p50_us: quantile(&times_us, 0.5),
        p99_us: quantile(&times_us, 0.99),
        max_us: quantile(&times_us, 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_loop_takes_every_event() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let events = Events::generate(1, 250);
        let row = plain_loop(dir.path(), &events, 100, 1).expect("the loop runs");
        assert!(row.events_per_s > 0.0);
        assert_eq!(parts(&events, 1).expect("the parts run").len(), 2);
    }

    #[test]
    fn latencies_are_in_order() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let latency = sync_latency(dir.path(), 10).expect("fdatasync works");
        assert!(latency.p50_us <= latency.p99_us && latency.p99_us <= latency.max_us);
    }
}

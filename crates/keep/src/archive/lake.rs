//! Events by trail and date: `trail=<name>/date=<day>/part-<n>.parquet`, as data lakes have it.
//!
//! A day is written again until it is over, and then once more only if records of it were erased or have expired
//! since. Every record is compared with its leaf before it is written.
//!
//! The archive follows the log: a record that expired or was erased keeps its row with what its entry says, as it
//! does in the log, and goes when the log lets go of it, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use indelible_event::{Day, Part};
use indelible_log::erasure::{self, ERASED, EXPIRED, Seqs};
use indelible_log::export::ExportWriter;
use indelible_log::record::{Seq, TrailNo};
use indelible_log::storage::read_whole;
use indelible_log::trail::floor;
use indelible_log::{TrailStatus, hex, sha256};

use super::model::{Archive, Content, Lake, LakeDay, LakePart};
use super::{Archived, Wanted, place};
use crate::deed::details;
use crate::target::Target;
use crate::{Keep, KeepError, Progress, limits};

pub(super) fn run(
    keep: &Keep,
    target: &dyn Target,
    mut archive: Archive,
    before: Lake,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> Result<Archived, KeepError> {
    let reader = keep.store().reader();
    let told = reader.view().trail(TrailNo(0))?.size.0;
    let changed = Changed::since(keep, before.told)?;
    let trails: Vec<TrailStatus> = match &wanted.trail {
        Some(name) => vec![reader.trail(name)?],
        None => reader.trails(),
    };
    progress.stage("copy", Some(trails.iter().map(|trail| trail.size.0).sum()));
    let mut writing = Writing {
        keep,
        target,
        wanted,
        today: keep.now().day(),
        progress,
        done: 0,
        copied: (0, 0),
    };
    let (mut days, mut others) = (Vec::new(), Vec::new());
    for day in before.days {
        match trails.iter().any(|trail| trail.info.id.to_string() == day.trail) {
            true => days.push(day),
            false => others.push(day),
        }
    }
    let all_trails = wanted.trail.is_none();
    let mut now: Vec<LakeDay> = Vec::new();
    for trail in &trails {
        let id = trail.info.id.to_string();
        let of_it: Vec<&LakeDay> = days.iter().filter(|day| day.trail == id).collect();
        now.extend(writing.trail(trail, &of_it, &changed)?);
    }
    let copied = writing.copied;
    now.extend(others);
    now.sort_by(|a, b| (&a.name, &a.date).cmp(&(&b.name, &b.date)));
    let parts = || now.iter().flat_map(|day| &day.parts);
    let (records, files) = (parts().map(|part| part.rows).sum(), parts().count() as u64);
    let bytes = parts().map(|part| part.bytes).sum();
    let named: BTreeSet<String> = parts().map(|part| part.at.clone()).collect();
    // What was told of other trails is not done in their days.
    let told = if all_trails { told } else { before.told.min(told) };
    archive.content = Content::TrailDate(Lake { entries: wanted.entries, told, days: now.clone() });
    let hash = place::store(target, &archive)?;
    let mut removed = 0;
    for day in &days {
        for part in day.parts.iter().filter(|part| !named.contains(&part.at)) {
            target.delete(&part.at)?;
            removed += 1;
        }
    }
    Ok(Archived {
        id: archive.id,
        target: target.name().to_owned(),
        sha256: hex::encode(&hash),
        records,
        files,
        bytes,
        copied: copied.0,
        copied_bytes: copied.1,
        removed,
    })
}

/// Of the files at the target those that have what was erased or has expired since, and those that nothing names.
pub(super) fn stale(keep: &Keep, lake: &Lake, keys: Vec<String>) -> Result<Vec<String>, KeepError> {
    let changed = Changed::since(keep, lake.told)?;
    let of = |day: &&LakeDay| !changed.concerns(day);
    let fine: BTreeSet<&str> = lake
        .days
        .iter()
        .filter(of)
        .flat_map(|day| day.parts.iter().map(|part| part.at.as_str()))
        .collect();
    Ok(parts(keys).filter(|key| !fine.contains(key.as_str())).collect())
}

/// The files at a target that have rows.
pub(super) fn parts(keys: Vec<String>) -> impl Iterator<Item = String> {
    let is = |key: &String| key.starts_with("trail=") && key.ends_with(".parquet");
    keys.into_iter().filter(is)
}

/// What lost something since the archive was last gone on with.
struct Changed {
    /// By opaque id of the trail.
    erased: Vec<(String, Option<Seqs>)>,
    /// Days of which something expired.
    expired: BTreeSet<String>,
}

impl Changed {
    fn since(keep: &Keep, told: u64) -> Result<Changed, KeepError> {
        let mut changed = Changed { erased: Vec::new(), expired: BTreeSet::new() };
        for record in keep.told(&[ERASED, EXPIRED])?.iter().filter(|r| r.seq.0 >= told) {
            let (entry, said) = (record.entry(), details(record));
            if entry.action == EXPIRED {
                changed.expired.extend(said["day"].as_str().map(str::to_owned));
            } else if let Some(trail) = said["trail"].as_str() {
                let (path, max) = (erasure::path(entry.id), limits::ARCHIVE_JSON_BYTES_MAX);
                let file = read_whole(&*keep.seams().storage, &path, max).ok();
                // Without it any record of the trail may be meant.
                let seqs = file.and_then(|bytes| Seqs::decode(&bytes));
                changed.erased.push((trail.to_owned(), seqs));
            }
        }
        Ok(changed)
    }

    fn concerns(&self, day: &LakeDay) -> bool {
        let within = |seqs: &Seqs| {
            seqs.runs().iter().any(|run| *run.start() < day.end_seq && day.first_seq <= *run.end())
        };
        let erased = |(trail, seqs): &(String, Option<Seqs>)| {
            *trail == day.trail && seqs.as_ref().is_none_or(within)
        };
        self.expired.contains(&day.date) || self.erased.iter().any(erased)
    }
}

struct Writing<'a> {
    keep: &'a Keep,
    target: &'a dyn Target,
    wanted: &'a Wanted,
    today: Day,
    progress: &'a dyn Progress,
    done: u64,
    /// Files and bytes.
    copied: (u64, u64),
}

impl Writing<'_> {
    /// A trail's days as they are in the archive afterwards.
    fn trail(
        &mut self,
        trail: &TrailStatus,
        before: &[&LakeDay],
        changed: &Changed,
    ) -> Result<Vec<LakeDay>, KeepError> {
        let size = trail.size.0;
        let mut out = Vec::new();
        // Below it nothing is left but hashes: days that ended there fall away, and the one that it is in is written again.
        let mut at = floor(trail.min);
        self.tell(at);
        while at < size {
            let known = before.iter().find(|day| day.first_seq <= at && at < day.end_seq);
            let changed = |day: &LakeDay| day.first_seq != at || changed.concerns(day);
            if let Some(day) = known.filter(|day| day.finished && !changed(day)) {
                out.push((*day).clone());
                self.tell(day.end_seq - at);
                at = day.end_seq;
                continue;
            }
            let day = self.day_of(trail, at)?;
            if self.wanted.from.is_some_and(|from| day < from) && known.is_none() {
                let before_from = |d: Day| self.wanted.from.is_some_and(|from| d < from);
                let next = self.first_not(trail, at, size, &before_from)?;
                self.tell(next - at);
                at = next;
                continue;
            }
            let end = self.first_not(trail, at, size, &|d| d == day)?;
            let asked = self.wanted.from.is_none_or(|from| from <= day)
                && self.wanted.to.is_none_or(|to| day <= to);
            match known {
                Some(known) if !asked && !changed(known) => {
                    out.push((*known).clone());
                    self.tell(end - at);
                }
                None if !asked => self.tell(end - at),
                _ => out.push(self.day(trail, day, at, end)?),
            }
            at = end;
        }
        Ok(out)
    }

    fn tell(&mut self, records: u64) {
        self.done += records;
        self.progress.done(self.done);
    }

    fn day_of(&self, trail: &TrailStatus, seq: u64) -> Result<Day, KeepError> {
        let records = self.keep.store().reader().read(trail.info.no, &[Seq(seq)])?;
        Ok(records[0].entry().recorded_at.day())
    }

    /// The first seq from `at` on whose day is another: days never go back within a trail.
    fn first_not(
        &self,
        trail: &TrailStatus,
        at: u64,
        size: u64,
        is: &dyn Fn(Day) -> bool,
    ) -> Result<u64, KeepError> {
        let (mut low, mut high) = (at, size);
        while low < high {
            let mid = low + (high - low) / 2;
            match is(self.day_of(trail, mid)?) {
                true => low = mid + 1,
                false => high = mid,
            }
        }
        Ok(low)
    }

    fn day(
        &mut self,
        trail: &TrailStatus,
        day: Day,
        first: u64,
        end: u64,
    ) -> Result<LakeDay, KeepError> {
        let (name, date) = (trail.info.name.as_str(), day.to_string());
        let shown: Arc<str> = name.into();
        let dir = format!("trail={}/date={date}", hive(name));
        let parquet = |e: &dyn std::fmt::Display| KeepError::Damaged {
            path: dir.clone(),
            reason: e.to_string(),
        };
        let mut parts = Vec::new();
        let mut at = first;
        while at < end {
            let mut writer = ExportWriter::with_blooms(Vec::new(), self.wanted.entries)
                .map_err(|e| parquet(&e))?;
            let (mut rows, mut raw) = (0, 0);
            while at < end && rows < limits::LAKE_PART_ROWS && raw < limits::LAKE_PART_BYTES {
                let count = limits::READ_RECORDS.min(limits::LAKE_PART_ROWS - rows);
                let seqs: Vec<Seq> = (at..end.min(at + count)).map(Seq).collect();
                for record in self.keep.store().reader().read(trail.info.no, &seqs)? {
                    let kept = Part::ALL.map(|part| record.part(part).map_or(0, <[u8]>::len));
                    raw += (record.entry.len() + kept.iter().sum::<usize>()) as u64;
                    writer.push(&shown, record).map_err(|e| parquet(&e))?;
                }
                (at, rows) = (at + seqs.len() as u64, rows + seqs.len() as u64);
                self.tell(seqs.len() as u64);
            }
            let bytes = writer.finish().map_err(|e| parquet(&e))?;
            parts.push(self.put(format!("{dir}/part-{}.parquet", parts.len()), rows, &bytes)?);
        }
        let (trail, name) = (trail.info.id.to_string(), name.to_owned());
        let finished = day < self.today;
        Ok(LakeDay { trail, name, date, first_seq: first, end_seq: end, finished, parts })
    }

    fn put(&mut self, at: String, rows: u64, bytes: &[u8]) -> Result<LakePart, KeepError> {
        let (hash, len) = (sha256(bytes), bytes.len() as u64);
        if let Some(free) = self.target.free()?.filter(|free| *free < len) {
            let place = self.target.name().to_owned();
            return Err(KeepError::NoRoom { place, needed: len, free });
        }
        place::put(self.target, &at, bytes, &hash)?;
        self.copied = (self.copied.0 + 1, self.copied.1 + len);
        Ok(LakePart { at, rows, bytes: len, sha256: hex::encode(&hash) })
    }
}

/// A name as the value of a partition: whatever Hive and its heirs might take for something else is escaped as
/// they do it, `%` and two digits.
fn hive(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

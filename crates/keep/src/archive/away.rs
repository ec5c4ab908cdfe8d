//! Segments that leave this disk for an archive that has them, and come back from there when they are read.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use indelible_event::Day;
use indelible_log::offload::{Archived, Away};
use indelible_log::{Seams, SegmentHandle, hex};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{Content, Whole};
use super::{OFFLOAD, place, whole};
use crate::deed::Who;
use crate::target::{self, Target};
use crate::{Keep, KeepError, Progress, limits};

/// What is to leave the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOffload {
    /// The archive: it must have the segments.
    pub target: String,
    /// Everything older than so many days; without it what the policy's rules say (`archive 90d`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// What left the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Offload {
    /// Segments that left.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes that are free for it.
    pub bytes: u64,
    /// Segments that are old enough, but that the archive does not have: archive first.
    pub not_archived: u64,
}

impl Keep {
    /// Lets old segments leave the disk, once each was read back from the archive and is what it should be.
    pub fn offload(
        &self,
        who: &Who,
        new: &NewOffload,
        progress: &dyn Progress,
    ) -> Result<Offload, KeepError> {
        let _turn = self.turn()?;
        let target = self.archive_target(&new.target)?;
        let archive = self.archive_at(&*target)?;
        let due = self.leaving(new.days)?;
        let (mut there, mut offload) = (Vec::new(), Offload::default());
        for handle in due {
            let path = format!("{}/{}.parquet", indelible_log::manifest::SEGMENTS, handle.name());
            match whole::away_at(target.name(), &archive, &path, &handle.sha256()) {
                Some(away) => there.push((handle, away)),
                None => offload.not_archived += 1,
            }
        }
        if there.is_empty() {
            return Ok(offload);
        }
        let names: Vec<&str> = there.iter().map(|(handle, _)| handle.name()).collect();
        let named = &names[..names.len().min(limits::OFFLOAD_NAMED_MAX)];
        let asked = json!({
            "target": target.name(), "days": new.days, "count": names.len(), "segments": named,
        });
        let place = json!({"type": "archive", "id": target.name()});
        self.end_broken_off(OFFLOAD)?;
        let begun = self.begin(who, OFFLOAD, place, asked)?;
        let done = self.leave(&*target, there, progress).map(|done| {
            let offload = Offload { not_archived: offload.not_archived, ..done };
            (offload.clone(), json!(offload))
        });
        self.end(begun, done)
    }

    /// Reads back what is to leave, and lets it.
    fn leave(
        &self,
        target: &dyn Target,
        leaving: Vec<(SegmentHandle, Away)>,
        progress: &dyn Progress,
    ) -> Result<Offload, KeepError> {
        progress.stage("read back", Some(leaving.len() as u64));
        let mut records = 0;
        for (done, (handle, away)) in (1..).zip(&leaving) {
            if place::hash(target, &away.key)? != handle.sha256() {
                let path = format!("{}/{}", target.name(), away.key);
                let reason =
                    "it is not the segment that was archived; nothing left the disk".into();
                return Err(KeepError::Damaged { path, reason });
            }
            records += u64::from(handle.rows());
            progress.done(done);
        }
        let away = leaving.into_iter().map(|(handle, away)| (handle.file_no(), away)).collect();
        let left = self.store().log().offload(away)?;
        Ok(Offload { segments: left.segments, records, bytes: left.bytes, not_archived: 0 })
    }

    /// The whole archive of this log at a target.
    fn archive_at(&self, target: &dyn Target) -> Result<Whole, KeepError> {
        let log_id = hex::encode(&self.store().reader().view().log_id());
        match place::load(target)? {
            Some(archive) if archive.log_id == log_id => match archive.content {
                Content::Whole(whole) => Ok(whole),
                Content::TrailDate(_) => Err(KeepError::Refused(format!(
                    "the archive at {} is one by trail and date, from which segments cannot come back",
                    target.name()
                ))),
            },
            Some(_) => Err(KeepError::Refused(format!(
                "{} holds the archive of another log",
                target.name()
            ))),
            None => Err(KeepError::NotFound(format!(
                "there is no archive at {}; make one first",
                target.name()
            ))),
        }
    }

    /// The segments that are old enough and still here. What has records of `_system` always stays.
    fn leaving(&self, days: Option<u32>) -> Result<Vec<SegmentHandle>, KeepError> {
        let policies = self.store().log().policies();
        let mut leaving = Vec::new();
        for handle in self.store().reader().view().segments() {
            let system = handle.table()?.trails().any(|(no, _, _)| no.0 == 0);
            if system || handle.away().is_some() {
                continue;
            }
            let rule = policies.last().and_then(|policy| policy.rule(handle.class()));
            let after = days.or_else(|| rule.and_then(|rule| rule.archive_days));
            if after.is_some_and(|after| is_older(handle.day(), after, self.now())) {
                leaving.push(handle);
            }
        }
        Ok(leaving)
    }

    /// Lets segments that are away be read again: to be called once for a store that was opened.
    pub fn attach_archives(&self, cache_bytes_max: u64) {
        let fetcher = Arc::new(Fetcher::new(Some(self.seams().clone())));
        self.store().reader().view().attach(fetcher, cache_bytes_max);
    }
}

/// Whether a day ended so many days ago.
fn is_older(day: Day, days: u32, now: indelible_event::Micros) -> bool {
    i64::from(now.day().0) > i64::from(day.0) + i64::from(days)
}

/// Brings back what is away, from whatever target it is at. Targets stay open.
pub struct Fetcher {
    seams: Option<Seams>,
    open: Mutex<BTreeMap<String, Arc<dyn Target>>>,
}

impl Fetcher {
    /// One for a data directory; without its seams nothing can be kept for uploads, which it does not do.
    pub fn new(seams: Option<Seams>) -> Fetcher {
        Fetcher { seams, open: Mutex::default() }
    }

    fn target(&self, name: &str) -> io::Result<Arc<dyn Target>> {
        let mut open = self.open.lock().expect("nothing panics while holding the targets");
        if let Some(target) = open.get(name) {
            return Ok(target.clone());
        }
        let target = target::open(name, self.seams.as_ref()).map_err(io::Error::other)?;
        open.insert(name.to_owned(), target.clone());
        Ok(target)
    }
}

impl Archived for Fetcher {
    fn fetch(&self, away: &Away, out: &mut dyn Write) -> io::Result<()> {
        let target = self.target(&away.target)?;
        let mut from = target.get(&away.key).map_err(io::Error::other)?;
        io::copy(&mut from, out).map(drop)
    }
}

//! Data directories that a restore put aside: each is a log of its own, perhaps with records that the present log never
//! had, so it is searched by itself and tells of the erasure in its own `_system`.

use std::sync::Arc;

use indelible_log::erasure::ERASED;
use indelible_log::storage::Storage;
use indelible_log::{Log, SealAt, Seams, View, manifest};
use serde_json::json;

use super::again::system;
use super::find::Finding;
use super::model::{Place, PlaceKind, Reach};
use super::recorded::{Head, fold};
use super::strike::{Stroke, record, record_end, strike, sweep_stale};
use super::subject::Asked;
use crate::Silent;
use crate::deed::Who;
use crate::error::KeepError;
use crate::restore::{Below, KEPT};

/// One of them.
pub(super) struct Kept {
    id: String,
    dir: Arc<dyn Storage>,
}

/// Those of a data directory.
pub(super) fn all(storage: &Arc<dyn Storage>) -> Vec<Kept> {
    let names = storage.list(KEPT).unwrap_or_default().into_iter();
    let kept = |id: String| {
        let dir: Arc<dyn Storage> = Arc::new(Below::new(storage.clone(), &format!("{KEPT}/{id}")));
        Kept { id, dir }
    };
    names.map(kept).collect()
}

impl Kept {
    pub fn place(&self, records: u64, reach: Reach, to_do: Option<String>) -> Place {
        let (place, item) = (KEPT.to_owned(), self.id.clone());
        Place { kind: PlaceKind::Kept, place, item, records, reach, to_do, sha256: None }
    }

    /// A directory without a log in it cannot be searched.
    fn check(&self) -> Result<(), KeepError> {
        match self.dir.open(manifest::PATH, false) {
            Ok(_) => Ok(()),
            Err(e) => Err(KeepError::Damaged {
                path: format!("{KEPT}/{}", self.id),
                reason: format!("it is no whole data directory ({e}); look at it and remove it"),
            }),
        }
    }

    /// What an erasure would find.
    pub fn preview(&self, asked: &Asked) -> Result<u64, KeepError> {
        self.check()?;
        let view = View::open(self.dir.clone())?;
        Ok(search(&view, asked)?.0)
    }

    /// Erases there what is asked for; gives how many records lost a part.
    pub fn strike(
        &self,
        seams: &Seams,
        who: &Who,
        head: &Head,
        asked: &Asked,
    ) -> Result<u64, KeepError> {
        self.check()?;
        let seams = Seams { storage: self.dir.clone(), ..seams.clone() };
        let log = Log::open(seams.clone(), SealAt::default())?;
        let (records, sets) = search(log.view(), asked)?;
        if records > 0 {
            let strokes = record(&log, &seams, who, head, sets)?;
            self.finish(&log, who, head, &strokes)?;
        }
        Ok(records)
    }

    /// Goes on with what is recorded there of an erasure that a crash cut short; `None` if nothing is.
    pub fn resume(
        &self,
        seams: &Seams,
        who: &Who,
        erasure: &str,
    ) -> Result<Option<u64>, KeepError> {
        self.check()?;
        let seams = Seams { storage: self.dir.clone(), ..seams.clone() };
        let log = Log::open(seams.clone(), SealAt::default())?;
        let told = system(log.view(), &|record| record.entry().action == ERASED)?;
        let found = fold(&told).into_iter().find(|known| known.head.erasure == erasure);
        let Some(found) = found else { return Ok(None) };
        let strokes = found.strokes(&*self.dir, log.view())?;
        if !found.is_done() {
            self.finish(&log, who, &found.head, &strokes)?;
        }
        Ok(Some(strokes.iter().map(|stroke| stroke.seqs.count()).sum()))
    }

    fn finish(
        &self,
        log: &Log,
        who: &Who,
        head: &Head,
        strokes: &[Stroke],
    ) -> Result<(), KeepError> {
        log.seal()?;
        strike(log, strokes, &Silent)?;
        sweep_stale(&*self.dir, log.view())?;
        for stroke in strokes {
            let erased = stroke.seqs.count();
            record_end(log, who, head, stroke, json!({"erasure": head.erasure, "erased": erased}))?;
        }
        Ok(())
    }
}

type Sets = std::collections::BTreeMap<
    (indelible_log::record::TrailNo, [bool; 3]),
    indelible_log::erasure::Seqs,
>;

fn search(view: &View, asked: &Asked) -> Result<(u64, Sets), KeepError> {
    let mut finding = Finding::new(asked, &[]);
    finding.search(view, &|_| None, &Silent)?;
    let records = finding.trails.values().map(|trail| trail.records).sum();
    Ok((records, finding.seqs()))
}

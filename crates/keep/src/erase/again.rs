//! Erasures done again: in a log that was put back to before them.

use std::io::Read as _;

use indelible_event::{EventId, Phase};
use indelible_log::erasure::{ERASED, Seqs};
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_log::storage::Storage;
use indelible_log::trail::TrailId;
use indelible_log::{Log, Seams, View};
use indelible_store::Reader;
use serde_json::{Value, json};

use super::copies::NOTES;
use super::model::{ErasureNote, Person};
use super::recorded::{Head, fold};
use super::strike::{record, record_end, strike};
use super::subject::{HmacKey, mask};
use crate::deed::{Who, details};
use crate::error::KeepError;
use crate::limits::{DESCRIPTION_BYTES_MAX, ERASURE_READ_ROWS};
use crate::progress::Progress;
use crate::target::Target;

/// The erasures that are noted beside the backups at a target. Notes that the node whose key is in `storage` did not
/// write are an error: without a key that cannot be told.
pub fn noted_at(target: &dyn Target, storage: &dyn Storage) -> Result<Vec<ErasureNote>, KeepError> {
    let hmac = HmacKey::load(storage).ok();
    let mut notes = Vec::new();
    for (key, bytes) in target.list(&format!("{NOTES}/"))? {
        if !key.ends_with(".json") || bytes > DESCRIPTION_BYTES_MAX {
            continue;
        }
        let mut json = Vec::new();
        let path = format!("{}/{key}", target.name());
        let read = target.get(&key)?.take(DESCRIPTION_BYTES_MAX).read_to_end(&mut json);
        let damaged = |reason: String| KeepError::Damaged { path: path.clone(), reason };
        read.map_err(|e| damaged(e.to_string()))?;
        let note: ErasureNote =
            serde_json::from_slice(&json).map_err(|e| damaged(e.to_string()))?;
        if hmac.as_ref().is_some_and(|hmac| hmac.note(&note) != note.mac) {
            let why =
                "this node did not write it, so nothing is erased by it; look at it and remove it";
            return Err(damaged(why.into()));
        }
        notes.push(note);
    }
    sort(&mut notes);
    Ok(notes)
}

fn sort(notes: &mut [ErasureNote]) {
    notes.sort_by(|a, b| (&a.at, &a.event).cmp(&(&b.at, &b.event)));
}

/// The erasures that a log tells of, finished or not.
pub fn noted_in(reader: &Reader, seams: &Seams) -> Result<Vec<ErasureNote>, KeepError> {
    let hmac = HmacKey::load(&*seams.storage).ok();
    let mut notes = Vec::new();
    for erasure in fold(&reader.told(&[ERASED])?) {
        let strokes = erasure.strokes(&*seams.storage, reader.view())?;
        notes.extend(erasure.notes(&strokes, hmac.as_ref()));
    }
    sort(&mut notes);
    Ok(notes)
}

/// Does erasures again in a log that does not know of them: it was restored from a backup that is older. What it knows
/// already, and trails that it does not have, are passed over. The log is left sealed, rewritten, and with an event of
/// each. Gives how many events were told of.
pub fn reapply(
    log: &Log,
    seams: &Seams,
    who: &Who,
    notes: &[ErasureNote],
    progress: &dyn Progress,
) -> Result<u64, KeepError> {
    let known = known(log.view())?;
    let mut done = Vec::new();
    for note in notes {
        if known.iter().any(|(id, again)| *id == note.event || again.as_ref() == Some(&note.event))
        {
            continue;
        }
        let damaged = || KeepError::Damaged {
            path: format!("{NOTES}/{}.json", note.event),
            reason: "it is malformed".into(),
        };
        let trail = TrailId::parse(&note.trail).ok_or_else(damaged)?;
        let seqs = Seqs::decode(note.seqs.as_bytes()).ok_or_else(damaged)?;
        let Some(no) = log.view().infos().iter().find(|info| info.id == trail).map(|i| i.no) else {
            continue;
        };
        // What the backup does not have yet it will get by no other way than anew, as something else.
        let size = log.view().trail(no)?.size.0;
        let there = seqs.runs().iter().flat_map(|run| run.clone()).take_while(|seq| *seq < size);
        let there = Seqs::from_ascending(there);
        let head = again(note, who);
        let strokes = record(log, seams, who, &head, [((no, mask(&note.parts)), there)])?;
        done.push((head, strokes));
    }
    if done.is_empty() {
        return Ok(0);
    }
    log.seal()?;
    let all: Vec<_> = done.iter().flat_map(|(_, strokes)| strokes.clone()).collect();
    strike(log, &all, progress)?;
    for (head, strokes) in &done {
        for stroke in strokes {
            let erased = stroke.seqs.count();
            record_end(log, who, head, stroke, json!({"erasure": head.erasure, "erased": erased}))?;
        }
    }
    Ok(done.len() as u64)
}

fn again(note: &ErasureNote, who: &Who) -> Head {
    let person = Person { id: who.id.to_string(), actor: who.actor.clone() };
    Head {
        erasure: note.erasure.clone(),
        kind: "again".into(),
        hmac: String::new(),
        authority: note.authority.clone(),
        requested_by: person.clone(),
        confirmed_by: person,
        request_id: None,
        despite_holds: Vec::new(),
        again: Some(note.event.clone()),
    }
}

/// The erasures that a log tells of, by id and by which they did again; by reading it, for there may be no index.
fn known(view: &View) -> Result<Vec<(String, Option<String>)>, KeepError> {
    let said = |record: &KeptRecord| -> Option<(EventId, Value)> {
        let entry = record.entry();
        let intent = entry.action == ERASED && entry.phase != Some(Phase::Outcome);
        intent.then(|| (entry.id, details(record)))
    };
    let found = system(view, &|record| said(record).is_some())?;
    let known = found
        .iter()
        .filter_map(said)
        .map(|(id, details)| (id.to_string(), details["again"].as_str().map(str::to_owned)));
    Ok(known.collect())
}

/// Records of `_system` that are wanted, by reading it from its first record.
pub(super) fn system(
    view: &View,
    wanted: &dyn Fn(&KeptRecord) -> bool,
) -> Result<Vec<KeptRecord>, KeepError> {
    let size = view.trail(TrailNo(0))?.size.0;
    let (mut at, mut out) = (0, Vec::new());
    while at < size {
        let chunk: Vec<Seq> = (at..size.min(at + ERASURE_READ_ROWS as u64)).map(Seq).collect();
        at += chunk.len() as u64;
        for record in view.read(TrailNo(0), &chunk)? {
            if wanted(&record) {
                out.push(record);
            }
        }
    }
    Ok(out)
}

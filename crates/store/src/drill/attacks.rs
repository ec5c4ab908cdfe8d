//! The attacks, each as somebody would carry it out who knows the formats.

use indelible_event::{Entry, EventId, Part};
use indelible_log::frame::{self, FILE_HEADER_LEN, GROUP_HEADER_LEN, GroupHeader};
use indelible_log::manifest::Manifest;
use indelible_log::record::{KeptPart, KeptRecord, Pos, Salts, Seq, TrailNo, parts_hash};
use indelible_log::segment::{SegmentState, to_stub};
use indelible_log::storage::{Storage, write_all_at};
use indelible_log::trail::{TrailId, level_path};
use indelible_log::{Log, SealAt, Seams, active};
use indelible_merkle::{Checkpoint, Hash, Tree, leaf_hash};

use super::rewrite::{self, Forged};
use super::{CaughtBy, DrillRow, Stage, append, copy, index};
use crate::error::StoreError;
use crate::guard::{self, Guard};
use crate::node::{self, Node};
use crate::publish::checkpoint_path;
use crate::search::verify_index;
use crate::store::{OpenOptions, Store};
use crate::verify::{VerifyOptions, verify};

type Act = fn(&Stage, &Seams) -> Result<(), StoreError>;

/// One way to tamper.
pub(super) struct Attack {
    pub what: &'static str,
    needs: &'static str,
    expect: CaughtBy,
    act: Act,
}

const DISK: &str = "the disk";
const KEY: &str = "disk and key";
const EVERYTHING: &str = "disk, key and guard";

use CaughtBy::{IndexVerification, OutsideWitness, SignGuard, Verification};

pub(super) const LIST: &[Attack] = &[
    Attack {
        what: "edit a value in a segment",
        needs: DISK,
        expect: Verification,
        act: edit_value,
    },
    Attack {
        what: "edit a value in the active file, mend its checksum",
        needs: DISK,
        expect: Verification,
        act: edit_live,
    },
    Attack {
        what: "edit a value and mend the tree up to its root",
        needs: DISK,
        expect: Verification,
        act: edit_and_mend_tree,
    },
    Attack {
        what: "edit a facet column, so that a search overlooks it",
        needs: DISK,
        expect: Verification,
        act: edit_facet,
    },
    Attack {
        what: "edit an entry field (the action)",
        needs: DISK,
        expect: Verification,
        act: edit_action,
    },
    Attack { what: "swap two records", needs: DISK, expect: Verification, act: swap },
    Attack { what: "delete one record", needs: DISK, expect: Verification, act: delete_one },
    Attack { what: "slip in a record", needs: DISK, expect: Verification, act: slip_in },
    Attack {
        what: "drop a part without an erasure event",
        needs: DISK,
        expect: Verification,
        act: drop_part,
    },
    Attack {
        what: "expire a segment without an event",
        needs: DISK,
        expect: Verification,
        act: expire,
    },
    Attack {
        what: "flip one bit in a segment",
        needs: DISK,
        expect: Verification,
        act: flip_segment,
    },
    Attack {
        what: "flip one bit in a tile level",
        needs: DISK,
        expect: Verification,
        act: flip_level,
    },
    Attack {
        what: "flip one bit in a checkpoint",
        needs: DISK,
        expect: Verification,
        act: flip_checkpoint,
    },
    Attack {
        what: "delete a segment and its line in the manifest",
        needs: DISK,
        expect: Verification,
        act: delete_segment,
    },
    Attack {
        what: "remove a trail, its tree and its guard entry",
        needs: EVERYTHING,
        expect: Verification,
        act: remove_trail,
    },
    Attack {
        what: "remove a term from the index, so that a search overlooks a record",
        needs: DISK,
        expect: IndexVerification,
        act: index::remove_term,
    },
    Attack {
        what: "cut a posting of the index",
        needs: DISK,
        expect: IndexVerification,
        act: index::cut_posting,
    },
    Attack { what: "cut the tail", needs: DISK, expect: Verification, act: cut_tail },
    Attack {
        what: "cut the tail, mend the side word and the checkpoint",
        needs: KEY,
        expect: SignGuard,
        act: cut_tail_mended,
    },
    Attack {
        what: "truncate to an old size and go on",
        needs: DISK,
        expect: Verification,
        act: truncate_and_go_on,
    },
    Attack {
        what: "re-sign everything with another key",
        needs: EVERYTHING,
        expect: Verification,
        act: other_key,
    },
    Attack {
        what: "restore an old copy, the guard being elsewhere",
        needs: DISK,
        expect: SignGuard,
        act: old_copy,
    },
    Attack {
        what: "restore an old copy with its old guard",
        needs: EVERYTHING,
        expect: OutsideWitness,
        act: old_copy_and_guard,
    },
    Attack {
        what: "rewrite a longer history and sign it",
        needs: EVERYTHING,
        expect: OutsideWitness,
        act: longer_history,
    },
];

impl Attack {
    /// Carries the attack out on a copy of its own, and looks who notices.
    pub fn run(&self, stage: &Stage, place: &Seams) -> Result<DrillRow, StoreError> {
        copy::all(&*stage.base.storage, &*place.storage)?;
        (self.act)(stage, place)?;
        let (caught_by, finding) = notice(stage, place)?;
        let as_expected = caught_by == self.expect;
        Ok(DrillRow { attack: self.what, needs: self.needs, caught_by, as_expected, finding })
    }
}

/// Verification first, then the writer, then somebody outside.
fn notice(stage: &Stage, place: &Seams) -> Result<(CaughtBy, String), StoreError> {
    let report = verify(&place.storage, &VerifyOptions::default())?;
    if let Some(first) = report.log.findings.first() {
        let only_guard = report.log.findings.iter().all(|f| f.path == guard::PATH);
        let by = if only_guard { SignGuard } else { Verification };
        return Ok((by, first.to_string()));
    }
    if let Some((path, what)) = verify_index(place, &mut |_, _| ())?.faults.into_iter().next() {
        return Ok((IndexVerification, format!("{path}: {what}")));
    }
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    if let Err(e) = Store::open(place.clone(), options).and_then(Store::close) {
        return Ok((SignGuard, e.to_string()));
    }
    let kept = vec![stage.kept.clone()];
    let report = verify(&place.storage, &VerifyOptions { kept, ..VerifyOptions::default() })?;
    Ok(match report.log.findings.first() {
        Some(first) => (OutsideWitness, first.to_string()),
        None => (CaughtBy::Nothing, String::new()),
    })
}

fn trail_no(stage: &Stage, storage: &dyn Storage) -> Result<TrailNo, StoreError> {
    let manifest = Manifest::load(storage)?;
    let at = manifest.trails.iter().position(|t| t.name == stage.trail.as_str());
    let at = at.ok_or_else(|| StoreError::NotFound("the drill's trail is gone".into()))?;
    Ok(TrailNo(at as u32))
}

/// Rewrites the segment with the drill's last sealed events.
fn forge(
    stage: &Stage,
    place: &Seams,
    change: impl FnOnce(&mut Vec<Forged>),
) -> Result<(), StoreError> {
    rewrite::segment_of(&*place.storage, trail_no(stage, &*place.storage)?, None, change)
}

/// Puts another amount into a record's part `what`.
fn forge_value(record: &mut KeptRecord) {
    let KeptPart::Kept(bytes) = &mut record.parts[Part::What as usize] else { return };
    let text = String::from_utf8_lossy(bytes).replace("\"amount\":1", "\"amount\":9");
    *bytes = text.into_bytes();
}

fn edit_value(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| forge_value(&mut records[5].record))
}

fn edit_facet(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| records[5].actor_column = Some("somebody-else"))
}

fn edit_action(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| {
        let record = &mut records[5].record;
        let mut entry = Vec::new();
        Entry { action: "payment.view", ..record.entry() }.encode(&mut entry);
        record.entry = entry;
    })
}

fn swap(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| {
        records.swap(3, 8);
        let places = (records[3].record.pos, records[3].record.seq);
        (records[3].record.pos, records[3].record.seq) =
            (records[8].record.pos, records[8].record.seq);
        (records[8].record.pos, records[8].record.seq) = places;
    })
}

fn delete_one(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| drop(records.remove(5)))
}

fn slip_in(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| {
        let last = records.iter().rev().map(|f| f.record.seq.0).next().unwrap_or(0);
        let mut record = records[5].record.clone();
        record.pos = rewrite::after(records);
        record.seq = Seq(last + 1);
        let mut entry = Vec::new();
        Entry { id: EventId([7; 16]), ..record.entry() }.encode(&mut entry);
        record.entry = entry;
        records.push(Forged { record, actor_column: None });
    })
}

fn drop_part(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |records| {
        let record = &mut records[5].record;
        let salts = Part::ALL.map(|part| record.salts.of(part));
        let (Some(who), Some(salt)) = (record.part(Part::Who), salts[Part::Who as usize]) else {
            return;
        };
        let commitment = indelible_event::seal::commitment(Part::Who, &salt, who);
        record.parts[Part::Who as usize] = KeptPart::Gone(commitment);
        let [_, where_, what] = salts;
        record.salts = Salts::Parts([None, where_, what]);
    })
}

fn expire(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    let no = trail_no(stage, &*place.storage)?;
    let state = SegmentState::Stub { expired_by: EventId([9; 16]) };
    rewrite::segment_of(&*place.storage, no, Some(state), |records| {
        for forged in records {
            let stub = to_stub(&forged.record.as_ref()).map(|stub| KeptRecord::copy(&stub));
            forged.record = stub.unwrap_or_else(|| forged.record.clone());
        }
    })
}

fn edit_and_mend_tree(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    let storage = &*place.storage;
    let mut forged = None;
    forge(stage, place, |records| {
        let record = &mut records[5].record;
        forge_value(record);
        let borrowed = record.as_ref();
        let hash = parts_hash(&borrowed.salts, &borrowed.parts).unwrap_or_default();
        let mut entry = Vec::new();
        Entry { parts_hash: hash, ..record.entry() }.encode(&mut entry);
        record.entry = entry;
        forged = Some((record.seq, leaf_hash(&record.entry)));
    })?;
    let Some((seq, leaf)) = forged else { return Ok(()) };
    let manifest = Manifest::load(storage)?;
    let trail = &manifest.trails[trail_no(stage, storage)?.0 as usize];
    let id = TrailId(trail.id);
    let bytes = storage.map(&level_path(id, 0)).map_err(StoreError::io("level-0"))?;
    let mut leaves: Vec<Hash> = bytes.as_chunks::<32>().0.iter().map(|h| Hash(*h)).collect();
    leaves.truncate(trail.sealed as usize);
    leaves[seq.0 as usize] = leaf;
    let (mut tree, mut levels) = (Tree::new(), Vec::<Vec<u8>>::new());
    for leaf in leaves {
        tree.push(leaf, |level, hash| {
            levels.resize(levels.len().max(usize::from(level) + 1), Vec::new());
            levels[usize::from(level)].extend_from_slice(&hash.0);
        });
    }
    for (level, bytes) in levels.iter().enumerate() {
        copy::replace(storage, &level_path(id, level as u8), |file| write_all_at(file, 0, bytes))?;
    }
    Ok(())
}

/// The last active file: its place and path.
fn last_active(storage: &dyn Storage) -> Result<(Pos, String), StoreError> {
    let first = active::list(storage)?.last().copied().unwrap_or_default();
    Ok((first, active::path(first)))
}

/// Where the groups of an active file begin.
fn group_starts(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut starts) = (FILE_HEADER_LEN, Vec::new());
    while let Ok(group) = frame::group_at(bytes, at) {
        starts.push(at);
        at = group.end() as usize;
    }
    starts
}

fn edit_live(_: &Stage, place: &Seams) -> Result<(), StoreError> {
    let (_, path) = last_active(&*place.storage)?;
    copy::edit(&*place.storage, &path, |bytes| {
        let Some(start) = group_starts(bytes).last().copied() else { return };
        let needle = b"\"amount\":1";
        let Some(at) = bytes[start..].windows(needle.len()).position(|w| w == needle) else {
            return;
        };
        bytes[start + at + needle.len() - 1] = b'9';
        let Ok(header) = GroupHeader::decode(&bytes[start..]) else { return };
        let payload = start + GROUP_HEADER_LEN;
        let payload_crc = crc32c::crc32c(&bytes[payload..payload + header.payload_len as usize]);
        let header = GroupHeader { payload_crc, ..header }.encode();
        bytes[start..payload].copy_from_slice(&header);
    })
}

fn cut_tail(_: &Stage, place: &Seams) -> Result<(), StoreError> {
    let (_, path) = last_active(&*place.storage)?;
    copy::edit(&*place.storage, &path, |bytes| {
        let last = group_starts(bytes).last().copied().unwrap_or(FILE_HEADER_LEN);
        bytes.truncate(last);
    })
}

/// Cuts the last group so that the file looks as if it had never been there.
fn cut_cleanly(place: &Seams) -> Result<(), StoreError> {
    let storage = &*place.storage;
    let (first, path) = last_active(storage)?;
    let mut end = 0;
    copy::edit(storage, &path, |bytes| {
        end = group_starts(bytes).last().copied().unwrap_or(FILE_HEADER_LEN);
        bytes.truncate(end);
    })?;
    let mark = frame::encode_mark(first, end as u64);
    copy::replace(storage, &active::mark_path(first), |file| write_all_at(file, 0, &mark))
}

fn cut_tail_mended(_: &Stage, place: &Seams) -> Result<(), StoreError> {
    cut_cleanly(place)?;
    let node = Node::load(&*place.storage)?;
    sign_all(place, &node)
}

/// Signs the trails as they are now, asking no guard.
fn sign_all(place: &Seams, node: &Node) -> Result<(), StoreError> {
    let storage = &*place.storage;
    let keys = node.signing_keys(storage)?;
    let view = indelible_log::View::open(place.storage.clone())?;
    for trail in view.trails() {
        let origin = node.origin_of(trail.info.id);
        let note = Checkpoint::new(&origin, trail.size, trail.root)
            .sign(&keys.of(trail.info.id)?)
            .map_err(|e| StoreError::file("checkpoint", e))?;
        let path = checkpoint_path(trail.info.id);
        copy::replace(storage, &path, |file| write_all_at(file, 0, note.as_bytes()))?;
    }
    Ok(())
}

fn truncate_and_go_on(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    cut_cleanly(place)?;
    // The attacker's own writer asks no guard, and outgrows the size that was signed.
    let log = Log::open(place.clone(), SealAt::default())?;
    let trail = log.ensure_trail(&stage.trail)?;
    let json = br#"{"action":"payment.view","actor":{"id":"nobody"},"details":{"note":"nothing happened"}}"#;
    let event = indelible_event::check(json).map_err(|e| StoreError::file("event", e))?;
    let batch: Vec<_> = (0..400)
        .map(|_| indelible_log::Incoming { trail, event: &event, recorded_by: None })
        .collect();
    log.append(&batch).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

fn flip(
    storage: &dyn Storage,
    path: &str,
    at: impl FnOnce(&[u8]) -> usize,
) -> Result<(), StoreError> {
    copy::edit(storage, path, |bytes| {
        let at = at(bytes);
        bytes[at] ^= 1;
    })
}

fn flip_segment(_: &Stage, place: &Seams) -> Result<(), StoreError> {
    let manifest = Manifest::load(&*place.storage)?;
    let last = manifest.segments.last().map(|s| s.parquet()).unwrap_or_default();
    flip(&*place.storage, &last, |bytes| bytes.len() / 2)
}

fn drill_id(stage: &Stage, place: &Seams) -> Result<TrailId, StoreError> {
    let manifest = Manifest::load(&*place.storage)?;
    Ok(TrailId(manifest.trails[trail_no(stage, &*place.storage)?.0 as usize].id))
}

fn flip_level(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    flip(&*place.storage, &level_path(drill_id(stage, place)?, 0), |bytes| bytes.len() / 3)
}

fn flip_checkpoint(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    let path = checkpoint_path(drill_id(stage, place)?);
    // The first character of the root, on the third line.
    flip(&*place.storage, &path, |bytes| {
        let mut newlines = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n');
        newlines.nth(1).map_or(0, |(at, _)| at + 1)
    })
}

fn delete_segment(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    let storage = &*place.storage;
    let no = trail_no(stage, storage)?;
    let mut manifest = Manifest::load(storage)?;
    let Some(at) = manifest.segments.iter().rposition(|s| s.trails.iter().any(|t| t.0 == no.0))
    else {
        return Ok(());
    };
    let gone = manifest.segments.remove(at);
    for path in [gone.parquet(), gone.row_table()] {
        storage.remove(&path).map_err(StoreError::io(&path))?;
    }
    Ok(manifest.store(storage)?)
}

fn remove_trail(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    let storage = &*place.storage;
    // All of it in segments first, so that no trace is left in the active file.
    Log::open(place.clone(), SealAt::default())?.seal()?;
    let no = trail_no(stage, storage)?;
    while Manifest::load(storage)?.segments.iter().any(|s| s.trails.iter().any(|t| t.0 == no.0)) {
        let of_others =
            |s: &indelible_log::manifest::ManifestSegment| s.trails.iter().any(|t| t.0 != no.0);
        let mut manifest = Manifest::load(storage)?;
        let at = manifest.segments.iter().rposition(|s| s.trails.iter().any(|t| t.0 == no.0));
        let Some(at) = at else { break };
        if of_others(&manifest.segments[at]) {
            rewrite::segment_of(storage, no, None, |records| {
                records.retain(|f| f.record.trail != no)
            })?;
        } else {
            manifest.segments.remove(at);
            manifest.store(storage)?;
        }
    }
    let mut manifest = Manifest::load(storage)?;
    let id = TrailId(manifest.trails[no.0 as usize].id);
    manifest.trails.truncate(no.0 as usize);
    manifest.store(storage)?;
    let dir = format!("{}/{id}", indelible_log::trail::DIR);
    for name in storage.list(&dir).map_err(StoreError::io(&dir))? {
        let path = format!("{dir}/{name}");
        storage.remove(&path).map_err(StoreError::io(&path))?;
    }
    let node = Node::load(storage)?;
    remake_guard(place, &node)
}

/// Makes a guard that fits whatever is there.
fn remake_guard(place: &Seams, node: &Node) -> Result<(), StoreError> {
    let view = indelible_log::View::open(place.storage.clone())?;
    let mut guard = Guard::new(&view.log_id(), &node.public_key);
    for trail in view.trails() {
        guard.set(trail.info.id, trail.size, &trail.root);
    }
    guard.store(&*place.storage)
}

fn other_key(_: &Stage, place: &Seams) -> Result<(), StoreError> {
    let mut seed = [0; 32];
    place.entropy.fill(&mut seed);
    let node = Node::new(&Node::load(&*place.storage)?.origin, &seed)?;
    node.store(&*place.storage)?;
    node::store_key(&*place.storage, &seed)?;
    sign_all(place, &node)?;
    remake_guard(place, &node)
}

fn clear(place: &Seams) -> Result<(), StoreError> {
    let storage = &*place.storage;
    for dir in [active::DIR, indelible_log::manifest::SEGMENTS] {
        for name in storage.list(dir).map_err(StoreError::io(dir))? {
            let path = format!("{dir}/{name}");
            storage.remove(&path).map_err(StoreError::io(&path))?;
        }
    }
    Ok(())
}

fn old_copy_and_guard(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    clear(place)?;
    copy::all(&*stage.earlier.storage, &*place.storage)
}

fn old_copy(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    old_copy_and_guard(stage, place)?;
    copy::guard(&*stage.base.storage, &*place.storage)
}

fn longer_history(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    old_copy_and_guard(stage, place)?;
    append(place, &stage.trail, 10_000, 500, false)
}

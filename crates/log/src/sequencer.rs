//! The one writer: it drains its queue, gives each record its place, writes a group, syncs it, and only
//! then lets anybody see it.
//!
//! Promises: a record that was acknowledged is durable, has the next seq of its trail, and a
//! `recorded_at` not before its predecessor's. After a write or sync that failed for any reason but a
//! full disk nothing is acknowledged any more: what the system says of the file's content cannot be
//! believed then (a second fsync may report success for pages that were dropped by the first).

use std::io;
use std::sync::Arc;

use indelible_event::{ENTRY_RECORDED_AT, Micros, TrailName};
use indelible_merkle::{Hash, leaf_hash};

use crate::active;
use crate::clock::{Clock, Entropy};
use crate::error::AppendError;
use crate::frame::{self, FileHeader, GROUP_HEADER_LEN, GroupHeader};
use crate::limits;
use crate::live::LiveFile;
use crate::prepare::{Draw, Incoming, Item, Prepared};
use crate::queue::{Queue, Weigh};
use crate::read::find_in;
use crate::record::{Pos, Seq, TrailNo};
use crate::sealer::Sealing;
use crate::storage::{File, Storage, is_full, write_all_at};
use crate::trail::{TrailId, TrailInfo};
use crate::view::{State, TRAIL_CREATE, View};

/// If the sequencer ends, by a panic too, nobody may wait for it any longer.
struct Abandon(Arc<Queue<Work>>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Where an event ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is a new record.
    New { pos: Pos, seq: Seq, leaf: Hash, recorded_at: Micros },
    /// The trail has a record with this id already.
    Known { seq: Seq },
}

/// What became of one event.
pub(crate) type Outcome = Result<Placed, AppendError>;

pub(crate) type Reply<T> = Box<dyn FnOnce(Result<T, AppendError>) + Send>;

/// Prepared events that are answered together.
pub(crate) struct Submission {
    pub prepared: Prepared,
    /// The manifest's file counter when the ids were looked up in the segments. Segments made since
    /// have to be asked again.
    pub files_seen: u64,
    pub reply: Reply<Vec<Outcome>>,
}

/// What the sequencer is asked to do.
pub(crate) enum Work {
    Append(Submission),
    CreateTrail {
        name: TrailName,
        reply: Reply<TrailNo>,
    },
    /// Begin a new active file, so that the present one can be sealed.
    Rotate {
        reply: Reply<()>,
    },
}

impl Weigh for Work {
    fn weight(&self) -> usize {
        match self {
            Work::Append(s) => s.prepared.frames.len(),
            Work::CreateTrail { .. } | Work::Rotate { .. } => 0,
        }
    }
}

/// The file that groups are appended to.
pub(crate) struct Active {
    pub file: Arc<dyn File>,
    pub mark: Arc<dyn File>,
    pub first: Pos,
    /// Everything below is durable; the next group begins here.
    pub offset: u64,
    /// Whether half a group may lie behind `offset`, since the disk was full.
    pub littered: bool,
}

pub(crate) struct Sequencer {
    pub view: Arc<View>,
    pub queue: Arc<Queue<Work>>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub sealing: Arc<Sealing>,
    pub log_id: [u8; 16],
    pub active: Active,
    pub seal_at: SealAt,
    /// Why nothing is acknowledged any more.
    pub poisoned: Option<String>,
}

/// When the active file is full enough to be sealed, and segments are merged.
#[derive(Clone, Copy, Debug)]
pub struct SealAt {
    /// Records in it.
    pub records: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Segments of one class and day that may wait for a merge while events are being appended; with none
    /// merging never waits.
    pub merge_debt: usize,
}

impl Default for SealAt {
    fn default() -> Self {
        SealAt {
            records: limits::ACTIVE_RECORDS_SEAL,
            bytes: limits::ACTIVE_BYTES_SEAL,
            merge_debt: limits::MERGE_DEBT_MAX,
        }
    }
}

/// A record of the group being written.
struct Staged {
    item: Item,
    submission: usize,
    /// Its place among the submission's events.
    slot: usize,
    seq: Seq,
    offset: u64,
    leaf: Hash,
}

/// A group before it is written.
struct Stage {
    /// Those of what is staged follow with the sync.
    outcomes: Vec<Vec<Outcome>>,
    staged: Vec<Staged>,
    first: Pos,
    now: Micros,
}

impl Sequencer {
    /// Works until the queue is closed and empty.
    pub fn run(mut self) {
        let _abandon = Abandon(self.queue.clone());
        let mut work = Vec::new();
        let mut group: Vec<Submission> = Vec::new();
        loop {
            let (mut bytes, mut records) = (0, 0);
            let fits = |item: &Work| {
                bytes += item.weight();
                if let Work::Append(s) = item {
                    records += s.prepared.items.len();
                }
                bytes <= limits::GROUP_BYTES_MAX && records <= limits::GROUP_RECORDS_MAX
            };
            if self.queue.take(&mut work, fits).is_none() {
                return;
            }
            for item in work.drain(..) {
                match item {
                    Work::Append(submission) => group.push(submission),
                    Work::CreateTrail { name, reply } => {
                        self.append(&mut group);
                        reply(self.create_trail(&name));
                    }
                    Work::Rotate { reply } => {
                        self.append(&mut group);
                        reply(self.rotate_now());
                    }
                }
            }
            self.append(&mut group);
            self.rotate_if_due();
        }
    }

    /// Writes submissions as one group and answers them.
    fn append(&mut self, submissions: &mut Vec<Submission>) {
        if submissions.is_empty() {
            return;
        }
        match self.write_group(submissions) {
            Ok(outcomes) => {
                for (submission, of) in submissions.drain(..).zip(outcomes) {
                    (submission.reply)(Ok(of));
                }
            }
            Err(e) => submissions.drain(..).for_each(|s| (s.reply)(Err(e.clone()))),
        }
    }

    /// Gives each submission's outcomes, or why none of their new events was kept.
    fn write_group(
        &mut self,
        submissions: &[Submission],
    ) -> Result<Vec<Vec<Outcome>>, AppendError> {
        self.usable()?;
        if self.active.offset >= limits::ACTIVE_BYTES_MAX
            && let Some(why) = self.sealing.failure()
        {
            return Err(AppendError::Poisoned(format!("sealing fails: {why}")));
        }
        let Stage { mut outcomes, mut staged, first, now } = self.stage(submissions);
        if staged.is_empty() {
            return Ok(outcomes);
        }
        let buf = fill(&mut staged, submissions, first, self.active.offset, now);
        if let Err(e) = self.write_durably(&buf) {
            let mut state = self.view.state_mut();
            state.writing_at = None;
            let live = state.live.last_mut().expect("there is always an active file");
            for s in &staged {
                live.release_id(s.item.trail, s.item.id);
            }
            return Err(e);
        }
        let mut state = self.view.state_mut();
        for (i, s) in staged.iter().enumerate() {
            state.apply(s.item.trail, s.seq, s.leaf, s.offset, s.item.len, now);
            let pos = Pos(first.0 + i as u64);
            outcomes[s.submission][s.slot] =
                Ok(Placed::New { pos, seq: s.seq, leaf: s.leaf, recorded_at: now });
        }
        state.writing_at = None;
        // Before anybody sees that nothing is being written: what was is below the end by then.
        self.view.watch.durable_up_to(state.next_pos());
        drop(state);
        Ok(outcomes)
    }

    /// Gives every new event its seq and reserves its id; finds out which ids are known already.
    fn stage(&mut self, submissions: &[Submission]) -> Stage {
        let mut guard = self.view.state_mut();
        let state = &mut *guard;
        let first = state.next_pos();
        let base = state.live.last().map_or(0, LiveFile::count);
        let now = self.clock.now().max(state.recorded_at_max);
        let mut counts = vec![0u64; state.trails.len()];
        let mut staged: Vec<Staged> = Vec::new();
        let mut outcomes = Vec::with_capacity(submissions.len());
        for (index, submission) in submissions.iter().enumerate() {
            let mut of = Vec::with_capacity(submission.prepared.items.len());
            for (slot, item) in submission.prepared.items.iter().enumerate() {
                match known_before(state, item, submission.files_seen) {
                    Ok(None) => {}
                    Ok(Some(seq)) => {
                        of.push(Ok(Placed::Known { seq }));
                        continue;
                    }
                    Err(e) => {
                        // Whether the id is new cannot be told, so this event must not be written.
                        of.push(Err(AppendError::Unreadable(e.to_string())));
                        continue;
                    }
                }
                let live = state.live.last_mut().expect("there is always an active file");
                let row = (base + staged.len() as u64) as u32;
                if let Err(row) = live.reserve_id(item.trail, item.id, row) {
                    // Every durable row was found above, so this one is in the group being staged.
                    let seq = staged[(u64::from(row) - base) as usize].seq;
                    of.push(Ok(Placed::Known { seq }));
                    continue;
                }
                let count = &mut counts[item.trail.0 as usize];
                let seq = Seq(state.trails[item.trail.0 as usize].size() + *count);
                *count += 1;
                // Offset and leaf follow with the bytes, and the place with the sync.
                let leaf = Hash([0; 32]);
                staged.push(Staged { item: *item, submission: index, slot, seq, offset: 0, leaf });
                of.push(Ok(Placed::Known { seq }));
            }
            outcomes.push(of);
        }
        state.writing_at = (!staged.is_empty()).then_some(now);
        Stage { outcomes, staged, first, now }
    }

    fn write_durably(&mut self, buf: &[u8]) -> Result<(), AppendError> {
        let offset = self.active.offset;
        if let Err(e) = write_all_at(&*self.active.file, offset, buf) {
            if is_full(&e) {
                // What was half written is not acknowledged and the next group overwrites it; cutting it
                // off only spares a later recovery from having to say so.
                let _ = self.active.file.set_len(offset);
                self.active.littered = true;
                return Err(AppendError::Full);
            }
            return Err(self.poison(e.to_string()));
        }
        if let Err(e) = self.active.file.sync() {
            return Err(self.poison(e.to_string()));
        }
        self.active.offset = offset + buf.len() as u64;
        // The side word helps recovery to tell a torn tail from damage. It is not what makes the group
        // durable, so failing to write it must not fail the group.
        let mark = frame::encode_mark(self.active.first, self.active.offset);
        let _ = write_all_at(&*self.active.mark, 0, &mark);
        Ok(())
    }

    fn usable(&self) -> Result<(), AppendError> {
        match &self.poisoned {
            Some(why) => Err(AppendError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    fn poison(&mut self, why: String) -> AppendError {
        self.poisoned = Some(why.clone());
        AppendError::Poisoned(why)
    }

    /// Records a trail's creation in `_system`, then adds the trail.
    fn create_trail(&mut self, name: &TrailName) -> Result<TrailNo, AppendError> {
        self.usable()?;
        let no = {
            let state = self.view.state();
            if let Some(no) = state.names.get(name) {
                return Ok(*no);
            }
            if state.trails.len() >= limits::TRAILS_MAX {
                return Err(AppendError::TooManyTrails);
            }
            TrailNo(state.trails.len() as u32)
        };
        let mut id = [0; 16];
        self.entropy.fill(&mut id);
        let info = TrailInfo { no, id: TrailId(id), name: name.clone() };
        let event = trail_created(&info);
        let draw = Draw::new(&*self.entropy, self.clock.now(), 1);
        let mut prepared = Prepared::default();
        let incoming = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
        prepared.push(&incoming, draw.id(0), &draw.salt(0), &mut Vec::new());
        let submission = Submission { prepared, files_seen: u64::MAX, reply: Box::new(|_| ()) };
        let outcomes = self.write_group(&[submission])?;
        outcomes.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
        let storage = self.view.storage.clone();
        let added = self.view.state_mut().add_trail(&storage, info);
        added.map_err(|e| self.poison(e.to_string()))?;
        Ok(no)
    }

    fn rotate_if_due(&mut self) {
        let count = self.view.state().live.last().map_or(0, LiveFile::count);
        let due = count >= self.seal_at.records || self.active.offset >= self.seal_at.bytes;
        if count == 0 || !due || self.poisoned.is_some() {
            return;
        }
        if self.sealing.failure().is_some() && self.view.state().live.len() > 1 {
            // One file waits already and cannot be sealed; `maintain` tries that again. A second one would
            // only make the memory grow.
            return;
        }
        if self.sealing.is_busy() {
            let full = count >= limits::ACTIVE_RECORDS_MAX
                || self.active.offset >= limits::ACTIVE_BYTES_MAX;
            if !full || !self.sealing.wait_idle() {
                return;
            }
        }
        // If there is no room for a new file now, the present one goes on and this is tried again.
        let _ = self.rotate_now();
    }

    fn rotate_now(&mut self) -> Result<(), AppendError> {
        self.usable()?;
        let (first, empty) = {
            let state = self.view.state();
            (state.next_pos(), state.live.last().is_none_or(|live| live.count() == 0))
        };
        if !empty {
            let storage = self.view.storage.clone();
            // Behind the last group of a file that is not the last one anything counts as damage.
            if self.active.littered {
                let cut = self.active.file.set_len(self.active.offset);
                cut.and_then(|()| self.active.file.sync())
                    .map_err(|e| self.poison(e.to_string()))?;
                self.active.littered = false;
            }
            let active = match create_active(&*storage, &self.log_id, first) {
                Ok(active) => active,
                Err(e) if is_full(&e) => return Err(AppendError::Full),
                // A file that could not be made whole leaves the present one as it was, so nothing is in
                // doubt; but a disk that fails at this will not be trusted with records.
                Err(e) => return Err(self.poison(e.to_string())),
            };
            let live = LiveFile::new(first, &active::path(first), active.file.clone());
            self.view.state_mut().live.push(live);
            self.active = active;
        }
        self.sealing.wake();
        Ok(())
    }
}

/// The seq of a durable record with this id: in an active file, or in a segment made since the caller
/// looked.
fn known_before(
    state: &State,
    item: &Item,
    files_seen: u64,
) -> Result<Option<Seq>, crate::error::LogError> {
    for live in state.live.iter().rev() {
        if let Some(row) = live.row_of_id(item.trail, item.id) {
            return Ok(Some(live.row(row).read()?.record()?.seq));
        }
    }
    if state.manifest.next_file <= files_seen {
        return Ok(None);
    }
    let newer: Vec<_> =
        state.segments.iter().filter(|s| s.entry.file >= files_seen).cloned().collect();
    find_in(&newer, item.trail, item.id)
}

/// Builds the group's bytes: each frame gets its seq and time, and is hashed into its leaf.
fn fill(
    staged: &mut [Staged],
    submissions: &[Submission],
    first: Pos,
    offset: u64,
    now: Micros,
) -> Vec<u8> {
    let mut time = Vec::with_capacity(ENTRY_RECORDED_AT.len());
    now.write_to(&mut time);
    let payload_len: usize = staged.iter().map(|s| s.item.len).sum();
    let mut buf = Vec::with_capacity(GROUP_HEADER_LEN + payload_len);
    buf.resize(GROUP_HEADER_LEN, 0);
    for s in staged.iter_mut() {
        let at = buf.len();
        buf.extend_from_slice(
            &submissions[s.submission].prepared.frames[s.item.at..][..s.item.len],
        );
        let frame = &mut buf[at..];
        frame::set_seq(frame, s.seq);
        let entry = frame::entry_mut(frame);
        entry[ENTRY_RECORDED_AT].copy_from_slice(&time);
        s.leaf = leaf_hash(entry);
        s.offset = offset + at as u64;
    }
    let payload = &buf[GROUP_HEADER_LEN..];
    let header = GroupHeader {
        payload_len: payload.len() as u32,
        count: staged.len() as u32,
        first_pos: first,
        durable: offset,
        payload_crc: crc32c::crc32c(payload),
    };
    buf[..GROUP_HEADER_LEN].copy_from_slice(&header.encode());
    buf
}

/// Makes an empty active file, durable under its name.
pub(crate) fn create_active(
    storage: &dyn Storage,
    log_id: &[u8; 16],
    first: Pos,
) -> io::Result<Active> {
    let (path, mark_path) = (active::path(first), active::mark_path(first));
    for leftover in [&path, &mark_path] {
        match storage.remove(leftover) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    let file = storage.create(&path)?;
    let header = FileHeader { log_id: *log_id, first_pos: first }.encode();
    write_all_at(&*file, 0, &header)?;
    file.sync()?;
    let mark = storage.create(&mark_path)?;
    let offset = header.len() as u64;
    write_all_at(&*mark, 0, &frame::encode_mark(first, offset))?;
    storage.sync_dir(active::DIR)?;
    Ok(Active { file, mark, first, offset, littered: false })
}

/// The event in `_system` that makes a trail.
fn trail_created(info: &TrailInfo) -> indelible_event::Checked {
    // A name's alphabet and hexadecimal digits need no escaping.
    let json = format!(
        r#"{{"action":"{TRAIL_CREATE}","category":"system","outcome":"success","actor":{{"type":"system","id":"indelible"}},"targets":[{{"type":"trail","id":"{id}","name":"{name}"}}],"details":{{"no":{no},"id":"{id}","name":"{name}"}}}}"#,
        id = info.id,
        name = info.name,
        no = info.no.0,
    );
    indelible_event::check(json.as_bytes())
        .expect("an event of our own making is within all limits")
}

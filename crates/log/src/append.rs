//! Appending: what happens on the caller's thread, before and after the sequencer's turn.

use indelible_event::{EventId, Part, is_recorded_by};

use crate::error::{AppendError, LogError};
use crate::limits;
use crate::log::{Appended, Log, Receipt};
use crate::prepare::{Draw, Incoming, Prepared};
use crate::read::find_in;
use crate::record::{KeptPart, KeptRecord};
use crate::sequencer::{Outcome, Placed, Submission, Work};

impl Log {
    /// Appends events and waits until they are durable. Each has its own result, in the order of the
    /// events: what became of one says nothing of the others. While only the reserve is free on the disk,
    /// new events are refused as if it were full.
    pub fn append(&self, batch: &[Incoming<'_>]) -> Vec<Result<Appended, AppendError>> {
        self.append_as(batch, false)
    }

    /// Appends what the node has to tell of itself: it may use the reserve, too.
    pub fn append_own(&self, batch: &[Incoming<'_>]) -> Vec<Result<Appended, AppendError>> {
        self.append_as(batch, true)
    }

    fn append_as(&self, batch: &[Incoming<'_>], own: bool) -> Vec<Result<Appended, AppendError>> {
        let now = self.seams.clock.now();
        let draw = Draw::new(&*self.seams.entropy, now, batch.len());
        let ids: Vec<EventId> = batch
            .iter()
            .enumerate()
            .map(|(i, e)| e.event.id.unwrap_or_else(|| draw.id(i)))
            .collect();
        let mut outcomes = self.refuse(batch);
        let files_seen = self.find_known(batch, &ids, &mut outcomes);
        if !own && !self.has_room() {
            self.refuse_new(batch, &ids, &mut outcomes);
        }
        self.submit_all(batch, &ids, &draw, files_seen, &mut outcomes);
        let twin = |(incoming, outcome): (&Incoming<'_>, &Option<Outcome>)| match outcome {
            Some(Ok(Placed::Known { seq })) => Some((incoming.trail, *seq)),
            _ => None,
        };
        let twins: Vec<_> = batch.iter().zip(&outcomes).filter_map(twin).collect();
        let mut twins = self.view.read_each_of(&twins).into_iter();
        let mut settle = |incoming: &Incoming<'_>, id, outcome: Outcome| match outcome? {
            Placed::New { seq, leaf, recorded_at, .. } => {
                Ok(Appended::Kept(Receipt { id, seq, leaf, recorded_at, known: false }))
            }
            Placed::Known { .. } => {
                let twin = twins.next().expect("reading gives a result for each seq");
                let unreadable = |e: LogError| AppendError::Unreadable(e.to_string());
                Ok(compare(incoming, id, &twin.map_err(unreadable)?))
            }
        };
        let all = batch.iter().zip(ids).zip(outcomes);
        all.map(|((incoming, id), outcome)| {
            let outcome = outcome.expect("each event was refused, known or submitted");
            settle(incoming, id, outcome)
        })
        .collect()
    }

    /// What cannot be kept because of what was said beside the event.
    fn refuse(&self, batch: &[Incoming<'_>]) -> Vec<Option<Outcome>> {
        let trails = self.view.state().trails.len();
        let refuse = |e: &Incoming<'_>| {
            // A record that is no record when it is read again would keep the log from ever opening.
            if e.recorded_by.is_some_and(|by| !is_recorded_by(by.as_bytes())) {
                let why = "recorded_by must be [A-Za-z0-9._:-]{1,64}";
                return Some(Err(AppendError::Refused(why)));
            }
            let is_there = (e.trail.0 as usize) < trails;
            (!is_there).then_some(Err(AppendError::Refused("there is no trail of this number")))
        };
        batch.iter().map(refuse).collect()
    }

    /// Looks the callers' own ids up in the segments, on the caller's thread. Ids that we just made
    /// cannot be there. Gives the manifest's file counter as of then.
    fn find_known(
        &self,
        batch: &[Incoming<'_>],
        ids: &[EventId],
        outcomes: &mut [Option<Outcome>],
    ) -> u64 {
        let (files_seen, segments) = {
            let state = self.view.state();
            (state.manifest.next_file, state.segments.clone())
        };
        for ((incoming, id), outcome) in batch.iter().zip(ids).zip(outcomes) {
            if outcome.is_some() || incoming.event.id.is_none() {
                continue;
            }
            *outcome = match find_in(&segments, incoming.trail, *id) {
                Ok(found) => found.map(|seq| Ok(Placed::Known { seq })),
                // An id that cannot be looked up must not be appended: it might be there twice then.
                Err(e) => Some(Err(AppendError::Unreadable(e.to_string()))),
            };
        }
        files_seen
    }

    /// What is new finds no room; what is known, in an active file too, needs none.
    fn refuse_new(
        &self,
        batch: &[Incoming<'_>],
        ids: &[EventId],
        outcomes: &mut [Option<Outcome>],
    ) {
        for ((incoming, id), outcome) in batch.iter().zip(ids).zip(outcomes) {
            if outcome.is_none() {
                *outcome = Some(match self.view.find(incoming.trail, *id) {
                    Ok(Some(seq)) => Ok(Placed::Known { seq }),
                    Ok(None) => Err(AppendError::Full),
                    Err(e) => Err(AppendError::Unreadable(e.to_string())),
                });
            }
        }
    }

    /// Prepares what has no outcome yet and hands it to the sequencer, in pieces that fit a group.
    fn submit_all(
        &self,
        batch: &[Incoming<'_>],
        ids: &[EventId],
        draw: &Draw,
        files_seen: u64,
        outcomes: &mut [Option<Outcome>],
    ) {
        let (mut prepared, mut slots, mut entry) = (Prepared::default(), Vec::new(), Vec::new());
        let mut stopped = None;
        for (i, incoming) in batch.iter().enumerate() {
            if outcomes[i].is_none() {
                if prepared.items.is_empty() {
                    prepared
                        .frames
                        .reserve((batch.len() - i).min(limits::GROUP_RECORDS_MAX) * 1024);
                }
                prepared.push(incoming, ids[i], &draw.salt(i), &mut entry);
                slots.push(i);
            }
            let full = prepared.frames.len() >= limits::GROUP_BYTES_MAX / 2
                || prepared.items.len() >= limits::GROUP_RECORDS_MAX / 2;
            if slots.is_empty() || !full && i + 1 < batch.len() {
                continue;
            }
            // One piece after the other, so that after a failure just the front is kept.
            match self.send(std::mem::take(&mut prepared), files_seen) {
                Ok(answers) => {
                    for (slot, answer) in slots.drain(..).zip(answers) {
                        outcomes[slot] = Some(answer);
                    }
                }
                Err(cause) => {
                    stopped = Some(cause);
                    break;
                }
            }
        }
        if let Some(cause) = stopped {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
                *outcome = Some(Err(cause.clone()));
            }
        }
    }

    fn send(&self, prepared: Prepared, files_seen: u64) -> Result<Vec<Outcome>, AppendError> {
        self.room.used(prepared.frames.len());
        self.ask(|reply| Work::Append(Submission { prepared, files_seen, reply }))
    }
}

/// The same id again: the first receipt if it is the same event, a refusal that names the difference if
/// it is not.
fn compare(incoming: &Incoming<'_>, id: EventId, kept: &KeptRecord) -> Appended {
    let seq = kept.seq;
    if let Some(field) = difference(kept, incoming) {
        return Appended::Conflict { id, seq, field };
    }
    let leaf = indelible_merkle::leaf_hash(&kept.entry);
    let recorded_at = kept.entry().recorded_at;
    Appended::Kept(Receipt { id, seq, leaf, recorded_at, known: true })
}

/// The first field in which an event differs from a kept record of the same id.
fn difference(kept: &KeptRecord, incoming: &Incoming<'_>) -> Option<&'static str> {
    let (entry, event) = (kept.entry(), incoming.event);
    let fields = [
        ("occurred_at", entry.occurred_at == event.occurred_at),
        ("action", entry.action == &*event.action),
        ("category", entry.category == event.category.as_deref()),
        ("outcome", entry.outcome == event.outcome),
        ("phase", entry.phase == event.phase),
        ("ref", entry.reference == event.reference),
        ("source", entry.source == event.source),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
        return Some(field);
    }
    Part::ALL.into_iter().find_map(|part| {
        let new = event.parts.get(part);
        let same = match &kept.parts[part as usize] {
            KeptPart::Kept(bytes) => new == Some(bytes.as_slice()),
            KeptPart::Absent => new.is_none(),
            // The part and its salt are gone, so there is nothing left to compare with but its presence.
            KeptPart::Gone(_) => new.is_some(),
        };
        (!same).then(|| part.name())
    })
}

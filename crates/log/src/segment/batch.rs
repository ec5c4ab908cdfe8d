//! Rows that were read: columns of decoded values, and the records that are made of them.

use std::borrow::Cow;
use std::sync::Arc;

use indelible_event::{Entry, EventId, Facets, Micros, Outcome, Part, Phase, Source, seal};

use super::decode::Values;
use super::schema::{COLUMNS, Col, PART, PART_COMMIT, PART_SALT};
use super::{SegmentError, commitment};
use crate::record::{PartRef, Pos, Record, Salts, Seq, TrailNo};

/// The trails' numbers by name, for the column that shows names.
pub(super) type TrailNames = Arc<[(Box<str>, TrailNo)]>;

/// Some rows of a segment, decoded column by column.
#[derive(Debug)]
pub struct RowBatch {
    pub(super) columns: [Values; COLUMNS],
    /// Sorted by name.
    pub(super) names: TrailNames,
    pub(super) first_row: u32,
    /// The segment's rows, where they do not follow each other from the first.
    pub(super) scattered: Vec<u32>,
    pub(super) len: usize,
}

impl RowBatch {
    /// How many rows these are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The segment's row that comes first here.
    pub fn first_row(&self) -> u32 {
        self.first_row
    }

    /// A row's record. Its `parts_hash` is made again from the parts, so that an entry encoded from
    /// it tells by its leaf hash whether parts, salts and columns are the accepted ones.
    pub fn record(&self, row: usize) -> Result<Record<'_>, SegmentError> {
        let mut record = self.unsealed(row)?;
        let mut commitments = [None; 3];
        for part in Part::ALL {
            commitments[part as usize] =
                commitment(&record, part).ok_or_else(|| self.damaged(row, "a part has no salt"))?;
        }
        record.entry.parts_hash = seal::parts_hash(&commitments);
        Ok(record)
    }

    /// A row's record with a `parts_hash` of zeros, for those who do not check it: the hashes are
    /// most of what a scan costs.
    pub fn unsealed(&self, row: usize) -> Result<Record<'_>, SegmentError> {
        let source = match (self.fixed(Col::SourceId, row)?, self.int(Col::SourceSeq, row)) {
            (None, None) => None,
            (Some(id), Some(seq)) => Some(Source { id, seq: seq as u64 }),
            _ => return Err(self.damaged(row, "half a source")),
        };
        let outcome = Outcome::from_name(self.required_text(Col::Outcome, row)?)
            .ok_or_else(|| self.damaged(row, "an unknown outcome"))?;
        let phase = match self.text(Col::Phase, row)? {
            None => None,
            Some(name) => {
                Some(Phase::from_name(name).ok_or_else(|| self.damaged(row, "an unknown phase"))?)
            }
        };
        let entry = Entry {
            id: self.fixed(Col::Id, row)?.map(EventId).ok_or_else(|| self.damaged(row, "no id"))?,
            recorded_at: Micros(self.required_int(Col::RecordedAt, row)?),
            occurred_at: self.int(Col::OccurredAt, row).map(Micros),
            action: self.required_text(Col::Action, row)?,
            category: self.text(Col::Category, row)?,
            outcome,
            phase,
            reference: self.fixed(Col::Ref, row)?.map(EventId),
            source,
            recorded_by: self.text(Col::RecordedBy, row)?,
            parts_hash: [0; 32],
        };
        Ok(Record {
            pos: Pos(self.required_int(Col::Pos, row)? as u64),
            trail: self.trail(row)?,
            seq: Seq(self.required_int(Col::Seq, row)? as u64),
            entry,
            salts: self.salts(row)?,
            parts: self.parts(row)?,
        })
    }

    /// A row's facet columns as stored; verification compares them with [`Facets::read`] of the
    /// parts. All `None` if the scan left them out.
    pub fn facets(&self, row: usize) -> Result<Facets<'_>, SegmentError> {
        let text = |col: Col| Ok::<_, SegmentError>(self.text(col, row)?.map(Cow::Borrowed));
        Ok(Facets {
            actor_type: text(Col::ActorType)?,
            actor_id: text(Col::ActorId)?,
            actor_email: text(Col::ActorEmail)?,
            target_type: text(Col::TargetType)?,
            target_id: text(Col::TargetId)?,
            ip: text(Col::Ip)?,
            service: text(Col::Service)?,
        })
    }

    /// A row's facet columns as stored, in the order of the fields of [`Facets`], whether they are
    /// UTF-8 or not: for [`RawFacets::say`](indelible_event::RawFacets::say).
    pub fn facet_bytes(&self, row: usize) -> [Option<&[u8]>; Facets::COUNT] {
        [
            Col::ActorType,
            Col::ActorId,
            Col::ActorEmail,
            Col::TargetType,
            Col::TargetId,
            Col::Ip,
            Col::Service,
        ]
        .map(|col| self.bytes(col, row))
    }

    fn trail(&self, row: usize) -> Result<TrailNo, SegmentError> {
        let name =
            self.bytes(Col::Trail, row).ok_or_else(|| self.damaged(row, "a missing text"))?;
        // What is equal to a text is one: its UTF-8 needs no check.
        let at = self.names.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
        let trail = at.ok().and_then(|at| self.names.get(at));
        trail
            .map(|(_, no)| *no)
            .ok_or_else(|| self.damaged(row, "a trail the footer does not name"))
    }

    fn salts(&self, row: usize) -> Result<Salts, SegmentError> {
        let mut salts = [None; 3];
        for (salt, col) in salts.iter_mut().zip(PART_SALT) {
            *salt = self.fixed(col, row)?;
        }
        match self.fixed(Col::Salt, row)? {
            None => Ok(Salts::Parts(salts)),
            Some(salt) if salts == [None; 3] => Ok(Salts::Event(salt)),
            Some(_) => Err(self.damaged(row, "both an event salt and part salts")),
        }
    }

    fn parts(&self, row: usize) -> Result<[PartRef<'_>; 3], SegmentError> {
        if let Some(codec) = self.int(Col::Codec, row).filter(|codec| *codec != 0) {
            // The bits of a negative number are as unknown as those of any other.
            return Err(SegmentError::Version { what: "part codec", found: codec as u64 });
        }
        let mut parts = [PartRef::Absent; 3];
        for part in 0..3 {
            parts[part] = match (self.bytes(PART[part], row), self.fixed(PART_COMMIT[part], row)?) {
                (None, None) => PartRef::Absent,
                (Some(bytes), None) => PartRef::Kept(bytes),
                (None, Some(commitment)) => PartRef::Gone(commitment),
                (Some(_), Some(_)) => return Err(self.damaged(row, "a part both kept and gone")),
            };
        }
        Ok(parts)
    }

    fn bytes(&self, col: Col, row: usize) -> Option<&[u8]> {
        match &self.columns[col as usize] {
            Values::Bytes(values) => values.get(row),
            Values::Missing | Values::Numbers(_) => None,
        }
    }

    fn text(&self, col: Col, row: usize) -> Result<Option<&str>, SegmentError> {
        match self.bytes(col, row).map(std::str::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(self.damaged(row, "text that is not UTF-8")),
        }
    }

    fn required_text(&self, col: Col, row: usize) -> Result<&str, SegmentError> {
        self.text(col, row)?.ok_or_else(|| self.damaged(row, "a missing text"))
    }

    fn int(&self, col: Col, row: usize) -> Option<i64> {
        match &self.columns[col as usize] {
            Values::Numbers(values) => values.get(row).copied().flatten(),
            Values::Missing | Values::Bytes(_) => None,
        }
    }

    fn required_int(&self, col: Col, row: usize) -> Result<i64, SegmentError> {
        self.int(col, row).ok_or_else(|| self.damaged(row, "a missing number"))
    }

    fn fixed<const N: usize>(&self, col: Col, row: usize) -> Result<Option<[u8; N]>, SegmentError> {
        let Some(bytes) = self.bytes(col, row) else { return Ok(None) };
        bytes.try_into().map(Some).map_err(|_| self.damaged(row, "bytes of a wrong length"))
    }

    fn damaged(&self, row: usize, what: &str) -> SegmentError {
        let known = self.scattered.get(row).map(|row| *row as usize);
        let row = known.unwrap_or(self.first_row as usize + row);
        SegmentError::damaged(format!("row {row}: {what}"))
    }
}

/// A record that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    pos: Pos,
    trail: TrailNo,
    seq: Seq,
    /// The entry but for its texts.
    entry: Entry<'static>,
    action: Box<str>,
    category: Option<Box<str>>,
    recorded_by: Option<Box<str>>,
    salts: Salts,
    parts: [OwnedPart; 3],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum OwnedPart {
    Absent,
    Kept(Box<[u8]>),
    Gone([u8; 32]),
}

impl OwnedRecord {
    /// The record, borrowed from here.
    pub fn as_ref(&self) -> Record<'_> {
        Record {
            pos: self.pos,
            trail: self.trail,
            seq: self.seq,
            entry: Entry {
                action: &self.action,
                category: self.category.as_deref(),
                recorded_by: self.recorded_by.as_deref(),
                ..self.entry
            },
            salts: self.salts,
            parts: std::array::from_fn(|part| match &self.parts[part] {
                OwnedPart::Absent => PartRef::Absent,
                OwnedPart::Kept(bytes) => PartRef::Kept(bytes),
                OwnedPart::Gone(commitment) => PartRef::Gone(*commitment),
            }),
        }
    }
}

impl From<&Record<'_>> for OwnedRecord {
    fn from(record: &Record<'_>) -> OwnedRecord {
        OwnedRecord {
            pos: record.pos,
            trail: record.trail,
            seq: record.seq,
            entry: Entry { action: "", category: None, recorded_by: None, ..record.entry },
            action: record.entry.action.into(),
            category: record.entry.category.map(Into::into),
            recorded_by: record.entry.recorded_by.map(Into::into),
            salts: record.salts,
            parts: record.parts.map(|part| match part {
                PartRef::Absent => OwnedPart::Absent,
                PartRef::Kept(bytes) => OwnedPart::Kept(bytes.into()),
                PartRef::Gone(commitment) => OwnedPart::Gone(commitment),
            }),
        }
    }
}

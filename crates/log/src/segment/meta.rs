//! What a segment says of itself in its footer.

use indelible_event::{Day, EventId, Micros};
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use super::SegmentError;
use crate::hex;
use crate::record::{Pos, Seq, TrailNo};

/// The version of schema and footer.
const FORMAT: u64 = 1;
/// The version of the encoder that rebuilds entries from the columns.
const ENTRY_ENCODER: u64 = 1;

/// A trail as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailInfo {
    /// Its short number on this node.
    pub no: TrailNo,
    /// Its opaque id, which its origin is made of.
    pub opaque: [u8; 16],
    /// Its name, as the `trail` column shows it.
    pub name: String,
}

/// Whether the records are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// Records as accepted, but for erasures.
    Full,
    /// Expired: entries can still be rebuilt, parts and facets are gone.
    Stub {
        /// The event that recorded the expiry before it was done.
        expired_by: EventId,
    },
}

/// What is known of a segment before its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The retention class.
    pub class: String,
    /// The version of the policy that classed these records.
    pub policy: u64,
    /// The day they were recorded on.
    pub day: Day,
    /// Whether they are whole.
    pub state: SegmentState,
    /// The trails whose records may follow; names and numbers are unique.
    pub trails: Vec<TrailInfo>,
}

/// One trail's share of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailSpan {
    /// Which trail.
    pub trail: TrailInfo,
    /// Its first sequence number here.
    pub first_seq: Seq,
    /// Its last.
    pub last_seq: Seq,
    /// How many of those between are here.
    pub rows: u64,
    /// The latest `recorded_at`, below which this trail's clock must not fall again.
    pub recorded_at_max: Micros,
}

/// A segment's footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentMeta {
    /// The retention class.
    pub class: String,
    /// The version of the policy that classed these records.
    pub policy: u64,
    /// The day they were recorded on.
    pub day: Day,
    /// Whether they are whole.
    pub state: SegmentState,
    /// The first record's place in the node's log.
    pub first_pos: Pos,
    /// The last one's.
    pub last_pos: Pos,
    /// How many records there are.
    pub rows: u64,
    /// The earliest `recorded_at`.
    pub recorded_at_min: Micros,
    /// The latest `recorded_at`.
    pub recorded_at_max: Micros,
    /// The trails that have records here, by number.
    pub trails: Vec<TrailSpan>,
}

const KEYS: [&str; 13] = [
    "indelible.format",
    "indelible.entry_encoder",
    "indelible.class",
    "indelible.policy_version",
    "indelible.day",
    "indelible.state",
    "indelible.expired_by",
    "indelible.first_pos",
    "indelible.last_pos",
    "indelible.rows",
    "indelible.recorded_at_min",
    "indelible.recorded_at_max",
    "indelible.trails",
];

/// A trail's span as the footer's JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrailJson {
    no: u32,
    id: String,
    name: String,
    first_seq: u64,
    last_seq: u64,
    rows: u64,
    recorded_at_max: i64,
}

impl SegmentMeta {
    /// The trail of this number, if it has records here.
    pub fn trail(&self, no: TrailNo) -> Option<&TrailSpan> {
        let at = self.trails.binary_search_by_key(&no, |span| span.trail.no).ok()?;
        self.trails.get(at)
    }

    /// The footer's key/values.
    pub(super) fn to_key_values(&self) -> Result<Vec<KeyValue>, SegmentError> {
        let trails: Vec<TrailJson> = self.trails.iter().map(TrailJson::from_span).collect();
        let trails = serde_json::to_string(&trails)
            .map_err(|error| SegmentError::refused(format!("trails: {error}")))?;
        let (state, expired_by) = match self.state {
            SegmentState::Full => ("full", None),
            SegmentState::Stub { expired_by } => ("stub", Some(hex::encode(&expired_by.0))),
        };
        let values = [
            Some(FORMAT.to_string()),
            Some(ENTRY_ENCODER.to_string()),
            Some(self.class.clone()),
            Some(self.policy.to_string()),
            Some(self.day.to_string()),
            Some(state.to_owned()),
            expired_by,
            Some(self.first_pos.0.to_string()),
            Some(self.last_pos.0.to_string()),
            Some(self.rows.to_string()),
            Some(self.recorded_at_min.0.to_string()),
            Some(self.recorded_at_max.0.to_string()),
            Some(trails),
        ];
        let pairs = KEYS.into_iter().zip(values);
        Ok(pairs.filter_map(|(key, value)| Some(KeyValue::new(key.to_owned(), value?))).collect())
    }

    /// Reads the footer's key/values: every key once, none unknown under our prefix, and all of them
    /// agreeing with each other.
    pub(super) fn from_key_values(pairs: &[KeyValue]) -> Result<SegmentMeta, SegmentError> {
        let mut footer = Footer { values: [None; KEYS.len()] };
        for pair in pairs.iter().filter(|pair| pair.key.starts_with("indelible.")) {
            let at = KEYS.iter().position(|key| *key == pair.key);
            let slot = at.and_then(|at| footer.values.get_mut(at));
            match (slot, &pair.value) {
                (Some(slot @ None), Some(value)) => *slot = Some(value),
                _ => return Err(footer_error(&pair.key)),
            }
        }
        for (what, known) in
            [("indelible.format", FORMAT), ("indelible.entry_encoder", ENTRY_ENCODER)]
        {
            let found = footer.number(what)?;
            if found != known {
                return Err(SegmentError::Version { what, found });
            }
        }
        let state = match (footer.text("indelible.state")?, footer.find("indelible.expired_by")) {
            ("full", None) => SegmentState::Full,
            ("stub", Some(event)) => SegmentState::Stub {
                expired_by: EventId(
                    hex::decode(event).ok_or_else(|| footer_error("indelible.expired_by"))?,
                ),
            },
            _ => return Err(footer_error("indelible.state")),
        };
        let trails: Vec<TrailJson> = serde_json::from_str(footer.text("indelible.trails")?)
            .map_err(|_| footer_error("indelible.trails"))?;
        let meta = SegmentMeta {
            class: footer.text("indelible.class")?.to_owned(),
            policy: footer.number("indelible.policy_version")?,
            day: Day::parse(footer.text("indelible.day")?)
                .map_err(|_| footer_error("indelible.day"))?,
            state,
            first_pos: Pos(footer.number("indelible.first_pos")?),
            last_pos: Pos(footer.number("indelible.last_pos")?),
            rows: footer.number("indelible.rows")?,
            recorded_at_min: Micros(footer.number("indelible.recorded_at_min")?),
            recorded_at_max: Micros(footer.number("indelible.recorded_at_max")?),
            trails: trails
                .into_iter()
                .map(TrailJson::into_span)
                .collect::<Option<_>>()
                .ok_or_else(|| footer_error("indelible.trails"))?,
        };
        meta.check()?;
        Ok(meta)
    }

    fn check(&self) -> Result<(), SegmentError> {
        let ordered = self.trails.windows(2).all(|pair| pair[0].trail.no < pair[1].trail.no);
        let mut names: Vec<&str> =
            self.trails.iter().map(|span| span.trail.name.as_str()).collect();
        names.sort_unstable();
        let unique = names.windows(2).all(|pair| pair[0] != pair[1]);
        let spans = self.trails.iter().all(|span| {
            let width = span.last_seq.0.checked_sub(span.first_seq.0);
            span.rows > 0
                && width.is_some_and(|width| width >= span.rows - 1)
                && (self.recorded_at_min..=self.recorded_at_max).contains(&span.recorded_at_max)
        });
        let mut total = Some(0u64);
        for span in &self.trails {
            total = total.and_then(|total| total.checked_add(span.rows));
        }
        let width = self.last_pos.0.checked_sub(self.first_pos.0);
        let rows = self.rows > 0 && width.is_some_and(|width| width >= self.rows - 1);
        if !ordered || !unique || !spans || !rows || total != Some(self.rows) {
            return Err(SegmentError::damaged("the footer contradicts itself"));
        }
        Ok(())
    }
}

struct Footer<'a> {
    values: [Option<&'a str>; KEYS.len()],
}

impl<'a> Footer<'a> {
    fn find(&self, key: &str) -> Option<&'a str> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.values.get(at).copied().flatten()
    }

    fn text(&self, key: &str) -> Result<&'a str, SegmentError> {
        self.find(key).ok_or_else(|| footer_error(key))
    }

    fn number<N: std::str::FromStr>(&self, key: &str) -> Result<N, SegmentError> {
        self.text(key)?.parse().map_err(|_| footer_error(key))
    }
}

fn footer_error(key: &str) -> SegmentError {
    SegmentError::damaged(format!("the footer's {key} is missing, unknown or malformed"))
}

impl TrailJson {
    fn from_span(span: &TrailSpan) -> TrailJson {
        TrailJson {
            no: span.trail.no.0,
            id: hex::encode(&span.trail.opaque),
            name: span.trail.name.clone(),
            first_seq: span.first_seq.0,
            last_seq: span.last_seq.0,
            rows: span.rows,
            recorded_at_max: span.recorded_at_max.0,
        }
    }

    fn into_span(self) -> Option<TrailSpan> {
        Some(TrailSpan {
            trail: TrailInfo {
                no: TrailNo(self.no),
                opaque: hex::decode(&self.id)?,
                name: self.name,
            },
            first_seq: Seq(self.first_seq),
            last_seq: Seq(self.last_seq),
            rows: self.rows,
            recorded_at_max: Micros(self.recorded_at_max),
        })
    }
}

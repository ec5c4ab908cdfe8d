//! The manifest: which segments make up the sealed log, and how far each trail's tree is on disk.
//!
//! It is replaced as a whole, durably, so that sealing, merging and later expiry are one atomic step
//! each. One line of JSON and one line with its checksum.

use indelible_event::{EventId, Micros, TrailName};
use serde::{Deserialize, Serialize};

use crate::error::LogError;
use crate::hex;
use crate::limits;
use crate::offload::Away;
use crate::policy::Policy;
use crate::record::{Pos, TrailNo};
use crate::storage::{Storage, read_whole, replace_durably};
use crate::trail::{TrailId, TrailInfo};

/// The manifest's path.
pub const PATH: &str = "MANIFEST";
/// The directory of segments.
pub const SEGMENTS: &str = "segments";

const VERSION: u32 = 1;

/// The sealed log in one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    version: u32,
    /// Which log this is.
    #[serde(with = "hex16")]
    pub log_id: [u8; 16],
    /// Everything before this position is in segments.
    pub sealed_pos: u64,
    /// The latest `recorded_at` among it, in microseconds: the clock never goes back behind it.
    pub recorded_at_max: i64,
    /// The number the next segment file gets.
    pub next_file: u64,
    /// The trails, by number.
    pub trails: Vec<ManifestTrail>,
    /// The retention policies so far but for the first, by number: what the events that set them say.
    pub policies: Vec<Policy>,
    /// The segments, in the order of their first position.
    pub segments: Vec<ManifestSegment>,
    /// Names of segments that were in charge, or may have been, and are being deleted.
    pub leaving: Vec<String>,
}

/// A trail in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTrail {
    /// Its opaque id.
    #[serde(with = "hex16")]
    pub id: [u8; 16],
    /// Its name.
    pub name: String,
    /// Leaves in its level files.
    pub sealed: u64,
    /// The minimum index: every record below it has expired, and of those that lie in no entry bundle with
    /// a later one not even a stub is left.
    pub min: u64,
}

/// What is left of a segment's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Left {
    /// The records, but for erasures.
    Full,
    /// Stubs.
    Stub,
}

/// A segment in the manifest: enough to know whether to look into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSegment {
    /// Its files are `segments/<name>.parquet` and `.rows`.
    pub name: String,
    /// Its number among all segment files ever made here.
    pub file: u64,
    /// Position of the first record.
    pub first_pos: u64,
    /// Position of the last record.
    pub last_pos: u64,
    /// How many records it has.
    pub rows: u64,
    /// Retention class.
    pub class: String,
    /// The number of the policy that classed its records.
    pub policy: u32,
    /// Whether its records have expired.
    pub state: Left,
    /// Day of `recorded_at`, as days since 1970.
    pub day: i32,
    /// Length of the Parquet file.
    pub bytes: u64,
    /// SHA-256 of the Parquet file.
    #[serde(with = "hex32")]
    pub sha256: [u8; 32],
    /// SHA-256 of the row table.
    #[serde(with = "hex32")]
    pub rows_sha256: [u8; 32],
    /// Smallest and largest event id in it.
    #[serde(with = "hex16")]
    pub id_min: [u8; 16],
    /// See `id_min`.
    #[serde(with = "hex16")]
    pub id_max: [u8; 16],
    /// Where its Parquet file is, if it left this disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Away>,
    /// For each trail in it: number, first seq, last seq, records.
    pub trails: Vec<(u32, u64, u64, u64)>,
}

impl ManifestSegment {
    /// The Parquet file.
    pub fn parquet(&self) -> String {
        format!("{SEGMENTS}/{}.parquet", self.name)
    }

    /// The row table beside it.
    pub fn row_table(&self) -> String {
        format!("{SEGMENTS}/{}.rows", self.name)
    }

    /// Whether its records have expired.
    pub fn is_stub(&self) -> bool {
        self.state == Left::Stub
    }

    /// What has to be the same for two segments to become one.
    pub(crate) fn kind(&self) -> (u32, &str, i32) {
        (self.policy, &self.class, self.day)
    }

    /// Whether a trail's seq can be in it.
    pub fn may_hold_seq(&self, trail: TrailNo, seq: u64) -> bool {
        self.trails
            .iter()
            .any(|&(no, first, last, _)| no == trail.0 && (first..=last).contains(&seq))
    }

    /// Whether a trail's event id can be in it.
    pub fn may_hold_id(&self, trail: TrailNo, id: EventId) -> bool {
        (self.id_min..=self.id_max).contains(&id.0) && self.trails.iter().any(|t| t.0 == trail.0)
    }
}

/// A segment's name: its place, class, day and the number that sets a rewritten one apart.
pub fn segment_name(first: Pos, last: Pos, class: &str, day: &str, file: u64) -> String {
    format!("{:012}-{:012}.{class}.{day}.{file}", first.0, last.0)
}

/// The file number in a segment's name.
fn file_number(name: &str) -> Option<u64> {
    let mut fields = name.split('.');
    let (_, _, _, file) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    fields.next().is_none().then(|| file.parse().ok()).flatten()
}

impl Manifest {
    /// The manifest of a new log, whose `_system` trail has this id.
    pub fn new(log_id: [u8; 16], system: TrailId) -> Manifest {
        let name = TrailName::system().as_str().to_owned();
        Manifest {
            version: VERSION,
            log_id,
            sealed_pos: 0,
            recorded_at_max: 0,
            next_file: 0,
            trails: vec![ManifestTrail { id: system.0, name, sealed: 0, min: 0 }],
            policies: Vec::new(),
            segments: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Reads the manifest; every deviation is an error.
    pub fn load(storage: &dyn Storage) -> Result<Manifest, LogError> {
        let bytes = read_whole(storage, PATH, limits::SMALL_FILE_BYTES_MAX).map_err(|e| match e
            .kind()
        {
            std::io::ErrorKind::NotFound => LogError::Missing(format!("{PATH} is not there")),
            _ => LogError::io(PATH)(e),
        })?;
        Manifest::decode(&bytes)
    }

    /// Reads a manifest's bytes; every deviation is an error.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, LogError> {
        let bad = |why: &str| LogError::corrupt(PATH, 0, why);
        let text = std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8"))?;
        let (json, rest) = text.split_once('\n').ok_or_else(|| bad("it has no second line"))?;
        if rest != checksum_line(json) {
            return Err(bad("the checksum does not match"));
        }
        let manifest: Manifest = serde_json::from_str(json).map_err(|e| bad(&e.to_string()))?;
        if manifest.version != VERSION {
            return Err(bad(&format!("version {} is not known", manifest.version)));
        }
        // What follows relies on these without looking.
        if manifest.trails.first().is_none_or(|t| t.name != TrailName::system().as_str()) {
            return Err(bad("its first trail is not _system"));
        }
        if manifest.segments.iter().any(|s| s.rows == 0 || s.rows > u64::from(u32::MAX)) {
            return Err(bad("a segment of an impossible number of records"));
        }
        let counted = |(at, policy): (usize, &Policy)| policy.number as usize == at + 2;
        let sound = |(at, policy)| counted((at, policy)) && policy.check().is_ok();
        if !manifest.policies.iter().enumerate().all(sound) {
            return Err(bad("its policies do not count on from the second, or one is none"));
        }
        if manifest.segments.iter().any(|s| manifest.policy(s.policy).is_none()) {
            return Err(bad("a segment of a policy that is not there"));
        }
        // A manifest may come from elsewhere, and these become paths of what is opened and deleted.
        let named = manifest.segments.iter().map(|s| &s.name).chain(&manifest.leaving);
        if !named.into_iter().all(|name| is_plain(name)) {
            return Err(bad("a segment whose name is none"));
        }
        if manifest.trails.iter().any(|t| t.min > t.sealed) {
            return Err(bad("a minimum index beyond what is sealed"));
        }
        if !manifest.recorded_at_max().in_years() {
            return Err(bad("its latest time is beyond the year 9999"));
        }
        Ok(manifest)
    }

    /// Says that no segment is away: for a copy that has them all.
    pub fn all_here(&mut self) {
        self.segments.iter_mut().for_each(|segment| segment.archived = None);
    }

    /// The file's text.
    pub fn encode(&self) -> String {
        let json = serde_json::to_string(self).expect("a manifest has only string keys");
        format!("{json}\n{}", checksum_line(&json))
    }

    /// Replaces the manifest on disk.
    pub fn store(&self, storage: &dyn Storage) -> Result<(), LogError> {
        let text = self.encode();
        replace_durably(storage, PATH, text.as_bytes()).map_err(LogError::io(PATH))
    }

    /// Who the trails are.
    pub fn infos(&self) -> Result<Vec<TrailInfo>, LogError> {
        let info = |(no, t): (usize, &ManifestTrail)| {
            let name = if no == 0 && t.name == TrailName::system().as_str() {
                TrailName::system()
            } else {
                TrailName::parse(&t.name).map_err(|e| LogError::corrupt(PATH, 0, e))?
            };
            Ok(TrailInfo { no: TrailNo(no as u32), id: TrailId(t.id), name })
        };
        self.trails.iter().enumerate().map(info).collect()
    }

    /// All policies so far, by number; the last is in force.
    pub fn all_policies(&self) -> Vec<Policy> {
        std::iter::once(Policy::first()).chain(self.policies.iter().cloned()).collect()
    }

    /// The policy of a number.
    pub fn policy(&self, number: u32) -> Option<Policy> {
        match number {
            0 => None,
            1 => Some(Policy::first()),
            _ => self.policies.get(number as usize - 2).cloned(),
        }
    }

    /// Takes over the next policy; another number than the next is passed over.
    pub(crate) fn add_policy(&mut self, policy: Policy) {
        if policy.number == self.policy_in_force().number + 1 && policy.check().is_ok() {
            self.policies.push(policy);
        }
    }

    /// The policy in force.
    pub fn policy_in_force(&self) -> Policy {
        self.policies.last().cloned().unwrap_or_else(Policy::first)
    }

    /// Whether a file among the segments is of one that is in charge.
    pub(crate) fn names(&self, file: &str) -> bool {
        let stem = file.strip_suffix(".parquet").or_else(|| file.strip_suffix(".rows"));
        let is_here = |s: &ManifestSegment| s.archived.is_none() || file.ends_with(".rows");
        stem.is_some_and(|stem| self.segments.iter().any(|s| s.name == stem && is_here(s)))
    }

    /// Whether a file among the segments is one that this manifest does not need: half made, never in charge,
    /// or no longer. What is neither needed nor this has been put there by somebody else, or what names it
    /// was lost.
    pub(crate) fn is_over(&self, file: &str) -> bool {
        let Some((stem, ending)) = file.rsplit_once('.') else { return false };
        match ending {
            "tmp" => true,
            "parquet" | "rows" => {
                // Listed and not named: its rows have left this disk.
                self.leaving.iter().any(|name| name == stem)
                    || self.segments.iter().any(|s| s.name == stem)
                    || file_number(stem).is_some_and(|file| file >= self.next_file)
            }
            _ => false,
        }
    }

    /// The latest `recorded_at` among the sealed records.
    pub fn recorded_at_max(&self) -> Micros {
        Micros(self.recorded_at_max)
    }
}

/// Whether a name stays in the directory that it is looked for in.
fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}

fn checksum_line(json: &str) -> String {
    format!("crc32c {:08x}\n", crc32c::crc32c(json.as_bytes()))
}

mod hex16 {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    pub fn serialize<S: Serializer>(bytes: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex::encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(from)?;
        super::hex::decode(&text).ok_or_else(|| D::Error::custom("not 32 hexadecimal digits"))
    }
}

mod hex32 {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    pub fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex::encode(bytes))
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        super::hex::decode(&text).ok_or_else(|| D::Error::custom("not 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let mut manifest = Manifest::new([1; 16], TrailId([2; 16]));
        manifest.leaving = vec![segment_name(Pos(0), Pos(9), "reads", "2026-01-01", 7)];
        assert_eq!(Manifest::decode(manifest.encode().as_bytes()).unwrap(), manifest);
        for name in ["../../other/x", "/x", "..", "", "a/b"] {
            manifest.leaving = vec![name.to_owned()];
            let error = Manifest::decode(manifest.encode().as_bytes()).unwrap_err();
            assert!(error.to_string().contains("whose name is none"), "{name}: {error}");
        }
    }
}

//! What an erasure says of itself: before it is done, in what it records, and afterwards.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an erasure would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErasurePreview {
    /// Records that would lose parts.
    pub records: u64,
    /// The same by trail.
    pub trails: Vec<TrailHits>,
    /// The parts that would go.
    pub parts: Vec<String>,
    /// Records that only mention whom it is about, in a text or in details. They stay, unless `mentions` is asked for or
    /// their ids are given.
    pub mentioned: u64,
    /// Some of them.
    pub mentioned_ids: Vec<String>,
    /// What names it and cannot go.
    pub left: Vec<LeftAs>,
    /// Holds on some of these records: without `despite_hold` it is refused.
    pub holds: Vec<HeldBack>,
    /// Where else there are, or may be, copies.
    pub places: Vec<Place>,
}

/// What is concerned of one trail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailHits {
    /// The trail.
    pub trail: String,
    /// How many records.
    pub records: u64,
    /// When the first was recorded.
    pub first: Option<String>,
    /// And the last.
    pub last: Option<String>,
    /// The ids of some.
    pub sample: Vec<String>,
}

/// Something that names whom it is about and stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftAs {
    /// An action of `_system`, or `trail`.
    pub what: String,
    /// Why it stays.
    pub why: String,
    /// How many.
    pub records: u64,
    /// The ids of some.
    pub ids: Vec<String>,
}

/// A hold that stands against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The hold.
    pub hold: String,
    /// Its reason.
    pub reason: String,
    /// How many of the records it holds.
    pub records: u64,
}

/// A place outside of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `backup`, `snapshot`, `kept`, `archive`, `spool`.
    pub kind: PlaceKind,
    /// Where.
    pub place: String,
    /// What of it, by its id or file; empty for all of it.
    #[serde(default)]
    pub item: String,
    /// Records of it that are concerned, as far as that is known.
    pub records: u64,
    /// What became of it, or would.
    pub reach: Reach,
    /// What somebody has to do, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_do: Option<String>,
    /// Of a backup whose files were made anew: the SHA-256 of its description since, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    /// A backup.
    Backup,
    /// A backup that was made before a restore.
    Snapshot,
    /// A data directory that was replaced by a restore.
    Kept,
    /// An archive.
    Archive,
    /// The spool of a recorder.
    Spool,
}

/// How far an erasure gets at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The bytes go, or have gone.
    Erased,
    /// The bytes are still there. The erasure is noted beside them and done again when they are restored.
    Noted,
    /// Nothing is done there.
    ToDo,
}

/// One event's share of an erasure, as its intent records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedTrail {
    /// The trail's opaque id.
    pub trail: String,
    /// Its origin.
    pub origin: String,
    /// The parts.
    pub parts: Vec<String>,
    /// How many records.
    pub records: u64,
    /// The companion file's SHA-256, hex.
    pub seqs_sha256: String,
    /// The event that records it, and its place in `_system`.
    pub event: String,
    /// See `event`.
    pub event_seq: u64,
    /// Records of the trail when it was recorded, and the root over them, base64.
    pub size_before: u64,
    /// See `size_before`.
    pub root_before: String,
    /// The root over as many records now: the same, or something is wrong.
    pub root_now: String,
    /// The trail's latest signed checkpoint.
    pub checkpoint: Option<String>,
    /// The proof that the event is in `_system`, a tlog-proof.
    pub proof: Option<String>,
}

/// Somebody who took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// As the node knows the credential.
    pub id: String,
    /// As the events' `actor`.
    pub actor: Value,
}

/// What an erasure did, for whoever asked for it. It holds no byte of what was erased, and of whom it was about the
/// HMAC only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// `indelible/erasure-certificate@v1`.
    pub version: String,
    /// The erasure's id.
    pub erasure: String,
    /// The node, and its public key.
    pub origin: String,
    /// See `origin`.
    pub public_key: String,
    /// `subject`, `resource` or `ids`.
    pub kind: String,
    /// HMAC-SHA-256 of kind, a zero byte and text, under a key that only the node has; hex.
    pub hmac: String,
    /// By whose or which authority.
    pub authority: String,
    /// Who asked for it, and who agreed.
    pub requested_by: Person,
    /// See `requested_by`.
    pub confirmed_by: Person,
    /// When it was recorded, and when it had been done.
    pub begun_at: String,
    /// See `begun_at`.
    pub ended_at: Option<String>,
    /// Whether nothing is left to do.
    pub complete: bool,
    /// Holds that it overrode.
    pub despite_holds: Vec<String>,
    /// What was erased in the log.
    pub trails: Vec<ErasedTrail>,
    /// Copies that were reached.
    pub done: Vec<Place>,
    /// Copies that were not, and what is to be done about each.
    pub still_to_do: Vec<Place>,
}

impl Certificate {
    /// The version of certificates.
    pub const VERSION: &str = "indelible/erasure-certificate@v1";

    /// How many records lost parts.
    pub fn records(&self) -> u64 {
        self.trails.iter().map(|trail| trail.records).sum()
    }

    /// The same for people to read.
    pub fn text(&self) -> String {
        let mut out = format!("Certificate of erasure {}\n\n", self.erasure);
        let mut line = |name: &str, value: &str| out.push_str(&format!("{name:<14}{value}\n"));
        line("Node", &self.origin);
        line("About", &format!("a {}, HMAC-SHA-256 {}", self.kind, self.hmac));
        line("Authority", &self.authority);
        line("Asked for by", &self.requested_by.to_string());
        line("Confirmed by", &self.confirmed_by.to_string());
        line("Recorded", &self.begun_at);
        line("Done", self.ended_at.as_deref().unwrap_or("not yet"));
        line("Complete", if self.complete { "yes" } else { "no: see below" });
        if !self.despite_holds.is_empty() {
            line("Despite holds", &self.despite_holds.join(", "));
        }
        out.push_str("\nErased\n");
        for t in &self.trails {
            let same = if t.root_before == t.root_now { "unchanged" } else { "CHANGED" };
            out.push_str(&format!(
                "  {}: {} of {} records\n    event {} (_system {}), seqs SHA-256 {}\n    root of {} records {} ({same})\n",
                t.origin, t.parts.join(", "), t.records, t.event, t.event_seq, t.seqs_sha256,
                t.size_before, t.root_now,
            ));
        }
        for (title, places) in [("Copies reached", &self.done), ("Still to do", &self.still_to_do)]
        {
            if places.is_empty() {
                continue;
            }
            out.push_str(&format!("\n{title}\n"));
            for place in places {
                out.push_str(&format!("  {place}\n"));
            }
        }
        out
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.actor["name"].as_str() {
            Some(name) => write!(f, "{name} ({})", self.id),
            None => f.write_str(&self.id),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            PlaceKind::Backup => "backup",
            PlaceKind::Snapshot => "snapshot",
            PlaceKind::Kept => "kept directory",
            PlaceKind::Archive => "archive",
            PlaceKind::Spool => "spool",
        };
        write!(f, "{kind} {}", self.place)?;
        if !self.item.is_empty() {
            write!(f, " {}", self.item)?;
        }
        if self.records > 0 {
            write!(f, ", {} records", self.records)?;
        }
        match &self.to_do {
            Some(to_do) => write!(f, ": {to_do}"),
            None => Ok(()),
        }
    }
}

/// An erasure in the list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureSummary {
    /// Its id.
    pub erasure: String,
    /// When it was recorded.
    pub begun_at: String,
    /// `subject`, `resource` or `ids`.
    pub kind: String,
    /// See [`Certificate::hmac`].
    pub hmac: String,
    /// By whose or which authority.
    pub authority: String,
    /// The parts.
    pub parts: Vec<String>,
    /// How many records.
    pub records: u64,
    /// Whether it was done in the log; if not, it is gone on with.
    pub done: bool,
    /// Whether nothing is left to do elsewhere.
    pub complete: bool,
}

/// An erasure as it is noted beside a backup, so that restoring it does it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureNote {
    /// The event that recorded it.
    pub event: String,
    /// The erasure that the event is of.
    pub erasure: String,
    /// The trail's opaque id.
    pub trail: String,
    /// The parts.
    pub parts: Vec<String>,
    /// The companion file's text.
    pub seqs: String,
    /// When it was recorded.
    pub at: String,
    /// By whose or which authority.
    pub authority: String,
    /// An HMAC-SHA-256 of all that under a key that the node alone has, hex: whoever can write to where backups are must
    /// not be able to have records erased by it.
    #[serde(default)]
    pub mac: String,
}

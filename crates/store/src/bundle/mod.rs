//! Evidence bundles: events with all that a stranger needs to check them, in one ZIP file.
//!
//! [`Bundle`] makes one, front to back and in flat memory; [`verify_bundle`] trusts nothing in it but what
//! its proofs and signatures show. `docs/evidence.md` is the page for whoever gets one.

pub mod limits;
mod make;
mod open;
mod verify;
mod write;

pub use make::{Bundle, BundleAbout, last_of_each};
pub use verify::{BundleRefused, ProvenBundle, verify_bundle};

use serde::{Deserialize, Serialize};

/// The version of all that is in a bundle.
const FORMAT: &str = "indelible/evidence@v1";

const README: &str = "README.txt";
const VERIFIER: &str = "verify.py";
const EVENTS: &str = "events.ndjson";
const KEYS: &str = "keys.txt";
const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";
const CHECKPOINTS: &str = "checkpoints/";
const PROOFS: &str = "proofs/";

/// What a bundle says of itself. Only what its proofs show is proven; the hash of these bytes is in the event
/// of `_system` that tells of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: String,
    /// When it was made.
    pub made_at: String,
    /// By whom.
    pub made_by: MadeBy,
    /// The node's origin.
    pub node: String,
    /// The id of the event in `_system` that tells of it; none where the directory was only read.
    pub recorded_as: Option<String>,
    /// What was searched for.
    pub query: String,
    /// `asc`, the oldest first, or `desc`.
    pub order: String,
    /// The parts that are withheld.
    pub redacted: Vec<String>,
    /// How many events there are.
    pub events: u64,
    /// Their trails.
    pub trails: Vec<BundledTrail>,
    /// All files but this one and the list of sums.
    pub files: Vec<BundledFile>,
}

/// Who made a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeBy {
    /// The credential's opaque id.
    pub credential: String,
    /// What somebody called it.
    pub name: Option<String>,
}

/// A trail that events of a bundle are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledTrail {
    /// What the node calls it.
    pub name: String,
    /// The name under which its checkpoints are signed.
    pub origin: String,
    /// Its verifier key.
    pub vkey: String,
    /// The records that the checkpoint covers.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// The file with the checkpoint.
    pub checkpoint: String,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    /// Its path.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

/// The end of an origin, which names a trail's files.
fn opaque(origin: &str) -> &str {
    origin.rsplit('/').next().unwrap_or(origin)
}

fn checkpoint_file(origin: &str) -> String {
    format!("{CHECKPOINTS}{}.txt", opaque(origin))
}

fn proof_file(origin: &str, seq: u64) -> String {
    format!("{PROOFS}{}/{seq}.txt", opaque(origin))
}

#[cfg(test)]
mod tests;

//! A data directory opened whole: log, key, sign guard, checkpoints and proofs. What the command line
//! and every embedding program use.
//!
//! [`Store`] writes; [`Reader`] reads, also while another process writes; [`verify()`] trusts neither.

mod bundle;
mod disk;
mod drill;
mod error;
mod guard;
mod marks;
mod node;
mod proof;
mod publish;
mod reader;
mod scan;
mod search;
mod store;
mod text;
mod tiles;
mod told;
mod verify;

pub use bundle::{
    Bundle, BundleAbout, BundleRefused, BundledFile, BundledTrail, MadeBy, Manifest, ProvenBundle,
    last_of_each, limits as bundle_limits, verify_bundle,
};
pub use disk::Disk;
pub use drill::{CaughtBy, DrillRow, drill};
pub use error::StoreError;
pub use guard::{Guard, Signed};
pub use marks::{PARTIAL, Partial, RESTORE};
pub use node::{KEY, NODE, Node};
pub use proof::{ProvenEvent, ProvenGrowth, Prover, verify_consistency_proof, verify_proof};
pub use reader::Reader;
pub use scan::{Scanned, Scanner, place_at};
pub use search::{
    Found, INDEX, IndexReport, IndexStatus, Rebuilding, Search, Snapshot, UnitAt, reindex,
    verify_index,
};
pub use store::{InitOptions, Item, OpenOptions, Store};
pub use tiles::TileStats;
pub use verify::{VerifyOptions, VerifyReport, verify};

pub use guard::PATH as GUARD;
pub use publish::{CHECKPOINT_RECORDED, NODE_CREATED, ROLLBACK_ACCEPTED, checkpoint_path};

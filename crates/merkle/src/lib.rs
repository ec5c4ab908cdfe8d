//! The Merkle tree of a trail and everything a stranger needs to check it.
//!
//! The tree is RFC 6962's, over SHA-256. Tiles, notes, checkpoints, cosignatures and inclusion
//! proofs are those of C2SP, so that other people's tools can read what we write.
//!
//! This crate is pure: no files, no clock, no randomness. Whoever keeps the hashes hands them in
//! through [`TileReader`]; whoever knows the time passes it as a number. It therefore builds for
//! wasm32, and a browser verifies with the same code as the node.
//!
//! | module's task | entry points |
//! |---|---|
//! | hashing | [`Hash`](struct@Hash), [`leaf_hash`], [`node_hash`], [`empty_root`] |
//! | growing | [`Tree`] |
//! | proving | [`root`], [`inclusion_proof`], [`consistency_proof`] over a [`TileReader`] |
//! | checking | [`verify_inclusion`], [`verify_consistency`] |
//! | signing | [`Note`], [`Vkey`], [`SigningKey`], [`Checkpoint`], [`CosigningKey`] |
//! | handing out | [`TlogProof`], [`ConsistencyProof`], [`tile_path`], [`encode_bundle`] |
#![forbid(unsafe_code)]

mod bundle;
mod checkpoint;
mod cosignature;
mod hash;
mod key;
pub mod limits;
mod note;
mod proof_text;
mod prove;
mod tile;
mod tree;
mod verify;

#[cfg(test)]
mod testing;

pub use bundle::{BundleError, decode_bundle, encode_bundle};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{CosigningKey, PosixSeconds, verify_cosignature};
pub use hash::{Hash, HashFormatError, TreeSize, empty_root, leaf_hash, node_hash};
pub use key::{Algorithm, KeyError, KeyId, SigningKey, Vkey};
pub use note::{Note, NoteError, NoteSignature};
pub use proof_text::{ConsistencyProof, ProofTextError, TlogProof};
pub use prove::{
    MemoryTiles, NotInMemory, ProveError, ReadTiles, TileReader, consistency_proof,
    inclusion_proof, root,
};
pub use tile::{
    Tile, TilePathError, bundles_for, entries_path, parse_entries_path, parse_tile_path, tile_path,
    tiles_for,
};
pub use tree::Tree;
pub use verify::{ProofError, root_from_inclusion, verify_consistency, verify_inclusion};

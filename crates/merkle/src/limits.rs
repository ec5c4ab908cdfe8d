//! Every bound of this crate, in one place.

/// Hashes in a full tile: the width that C2SP tlog-tiles fixes.
pub const TILE_WIDTH: u16 = 256;

/// Tree levels that one tile spans: `TILE_WIDTH` is 2 to this power.
pub const TILE_HEIGHT: u32 = 8;

/// Tile levels that the path syntax of tlog-tiles knows; a tree of 64-bit size uses the first 8.
pub const TILE_LEVELS_MAX: u8 = 64;

/// Largest tree. Other implementations count in signed 64 bits and must read our numbers.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// Longest proof: one hash a tree level, and one more that a consistency proof may need.
pub const PROOF_HASHES_MAX: usize = 64;

/// Largest signed note, signatures included.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// Most signatures on one note. The specification asks for at least 16 to be accepted.
pub const NOTE_SIGNATURES_MAX: usize = 100;

/// Longest key name or checkpoint origin.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// Largest proof file: its extra data carries an event's disclosed parts in base64.
pub const PROOF_BYTES_MAX: usize = 4 << 20;

/// Largest entry that fits a bundle: its length is written in two bytes.
pub const BUNDLE_ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Largest cosignature time, as C2SP tlog-cosignature bounds it.
pub const COSIGNATURE_TIME_MAX: u64 = i64::MAX as u64;

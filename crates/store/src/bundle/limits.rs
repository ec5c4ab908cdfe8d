//! Every bound of a bundle.

/// Events of one bundle: each has a file of its own, with its proof.
pub const BUNDLE_EVENTS_MAX: usize = 10_000;
/// Records that are held at a time while a bundle is made.
pub const BUNDLE_BATCH: usize = 64;
/// Tiles of trees that are kept while proofs are made, at 16 KiB each: they are of neighbours mostly.
pub const BUNDLE_TILES: usize = 256;
/// Files beside the proofs that a bundle may have: those of fixed names, and a checkpoint a trail.
pub const BUNDLE_OTHER_FILES_MAX: usize = 8 + BUNDLE_EVENTS_MAX;
/// Bytes of a file that is read whole to be verified: the lists of ten thousand files are the largest.
pub const BUNDLE_FILE_BYTES_MAX: u64 = 8 << 20;
/// Bytes of all events, after decompression: what claims to be more is no bundle of ours.
pub const BUNDLE_EVENTS_BYTES_MAX: u64 = 4 << 30;

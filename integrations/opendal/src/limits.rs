//! Every bound of this crate, in one place.

/// The most keys of one bulk deletion that an event is made of; a deletion of more becomes several events.
pub const BULK_KEYS_MAX: usize = 100_000;
/// The most bytes of those keys together.
pub const BULK_KEYS_BYTES_MAX: usize = 8 << 20;
/// The most keys that could not be deleted which an event names; it counts all of them.
pub const FAILED_KEYS_SHOWN_MAX: usize = 100;
/// The most ranges of one reader that an event names; it counts all reads.
pub const RANGES_SHOWN_MAX: usize = 64;
/// The most files an event names out of which a writer copied.
pub const SOURCES_SHOWN_MAX: usize = 64;

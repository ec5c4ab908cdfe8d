//! Every bound of this crate, in one place.

/// Bytes of a text that somebody gives as a reason, a name or an authority.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How long a request waits for the second person: seven days.
pub const REQUEST_MICROS: i64 = 7 * 86_400_000_000;
/// Requests that may wait at a time.
pub const REQUESTS_MAX: usize = 1_000;

/// Bytes of what an archive says of itself: it names every file.
pub const ARCHIVE_JSON_BYTES_MAX: u64 = 256 << 20;
/// Hashes in a piece of a level file at an archive: 2 MiB.
pub const LEVEL_PIECE_HASHES: u64 = 65_536;
/// Records in a file of an archive by trail and date.
pub const LAKE_PART_ROWS: u64 = 250_000;
/// Bytes of entries and parts in such a file: it is in memory, packed, until it is put.
pub const LAKE_PART_BYTES: u64 = 128 << 20;
/// Records that are read at a time.
pub const READ_RECORDS: u64 = 1_024;
/// Hours between two scheduled archivings: a year.
pub const ARCHIVE_EVERY_HOURS_MAX: u32 = 8_784;
/// Segments that are named in the event of their leaving; there is a count besides.
pub const OFFLOAD_NAMED_MAX: usize = 500;
/// Trails whose sizes and roots stand in the event of an import; beyond, only how many there are.
pub const IMPORT_TRAILS_TOLD_MAX: usize = 100;

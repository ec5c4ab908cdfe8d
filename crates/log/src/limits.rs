//! Every bound of the log, in one place.

/// Records in the active file before it is sealed into segments.
pub const ACTIVE_RECORDS_SEAL: u64 = 250_000;
/// Bytes in the active file before it is sealed.
pub const ACTIVE_BYTES_SEAL: u64 = 512 << 20;
/// Age of the oldest unsealed record before the active file is sealed: one hour.
pub const ACTIVE_AGE_SEAL_MICROS: i64 = 3_600_000_000;
/// Records the active file may hold while an earlier one is still being sealed. Beyond it appends
/// wait for the sealer, so that memory stays bounded.
pub const ACTIVE_RECORDS_MAX: u64 = 250_000;
/// Bytes the active file may hold while an earlier one is still being sealed.
pub const ACTIVE_BYTES_MAX: u64 = 2 << 30;

/// Bytes of one group's payload. A larger batch becomes several groups.
pub const GROUP_BYTES_MAX: usize = 8 << 20;
/// Records in one group.
pub const GROUP_RECORDS_MAX: usize = 16_384;
/// Bytes waiting for the sequencer before a submitter has to wait.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;
/// Bytes of one record in a frame: an event, its entry and the fixed fields, with room to spare.
pub const RECORD_BYTES_MAX: usize = 512 << 10;

/// Leaf hashes that are read together when a record is checked.
pub const LEAF_BLOCK: u64 = 64;

/// Bytes of the file system that callers' events must leave free, so that the node's own records, of what
/// it refused and who read what, still find room.
pub const RESERVE_BYTES_MAX: u64 = 1 << 30;
/// The same as a part of the file system, where that is less: one twentieth.
pub const RESERVE_PART: u64 = 20;
/// How old the last look at the room may be.
pub const ROOM_AGE_MAX_MICROS: i64 = 1_000_000;
/// Bytes that may be appended since the last look at the room.
pub const ROOM_BYTES_MAX: u64 = 16 << 20;

/// How often a reader that opens the log begins anew because sealing replaced what it was reading.
pub const VIEW_TRIES_MAX: usize = 100;

/// Trails on one node.
pub const TRAILS_MAX: usize = 100_000;

/// Records in a segment, after neighbours were merged.
pub const SEGMENT_ROWS_MAX: u64 = 2_000_000;
/// How many neighbours of one class and day are merged at a time.
pub const MERGE_FAN_IN: usize = 8;
/// How many neighbours of one class and day may wait for a merge while events are being appended. Each
/// is one more file that a query opens.
pub const MERGE_DEBT_MAX: usize = 48;
/// Calls of `Log::maintain`, which come each second, with nothing appended between them, after which
/// merging begins.
pub const MERGE_QUIET_CALLS: u32 = 3;

/// Threads that write segments anew.
pub const REWRITE_THREADS: usize = 2;
/// Rows above which a segment that is written anew alone is shared among them.
pub const REWRITE_ROWS_SPLIT: u32 = 100_000;
/// Rows that a scan reads in about the time that one row takes which is read alone.
pub const REWRITE_ROWS_SCANNED: u64 = 20;
/// Rows that are read alone at a time.
pub const REWRITE_ROWS_READ: usize = 1_024;

/// Bytes of a small file that is read whole (manifest, guard, node description).
pub const SMALL_FILE_BYTES_MAX: u64 = 256 << 20;
/// Bytes of segments that left this disk and were fetched again, if nothing else was set. One segment may be more.
pub const CACHE_BYTES_MAX: u64 = 2 << 30;
/// Records in a row group of an export: what is held in memory at a time.
pub const EXPORT_GROUP_ROWS: usize = 16_384;
/// Bytes of entries and parts in a row group of an export, so that large records do not fill the memory.
pub const EXPORT_GROUP_BYTES: usize = 8 << 20;

/// How often a bloom filter says yes and means no. A filter of a row group is 20 kB at this.
pub const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Rules in a retention policy.
pub const POLICY_RULES_MAX: usize = 64;
/// Policies a log may have had.
pub const POLICIES_MAX: usize = 10_000;
/// Bytes in the name of a retention class: it is part of a file's name.
pub const CLASS_BYTES_MAX: usize = 64;
/// Days that anything can be kept for, short of for ever: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_525;

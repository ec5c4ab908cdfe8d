//! Every bound of this crate, in one place.

/// Bytes of a text that somebody gives as a reason, a name or an authority.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How long a request waits for the second person: seven days.
pub const REQUEST_MICROS: i64 = 7 * 86_400_000_000;
/// Requests that may wait at a time.
pub const REQUESTS_MAX: usize = 1_000;
/// Events that one erasure names by their ids.
pub const ERASURE_IDS_MAX: usize = 10_000;
/// Ids that are shown of the records that an erasure would concern, of each trail.
pub const ERASURE_SAMPLE: usize = 10;
/// How often an erasure begins anew because segments were merged while it looked at them.
pub const ERASURE_TRIES_MAX: usize = 20;
/// Records that are read together while an erasure looks at rows.
pub const ERASURE_READ_ROWS: usize = 1_024;
/// Bytes of a spool's file that an erasure looks through.
pub const SPOOL_FILE_BYTES_MAX: u64 = 1 << 30;

/// Bytes of a policy's text.
pub const POLICY_TEXT_BYTES_MAX: usize = 16 << 10;
/// How many letters a word may be off for another to be suggested in its place.
pub const SUGGESTION_DISTANCE_MAX: usize = 3;
/// How far the clock may be from when it was last looked at before expiry stops: a day.
pub const CLOCK_JUMP_MICROS_MAX: i64 = 86_400_000_000;
/// Holds that may be in force at a time.
pub const HOLDS_MAX: usize = 1_000;
/// Bytes of a hold's query.
pub const HOLD_QUERY_BYTES_MAX: usize = 4 << 10;
/// Rows that are read and checked at a time.
pub const CHECK_ROWS: usize = 1_024;
/// Classes and days that are told to go next.
pub const NEXT_MAX: usize = 100;
/// How often records are looked for anew because their segments were merged meanwhile.
pub const EXCHANGE_TRIES_MAX: usize = 20;

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
/// Bytes of a target's name.
pub const TARGET_BYTES_MAX: usize = 4_096;
/// Bytes of a file's key at a target: what buckets take.
pub const KEY_BYTES_MAX: usize = 900;
/// Bytes that are read at a time, and pass from the thread that hashes to the one that writes.
pub const COPY_CHUNK_BYTES: usize = 1 << 20;
/// Such pieces that wait between the two.
pub const COPY_CHUNKS_WAITING: usize = 2;
/// Bytes of a backup's own description: some hundred thousand files.
pub const DESCRIPTION_BYTES_MAX: u64 = 256 << 20;
/// Bytes that are left free at a target beside what a backup takes: its description and names.
pub const SLACK_BYTES: u64 = 1 << 20;
/// Backups that a schedule may keep.
pub const KEEP_BACKUPS_MAX: u32 = 10_000;
/// How often a scheduled backup may fail before somebody is told.
pub const FAILURES_TOLD: u32 = 3;
/// How long after a scheduled backup failed it is tried again, at first; then twice as long each time.
pub const RETRY_MICROS: i64 = 5 * 60_000_000;
/// The longest such wait.
pub const RETRY_MICROS_MAX: i64 = 6 * 3_600_000_000;
/// Bytes of a part of an upload, and of a piece that is read from a bucket at a time.
pub const PART_BYTES: u64 = 16 << 20;
/// Parts that an upload may have.
pub const PARTS_MAX: u64 = 10_000;
/// Parts that are on their way at a time.
pub const PARTS_AT_ONCE: usize = 4;
/// How often a piece is asked for whose body broke off.
pub const READ_TRIES_MAX: u32 = 5;
/// How often one request is sent again.
pub const REQUEST_TRIES_MAX: usize = 8;
/// How long one request is tried for, in seconds.
pub const REQUEST_SECONDS_MAX: u64 = 180;
/// Bytes of what a target said that go into an error.
pub const REASON_BYTES_MAX: usize = 500;
/// Bytes of a file of credentials.
pub const CREDENTIALS_BYTES_MAX: u64 = 1 << 20;
/// Files that are written to a directory at a time; each takes a few pieces of memory.
pub const FILES_AT_ONCE: usize = 8;
/// Threads that copy and verify a restore.
pub const RESTORE_THREADS: usize = 2;
/// Files that were copied and wait to be made durable, and are open meanwhile.
pub const UNSYNCED_FILES_MAX: usize = 128;
/// Newest records of `_system` among which a restore looks for one that was cut short.
pub const RESTORE_LOOK_BACK: u64 = 4_096;
/// Trails of which an event tells what is given up.
pub const LOST_TOLD_MAX: usize = 100;
/// Copies that the outcome of an erasure names.
pub const ERASURE_PLACES_MAX: usize = 250;

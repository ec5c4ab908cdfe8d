//! Every bound of what is asked of a database, in one place.

use std::time::Duration;

/// How long connecting may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a database may take for an answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The same, told to PostgreSQL, so that it gives up before we do and leaves nothing running.
pub const STATEMENT_MILLIS: u64 = 55_000;
/// How long SQLite waits for another's lock.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Rows read at a time.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Bytes of a page from which on the next one has fewer rows.
pub const PAGE_BYTES: usize = 8 << 20;
/// Columns of a table that is read; PostgreSQL has at most as many.
pub const COLUMNS_MAX: usize = 1_600;
/// Columns of a key.
pub const KEY_COLUMNS_MAX: usize = 32;
/// Bytes of a table's or column's name; PostgreSQL cuts them at 63.
pub const NAME_BYTES_MAX: usize = 256;

/// So many of the last rows are read again each time: keys that were taken early and committed late.
pub const OVERLAP_ROWS: u32 = 5_000;
/// Rows that came less than this long ago are read again as well.
pub const OVERLAP_MICROS: i64 = 30_000_000;
/// Keys of rows that were given out and are being read again. Beyond it rows come twice, which their ids make harmless.
pub const SEEN_MAX: usize = 500_000;
/// Moments that are remembered while following.
pub const MARKS_MAX: usize = 1_024;

/// Bytes of a text that is in an index of the classic table: PostgreSQL takes 2,704 bytes of all of an index's columns.
pub const INDEXED_BYTES_MAX: usize = 800;
/// The largest power of ten that a number of the classic table's JSON may have: `1e100000` would take 100,000 digits.
pub const EXPONENT_MAX: u32 = 400;
/// Digits of a number of the classic table's JSON.
pub const DIGITS_MAX: usize = 1_000;
/// Rows written at a time.
pub const WRITE_ROWS_MAX: usize = 1_000;
/// Names of tables in a hint.
pub const SHOWN_TABLES_MAX: usize = 10;
/// Bytes of the classic table's name, after which its indexes are named.
pub const CLASSIC_NAME_BYTES_MAX: usize = 40;

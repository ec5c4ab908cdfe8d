//! Every bound of the index, in one place.

/// Terms of one record that are indexed. Records with more are looked at by every query by word or path.
pub const TERMS_MAX: usize = 4_096;
/// Bytes of a folded value in a term. Of a longer one the term has the beginning and a hash.
pub const VALUE_BYTES_MAX: usize = 128;
/// Bytes of a word. Of a longer one only the beginning counts, in records and queries alike.
pub const WORD_BYTES_MAX: usize = 64;

/// Rows of a map.
pub const ROWS_MAX: u32 = 1 << 28;
/// Rows that are gathered in a list before they become bits.
pub const UNION_LIST_ROWS: usize = 4_096;

/// Bytes of a query's text.
pub const QUERY_BYTES_MAX: usize = 8 << 10;
/// Conditions in a query.
pub const QUERY_LEAVES_MAX: usize = 256;
/// How deep parentheses and negations may be nested.
pub const QUERY_DEPTH_MAX: usize = 32;
/// Wildcards and regular expressions in a query, each of which may take [`REGEX_BYTES_MAX`].
pub const QUERY_PATTERNS_MAX: usize = 32;
/// Bytes a compiled regular expression may take.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// Events on a page.
pub const PAGE_EVENTS_MAX: usize = 1_000;
/// Bytes of events on a page; it ends early and can be continued, so that large events wedge nothing.
pub const PAGE_BYTES_MAX: usize = 8 << 20;
/// Beyond this many matches are not counted: "10,000+".
pub const COUNT_MAX: u64 = 10_000;
/// Rows that a query may read to check them.
pub const CHECKED_ROWS_MAX: u64 = 200_000;
/// Time that a query may take, in microseconds.
pub const QUERY_MICROS_MAX: i64 = 5_000_000;
/// Bytes that a query may read to check rows.
pub const CHECKED_BYTES_MAX: u64 = 256 << 20;
/// Rows that are sorted by `occurred_at`.
pub const SORTED_ROWS_MAX: usize = 100_000;
/// Values of one facet that are given out.
pub const FACET_VALUES_MAX: usize = 1_000;
/// Buckets of a histogram: the hours of a hundred days.
pub const BUCKETS_MAX: usize = 2_400;

/// Rows of a set that are cheaper to read than all values of a field are to go through.
pub const READ_RATHER_MAX: u64 = 32;
/// Rows that are taken from one unit at once when units are merged.
pub const MERGE_ROWS: usize = 256;
/// Records that are read at once in the beginning, when nobody knows how many of them match.
pub const READ_ROWS_MIN: usize = 64;
/// Records from which on it is worth reading them on several threads: so many for each.
pub const READ_TOGETHER_ROWS: usize = 12;
/// Records that are read at once.
pub const READ_ROWS_MAX: usize = 1_024;
/// Rows that are read only to know whether there is another page.
pub const PEEK_ROWS: usize = 64;
/// Alarms that one answer tells.
pub const ALARMS_MAX: usize = 100;
/// Threads that count for one query.
pub const THREADS_MAX: usize = 8;
/// Values that each unit proposes for a facet's list, if more are not asked for.
pub const FACET_CANDIDATES_MIN: usize = 256;
/// Bytes that the values take which an index keeps of each facet, once they were counted over all its rows.
pub const KEPT_BYTES_MAX: usize = 64 << 10;
/// Bytes of counts that are kept while one answer is made, so that nothing has to be counted twice.
pub const COUNTS_BYTES_MAX: usize = 64 << 20;
/// Suggestions that are given out.
pub const SUGGESTIONS_MAX: usize = 100;
/// Sources whose numbers are told apart.
pub const SOURCES_MAX: usize = 10_000;
/// Bytes of all numbers that are held to see which are missing, as they would be written: a bit each where they
/// are dense, some bytes where they are scattered, which no recorder's are.
pub const SOURCE_NUMBERS_BYTES_MAX: usize = 16 << 20;
/// Rows whose sources are read at once.
pub const SOURCE_ROWS: usize = 1 << 16;
/// Ranges of missing numbers that are named of each source.
pub const MISSING_RANGES_MAX: usize = 100;

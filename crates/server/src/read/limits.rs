//! Every bound of the read endpoints, in one place.

use std::time::Duration;

/// Events on a page, if the request does not say.
pub const PAGE_SIZE: u64 = 50;
/// Searches at one time for each core; others wait for their turn, so that appends are not starved.
pub const SEARCHES_PER_CORE: usize = 2;
/// One credential has at most one of so many turns of searches, places of streams and of exports, whatever it asks
/// for; the rest are for others.
pub const SHARE_OF: usize = 2;
/// How long a search waits for its turn before it is asked to come again.
pub const TURN_WAIT_MICROS_MAX: i64 = 5_000_000;
/// How often an answer is begun anew because an index was found damaged.
pub const ATTEMPTS_MAX: usize = 2;

/// Values of a facet, if the request does not say.
pub const TOP: u64 = 10;
/// The longest interval of a histogram: a leap year.
pub const INTERVAL_SECONDS_MAX: u64 = 366 * 86_400;
/// Suggestions, if the request does not say.
pub const SUGGESTIONS: u64 = 10;
/// Bytes of what suggestions begin with.
pub const PREFIX_BYTES_MAX: usize = 256;

/// Entries of a timeline's page, if the request does not say.
pub const TIMELINE_SIZE: u64 = 100;
/// Events of a resource that are looked at for their correlation ids.
pub const TIMELINE_FOLLOWED_EVENTS_MAX: usize = 1_000;
/// How many of them are read at once.
pub const TIMELINE_FOLLOWED_PIECE: usize = 250;
/// Correlation ids of a resource that are followed.
pub const TIMELINE_CORRELATIONS_MAX: usize = 200;
/// Outcomes that are looked at for the intents of a page.
pub const TIMELINE_OUTCOMES_MAX: usize = 1_000;
/// A pause between two entries that is marked as a gap, in microseconds.
pub const TIMELINE_GAP_MICROS: i64 = 3_600_000_000;

/// Days of a user's activity, and those if the request does not say.
pub const USER_DAYS_MAX: u64 = 366;
/// Days, if the request does not say.
pub const USER_DAYS: u64 = 30;
/// The latest events that are shown of a user.
pub const USER_RECENT: usize = 20;

/// Rows of a page of what never ended, if the request does not say.
pub const UNFINISHED_SIZE: u64 = 100;
/// Events that are looked at first for whether they ended; then twice as many, and so on.
pub const UNFINISHED_BATCH_MIN: usize = 64;
/// How long an operation may be under way before it is said to have never ended, if the request does not say.
pub const UNFINISHED_OLDER_MICROS: i64 = 5 * 60_000_000;
/// How long numbers before one that was received are taken for being on their way: what must be durable overtakes
/// what may wait.
pub const IN_FLIGHT_MICROS: i64 = 60_000_000;
/// Sources that a report shows, those with the most that nothing explains first.
pub const GAPS_SOURCES_SHOWN: usize = 1_000;
/// Kinds of loss, by event type and cause, that are summed apart.
pub const LOSS_KINDS_MAX: usize = 1_000;
/// Bytes of an event type or a cause that a loss is said of; longer ones nobody's recorder writes.
pub const LOSS_TEXT_BYTES_MAX: usize = 128;

/// Events that are shown as related to one: outcomes and corrections.
pub const RELATED_MAX: usize = 100;
/// Differences that are listed one by one; beyond it the whole is one.
pub const DIFF_MAX: usize = 10_000;
/// Bytes of the paths of all differences; beyond it the whole is one.
pub const DIFF_PATH_BYTES_MAX: usize = 1 << 20;

/// Rows of the flat lists, if the request does not say.
pub const FLAT_ROWS: u64 = 100;
/// Rows of a flat list.
pub const FLAT_ROWS_MAX: u64 = 1_000;
/// Days of a user's flat list.
pub const FLAT_DAYS_MAX: u64 = 90;

/// Live streams at one time. Beyond it a client is asked to come back.
pub const STREAMS_MAX: usize = 256;
/// Events that a stream fetches at a time.
pub const STREAM_EVENTS: usize = 200;
/// Bytes that are handed to a connection at a time; one event may be larger.
pub const STREAM_CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a connection.
pub const STREAM_CHUNKS: usize = 2;
/// Records by which a stream may fall behind what it began with; then it is dropped.
pub const STREAM_LAG_MAX: u64 = 100_000;
/// How long a client may take none of what is there for it.
pub const STREAM_PATIENCE: Duration = Duration::from_secs(30);
/// How often a line is sent where nothing happens, so that nobody on the way takes the connection for dead.
pub const STREAM_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts; then the client comes again, and its credential is looked at anew.
pub const STREAM_LIFE: Duration = Duration::from_secs(3600);
/// The shortest time between two looks at what is new: at most twenty a second.
pub const STREAM_PAUSE: Duration = Duration::from_millis(50);
/// How long one look waits for something new.
pub const STREAM_WAIT: Duration = Duration::from_millis(500);
/// How long a stream waits before it tries again what could not be answered.
pub const STREAM_RETRY: Duration = Duration::from_secs(1);
/// Tries in a row that may fail before a stream is dropped.
pub const STREAM_TRIES_MAX: u32 = 30;

/// How long one look of a stream that sends may search. It goes on where that ended.
pub const OUTGOING_MICROS_MAX: i64 = 500_000;

/// Exports at one time. Beyond it a client is asked to come back.
pub const EXPORTS_MAX: usize = 8;
/// Events that an export fetches at a time.
pub const EXPORT_EVENTS: usize = 1_000;
/// Bytes of an export that are handed to a connection at a time.
pub const EXPORT_PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for a connection.
pub const EXPORT_PIECES: usize = 2;
/// How long an export waits before it tries again what could not be answered.
pub const EXPORT_RETRY: Duration = Duration::from_secs(1);
/// Tries in a row that may fail before an export is broken off.
pub const EXPORT_TRIES_MAX: u32 = 30;
/// Bytes of the name that a client gives an export.
pub const TICKET_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Exports whose progress is remembered.
pub const TICKETS_MAX: usize = 1_024;
/// How long that is remembered after their end.
pub const TICKET_MICROS: i64 = 3_600_000_000;

/// How long it is looked for gaps at a time, where nobody asked.
pub const HOLES_MICROS_MAX: i64 = 2_000_000;
/// Sources with gaps that one look tells of; the others are told by the next.
pub const HOLES_SOURCES_MAX: usize = 100;
/// How often it begins with others, where there are more.
pub const HOLES_TURN_MICROS: i64 = 30_000_000;

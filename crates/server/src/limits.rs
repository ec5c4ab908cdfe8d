//! Every bound of the server, in one place.

use std::time::Duration;

/// Bytes of one request's body, as sent and after decompression.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Bytes of a body of settings, which no honest one comes near.
pub const SMALL_BODY_BYTES_MAX: usize = 64 << 10;
/// Bytes of bodies that are held at one time, over all requests. Beyond it a sender is asked to wait.
pub const IN_FLIGHT_BYTES_MAX: usize = 128 << 20;
/// Bytes that an event in memory takes beside its own.
pub const EVENT_HELD_BYTES: usize = 384;
/// Events of one request.
pub const EVENTS_MAX: usize = 50_000;
/// Bytes of the events that one request's records become: each takes along what all are part of, which stands once.
pub const MAPPED_BYTES_MAX: usize = 64 << 20;
/// Bytes of a body that is checked on the thread that received it; larger ones would keep others waiting.
pub const CHECK_INLINE_BYTES_MAX: usize = 32 << 10;
/// The power of two that a zstd frame's window may have: 8 MiB, as RFC 8878 recommends.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes that are decompressed at a time.
pub const DECOMPRESS_CHUNK: usize = 64 << 10;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// Threads that hand events to the store: one prepares while the other waits for the disk.
pub const INGEST_THREADS: usize = 2;
/// Requests that wait for an ingest thread. Beyond it a sender is asked to come back.
pub const INGEST_QUEUE_MAX: usize = 16_384;
/// Requests that are appended together.
pub const INGEST_JOBS_MAX: usize = 1024;

/// Reads of the store that run at one time; others wait for their turn.
pub const READS_MAX: usize = 64;
/// Threads for work that would block the others: reads, checks of large bodies.
pub const BLOCKING_THREADS_MAX: usize = 96;

/// How long an answer with `wait=published` waits for the checkpoint.
pub const PUBLISHED_WAIT: Duration = Duration::from_secs(10);
/// How often it looks.
pub const PUBLISHED_POLL: Duration = Duration::from_millis(100);
/// Events of one request that it waits for: each proof takes some kilobytes.
pub const PUBLISHED_EVENTS_MAX: usize = 1000;
/// Answers that wait for a checkpoint at one time.
pub const PUBLISHED_WAITERS_MAX: usize = 1024;

/// Open connections.
pub const CONNECTIONS_MAX: usize = 12_000;
/// How long the head of a request may take, the pause before it included; also a TLS handshake.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the next piece of a body may take.
pub const BODY_PIECE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a whole body may take.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take none of what is written to it.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may take until its answer begins.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How long shutting down waits for inputs, and then for streams.
pub const CONNECTIONS_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that a batch of an input counts for at most among those that are held at one time.
pub const INPUT_BYTES_MAX: usize = 8 << 20;
/// How long shutting down waits for requests that are being answered.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long accepting rests after the system refused a connection for want of resources.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Header fields of a request.
pub const HEADERS_MAX: usize = 100;
/// Bytes of a request's head.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// Streams of one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 128;

/// Parameters of one query string.
pub const PARAMS_MAX: usize = 256;

/// API keys of a node, the revoked ones included: each stays in memory.
pub const KEYS_MAX: usize = 10_000;
/// Bytes of a key's name.
pub const KEY_NAME_BYTES_MAX: usize = 256;
/// Trails that one key or token is bound to.
pub const CALLER_TRAILS_MAX: usize = 256;

/// Sessions of browsers at one time; the oldest goes when one more begins.
pub const SESSIONS_MAX: usize = 16_384;
/// Sessions that one credential has begun; its oldest goes when one more begins, so that nobody ends another's.
pub const SESSIONS_EACH_MAX: usize = 32;
/// How long a session lasts.
pub const SESSION_MICROS: i64 = 12 * 3_600_000_000;
/// One-time links at one time; the oldest goes when one more is made.
pub const LINKS_MAX: usize = 16;
/// How long a one-time link is good.
pub const LINK_MICROS: i64 = 30 * 60_000_000;

/// Bytes of a JWT.
pub const JWT_BYTES_MAX: usize = 16 << 10;
/// Bytes of a set of public keys.
pub const JWKS_BYTES_MAX: u64 = 1 << 20;
/// How long between two readings of the public keys that an unknown key id asks for.
pub const JWKS_REFRESH_MICROS: i64 = 60_000_000;
/// How long fetching the public keys may take.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(10);
/// How far a token's times may be off, in seconds.
pub const JWT_LEEWAY_SECONDS: u64 = 30;

/// Sign-ins refused in a minute from one address, until those that are refused are told to wait.
pub const FAILURES_A_MINUTE_MAX: u32 = 20;
/// Addresses whose refused sign-ins are counted.
pub const FAILURE_ADDRESSES_MAX: usize = 4096;

/// Searches that one credential keeps.
pub const SAVED_SEARCHES_MAX: usize = 100;
/// Searches that a node keeps.
pub const SAVED_SEARCHES_ALL_MAX: usize = 20_000;
/// Bytes of a saved search's name.
pub const SAVED_NAME_BYTES_MAX: usize = 256;
/// Bytes of the time of a saved search, as the query language writes it.
pub const SAVED_TIME_BYTES_MAX: usize = 128;
/// Bytes of the query of a saved search: what the query language takes.
pub const SAVED_QUERY_BYTES_MAX: usize = 8 << 10;

/// Trails that `/api/status` lists.
pub const STATUS_TRAILS_MAX: usize = 1000;
/// How long the sizes of a directory's files are good, as `/api/status` tells them.
pub const DISK_MICROS: i64 = 10_000_000;

/// Long operations that are remembered, the ended ones included.
pub const JOBS_MAX: usize = 100;
/// Long operations that run at one time: reading ones beside one that changes something.
pub const JOBS_RUNNING_MAX: usize = 4;
/// How long the answer to whoever begins one waits for it to be refused or to go on.
pub const JOB_BEGIN_WAIT: Duration = Duration::from_secs(10);
/// How long an answer waits for one to end, if it is asked to; below what a request may take.
pub const JOB_END_WAIT: Duration = Duration::from_secs(60);
/// How long a process that only does this waits for what it began: longer than anything takes.
pub const JOB_LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// When what is due is let go: three hours after midnight, UTC.
pub const NIGHT_MICROS: i64 = 3 * HOUR_MICROS;
/// How often that is tried where it failed, or where the log may become only so large.
pub const HOUR_MICROS: i64 = 3_600_000_000;
/// A day.
pub const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// How often it is looked for what is due: expiry, backups, archives.
pub const KEEPER_EVERY: Duration = Duration::from_secs(60);

/// How often a node looks at its own health.
pub const PULSE_EVERY: Duration = Duration::from_secs(30);
/// At how many looks in a row something must fail, or be well again, until that is told.
pub const HEALTH_LOOKS: u32 = 2;
/// A disk is low that has less room than this, or than so many hundredths of it.
pub const DISK_LOW_BYTES: u64 = 2 << 30;
/// See there.
pub const DISK_LOW_PERCENT: u64 = 5;
/// By how much the clock may go another way than time between two looks.
pub const CLOCK_JUMP_MICROS: i64 = 30_000_000;
/// How far in the future an event may have happened that is just being recorded.
pub const AHEAD_MICROS: i64 = 600_000_000;
/// Sources of such events that are told apart.
pub const AHEAD_SOURCES_MAX: usize = 100;
/// How far back it is looked for gaps of sources: farther than an event may still be on its way.
pub const GAPS_WINDOW_MICROS: i64 = 5 * MINUTE_MICROS;
/// Sources whose told gaps are remembered.
pub const GAPS_TOLD_MAX: usize = 2_000;

/// How long the watch waits for the next record before it looks what else there is to do.
pub const WATCH_WAIT_MAX: Duration = Duration::from_millis(500);
/// Alerts on a page, where nothing else is asked.
pub const ALERTS_PAGE: u64 = 50;
/// Alerts on a page.
pub const ALERTS_PAGE_MAX: u64 = 1_000;
/// Bytes of the name of whom an alert is assigned to.
pub const ASSIGNEE_BYTES_MAX: usize = 256;
/// Bytes of rules and mappings that are sent to be tried on the past.
pub const BACKTEST_BODY_BYTES_MAX: usize = 8 << 20;
/// How long that may take.
pub const BACKTEST_TIMEOUT: Duration = Duration::from_secs(600);

/// Refused logins that are recorded one by one each minute; the others are counted, and the count recorded.
pub const REFUSED_RECORDED_MAX: u32 = 60;
/// Reads that repeat (of `_system`, of static trees), by credential, kind and trail, whose last recording is
/// remembered.
pub const ECHOES_MAX: usize = 4096;
/// A minute, the unit of both.
pub const MINUTE_MICROS: i64 = 60_000_000;
/// How often what was counted is recorded, if a minute has passed.
pub const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Bytes of a user agent, a path and a name as recorded of a request; more is cut off.
pub const RECORDED_TEXT_BYTES_MAX: usize = 2048;
/// Bytes of links to the neighbours of a page: proxies give up on long heads of answers.
pub const LINKS_BYTES_MAX: usize = 4 << 10;
/// Bytes of a query's text as recorded; more is cut off.
pub const RECORDED_QUERY_BYTES_MAX: usize = 16 << 10;
/// Bytes of a request id that is taken over from the caller.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

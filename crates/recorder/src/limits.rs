//! Every bound of the recorder, in one place.

use std::time::Duration;

/// The most bytes of events that may wait for the recorder's thread, unless the builder says otherwise.
pub const QUEUE_BYTES_MAX: usize = 16 << 20;
/// The most bytes of encoded events held in memory where there is no spool.
pub const BUFFER_BYTES_MAX: usize = 32 << 20;
/// The most bytes a spool may take on disk, unless the builder says otherwise.
pub const SPOOL_BYTES_MAX: u64 = 1 << 30;
/// How many events make a batch, unless the builder says otherwise.
pub const BATCH_SIZE: usize = 100;
/// The most events of a batch, whatever the builder says: what a node takes at once with ease.
pub const BATCH_SIZE_MAX: usize = 10_000;
/// The most bytes of a batch; one event may be larger than that and goes alone.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long an event waits for its batch to fill, unless the builder says otherwise.
pub const FLUSH_INTERVAL: Duration = Duration::from_millis(200);
/// How often the recorder's thread looks into its queue while events come.
pub const NAP: Duration = Duration::from_millis(5);
/// How often it looks when none came for a while.
pub const IDLE_NAP: Duration = Duration::from_millis(50);
/// Looks that found nothing before it naps longer.
pub const IDLE_AFTER: u32 = 20;
/// How long `close` waits at most, unless told otherwise.
pub const CLOSE_MAX: Duration = Duration::from_secs(10);
/// How long the last clone's `drop` waits, where nobody called `close`.
pub const DROP_MAX: Duration = Duration::from_secs(5);
/// How long an event that must be durable may take before its caller hears that nothing is known.
pub const DURABLE_MAX: Duration = Duration::from_secs(10);
/// How long `record` waits for room where the builder chose to wait.
pub const WAIT_MAX: Duration = Duration::from_secs(1);
/// The first pause after a failed sending; it doubles with each.
pub const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between tries.
pub const RETRY_MAX: Duration = Duration::from_secs(10);
/// How often losses are told, if there were any.
pub const LOSSES_TOLD: Duration = Duration::from_secs(10);
/// The most event types that are counted apart for each cause of losses; the rest are counted together.
pub const LOSS_KINDS_MAX: usize = 256;
/// The most routes that coverage keeps apart.
pub const ROUTES_MAX: usize = 10_000;
/// The most keys of a bulk operation that are listed in the event itself.
pub const BULK_KEYS_SHOWN_MAX: usize = 1_000;
/// The most bytes of those keys together.
pub const BULK_KEYS_BYTES_MAX: usize = 64 << 10;
/// Bytes that an event takes beside its texts; only for accounting.
pub const EVENT_OVERHEAD_BYTES: usize = 512;

/// How deep redaction looks into an event; no event that is accepted is half as deep.
pub const REDACT_DEPTH_MAX: usize = 128;
/// The most bytes of a name that stands before `=` or `:` in a text, or of a PEM block's label.
pub const REDACT_KEY_BYTES_MAX: usize = 64;
/// Keys shorter than this hold no secret of their own: the shortest card number is longer.
pub const REDACT_KEY_LOOKED_AT_MIN: usize = 12;
/// How often a text in which a secret was found is looked at again.
pub const REDACT_PASSES_MAX: usize = 4;
/// Bytes that an encoded event takes beside its text; only for accounting.
pub const ENCODED_OVERHEAD_BYTES: usize = 64;
/// The most bytes of events that the recorder's thread encodes before it hands them on.
pub const ROUND_BYTES_MAX: usize = 1 << 20;
/// The longest pause that the other side may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// The longest pause between tries of what somebody awaits, and while the recorder closes.
pub const RETRY_AWAITED_MAX: Duration = Duration::from_secs(1);
/// The longest time that anything waits, where a setting says longer: what is longer than that is for ever.
pub const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The most bytes of a spool's segment, give or take one write; a small spool has smaller ones.
pub const SPOOL_SEGMENT_BYTES_MAX: u64 = 8 << 20;
/// The fewest bytes at which a segment is closed, however small the spool.
pub const SPOOL_SEGMENT_BYTES_MIN: u64 = 64 << 10;
/// A segment file larger than this is not one that a recorder made, and is not read.
pub const SPOOL_FILE_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of a frame in a spool: beyond it, a length is damage.
pub const SPOOL_FRAME_BYTES_MAX: usize = 1 << 20;
/// The most bytes that are summed in search of a whole frame behind damage.
pub const SPOOL_RESYNC_BYTES_MAX: usize = 64 << 20;
/// The most bytes of the small files of a spool that say whose it is and how far it was sent.
pub const SPOOL_NOTE_BYTES_MAX: u64 = 64 << 10;
/// The most bytes of events that a spool keeps in memory beside the disk, so that they need not be read back.
pub const SPOOL_RECENT_BYTES_MAX: usize = 4 << 20;
/// The most bytes of events that wait in memory while the spool's disk takes none.
pub const SPOOL_UNWRITTEN_BYTES_MAX: usize = 8 << 20;
/// About how many bytes a spool writes with one call.
pub const SPOOL_WRITE_BYTES_MAX: usize = 1 << 20;
/// How large an acknowledged segment may become before it is removed.
pub const SPOOL_IDLE_BYTES_MAX: u64 = 64 << 10;
/// How many bytes are acknowledged before a spool notes how far it is.
pub const SPOOL_CURSOR_BYTES: u64 = 256 << 10;
/// How long it takes at most to note that, as long as events are acknowledged.
pub const SPOOL_CURSOR_INTERVAL: Duration = Duration::from_secs(1);
/// How often a segment that cannot be read is tried again before it is set aside.
pub const SPOOL_READ_TRIES: u32 = 5;
/// How long a spool whose disk takes nothing waits before it tries again.
pub const SPOOL_RETRY: Duration = Duration::from_secs(1);
/// The most bytes of the file of refused events; what is refused beyond it is only counted.
pub const REFUSED_BYTES_MAX: u64 = 16 << 20;

/// The most bytes of a configuration file, or of a file with a key.
pub const SETTINGS_BYTES_MAX: u64 = 1 << 20;
/// How deep a configuration file may be nested.
pub const SETTINGS_DEPTH_MAX: usize = 16;
/// The most values of a configuration file, those that aliases repeat included.
pub const SETTINGS_NODES_MAX: usize = 10_000;
/// The most anchors and the most aliases of a configuration file.
pub const SETTINGS_ALIASES_MAX: usize = 100;
/// The most characters of a wrong value that an error repeats.
pub const SETTINGS_SHOWN_MAX: usize = 64;
/// The longest retention in days: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_525;
/// The most megabytes that a size may be set to: an exabyte.
pub const SIZE_MB_MAX: u64 = 1 << 40;
/// The longest time that an event may wait for its batch to fill.
pub const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// The fewest characters of an HMAC key.
pub const HMAC_KEY_CHARS_MIN: usize = 32;

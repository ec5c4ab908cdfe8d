//! Every bound of the outbox, in one place.

use std::time::Duration;

/// How many events are moved at once, unless the relay is told otherwise.
pub const BATCH_SIZE: u32 = 100;
/// The most events that are moved at once, whatever the relay is told.
pub const BATCH_SIZE_MAX: u32 = 10_000;
/// The most characters of events that are read at once; one event may be larger and goes alone.
pub const BATCH_CHARS_MAX: i64 = 1 << 20;
/// How soon a relay that found nothing looks again; the pause doubles with each look.
pub const POLL_MIN: Duration = Duration::from_millis(20);
/// The longest pause between looks, unless the relay is told otherwise.
pub const POLL_MAX: Duration = Duration::from_millis(500);
/// The first pause after something failed; it doubles with each failure.
pub const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause between tries.
pub const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long a relay that says nothing is left alone before another takes over, unless told otherwise: longer than a
/// recorder's default wait for a durable answer.
pub const TAKEOVER_AFTER: Duration = Duration::from_secs(20);
/// The most characters of an error that are kept with an event.
pub const ERROR_CHARS_MAX: usize = 1_000;

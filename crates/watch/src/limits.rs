//! Every bound of the watch, in one place.

use std::time::Duration;

/// Bytes of `watch.yaml`.
pub const SETTINGS_BYTES_MAX: u64 = 1 << 20;
/// Files of a folder.
pub const FILES_MAX: usize = 10_000;
/// Bytes of all of them.
pub const FOLDER_BYTES_MAX: u64 = 64 << 20;
/// How deep its directories may nest.
pub const FOLDER_DEPTH_MAX: usize = 16;
/// How often the folder is looked at.
pub const FOLDER_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the place and the windows are written down: this much is looked at again after a kill.
pub const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Records that are looked at before anything else is done.
pub const SCAN_RECORDS_MAX: usize = 1_000;
/// Alerts that are open or acknowledged at one time; more are counted, and told.
pub const ALERTS_MAX: usize = 10_000;
/// Alerts that are closed and kept at hand; older ones are found in the log.
pub const CLOSED_MAX: usize = 1_000;
/// Channels of a node.
pub const CHANNELS_MAX: usize = 32;
/// Bytes of a note.
pub const NOTE_BYTES_MAX: usize = 4_000;
/// Reviews that are listed.
pub const REVIEWS_MAX: usize = 60;
/// Events that a review shows of each section.
pub const REVIEW_EVENTS_MAX: usize = 50;
/// Examples that a backtest gives of each rule.
pub const BACKTEST_EXAMPLES_MAX: usize = 5;
/// Steps that are remembered of each alert; the first stays, and the newest.
pub const HISTORY_MAX: usize = 200;
/// Bytes of a channel's name: with what its stream's name begins with it is a stream's name.
pub const CHANNEL_NAME_BYTES_MAX: usize = 57;
/// Groups of one rule that have alerts of their own at one time; further ones share one, so that a flood of one rule
/// takes the room of no other.
pub const ALERTS_RULE_MAX: usize = 200;
/// How often it is at least recorded how far an alert has counted, while it does.
pub const REPEAT_EVERY_MICROS: i64 = 86_400_000_000;
/// Bytes of each text of a rule that goes into an alert.
pub const TEXT_BYTES_MAX: usize = 4_000;
/// Bytes of the line that says what an alert is.
pub const SUMMARY_BYTES_MAX: usize = 512;
/// Bytes of the file that says how far the watch is.
pub const STATE_BYTES_MAX: u64 = 256 << 20;
/// Records that are looked at again for windows of rules that are new.
pub const WARM_RECORDS_MAX: u64 = 1_000_000;
/// How far back that goes: 30 days.
pub const WARM_MICROS_MAX: i64 = 30 * 86_400_000_000;
/// Periods that are remembered as signed.
pub const SIGNED_MAX: usize = 1_000;
/// Deeds that are decided on before they are recorded; one record may give a few more.
pub const DEEDS_MAX: usize = 256;
/// The pause after the first failure; it doubles with each.
pub const RETRY: Duration = Duration::from_millis(250);
/// The longest pause.
pub const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether the thread has ended that was told to.
pub const END_LOOK_EVERY: Duration = Duration::from_millis(10);
/// Refused rules that the record of a load names; it counts all.
pub const REFUSED_NAMED_MAX: usize = 20;
/// Rules that it names as added, removed or changed.
pub const CHANGED_NAMED_MAX: usize = 100;
/// Bytes of each of their ids.
pub const NAMED_BYTES_MAX: usize = 128;
/// How far time goes on at once where nothing is recorded, in microseconds: a clock that is ahead for a moment must not
/// take the log's time with it for long.
pub const TICK_MICROS_MAX: i64 = 5 * 60_000_000;
/// Records that a backtest hands from thread to thread together.
pub const BACKTEST_LOT_RECORDS: usize = 512;
/// Bytes of them.
pub const BACKTEST_LOT_BYTES: usize = 1 << 20;
/// Lots that wait before each step of a backtest.
pub const BACKTEST_LOTS_MAX: usize = 8;
/// Groups of a rule that a backtest remembers as alerts of the last day.
pub const BACKTEST_GROUPS_MAX: usize = 100_000;
/// Days that a backtest tells of a rule.
pub const BACKTEST_DAYS_MAX: usize = 4_000;
/// How often it is shown how the watch does, while there is much to look at.
pub const SHOW_EVERY: Duration = Duration::from_secs(1);

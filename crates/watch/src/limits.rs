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

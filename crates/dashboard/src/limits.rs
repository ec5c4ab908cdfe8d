//! Every bound of the pages.

/// The most bytes of an API's answer that a page reads.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The most bytes of a form.
pub const FORM_BYTES_MAX: usize = 64 << 10;
/// The most characters of a value in a row.
pub const ROW_CHARS_MAX: usize = 80;
/// The most characters of a value that stands open; longer ones are folded.
pub const OPEN_CHARS_MAX: usize = 400;
/// The most characters of a value on a page at all; what is longer is in the raw JSON.
pub const SHOWN_CHARS_MAX: usize = 20_000;
/// The most bytes of a query's text, as the API takes it.
pub const QUERY_BYTES_MAX: usize = 8 << 10;
/// Keys or trails that a page of the settings lists; a filter finds the others.
pub const SETTINGS_ROWS_MAX: usize = 200;
/// The most events of a bundle of evidence, as the API takes it.
pub const BUNDLE_EVENTS_MAX: u64 = 10_000;
/// The most values of a facet that the API gives.
pub const FACET_VALUES_MAX: usize = 1_000;
/// The most characters of a value beside its bar.
pub const RANKED_CHARS_MAX: usize = 48;
/// Values of each kind on the overview.
pub const OVERVIEW_TOP: usize = 8;
/// Values of each kind among what fails.
pub const TROUBLES_TOP: usize = 5;
/// Trails whose checkpoints are listed.
pub const TRAILS_SHOWN: usize = 50;
/// Trails that can be chosen from a list.
pub const TRAILS_CHOICE_MAX: usize = 1_000;
/// Kinds of loss that are listed.
pub const LOSSES_SHOWN: usize = 20;
/// Records that may be durable and not yet searchable without anybody having to look.
pub const LAG_CALM: u64 = 10_000;
/// People in a list.
pub const PEOPLE_SHOWN: usize = 100;
/// Events that are looked at for when people were last seen; the most that the API gives at once.
pub const PEOPLE_LATEST: usize = 1_000;
/// Bytes of an event and its place, as the live stream brings it; what is longer is named, not shown.
pub const LIVE_EVENT_BYTES_MAX: usize = 2 << 20;
/// Rows that the live page begins with.
pub const LIVE_FIRST: usize = 50;

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
/// Rows of what is due, or of copies, that a page of the settings lists.
pub const DUE_ROWS_MAX: usize = 50;
/// How often a page asks anew how connections are, in seconds.
pub const CONNECTIONS_EVERY_SECONDS: u64 = 5;
/// Connections that do not work which other pages name.
pub const RED_SHOWN: usize = 10;
/// How often the navigation asks anew how many alerts are open, in seconds.
pub const OPEN_ALERTS_EVERY_SECONDS: u64 = 60;
/// Alerts of a state that the list of alerts opens with.
pub const ALERTS_SHOWN: usize = 50;
/// Closed ones that it ends with.
pub const CLOSED_SHOWN: usize = 10;
/// Alerts on a page of all that are of a state.
pub const ALERTS_PAGE: usize = 100;
/// Alerts on the page of a rule.
pub const RULE_ALERTS_SHOWN: usize = 10;
/// Events of an alert that are listed; a search finds all.
pub const ALERT_EVENTS_SHOWN: usize = 50;
/// Steps of an alert that are listed.
pub const STEPS_SHOWN: usize = 200;
/// Values of a group that are shown.
pub const GROUP_SHOWN: usize = 8;
/// The most characters of what an alert says of itself in a list, and of other such lines.
pub const SUMMARY_CHARS_MAX: usize = 200;
/// The most characters of a note that a form takes.
pub const NOTE_CHARS_MAX: usize = 1_000;
/// Rules that can be chosen from a list.
pub const RULES_CHOICE_MAX: usize = 1_000;
/// Refused rules that are listed.
pub const REFUSED_SHOWN: usize = 100;
/// Tags of a rule that are shown.
pub const TAGS_SHOWN: usize = 20;
/// Lines of a rule's text that are shown.
pub const RULE_LINES_SHOWN: usize = 1_000;
/// Characters of a digest where there is no room for all of it.
pub const DIGEST_CHARS_SHOWN: usize = 12;
/// Examples of a backtest that are shown.
pub const EXAMPLES_SHOWN: usize = 10;
/// Events of a section that a review shows.
pub const REVIEW_EVENTS_SHOWN: usize = 50;
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

/// The most bytes of an event's raw JSON as it is laid out; what would be longer stays in one line.
pub const RAW_BYTES_MAX: usize = 1 << 20;
/// The most bytes of it that stand open.
pub const RAW_OPEN_BYTES_MAX: usize = 8 << 10;
/// The most bytes of a list or object that stays in one line of it.
pub const RAW_LINE_BYTES_MAX: usize = 72;
/// The most differences of an event that are shown one by one.
pub const DIFF_SHOWN_MAX: usize = 500;
/// The differences that stand open.
pub const DIFF_OPEN_MAX: usize = 20;
/// How many comparisons of words the changes within a text may take.
pub const EMPHASIS_STEPS_MAX: usize = 250_000;
/// How much of a text must have stayed for its changes to be shown within it.
pub const EMPHASIS_SAME_PERCENT_MIN: usize = 30;
/// The most characters of a run that stayed; of longer ones both ends are shown.
pub const EMPHASIS_SAME_CHARS_MAX: usize = 160;
/// The most characters of a run that changed.
pub const EMPHASIS_OWN_CHARS_MAX: usize = 2_000;
/// The most runs of a text that are shown.
pub const EMPHASIS_RUNS_MAX: usize = 200;
/// The most values of an event's details that are shown one by one.
pub const TREE_NODES_MAX: usize = 1_000;
/// The most members of one of them that are shown.
pub const TREE_MEMBERS_MAX: usize = 200;
/// The most members of an inner value that stand open.
pub const TREE_OPEN_MAX: usize = 12;
/// The most events of the same correlation id on an event's page.
pub const TOGETHER_MAX: usize = 20;
/// The most targets of an event that are listed; all are in the raw JSON.
pub const TARGETS_SHOWN_MAX: usize = 64;
/// The most lanes of a timeline; the services beyond share the last.
pub const LANES_MAX: usize = 8;
/// The most lines of intents that run beside each other in a lane.
pub const LANE_SLOTS_MAX: u32 = 4;
/// The most losses that are shown among a timeline's events.
pub const LOSSES_SHOWN_MAX: usize = 100;
/// The most recorders of a timeline whose numbers are looked at.
pub const SOURCES_ASKED_MAX: usize = 50;
/// The most ranges of missing numbers that are shown of a recorder.
pub const RANGES_SHOWN_MAX: usize = 10;
/// The most correlation ids of a timeline that are listed.
pub const CORRELATIONS_SHOWN_MAX: usize = 50;
/// The latest events that what a timeline could be of is taken from.
pub const SUGGESTED_FROM_EVENTS: usize = 500;
/// The most of each kind that is suggested.
pub const SUGGESTED_MAX: usize = 8;
/// Events on a page of a search, if it does not say.
pub const PAGE_SIZE: u64 = 50;
/// The most events on a page of a search.
pub const PAGE_SIZE_MAX: u64 = 500;
/// What is offered.
pub const PAGE_SIZES: [u64; 4] = [25, 50, 100, 200];
/// The most bytes of a time in an address.
pub const TIME_BYTES_MAX: usize = 80;
/// Characters of a query that are shown on either side of what is wrong with it.
pub const WRONG_CHARS_AROUND: usize = 60;
/// As many buckets as a histogram has room for.
pub const HISTOGRAM_BUCKETS: i64 = 120;
/// As many as it is ever drawn with, over however long a time.
pub const HISTOGRAM_BUCKETS_MAX: i64 = 400;
/// Values of each facet beside a search.
pub const FACET_TOP: usize = 5;
/// The most characters of a saved search's name.
pub const NAME_CHARS_MAX: usize = 120;
/// The most bytes of a value that a row offers to search for.
pub const SEARCHED_BYTES_MAX: usize = 512;

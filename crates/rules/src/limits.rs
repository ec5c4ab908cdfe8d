//! Every bound of rules, in one place.

/// Bytes of one file of rules.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// How deep it may nest.
pub const DEPTH_MAX: usize = 32;
/// Values in it.
pub const NODES_MAX: usize = 50_000;
/// Anchors and aliases in it.
pub const ALIASES_MAX: usize = 1_000;
/// Rules of a node.
pub const RULES_MAX: usize = 10_000;
/// Bytes that a regular expression may take when it is compiled.
pub const REGEX_BYTES_MAX: usize = 64 << 10;
/// Groups that one rule keeps.
pub const GROUPS_MAX: usize = 10_000;
/// Values or times that one group keeps.
pub const GROUP_ITEMS_MAX: usize = 10_000;
/// Values or times that all groups of a rule keep.
pub const RULE_ITEMS_MAX: usize = 200_000;
/// Events that an alert names.
pub const EXAMPLES_MAX: usize = 10;
/// Bytes of a value that is grouped by or counted; a longer one counts as its beginning and its hash.
pub const VALUE_BYTES_MAX: usize = 256;
/// Trails whose newest time is kept.
pub const TRAILS_MAX: usize = 10_000;
/// The longest time span of a correlation, in microseconds: 400 days.
pub const SPAN_MICROS_MAX: i64 = 400 * 86_400_000_000;
/// How much later than newer events of its trail one may come and still be counted, where nothing else is said: 15 minutes.
pub const LATENESS_MICROS: i64 = 15 * 60_000_000;
/// Events that one group of a `temporal_ordered` keeps: all of them are gone through where one comes out of order.
pub const ORDERED_ITEMS_MAX: usize = 1_000;
/// Bytes that all windows take when they are written down; beyond that the rule that takes most forgets the groups that
/// were quiet for longest.
pub const STATE_BYTES_MAX: usize = 48 << 20;
/// What is left of those bytes then, so that it is not done again for the next event.
pub const STATE_BYTES_KEPT: usize = STATE_BYTES_MAX / 8 * 7;
/// How often what correlations find with one record may go into other correlations.
pub const CASCADE_MAX: usize = 10_000;
/// Cases of one file of examples.
pub const TRIAL_CASES_MAX: usize = 1_000;
/// Events of one case, those that are repeated included.
pub const TRIAL_EVENTS_MAX: u64 = 100_000;
/// How deep the JSON of an event may nest; those that were recorded nest less.
pub const JSON_DEPTH_MAX: usize = 64;
/// One event of so many is timed, to say what rules cost.
pub const TIMED_EVERY: u64 = 256;
/// Characters of a file's text that a reason shows.
pub const SHOWN_CHARS_MAX: usize = 80;
/// Tests that the condition of one rule comes to, with all that it names put in.
pub const TESTS_MAX: usize = 20_000;
/// Tests of all rules.
pub const TESTS_ALL_MAX: usize = 1_000_000;
/// Selections of which a number other than one or all is wanted.
pub const OF_MAX: usize = 100;
/// Bytes of the texts that `windash` makes of one.
pub const WINDASH_BYTES_MAX: usize = 64 << 10;
/// Regular expressions of one rule.
pub const RULE_REGEXES_MAX: usize = 200;
/// Regular expressions of all rules.
pub const REGEXES_MAX: usize = 2_000;
/// Bytes that an expression's cache may take while it is used.
pub const REGEX_CACHE_BYTES_MAX: usize = 256 << 10;
/// Texts that `windash` makes of one.
pub const WINDASH_MAX: usize = 625;
/// Fields that a rule groups by.
pub const GROUP_FIELDS_MAX: usize = 16;
/// Rules that a correlation refers to.
pub const MEMBERS_MAX: usize = 100;
/// Correlations that refer to each other in a row.
pub const CHAIN_MAX: usize = 16;
/// Spans that the past of an `unusual` has.
pub const PAST_MAX: u64 = 1_000;
/// Documents of one file.
pub const DOCUMENTS_MAX: usize = 5_000;
/// Bytes of a rule's id, name or title.
pub const TITLE_BYTES_MAX: usize = 1_024;
/// Bytes of a rule's description or advice.
pub const DESCRIPTION_BYTES_MAX: usize = 64 << 10;
/// Tags of a rule.
pub const TAGS_MAX: usize = 100;
/// Names that are looked through for the one that was perhaps meant.
pub const NEAR_MAX: usize = 1_000;
/// Bytes that a group takes in memory beside what is written down of it, as was measured.
pub const GROUP_BYTES: usize = 512;
/// Bytes that a value or a time of a group takes in memory beside what is written down of it.
pub const GROUP_ITEM_BYTES: usize = 64;

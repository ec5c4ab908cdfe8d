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
/// How deep the JSON of an event may nest; those that were recorded nest less.
pub const JSON_DEPTH_MAX: usize = 64;
/// One event of so many is timed, to say what rules cost.
pub const TIMED_EVERY: u64 = 256;

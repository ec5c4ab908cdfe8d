//! Every limit of what is made of an event. Lengths are in characters, since people read them.

/// The most characters of a name or an id in a sentence; what is longer ends with `…`.
pub const NAME_CHARS_MAX: usize = 80;

/// The most characters of a target's type, and of an unknown action, in a sentence.
pub const KIND_CHARS_MAX: usize = 48;

/// The most characters of an error's message in a sentence: a stack trace is no part of one.
pub const REASON_CHARS_MAX: usize = 100;

/// The most characters of a path or a query in a sentence.
pub const PATH_CHARS_MAX: usize = 160;

/// How many actors on whose behalf another acted a sentence names, the nearest first.
pub const BEHALF_SHOWN_MAX: usize = 2;

/// The most bytes of a whole sentence, which follows from the limits above: six names and types, a reason, a path,
/// and words of ours, of four bytes a character.
pub const SENTENCE_BYTES_MAX: usize =
    4 * (6 * (NAME_CHARS_MAX + KIND_CHARS_MAX) + REASON_CHARS_MAX + PATH_CHARS_MAX) + 512;

/// The most bytes of an action in which a verb is looked for: what an event may have.
pub const ACTION_BYTES_MAX: usize = 128;

/// The most UTF-16 units of a cell: spreadsheets hold 32,767 and let what is longer run into the next row. Somewhat less,
/// since the last character may be shown by several.
pub const CELL_UNITS_MAX: usize = 32_000;

/// How deep an event is searched for a member that keeps it from being read; its own members end at a depth of five.
pub const REPAIR_DEPTH_MAX: usize = 8;

/// How deep members with a known name are looked for in a document: `http.request.body.bytes` has four levels.
pub const DOCUMENT_DEPTH_MAX: usize = 4;

/// The most bytes of a document's id, as Elasticsearch has it.
pub const DOCUMENT_ID_BYTES_MAX: usize = 512;

/// The most bytes of the name of an index, as Elasticsearch has it.
pub const INDEX_NAME_BYTES_MAX: usize = 255;

/// How many kinds of refusal the answer to a request of log records tells; the others are only counted.
pub const REFUSALS_TOLD_MAX: usize = 3;

/// The most bytes of a syslog message that are kept: a whole event of ours as JSON, and its header.
pub const SYSLOG_FRAME_BYTES_MAX: usize = 272 << 10;

/// The most digits of a count of octets; more are no count.
pub const SYSLOG_COUNT_DIGITS_MAX: usize = 8;

/// The most bytes that are kept of a message that cannot be read. Escaped, each may take six, and the whole has to fit
/// into an event.
pub const SYSLOG_RAW_BYTES_MAX: usize = 32 << 10;

/// The most characters of a text of CEF's dictionary, and of one of its custom strings.
pub const CEF_TEXT_CHARS_MAX: usize = 1023;

/// See above.
pub const CEF_CUSTOM_CHARS_MAX: usize = 4000;

/// The most bytes of a map's file.
pub const MAP_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of a record of somebody else's audit log: more than an event can hold, so that what is refused is
/// refused as too long by what is too long in it.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// The most bytes of a key that can be the name of a list of records.
pub const SPLIT_KEY_BYTES_MAX: usize = 32;

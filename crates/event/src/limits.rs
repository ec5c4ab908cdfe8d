//! Every limit of an event, in one place. Text is measured as it is kept: the UTF-8 bytes between
//! the quotes of its canonical form.

/// The most bytes one event may have as received: what a single caller can make us hold at once.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// The most bytes an entry may have; entries hold only short fields, so a longer one is damage.
pub const ENTRY_BYTES_MAX: usize = 4096;

/// The most bytes a sealed part may have. Canonical bytes can outgrow the received ones a little:
/// the short form gains its nested names, number ids gain quotes, `where` the credential's subject.
pub const PART_BYTES_MAX: usize = EVENT_BYTES_MAX + 8 * 1024;

/// How deep objects and arrays may nest, the event itself being the first level.
pub const DEPTH_MAX: usize = 32;

/// The most object keys in a whole event, on all levels together.
pub const KEYS_MAX: usize = 1000;

/// The most targets of one event.
pub const TARGETS_MAX: usize = 64;

/// The most data subjects of one event.
pub const SUBJECTS_MAX: usize = 64;

/// The most bytes of an action such as `backup.delete`.
pub const ACTION_BYTES_MAX: usize = 128;

/// The most bytes of a category such as `data_access`.
pub const CATEGORY_BYTES_MAX: usize = 64;

/// The most bytes of a trail's name.
pub const TRAIL_NAME_BYTES_MAX: usize = 128;

/// The most bytes of `recorded_by`, the opaque id of the credential that wrote the event.
pub const RECORDED_BY_BYTES_MAX: usize = 64;

/// The most bytes of an id, a name, an address of mail or a user agent.
pub const TEXT_BYTES_MAX: usize = 4096;

/// The most bytes of a kind: a target's type, a method of authentication or of HTTP, an error code.
pub const KIND_BYTES_MAX: usize = 256;

/// The most bytes of an HTTP path or route.
pub const PATH_BYTES_MAX: usize = 8192;

/// The most bytes of an error's message, which may well hold a stack trace.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of a time as text; enough for any fraction a clock can mean.
pub const TIME_BYTES_MAX: usize = 64;

/// The most bytes of a number kept as text (`http.duration_ms`, `source.seq`).
pub const NUMBER_BYTES_MAX: usize = 64;

/// The most bytes of a caller's key that a refusal repeats, so that an error stays short.
pub const KEY_SHOWN_BYTES_MAX: usize = 64;

/// The most bytes of a disclosure's JSON: three parts and an entry, where escaping may double them.
pub const DISCLOSURE_BYTES_MAX: usize = 2 * (3 * PART_BYTES_MAX + ENTRY_BYTES_MAX) + 1024;

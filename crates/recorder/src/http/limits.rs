//! Every bound of auditing HTTP, in one place.

/// The most bytes of a `User-Agent` that are kept.
pub const USER_AGENT_BYTES_MAX: usize = 512;
/// The longest correlation or request id that is taken over from a caller.
pub const ID_BYTES_MAX: usize = 128;
/// The longest method that is kept as it was said; longer ones are none of HTTP's.
pub const METHOD_BYTES_MAX: usize = 32;
/// The most bytes of `X-Forwarded-For` or `Forwarded` that are looked at, counted from their end.
pub const FORWARDED_BYTES_MAX: usize = 8 << 10;
/// The most proxies that are walked back through.
pub const HOPS_MAX: usize = 32;
/// The most segments of a path that are looked at.
pub const SEGMENTS_MAX: usize = 64;
/// The longest literal of a path that may become a resource's type.
pub const WORD_BYTES_MAX: usize = 48;
/// The longest token that is verified.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// The most characters of a bad setting that its error repeats.
pub const SETTING_SHOWN_CHARS_MAX: usize = 80;

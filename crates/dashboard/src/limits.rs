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

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

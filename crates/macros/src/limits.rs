//! The limits of what the attribute takes. They repeat those of the event, which this crate does not know: a crate of
//! macros is built for the machine that compiles, and should be small.

/// The most bytes of an action.
pub const ACTION_BYTES_MAX: usize = 128;

/// The most bytes of a category.
pub const CATEGORY_BYTES_MAX: usize = 64;

/// How many letters a key may differ in from one we know, to be taken for a slip of the keyboard.
pub const SLIP_LETTERS_MAX: usize = 3;

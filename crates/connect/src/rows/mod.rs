//! Rows of whatever is tabular: a CSV file, objects one a line, the audit table that an application wrote by hand.
//!
//! [`guess`] looks at the names of the columns and says which of them is what: a [`Map`], which explains itself, can be
//! written down, corrected and read again, and makes a [`Draft`](crate::draft::Draft) of each row. Nothing of a row is
//! lost: what has no place in an event, and what a place could not keep as it was, goes into `details` under the
//! column's name.

mod cell;
mod details;
mod file;
mod guess;
mod map;
mod members;
mod object;
mod time;
mod words;

pub use cell::{Cell, Column, Kind, Row};
pub use file::MapError;
pub use guess::guess;
pub use map::{Explained, Map};
pub use object::{delimiter, object, row};

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

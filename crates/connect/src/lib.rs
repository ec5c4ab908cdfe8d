//! Pure mappers between our event and what others read. No I/O, no clock: bytes in, bytes out.
//!
//! All of them read an [`Event`], which is one line of what the API answers: [`sentence()`] says it as a person would,
//! [`csv`] makes it a row of a spreadsheet, [`ocsf`] a line for a SIEM.

pub mod csv;
mod event;
pub mod limits;
pub mod ocsf;
mod repair;
mod sentence;
mod text;
mod time;
mod verbs;

pub use event::{Actor, Auth, Changes, Context, Error, Event, Http, Source, Target};
pub use sentence::{Piece, Sentence, sentence};

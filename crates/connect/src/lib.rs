//! Pure mappers between our event and what others write and read. No I/O, no clock: bytes in, bytes out.
//!
//! What goes out is made of an [`Event`], which is one line of what the API answers: [`sentence()`] says it as a person
//! would, [`csv`] makes it a row of a spreadsheet, [`ocsf`] a line for a SIEM. What comes in becomes a [`draft::Draft`],
//! which is then checked like everybody's events.

pub mod cef;
pub mod cloudevent;
pub mod csv;
pub mod draft;
mod event;
pub mod import;
pub mod intake;
pub mod limits;
pub mod ocsf;
mod own;
mod repair;
pub mod rows;
mod sentence;
pub mod syslog;
mod text;
mod time;
mod verbs;

pub use event::{Actor, Auth, Changes, Context, Error, Event, Http, Source, Target};
pub use sentence::{Piece, Sentence, sentence};
pub use text::shown;

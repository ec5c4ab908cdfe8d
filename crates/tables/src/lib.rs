//! Audit tables in PostgreSQL and SQLite, both directions.
//!
//! [`Table`] reads the table that people have today: in the order of a key, page by page, in short transactions that
//! cannot write, with a [`Place`] to go on from. [`Reading`] follows one while rows are still being added, also by
//! transactions that commit out of order. [`Classic`] writes events into a table of the layout that everybody's reports
//! expect, in which nothing can be changed and nothing is there twice.

mod address;
mod cell;
pub mod classic;
mod connection;
mod error;
pub mod limits;
mod name;
mod read;

pub use address::{Address, Kind};
pub use classic::{Classic, ClassicRow, schema};
pub use error::TableError;
pub use name::TableName;
pub use read::{Column, Order, Page, Place, Reading, Row, Table, Wanted};

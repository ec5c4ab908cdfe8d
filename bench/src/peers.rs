//! The systems we are compared with: each with the table that people make for an audit log.

pub mod postgres;
pub mod row;
pub mod sqlite;
pub mod wire;

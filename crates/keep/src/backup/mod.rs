//! Backups: a copy of the whole log at one moment, made beside a running writer, verified file by file.

pub mod model;

//! The attribute that audits a function.

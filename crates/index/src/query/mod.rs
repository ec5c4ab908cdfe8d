//! The query language: one parser for search bar, command line and API.

mod ast;

pub use ast::{Expr, Leaf, Pattern, Query, Span, Test};

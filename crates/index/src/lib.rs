//! Which records have which terms.
//!
//! An index is a map from term to the set of rows that have it; nothing more. It is derived from the log and
//! can be thrown away at any time. This crate knows neither files nor the log: it takes records as [`Doc`]s
//! and bytes as slices, and gives sets of rows.
//!
//! - [`terms()`] says which terms a record has: the one definition that the live map, the frozen map, the
//!   verification and the query's own check of a record share.
//! - [`Live`] is the map of records not yet sealed, in memory, growing; [`Frozen`] the map beside a
//!   segment, immutable, read from its bytes. [`Live::freeze`] and [`merge`] write the latter.
//! - [`query`] is the language: text to [`query::Expr`], and whether a record matches it.
//! - [`search`] answers: pages, counts, facets, histograms, suggestions, from any number of [`Index`]es.

mod blocks;
mod doc;
mod facet;
mod frozen;
mod index;
pub mod limits;
mod live;
pub mod plan;
pub mod query;
pub mod search;
mod terms;

pub use doc::{Doc, Field};
pub use facet::{Codes, Facet};
pub use frozen::{Frozen, merge};
pub use index::{BLOCK_ROWS, Index, IndexError};
pub use live::Live;
pub use terms::{
    PathValue, TermSink, cut, cut_beginning, fold, is_id_like, path_prefix, path_term,
    read_path_term, terms, words,
};

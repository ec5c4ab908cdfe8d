//! Which terms a record has.

use crate::doc::{Doc, Field};
use crate::facet::Facet;

/// Takes what [`terms()`] finds.
pub trait TermSink {
    /// The record has this term. The same one may come twice.
    fn term(&mut self, field: Field, value: &[u8]);
    /// The record's value of a facet, as written; at most once each.
    fn facet(&mut self, facet: Facet, value: &str);
}

/// A value in the parts, as a term of [`Field::Path`] has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PathValue<'a> {
    /// A string, folded, or a number's token verbatim.
    Text(&'a str),
    /// A number, in an encoding that sorts as numbers do.
    Number(f64),
    /// `true`, `false` or `null`.
    Literal(&'a str),
}

/// Appends the value of a [`Field::Path`] term.
pub fn path_term(path: &str, value: PathValue<'_>, out: &mut Vec<u8>) {
    let _ = (path, value, out);
    unimplemented!("written next")
}

/// Finds the terms of a record. False if it has more than are indexed, see [`crate::Index::partial`].
pub fn terms(doc: &Doc<'_>, sink: &mut impl TermSink) -> bool {
    let _ = (doc, sink);
    unimplemented!("written next")
}

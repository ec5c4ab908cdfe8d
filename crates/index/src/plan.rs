//! Which rows of one index an expression means, as far as the index can tell.
//!
//! Every part of an expression gives two disjoint sets: rows that surely match, and rows that may, which
//! somebody has to read. Both are kept through negation, so that nothing is lost that only a look decides.

mod leaf;

use std::borrow::Cow;

use indelible_event::EventId;
use roaring::RoaringBitmap;

use crate::index::{Index, IndexError};
use crate::limits::READ_RATHER_MAX;
use crate::query::{Expr, Leaf, Test};

/// Rows of one index. The two sets are disjoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// They match.
    pub sure: RoaringBitmap,
    /// They may match: read them.
    pub maybe: RoaringBitmap,
}

impl Found {
    fn sure(sure: RoaringBitmap) -> Found {
        Found { sure, maybe: RoaringBitmap::new() }
    }

    fn maybe(maybe: RoaringBitmap) -> Found {
        Found { sure: RoaringBitmap::new(), maybe }
    }

    /// All that can match.
    pub fn all(&self) -> Cow<'_, RoaringBitmap> {
        if self.maybe.is_empty() {
            Cow::Borrowed(&self.sure)
        } else {
            Cow::Owned(&self.sure | &self.maybe)
        }
    }

    /// What is sure is not in question, whatever else says so.
    fn add(&mut self, other: Found) {
        self.sure |= other.sure;
        self.maybe |= other.maybe;
        self.maybe -= &self.sure;
    }

    fn within(mut self, within: &RoaringBitmap) -> Found {
        self.sure &= within;
        self.maybe &= within;
        self
    }
}

/// What a plan asks.
pub struct Scope<'a> {
    /// The index.
    pub index: &'a dyn Index,
    /// The rows that may have this event's id.
    pub ids: &'a dyn Fn(EventId) -> Vec<u32>,
    /// The trails that may be named: number and name.
    pub trails: &'a [(u32, &'a str)],
}

impl Scope<'_> {
    /// The rows among `within` that match the expression, or may.
    pub fn find(&self, expr: &Expr, within: &RoaringBitmap) -> Result<Found, IndexError> {
        match expr {
            Expr::All => Ok(Found::sure(within.clone())),
            Expr::Leaf(leaf) => self.leaf(leaf, within),
            Expr::Not(inner) => {
                let found = self.find(inner, within)?;
                Ok(Found { sure: within - &*found.all(), maybe: found.maybe })
            }
            Expr::And(children) => self.and(children, within),
            Expr::Or(children) => {
                let mut out = Found::default();
                let mut rest = Cow::Borrowed(within);
                for child in children {
                    if rest.is_empty() {
                        break;
                    }
                    let found = self.find(child, &rest)?;
                    // Mostly there is nothing to be taken away, and to copy all rows for each of hundreds of
                    // ids would be what they cost.
                    if !found.sure.is_empty() {
                        *rest.to_mut() -= &found.sure;
                    }
                    out.add(found);
                }
                Ok(out)
            }
        }
    }

    /// The cheap ones first, each asked only about what the ones before it left.
    fn and(&self, children: &[Expr], within: &RoaringBitmap) -> Result<Found, IndexError> {
        let mut children: Vec<&Expr> = children.iter().collect();
        children.sort_by_key(|child| cost(child));
        let mut left = Found::sure(within.clone());
        for child in children {
            let all = left.all();
            if all.is_empty() {
                break;
            }
            let found = if cost(child) == Cost::Dictionary && all.len() <= READ_RATHER_MAX {
                // To read a few records is cheaper than to go through all values of a field.
                Found::maybe(all.clone().into_owned())
            } else {
                self.find(child, &all)?
            };
            let sure = &left.sure & &found.sure;
            // What was found lies in what was left, so nothing else can be in the new set.
            let maybe = &*found.all() - &sure;
            left = Found { sure, maybe };
        }
        Ok(left)
    }
}

/// What it takes to find the rows of an expression.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// A lookup or two.
    Lookup,
    /// A stretch of terms.
    Range,
    /// Every row that is still in question, by a column.
    Column,
    /// All values of a field.
    Dictionary,
}

fn cost(expr: &Expr) -> Cost {
    let test = |test: &Test| match test {
        Test::Is(_) => Cost::Lookup,
        Test::Prefix(_) | Test::Number(..) | Test::Exists => Cost::Range,
        Test::Matches(_) => Cost::Dictionary,
    };
    match expr {
        Expr::All => Cost::Lookup,
        Expr::Leaf(leaf) => match leaf {
            Leaf::Field(_, of) | Leaf::Path(_, of) | Leaf::Word(of) => test(of),
            Leaf::Id(_) | Leaf::Ref(_) | Leaf::Trail(_) | Leaf::Recorded(_) | Leaf::Phrase(_) => {
                Cost::Lookup
            }
            Leaf::Ip(..) => Cost::Range,
            Leaf::Occurred(_) => Cost::Column,
        },
        Expr::Not(inner) => cost(inner),
        Expr::And(children) | Expr::Or(children) => {
            children.iter().map(cost).max().unwrap_or(Cost::Lookup)
        }
    }
}

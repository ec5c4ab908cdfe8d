//! The query language: one parser for search bar, command line and API.
//!
//! [`parse`] turns text into a tree of conditions, and [`Query::matches`] says of one record, read from
//! the record itself, whether it is asked for: whatever an index answers must agree with it.

mod ast;
mod check;
mod clauses;
mod error;
mod keys;
mod parse;
mod pattern;
mod scalar;
mod time;
mod value;

pub use ast::{Expr, Leaf, Pattern, Query, Span, Test};
pub use check::{WORD_FIELDS, WORD_FIELDS_UNIQUE};
pub use clauses::{Clause, Clauses, clauses};
pub use error::QueryError;
pub use keys::KeyHelp;
pub use parse::parse;

impl Query {
    /// Everything.
    pub fn all() -> Query {
        Query { text: String::new(), expr: Expr::All }
    }

    /// What both this and `other` ask for.
    #[must_use]
    pub fn and(self, other: Expr) -> Query {
        Query { expr: Expr::all_of(vec![self.expr, other]), text: self.text }
    }

    /// The keys of the language: for help, documentation and completion.
    pub fn keys() -> &'static [KeyHelp] {
        keys::HELP
    }
}

impl Expr {
    /// All of these.
    pub fn all_of(exprs: Vec<Expr>) -> Expr {
        let mut flat = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match expr {
                Expr::All => {}
                Expr::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::All,
            1 => flat.remove(0),
            _ => Expr::And(flat),
        }
    }

    /// Any of these. Of none, nothing.
    pub fn any_of(exprs: Vec<Expr>) -> Expr {
        let mut flat = Vec::with_capacity(exprs.len());
        for expr in exprs {
            match expr {
                Expr::All => return Expr::All,
                Expr::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expr::negated(Expr::All),
            1 => flat.remove(0),
            _ => Expr::Or(flat),
        }
    }

    /// Not this.
    pub fn negated(expr: Expr) -> Expr {
        match expr {
            Expr::Not(inner) => *inner,
            other => Expr::Not(Box::new(other)),
        }
    }
}

impl From<Leaf> for Expr {
    fn from(leaf: Leaf) -> Expr {
        Expr::Leaf(leaf)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
#[cfg(test)]
#[path = "truth_tests.rs"]
mod truth_tests;

//! Whether one record is asked for, from the record itself.

use indelible_event::EventId;

use super::ast::{Expr, Leaf, Query, Span, Test};
use crate::doc::{Doc, Field};
use crate::facet::Facet;
use crate::terms::walk::{Visit, walk};
use crate::terms::{PathValue, fold, holds_words, is_id_like, is_id_value, words_of_folded};

/// The ordinary fields whose whole value a free word may be.
pub const WORD_FIELDS: &[Field] = &[
    Field::Actor,
    Field::ActorType,
    Field::Email,
    Field::Action,
    Field::Category,
    Field::Outcome,
    Field::Phase,
    Field::ResourceType,
    Field::ResourceId,
    Field::Resource,
    Field::Service,
    Field::Source,
    Field::Key,
    Field::Subject,
    Field::Host,
    Field::Name,
];

/// The unique fields whose whole value a free word may be; they are found by the whole value alone, not
/// by its beginning or a pattern.
pub const WORD_FIELDS_UNIQUE: &[Field] =
    &[Field::Correlation, Field::Request, Field::Session, Field::Trace];

impl Query {
    /// Whether a record is asked for: the truth, which every index must agree with.
    pub fn matches(&self, doc: &Doc<'_>) -> bool {
        self.expr.matches(doc)
    }
}

impl Expr {
    /// Whether a record is asked for, see [`Query::matches`].
    pub fn matches(&self, doc: &Doc<'_>) -> bool {
        let mut check = Check::default();
        check.add(self);
        if check.reads_parts {
            // What cannot be read has no values; the rest counts.
            walk(doc, &mut check);
        }
        let mut next = 0;
        check.holds(self, doc, &mut next)
    }
}

/// The conditions of a query, in the order of the tree, and which of them a record was seen to meet.
#[derive(Default)]
struct Check<'q> {
    met: Vec<bool>,
    fields: Vec<(usize, Field, &'q Test)>,
    paths: Vec<(usize, &'q str, &'q Test)>,
    ips: Vec<(usize, &'q [u8; 16], &'q [u8; 16])>,
    refs: Vec<(usize, &'q EventId)>,
    words: Vec<(usize, &'q Test)>,
    phrases: Vec<(usize, &'q [String])>,
    reads_parts: bool,
}

impl<'q> Check<'q> {
    fn add(&mut self, expr: &'q Expr) {
        match expr {
            Expr::All => {}
            Expr::Not(inner) => self.add(inner),
            Expr::And(exprs) | Expr::Or(exprs) => exprs.iter().for_each(|expr| self.add(expr)),
            Expr::Leaf(leaf) => {
                let at = self.met.len();
                self.met.push(false);
                match leaf {
                    Leaf::Field(field, test) => self.fields.push((at, *field, test)),
                    Leaf::Path(path, test) => self.paths.push((at, path, test)),
                    Leaf::Ip(from, to) => self.ips.push((at, from, to)),
                    Leaf::Ref(id) => self.refs.push((at, id)),
                    Leaf::Word(test) => self.words.push((at, test)),
                    Leaf::Phrase(words) => self.phrases.push((at, words)),
                    Leaf::Id(_) | Leaf::Trail(_) | Leaf::Recorded(_) | Leaf::Occurred(_) => return,
                }
                self.reads_parts = true;
            }
        }
    }

    /// Whether the tree holds; `next` counts the leaves, so each must be passed, whatever came before.
    fn holds(&self, expr: &Expr, doc: &Doc<'_>, next: &mut usize) -> bool {
        match expr {
            Expr::All => true,
            Expr::Not(inner) => !self.holds(inner, doc, next),
            Expr::And(exprs) => {
                exprs.iter().fold(true, |all, expr| self.holds(expr, doc, next) & all)
            }
            Expr::Or(exprs) => {
                exprs.iter().fold(false, |any, expr| self.holds(expr, doc, next) | any)
            }
            Expr::Leaf(leaf) => {
                let met = self.met[*next];
                *next += 1;
                let entry = &doc.entry;
                match leaf {
                    Leaf::Id(id) => entry.id == *id,
                    Leaf::Trail(test) => test.holds(&fold(doc.trail_name)),
                    Leaf::Recorded(span) => span.contains(entry.recorded_at),
                    Leaf::Occurred(span) => {
                        span.contains(entry.occurred_at.unwrap_or(entry.recorded_at))
                    }
                    _ => met,
                }
            }
        }
    }
}

impl Visit for Check<'_> {
    fn field(&mut self, field: Field, value: &str) {
        for (at, wanted, test) in &self.fields {
            if *wanted == field && !self.met[*at] {
                self.met[*at] = test.holds(value);
            }
        }
        if self.words.is_empty() {
            return;
        }
        let (whole, unique) = (WORD_FIELDS.contains(&field), WORD_FIELDS_UNIQUE.contains(&field));
        for (at, test) in &self.words {
            if whole || unique && matches!(test, Test::Is(_)) {
                self.met[*at] |= test.holds(value);
            }
        }
    }

    fn bytes(&mut self, field: Field, value: &[u8; 16]) {
        match field {
            Field::Ip => {
                for (at, from, to) in &self.ips {
                    self.met[*at] |= (*from..=*to).contains(&value);
                }
            }
            _ => {
                for (at, id) in &self.refs {
                    self.met[*at] |= id.0 == *value;
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        if self.words.is_empty() && self.phrases.is_empty() || is_id_value(text) {
            return;
        }
        for (at, words) in &self.phrases {
            if !self.met[*at] {
                self.met[*at] = holds_words(text, words);
            }
        }
        for (at, test) in &self.words {
            // Most texts can be passed over without cutting them.
            let possible = match test {
                Test::Is(word) | Test::Prefix(word) => text.contains(word.as_str()),
                _ => true,
            };
            if possible && !self.met[*at] {
                let mut met = false;
                words_of_folded(text, |word| met |= !is_id_like(word) && test.holds(word));
                self.met[*at] = met;
            }
        }
    }

    fn path(&mut self, path: &str, value: PathValue<'_>) {
        for (at, wanted, test) in &self.paths {
            if *wanted == path && !self.met[*at] {
                self.met[*at] = test.holds_path(value);
            }
        }
    }

    fn facet(&mut self, _: Facet, _: &str) {}

    fn is_done(&self) -> bool {
        false
    }
}

impl Span {
    /// Whether it holds nothing of what lies between two moments, both included.
    pub(crate) fn misses(
        &self,
        first: indelible_event::Micros,
        last: indelible_event::Micros,
    ) -> bool {
        self.from.is_some_and(|from| last < from) || self.to.is_some_and(|to| first >= to)
    }

    /// Whether a moment lies in it.
    pub fn contains(&self, at: indelible_event::Micros) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

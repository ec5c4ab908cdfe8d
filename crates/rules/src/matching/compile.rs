//! Rules as the matcher asks them: paths are slots, each distinct test is there once.

use std::collections::HashMap;

use super::judge::{Is, Judge};
use super::read::{ANY, Tree};
use super::values::{Slot, fold};
use crate::model::{
    Condition, Correlation, CorrelationKind, Field, GroupField, Kind, Op, Path, Piece, RuleNo, Test,
};
use crate::set::RuleSet;

/// What must hold of an event, its tests by number.
pub(super) enum Ask {
    All(Box<[Ask]>),
    Any(Box<[Ask]>),
    Not(Box<Ask>),
    Test(usize),
    Constant(bool),
}

/// A window that matches of a rule go into.
pub(super) struct Feeder {
    pub correlation: RuleNo,
    pub member: usize,
    /// For each value that it groups by: where it may be.
    pub group: Box<[Box<[Slot]>]>,
    pub value: Option<Box<[Slot]>>,
}

/// All rules of a set.
pub(super) struct Compiled {
    pub tree: Tree,
    pub judges: Vec<Judge>,
    /// By rule number; `None` of correlations.
    pub asks: Vec<Option<Ask>>,
    /// By rule number.
    pub feeders: Vec<Vec<Feeder>>,
    known: HashMap<String, usize>,
}

impl Compiled {
    pub fn of(rules: &RuleSet) -> Compiled {
        let mut compiled = Compiled {
            tree: Tree::new(),
            judges: Vec::new(),
            asks: Vec::new(),
            feeders: rules.rules.iter().map(|_| Vec::new()).collect(),
            known: HashMap::new(),
        };
        for (rule, no) in rules.rules.iter().zip(0..) {
            let ask = match &rule.kind {
                Kind::Event(condition) => Some(compiled.ask(condition)),
                Kind::Correlation(correlation) => {
                    compiled.feed(RuleNo(no), correlation, rules);
                    None
                }
            };
            compiled.asks.push(ask);
        }
        compiled
    }

    fn ask(&mut self, condition: &Condition) -> Ask {
        match condition {
            Condition::All(all) => Ask::All(all.iter().map(|of| self.ask(of)).collect()),
            Condition::Any(any) => Ask::Any(any.iter().map(|of| self.ask(of)).collect()),
            Condition::Not(not) => Ask::Not(Box::new(self.ask(not))),
            Condition::Test(test) => Ask::Test(self.test(test)),
            Condition::Constant(constant) => Ask::Constant(*constant),
        }
    }

    fn test(&mut self, test: &Test) -> usize {
        let new = self.judges.len();
        // An expression does not show with which options it was compiled, so each counts as another.
        if !matches!(test.op, Op::Regex(_)) {
            let known = *self.known.entry(format!("{test:?}")).or_insert(new);
            if known != new {
                return known;
            }
        }
        let judge = Judge { slots: self.slots(&test.field), is: self.is(&test.op) };
        self.judges.push(judge);
        new
    }

    fn is(&mut self, op: &Op) -> Is {
        let folded = |text: &str, cased: bool| if cased { text.to_owned() } else { fold(text) };
        match op {
            Op::Text { how, value, cased } => {
                Is::Text { how: *how, value: folded(value, *cased).into(), cased: *cased }
            }
            Op::Pattern { pattern, cased } => {
                let piece = |piece: &Piece| match piece {
                    Piece::Literal(text) => Piece::Literal(folded(text, *cased).into()),
                    other => other.clone(),
                };
                Is::Pattern { pieces: pattern.iter().map(piece).collect(), cased: *cased }
            }
            Op::Regex(regex) => Is::Regex(regex.clone()),
            Op::Cidr(net) => Is::Cidr(*net),
            Op::Number(compare, number) => Is::Number(*compare, *number),
            Op::Exists(exists) => Is::Exists(*exists),
            Op::Null => Is::Null,
            Op::Same { other, how, cased } => {
                Is::Same { other: self.slots(other), how: *how, cased: *cased }
            }
            Op::Time(part, compare, number) => Is::Time(*part, *compare, *number),
        }
    }

    fn slots(&mut self, field: &Field) -> Box<[Slot]> {
        match field {
            Field::Paths(paths) => self.paths(paths),
            Field::Any => {
                self.tree.any = true;
                [ANY].into()
            }
        }
    }

    fn paths(&mut self, paths: &[Path]) -> Box<[Slot]> {
        paths.iter().map(|path| self.tree.slot(path)).collect()
    }

    /// Lets the rules of one event that a correlation refers to feed it; of the others the windows know by themselves.
    fn feed(&mut self, no: RuleNo, correlation: &Correlation, rules: &RuleSet) {
        let counted = match &correlation.kind {
            CorrelationKind::ValueCount { field, .. }
            | CorrelationKind::FirstSeen { field, .. } => Some(field),
            CorrelationKind::EventCount { .. }
            | CorrelationKind::Temporal { .. }
            | CorrelationKind::Absence
            | CorrelationKind::Unusual { .. } => None,
        };
        for (member, of) in correlation.of.iter().enumerate() {
            if !matches!(rules.get(*of).kind, Kind::Event(_)) {
                continue;
            }
            let mut paths = |field: &GroupField| {
                let paths = field.of.get(member).map_or(&[][..], Vec::as_slice);
                self.paths(paths)
            };
            let group = correlation.group_by.iter().map(&mut paths).collect();
            let value = counted.map(&mut paths);
            let feeder = Feeder { correlation: no, member, group, value };
            self.feeders[of.0 as usize].push(feeder);
        }
    }
}

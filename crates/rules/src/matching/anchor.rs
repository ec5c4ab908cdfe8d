//! Which rules an event can match at all: of each rule a text is known without which it does not match, and one look
//! finds the rules whose text is there. Only those are asked.

use std::collections::{BTreeSet, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};

use super::compile::{Ask, Compiled};
use super::judge::{Is, Judge};
use super::values::{Kind, Slot, Values, fold};
use crate::model::{How, Piece};

/// A text that a value of a slot is, or contains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Atom {
    slots: Box<[Slot]>,
    whole: bool,
    text: Box<str>,
}

/// One of these must be there.
struct Anchor {
    atoms: BTreeSet<Atom>,
    cost: u64,
}

/// Finds the rules that can match.
#[derive(Default)]
pub(super) struct Index {
    /// By slot.
    slots: Vec<SlotIndex>,
    /// Rules of which no such text is known.
    always: Vec<usize>,
}

#[derive(Default)]
struct SlotIndex {
    wholes: HashMap<Box<str>, Vec<usize>>,
    parts: HashMap<Box<str>, Vec<usize>>,
    /// Finds the parts; the rules of each, in its order.
    finder: Option<(AhoCorasick, Vec<Vec<usize>>)>,
}

/// What an atom costs beside another: how many candidates it is expected to give.
mod cost {
    pub const WHOLE: u64 = 1;
    pub const PART: u64 = 4;
    /// A text so short is in most values.
    pub const SHORT: u64 = 64;
    pub const SHORT_BYTES: usize = 3;
}

impl Index {
    pub fn of(compiled: &Compiled) -> Index {
        let popular = popularity(compiled);
        let mut index = Index::default();
        index.slots.resize_with(compiled.tree.slots(), SlotIndex::default);
        for (rule, ask) in compiled.asks.iter().enumerate() {
            let Some(ask) = ask else { continue };
            match anchor(ask, &compiled.judges, &popular) {
                None => index.always.push(rule),
                Some(anchor) => anchor.atoms.into_iter().for_each(|atom| index.put(rule, atom)),
            }
        }
        for slot in &mut index.slots {
            if let Err(rules) = slot.finish() {
                index.always.extend(rules);
            }
        }
        index.always.sort_unstable();
        index.always.dedup();
        index
    }

    fn put(&mut self, rule: usize, atom: Atom) {
        for slot in &atom.slots {
            let slot = &mut self.slots[slot.0 as usize];
            let texts = if atom.whole { &mut slot.wholes } else { &mut slot.parts };
            texts.entry(atom.text.clone()).or_default().push(rule);
        }
    }

    /// Gives each rule that these values may match; some more than once.
    pub fn candidates(&self, values: &Values, mut each: impl FnMut(usize)) {
        self.always.iter().for_each(|rule| each(*rule));
        for slot in values.touched() {
            let Some(index) = self.slots.get(slot.0 as usize) else { continue };
            if index.wholes.is_empty() && index.finder.is_none() {
                continue;
            }
            for value in values.of(*slot).filter(|value| value.kind != Kind::Null) {
                if let Some(rules) = index.wholes.get(value.low) {
                    rules.iter().for_each(|rule| each(*rule));
                }
                if let Some((finder, rules)) = &index.finder {
                    for found in finder.find_overlapping_iter(value.low) {
                        rules[found.pattern().as_usize()].iter().for_each(|rule| each(*rule));
                    }
                }
            }
        }
    }
}

impl SlotIndex {
    /// Builds the finder; gives its rules back where there are too many texts for one.
    fn finish(&mut self) -> Result<(), Vec<usize>> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let (texts, rules): (Vec<Box<str>>, Vec<_>) =
            std::mem::take(&mut self.parts).into_iter().unzip();
        let texts = texts.iter().map(|text| text.as_bytes());
        match AhoCorasick::builder().match_kind(MatchKind::Standard).build(texts) {
            Ok(finder) => {
                self.finder = Some((finder, rules));
                Ok(())
            }
            Err(_) => Err(rules.concat()),
        }
    }
}

/// In how many rules each atom is: one that is in many says little.
fn popularity(compiled: &Compiled) -> HashMap<Atom, u64> {
    let mut popular = HashMap::new();
    for ask in compiled.asks.iter().flatten() {
        let mut atoms = BTreeSet::new();
        gather(ask, &compiled.judges, &mut atoms);
        atoms.into_iter().for_each(|atom| *popular.entry(atom).or_default() += 1);
    }
    popular
}

fn gather(ask: &Ask, judges: &[Judge], atoms: &mut BTreeSet<Atom>) {
    match ask {
        Ask::All(inner) | Ask::Any(inner) => {
            inner.iter().for_each(|inner| gather(inner, judges, atoms));
        }
        Ask::Test(no) => atoms.extend(atom(&judges[*no])),
        Ask::Not(_) | Ask::Constant(_) => {}
    }
}

/// What must be there; `None` if the rule may match whatever is there.
fn anchor(ask: &Ask, judges: &[Judge], popular: &HashMap<Atom, u64>) -> Option<Anchor> {
    match ask {
        Ask::All(all) => {
            let anchors = all.iter().filter_map(|of| anchor(of, judges, popular));
            anchors.min_by_key(|anchor| anchor.cost)
        }
        Ask::Any(any) => {
            let mut all = Anchor { atoms: BTreeSet::new(), cost: 0 };
            for of in any {
                let mut one = anchor(of, judges, popular)?;
                all.atoms.append(&mut one.atoms);
                all.cost = all.cost.saturating_add(one.cost);
            }
            Some(all)
        }
        Ask::Test(no) => {
            let atom = atom(&judges[*no])?;
            let short = atom.text.len() < cost::SHORT_BYTES;
            let each = match atom.whole {
                true => cost::WHOLE,
                false if short => cost::SHORT,
                false => cost::PART,
            };
            let cost = each * popular.get(&atom).copied().unwrap_or(1);
            Some(Anchor { atoms: [atom].into(), cost })
        }
        Ask::Constant(false) => Some(Anchor { atoms: BTreeSet::new(), cost: 0 }),
        Ask::Not(_) | Ask::Constant(true) => None,
    }
}

/// The text without which a test fails. It is folded even where case matters: what is there is there folded, too.
fn atom(judge: &Judge) -> Option<Atom> {
    let (whole, text) = match &judge.is {
        Is::Text { how, value, .. } => (*how == How::Is, fold(value)),
        Is::Pattern { pieces, .. } => {
            let literals = pieces.iter().filter_map(|piece| match piece {
                Piece::Literal(text) => Some(text),
                Piece::One | Piece::Any => None,
            });
            (false, fold(literals.max_by_key(|text| text.len())?))
        }
        _ => return None,
    };
    let useful = whole || !text.is_empty();
    useful.then(|| Atom { slots: judge.slots.clone(), whole, text: text.into() })
}

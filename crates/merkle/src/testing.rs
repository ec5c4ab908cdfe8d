//! What the tests share: trees to prove things about, and RFC 6962's definitions word for word.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use crate::{Hash, MemoryTiles, TileReader, Tree, TreeSize, empty_root, leaf_hash, node_hash};

/// Distinct entries, so that no two leaves or nodes of a tree are alike.
pub fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

pub struct Grown {
    pub tree: Tree,
    pub tiles: MemoryTiles,
    pub leaves: Vec<Hash>,
    /// Root by size.
    pub roots: Vec<Hash>,
}

pub fn grow(size: u64) -> Grown {
    let mut grown = Grown {
        tree: Tree::new(),
        tiles: MemoryTiles::new(),
        leaves: Vec::new(),
        roots: vec![empty_root()],
    };
    for index in 0..size {
        let leaf = leaf_hash(&entry(index));
        grown.tree.push(leaf, |level, hash| grown.tiles.append(level, hash));
        grown.leaves.push(leaf);
        grown.roots.push(grown.tree.root());
    }
    grown
}

/// MTH of RFC 6962 §2.1.
pub fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// The largest power of two smaller than `count`.
pub fn split(count: usize) -> usize {
    let mut power = 1;
    while power * 2 < count {
        power *= 2;
    }
    power
}

/// PATH and PROOF of RFC 6962 §2.1.1 and §2.1.2, each subtree hashed once.
pub struct Definition {
    leaves: Vec<Hash>,
    known: HashMap<Range<usize>, Hash>,
}

impl Definition {
    pub fn new(leaves: &[Hash]) -> Self {
        Self { leaves: leaves.to_vec(), known: HashMap::new() }
    }

    fn hash(&mut self, range: Range<usize>) -> Hash {
        if range.len() == 1 {
            return self.leaves[range.start];
        }
        if let Some(hash) = self.known.get(&range) {
            return *hash;
        }
        let middle = range.start + split(range.len());
        let hash = node_hash(&self.hash(range.start..middle), &self.hash(middle..range.end));
        self.known.insert(range, hash);
        hash
    }

    pub fn path(&mut self, index: usize, range: Range<usize>) -> Vec<Hash> {
        if range.len() == 1 {
            return Vec::new();
        }
        let middle = range.start + split(range.len());
        let (inside, sibling) = if index < middle {
            (range.start..middle, middle..range.end)
        } else {
            (middle..range.end, range.start..middle)
        };
        let mut path = self.path(index, inside);
        path.push(self.hash(sibling));
        path
    }

    pub fn proof(&mut self, from: usize, range: Range<usize>, whole: bool) -> Vec<Hash> {
        if from == range.end {
            return if whole { Vec::new() } else { vec![self.hash(range)] };
        }
        let middle = range.start + split(range.len());
        let (mut proof, other) = if from <= middle {
            (self.proof(from, range.start..middle, whole), middle..range.end)
        } else {
            (self.proof(from, middle..range.end, false), range.start..middle)
        };
        proof.push(self.hash(other));
        proof
    }
}

pub fn hex(text: &str) -> Hash {
    Hash(bytes(text).try_into().expect("32 bytes"))
}

pub fn bytes(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Remembers what was read.
pub struct Counting<'r, R> {
    pub reader: &'r R,
    pub reads: RefCell<Vec<(u8, u64, usize)>>,
}

impl<'r, R> Counting<'r, R> {
    pub fn new(reader: &'r R) -> Self {
        Self { reader, reads: RefCell::default() }
    }
}

impl<R: TileReader> TileReader for Counting<'_, R> {
    type Error = R::Error;

    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, R::Error> {
        self.reads.borrow_mut().push((level, start, count));
        self.reader.read(level, start, count)
    }
}

/// A tree of any size whose leaves are all alike, so that each level repeats one hash: trees far
/// beyond memory can be proved about. It refuses to read what the tree does not have.
pub struct Uniform {
    pub leaf: Hash,
    pub size: TreeSize,
}

impl Uniform {
    /// The root over `count` of its leaves.
    pub fn root(&self, count: u64) -> Hash {
        if count.is_power_of_two() {
            return (0..count.ilog2()).fold(self.leaf, |hash, _| node_hash(&hash, &hash));
        }
        let left = 1 << count.ilog2();
        node_hash(&self.root(left), &self.root(count - left))
    }
}

impl TileReader for Uniform {
    type Error = &'static str;

    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, &'static str> {
        let there = self.size.0 >> (8 * u32::from(level));
        if count == 0 || count > 256 || start + count as u64 > there {
            return Err("read beyond the tree");
        }
        Ok(vec![self.root(1 << (8 * u32::from(level))); count])
    }
}

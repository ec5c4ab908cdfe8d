//! Checking proofs, with nothing but hashes in hand (RFC 9162 §2.1.3.2 and §2.1.4.2).

use std::cmp::Ordering;

use crate::hash::{Hash, TreeSize, empty_root, node_hash};

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf in a tree of that size.
    #[error("leaf {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf claimed.
        index: u64,
        /// The tree it should be in.
        size: TreeSize,
    },
    /// A tree cannot be consistent with a smaller one.
    #[error("size {from} is beyond size {to}")]
    SizesReversed {
        /// The older size.
        from: TreeSize,
        /// The newer size.
        to: TreeSize,
    },
    /// The proof has fewer hashes than its place in the tree needs.
    #[error("the proof has too few hashes")]
    TooShort,
    /// The proof has more hashes than its place in the tree needs.
    #[error("the proof has too many hashes")]
    TooLong,
    /// The hashes lead to another root than the newer tree's.
    #[error("the proof does not lead to the root")]
    RootMismatch,
    /// The hashes lead to another root than the older tree's.
    #[error("the proof does not lead to the older root")]
    OldRootMismatch,
}

/// Checks that `leaf` is number `index` of the tree of `size` leaves with that `root`.
///
/// A root does not commit to its tree's size: the size must come from the same signed checkpoint
/// as the root, as must both sizes for [`verify_consistency`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: TreeSize,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let computed = root_from_inclusion(leaf, index, size, proof)?;
    if computed == *root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// The root that an inclusion proof leads to; it means something only if it is a signed one.
pub fn root_from_inclusion(
    leaf: &Hash,
    index: u64,
    size: TreeSize,
    proof: &[Hash],
) -> Result<Hash, ProofError> {
    if index >= size.0 {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let climb = Climb { node: index, last: size.0 - 1 };
    climb.require_length(proof)?;
    let root = climb.zip(proof).fold(*leaf, |hash, (side, sibling)| match side {
        Side::Left => node_hash(sibling, &hash),
        Side::Right => node_hash(&hash, sibling),
    });
    Ok(root)
}

/// Checks that the tree (`from_size`, `from_root`) is a prefix of the tree (`to_size`, `to_root`).
pub fn verify_consistency(
    from_size: TreeSize,
    from_root: &Hash,
    to_size: TreeSize,
    to_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if from_size > to_size {
        return Err(ProofError::SizesReversed { from: from_size, to: to_size });
    }
    if from_size == to_size || from_size.0 == 0 {
        return verify_trivial(from_size, from_root, to_size, to_root, proof);
    }
    // The older tree's last complete subtree: everything left of it is in the proof or is it.
    let complete = from_size.0.trailing_zeros();
    let climb = Climb { node: (from_size.0 - 1) >> complete, last: (to_size.0 - 1) >> complete };
    // If that subtree is the whole older tree, the verifier has its root and the proof omits it.
    let (seed, rest) = if from_size.0.is_power_of_two() {
        (from_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::TooShort)?
    };
    climb.require_length(rest)?;
    let (mut older, mut newer) = (*seed, *seed);
    for (side, sibling) in climb.zip(rest) {
        match side {
            Side::Left => {
                older = node_hash(sibling, &older);
                newer = node_hash(sibling, &newer);
            }
            // What stands to the right is younger than the older tree.
            Side::Right => newer = node_hash(&newer, sibling),
        }
    }
    if older != *from_root {
        return Err(ProofError::OldRootMismatch);
    }
    if newer == *to_root { Ok(()) } else { Err(ProofError::RootMismatch) }
}

/// Equal sizes need equal roots, an empty older tree needs the empty root, neither needs a proof.
fn verify_trivial(
    from_size: TreeSize,
    from_root: &Hash,
    to_size: TreeSize,
    to_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::TooLong);
    }
    if from_size.0 == 0 && *from_root != empty_root() {
        return Err(ProofError::OldRootMismatch);
    }
    if from_size == to_size && from_root != to_root {
        return Err(ProofError::RootMismatch);
    }
    Ok(())
}

/// On which side of the path a sibling stands.
enum Side {
    Left,
    Right,
}

/// A walk from a node to the root, one step for each sibling on the way. `node` and `last` number
/// the node and the row's last node.
#[derive(Clone, Copy)]
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Refuses a proof of another length before anything is hashed.
    fn require_length(self, proof: &[Hash]) -> Result<(), ProofError> {
        match proof.len().cmp(&self.count()) {
            Ordering::Less => Err(ProofError::TooShort),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(ProofError::TooLong),
        }
    }
}

impl Iterator for Climb {
    type Item = Side;

    /// Goes up to the next parent that has two children, and says where the sibling stood.
    fn next(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 {
            Side::Left
        } else if self.node == self.last {
            // The row's last node without a right neighbour moves up as it is, until it is
            // somebody's right child. It is not number 0, as the row has others.
            let alone = self.node.trailing_zeros();
            self.node >>= alone;
            self.last >>= alone;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Some(side)
    }
}

#[cfg(test)]
mod tests;

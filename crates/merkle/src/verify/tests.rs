use super::*;
use crate::testing::{Definition, grow, split};
use crate::{consistency_proof, inclusion_proof, leaf_hash};

/// Every way to damage a list of hashes a little.
fn damaged(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[at].0[at % 32] ^= 1 << (at % 8);
        all.push(flipped);
        let mut dropped = proof.to_vec();
        dropped.remove(at);
        all.push(dropped);
        let mut doubled = proof.to_vec();
        doubled.insert(at, proof[at]);
        all.push(doubled);
        if at > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(at - 1, at);
            all.push(swapped);
        }
    }
    let mut longer = proof.to_vec();
    longer.push(leaf_hash(b"surplus"));
    all.push(longer);
    all
}

fn flipped(hash: &Hash) -> Hash {
    let mut hash = *hash;
    hash.0[31] ^= 0x80;
    hash
}

#[test]
fn inclusion_holds_for_all_pairs_to_300_and_for_nothing_else() {
    let grown = grow(300);
    let mut definition = Definition::new(&grown.leaves);
    for n in 1..=300u64 {
        let (size, root) = (TreeSize(n), &grown.roots[n as usize]);
        for index in 0..n {
            let leaf = &grown.leaves[index as usize];
            let proof = definition.path(index as usize, 0..n as usize);
            let verify = |leaf: &Hash, proof: &[Hash], root: &Hash| {
                verify_inclusion(leaf, index, size, proof, root)
            };
            assert_eq!(verify(leaf, &proof, root), Ok(()), "{index} of {n}");
            assert!(verify(&flipped(leaf), &proof, root).is_err());
            assert_eq!(verify(leaf, &proof, &flipped(root)), Err(ProofError::RootMismatch));
            for wrong in damaged(&proof) {
                assert!(verify(leaf, &wrong, root).is_err(), "{index} of {n}");
            }
            for other in [index ^ 1, index + 1, index.wrapping_sub(1), index ^ 128, n, u64::MAX] {
                let wrong = verify_inclusion(leaf, other, size, &proof, root);
                assert!(wrong.is_err(), "{index} of {n} passed as {other}");
            }
        }
    }
}

#[test]
fn consistency_holds_for_all_pairs_to_300_and_for_nothing_else() {
    let grown = grow(300);
    let mut definition = Definition::new(&grown.leaves);
    for to in 1..=300u64 {
        let new = &grown.roots[to as usize];
        for from in 1..=to {
            let old = &grown.roots[from as usize];
            let (from, to) = (TreeSize(from), TreeSize(to));
            let proof = definition.proof(from.0 as usize, 0..to.0 as usize, true);
            let verify = |old: &Hash, new: &Hash, proof: &[Hash]| {
                verify_consistency(from, old, to, new, proof)
            };
            assert_eq!(verify(old, new, &proof), Ok(()), "{from} to {to}");
            assert!(verify(&flipped(old), new, &proof).is_err());
            assert!(verify(old, &flipped(new), &proof).is_err());
            for wrong in damaged(&proof) {
                assert!(verify(old, new, &wrong).is_err(), "{from} to {to}");
            }
            if from < to {
                let swapped = verify_consistency(to, old, from, new, &proof);
                assert_eq!(swapped, Err(ProofError::SizesReversed { from: to, to: from }));
                let rewritten = &grown.roots[from.0 as usize - 1];
                assert!(verify(rewritten, new, &proof).is_err());
            }
        }
    }
}

#[test]
fn the_empty_tree_is_a_prefix_of_every_tree() {
    let (zero, size) = (TreeSize(0), TreeSize(5));
    let root = &grow(5).tree.root();
    let empty = &empty_root();
    assert_eq!(verify_consistency(zero, empty, size, root, &[]), Ok(()));
    assert_eq!(verify_consistency(zero, empty, zero, empty, &[]), Ok(()));
    let wrong = verify_consistency(zero, root, size, root, &[]);
    assert_eq!(wrong, Err(ProofError::OldRootMismatch));
    let wrong = verify_consistency(zero, empty, zero, root, &[]);
    assert_eq!(wrong, Err(ProofError::RootMismatch));
    let wrong = verify_consistency(zero, empty, size, root, &[*root]);
    assert_eq!(wrong, Err(ProofError::TooLong));
    assert_eq!(verify_consistency(size, root, size, root, &[*root]), Err(ProofError::TooLong));
    let wrong = verify_inclusion(root, 0, zero, &[], empty);
    assert_eq!(wrong, Err(ProofError::IndexOutOfRange { index: 0, size: zero }));
}

/// The turns from the root down to a leaf: all that a proof says about index and size.
fn turns(index: u64, size: u64) -> Vec<bool> {
    if size == 1 {
        return Vec::new();
    }
    let left = split(size as usize) as u64;
    let goes_right = index >= left;
    let (index, size) = if goes_right { (index - left, size - left) } else { (index, left) };
    let mut path = vec![goes_right];
    path.extend(turns(index, size));
    path
}

#[test]
fn another_index_or_size_is_refused_wherever_the_root_can_tell() {
    // A root does not commit to the size: leaf 0 of 3 has the very proof of leaf 0 of 4. Exactly
    // where the path takes the same turns a wrong claim passes, which is why the size is signed.
    let grown = grow(24);
    let mut told_apart = 0;
    for n in 1..=24u64 {
        for index in 0..n {
            let leaf = &grown.leaves[index as usize];
            let proof = inclusion_proof(&grown.tiles, index, TreeSize(n)).unwrap();
            for claimed_n in 1..=40u64 {
                for claimed in 0..claimed_n {
                    let root = &grown.roots[n as usize];
                    let verdict =
                        verify_inclusion(leaf, claimed, TreeSize(claimed_n), &proof, root);
                    let same = turns(index, n) == turns(claimed, claimed_n);
                    assert_eq!(verdict.is_ok(), same, "{index} of {n} as {claimed} of {claimed_n}");
                    told_apart += u64::from(!same);
                }
            }
        }
    }
    assert!(told_apart > 200_000);
}

#[test]
fn consistency_with_another_size_is_refused_wherever_the_roots_can_tell() {
    // The verifier's climb starts at the older tree's last complete subtree: its height is the one
    // thing that a proof cannot tell, next to the turns on the way up from it.
    let shape = |from: u64, to: u64| {
        let height = from.trailing_zeros();
        (from.is_power_of_two(), turns((from - 1) >> height, ((to - 1) >> height) + 1))
    };
    let grown = grow(24);
    let mut told_apart = 0;
    for to in 2..=24u64 {
        for from in 1..to {
            let proof = consistency_proof(&grown.tiles, TreeSize(from), TreeSize(to)).unwrap();
            for claimed_to in 2..=40u64 {
                for claimed_from in 1..claimed_to {
                    let verdict = verify_consistency(
                        TreeSize(claimed_from),
                        &grown.roots[from as usize],
                        TreeSize(claimed_to),
                        &grown.roots[to as usize],
                        &proof,
                    );
                    let same = shape(from, to) == shape(claimed_from, claimed_to);
                    assert_eq!(
                        verdict.is_ok(),
                        same,
                        "{from} to {to} as {claimed_from} to {claimed_to}"
                    );
                    told_apart += u64::from(!same);
                }
            }
        }
    }
    assert!(told_apart > 200_000);
}

#[test]
fn sizes_at_the_end_of_the_numbers_do_not_overflow() {
    let hash = leaf_hash(b"x");
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1, i64::MAX as u64] {
        for count in [0, 1, 63, 64, 65] {
            let proof = vec![hash; count];
            for other in [0, 1, size / 2, size - 1] {
                let size = TreeSize(size);
                assert!(verify_inclusion(&hash, other, size, &proof, &hash).is_err());
                assert!(verify_consistency(TreeSize(other), &hash, size, &hash, &proof).is_err());
            }
        }
    }
}

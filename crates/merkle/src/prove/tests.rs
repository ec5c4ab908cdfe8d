use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::testing::{Counting, Uniform, bytes, entry, grow, hex};
use crate::{Tree, leaf_hash, verify_consistency, verify_inclusion};

/// Another implementation of RFC 6962, by other people.
type Independent = MemoryBackedTree<Sha256, Vec<u8>>;

fn independent(size: u64) -> Independent {
    let mut tree = Independent::new();
    (0..size).for_each(|index| tree.push(entry(index)));
    tree
}

fn independent_root(tree: &Independent) -> Hash {
    Hash(tree.root().as_bytes()[..].try_into().unwrap())
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|hash| Hash(hash.try_into().unwrap())).collect()
}

/// The tree of Certificate Transparency's test vectors.
fn known_tree() -> (MemoryTiles, Vec<Hash>, Vec<Hash>) {
    let mut tiles = MemoryTiles::new();
    let (mut tree, mut leaves, mut roots) = (Tree::new(), vec![], vec![]);
    for entry in [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ] {
        leaves.push(leaf_hash(&bytes(entry)));
        tree.push(leaves[leaves.len() - 1], |level, hash| tiles.append(level, hash));
        roots.push(tree.root());
    }
    (tiles, leaves, roots)
}

#[test]
fn known_roots() {
    let expected = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    .map(hex);
    let (tiles, _, roots) = known_tree();
    assert_eq!(roots, expected);
    for (size, expected) in (1..).zip(expected) {
        assert_eq!(root(&tiles, TreeSize(size)), Ok(expected));
    }
    assert_eq!(root(&tiles, TreeSize(0)), Ok(empty_root()));
}

#[test]
fn known_inclusion_paths() {
    let cases: [(u64, u64, &[&str]); 4] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ];
    let (tiles, leaves, roots) = known_tree();
    for (index, size, path) in cases {
        let path: Vec<Hash> = path.iter().copied().map(hex).collect();
        let size = TreeSize(size);
        assert_eq!(inclusion_proof(&tiles, index, size), Ok(path.clone()));
        let (leaf, root) = (&leaves[index as usize], &roots[size.0 as usize - 1]);
        assert_eq!(verify_inclusion(leaf, index, size, &path, root), Ok(()));
    }
}

#[test]
fn known_consistency_paths() {
    let cases: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    let (tiles, _, roots) = known_tree();
    for (from, to, path) in cases {
        let path: Vec<Hash> = path.iter().copied().map(hex).collect();
        let (old, new) = (&roots[from as usize - 1], &roots[to as usize - 1]);
        let (from, to) = (TreeSize(from), TreeSize(to));
        assert_eq!(consistency_proof(&tiles, from, to), Ok(path.clone()));
        assert_eq!(verify_consistency(from, old, to, new, &path), Ok(()));
    }
}

#[test]
fn all_proofs_to_300_are_those_of_another_implementation() {
    let grown = grow(300);
    for size in 1..=300 {
        let other = independent(size);
        assert_eq!(root(&grown.tiles, TreeSize(size)), Ok(independent_root(&other)));
        for index in 0..size {
            let theirs = hashes(other.prove_inclusion(index as usize).as_bytes());
            assert_eq!(inclusion_proof(&grown.tiles, index, TreeSize(size)), Ok(theirs));
        }
        for from in 1..=size {
            let theirs = hashes(other.prove_consistency((size - from) as usize).as_bytes());
            assert_eq!(consistency_proof(&grown.tiles, TreeSize(from), TreeSize(size)), Ok(theirs));
        }
        assert_eq!(consistency_proof(&grown.tiles, TreeSize(0), TreeSize(size)), Ok(vec![]));
    }
}

#[test]
fn two_tile_levels_and_more_agree_with_a_tree_in_memory() {
    let grown = grow(65_537);
    for size in [65_535u64, 65_536, 65_537] {
        let other = independent(size);
        let to = TreeSize(size);
        let new = independent_root(&other);
        assert_eq!(root(&grown.tiles, to), Ok(new));
        for index in [0, 1, 255, 256, 257, 32_767, 65_279, 65_280, 65_534, size - 1] {
            let proof = inclusion_proof(&grown.tiles, index, to).unwrap();
            assert_eq!(proof, hashes(other.prove_inclusion(index as usize).as_bytes()));
            let leaf = &grown.leaves[index as usize];
            assert_eq!(verify_inclusion(leaf, index, to, &proof, &new), Ok(()));
        }
        for from in [1, 255, 256, 257, 511, 512, 32_768, 65_279, 65_280, 65_281, 65_535, size] {
            let proof = consistency_proof(&grown.tiles, TreeSize(from), to).unwrap();
            let theirs = other.prove_consistency((size - from) as usize);
            assert_eq!(proof, hashes(theirs.as_bytes()));
            let old = &grown.roots[from as usize];
            assert_eq!(verify_consistency(TreeSize(from), old, to, &new, &proof), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_proof_is_that_of_another_implementation(
        size in 1u64..3_000,
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
    ) {
        let (grown, other, to) = (grow(size), independent(size), TreeSize(size));
        let index = first.index(size as usize);
        prop_assert_eq!(grown.tree.root(), independent_root(&other));
        let theirs = hashes(other.prove_inclusion(index).as_bytes());
        prop_assert_eq!(inclusion_proof(&grown.tiles, index as u64, to), Ok(theirs));
        let from = second.index(size as usize) as u64 + 1;
        let theirs = hashes(other.prove_consistency((size - from) as usize).as_bytes());
        prop_assert_eq!(consistency_proof(&grown.tiles, TreeSize(from), to), Ok(theirs));
    }

    #[test]
    fn trees_of_any_size_prove_and_read_little(
        bits in 1u32..63,
        size in any::<u64>(),
        index in any::<u64>(),
    ) {
        let size = TreeSize((size >> (63 - bits)).clamp(1, TREE_SIZE_MAX));
        let index = index % size.0;
        let uniform = Uniform { leaf: leaf_hash(b"same"), size };
        let new = uniform.root(size.0);
        prop_assert_eq!(root(&uniform, size), Ok(new));

        let counting = Counting::new(&uniform);
        let proof = inclusion_proof(&counting, index, size).unwrap();
        prop_assert_eq!(verify_inclusion(&uniform.leaf, index, size, &proof, &new), Ok(()));
        check_reads(counting, size)?;

        let (from, counting) = (TreeSize(index + 1), Counting::new(&uniform));
        let proof = consistency_proof(&counting, from, size).unwrap();
        let old = uniform.root(from.0);
        prop_assert_eq!(verify_consistency(from, &old, size, &new, &proof), Ok(()));
        check_reads(counting, size)?;
    }
}

/// At most two tiles a level, none twice.
fn check_reads(counting: Counting<'_, Uniform>, size: TreeSize) -> Result<(), TestCaseError> {
    let mut reads = counting.reads.into_inner();
    let all = reads.len();
    reads.sort_unstable();
    reads.dedup_by_key(|read| (read.0, read.1));
    prop_assert_eq!(reads.len(), all, "a tile was read twice");
    let levels = size.0.ilog2() as usize / 8 + 1;
    prop_assert!(all <= 2 * levels, "{all} reads for {levels} levels");
    Ok(())
}

#[test]
fn what_is_not_there_is_an_error() {
    let grown = grow(10);
    let size = TreeSize(10);
    assert_eq!(
        inclusion_proof(&grown.tiles, 10, size),
        Err(ProveError::IndexOutOfRange { index: 10, size })
    );
    assert_eq!(
        inclusion_proof(&grown.tiles, 0, TreeSize(0)),
        Err(ProveError::IndexOutOfRange { index: 0, size: TreeSize(0) })
    );
    assert_eq!(
        consistency_proof(&grown.tiles, TreeSize(11), size),
        Err(ProveError::SizesReversed { from: TreeSize(11), to: size })
    );
    assert!(matches!(root(&grown.tiles, TreeSize(11)), Err(ProveError::Read(_))));
    let huge = TreeSize(u64::MAX);
    assert_eq!(root(&grown.tiles, huge), Err(ProveError::TooLarge { size: huge }));
}

#[test]
fn a_reader_that_breaks_its_promise_is_caught() {
    struct Generous;
    impl TileReader for Generous {
        type Error = std::convert::Infallible;
        fn read(&self, _: u8, _: u64, count: usize) -> Result<Vec<Hash>, Self::Error> {
            Ok(vec![empty_root(); count + 1])
        }
    }
    let expected = ProveError::Short { level: 0, start: 0, wanted: 3, got: 4 };
    assert_eq!(root(&Generous, TreeSize(3)), Err(expected));
}

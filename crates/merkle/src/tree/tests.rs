use super::*;
use crate::testing::{Counting, Uniform, grow, tree_hash};
use crate::{MemoryTiles, empty_root, leaf_hash};

#[test]
fn roots_are_those_of_the_definition() {
    let grown = grow(300);
    for (size, root) in grown.roots.iter().enumerate() {
        assert_eq!(*root, tree_hash(&grown.leaves[..size]), "size {size}");
    }
    assert_eq!(Tree::new().root(), empty_root());
    assert_eq!(Tree::new().size(), TreeSize(0));
}

#[test]
fn levels_hold_the_roots_of_complete_subtrees() {
    let grown = grow(65_537);
    assert_eq!(grown.tiles.level(0), grown.leaves);
    let level_1: Vec<Hash> = grown.leaves.chunks_exact(256).map(tree_hash).collect();
    assert_eq!(level_1.len(), 256);
    assert_eq!(grown.tiles.level(1), level_1);
    assert_eq!(grown.tiles.level(2), [tree_hash(&grown.leaves[..65_536])]);
    assert_eq!(grown.tiles.level(3), []);
}

#[test]
fn restored_tree_goes_on_as_if_it_never_stopped() {
    let grown = grow(65_800);
    let mut going_on = Tree::new();
    for size in 0..=65_800u64 {
        let near_an_edge = size <= 600 || (65_530..65_545).contains(&size) || size % 4_093 == 0;
        if near_an_edge {
            let restored = Tree::restore(TreeSize(size), &grown.tiles).unwrap();
            assert_eq!(restored, going_on, "size {size}");
            assert_eq!(restored.root(), grown.roots[size as usize]);
        }
        if let Some(leaf) = grown.leaves.get(size as usize) {
            going_on.push(*leaf, |_, _| ());
        }
    }
}

#[test]
fn restoring_reads_one_partial_tile_a_level() {
    let size = TreeSize((3 << 40) + (255 << 16) + (1 << 8) + 77);
    let reader = Uniform { leaf: leaf_hash(b"same"), size };
    let counting = Counting::new(&reader);
    let tree = Tree::restore(size, &counting).unwrap();
    assert_eq!(tree.root(), reader.root(size.0));
    let mut reads = counting.reads.into_inner();
    reads.sort_unstable();
    let start = |level: u32, width: u64| (size.0 >> (8 * level)) - width;
    assert_eq!(
        reads,
        [(0, start(0, 77), 77), (1, start(1, 1), 1), (2, start(2, 255), 255), (5, 0, 3)]
    );
}

#[test]
fn restoring_from_too_few_hashes_is_an_error() {
    let mut short = MemoryTiles::new();
    short.append(0, leaf_hash(b"a"));
    assert!(matches!(Tree::restore(TreeSize(2), &short), Err(ProveError::Read(_))));
    let huge = TreeSize(TREE_SIZE_MAX + 1);
    assert_eq!(Tree::restore(huge, &short), Err(ProveError::TooLarge { size: huge }));
}

#[test]
fn a_clone_is_a_savepoint() {
    let mut tree = grow(1_000).tree;
    let before = tree.clone();
    let root = tree.root();
    tree.push(leaf_hash(b"regretted"), |_, _| ());
    assert_ne!(tree.root(), root);
    tree = before;
    assert_eq!((tree.size(), tree.root()), (TreeSize(1_000), root));
}

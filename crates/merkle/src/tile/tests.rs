use proptest::prelude::*;

use super::*;
use crate::testing::grow;

#[test]
fn paths_are_the_specifications() {
    assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(tile_path(0, 1_234_067, 1), "tile/0/x001/x234/067.p/1");
    assert_eq!(tile_path(63, 0, 255), "tile/63/000.p/255");
    assert_eq!(tile_path(2, 999, 256), "tile/2/999");
    assert_eq!(tile_path(2, 1_000, 256), "tile/2/x001/000");
    assert_eq!(entries_path(1_234_067, 256), "tile/entries/x001/x234/067");
    assert_eq!(entries_path(273, 112), "tile/entries/273.p/112");
    let most = "tile/0/x018/x446/x744/x073/x709/x551/615";
    assert_eq!(tile_path(0, u64::MAX, 256), most);
    assert_eq!(parse_tile_path(most), Ok(Tile { level: 0, index: u64::MAX, width: 256 }));
}

#[test]
fn other_spellings_are_refused() {
    for path in [
        "",
        "tile/0/",
        "tile//000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/x01/002",
        "tile/0/xx01/002",
        "tile/0/+01",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/256/001",
        "/tile/0/001",
        "tile/0/001/",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p/65537",
        "tile/0/001.p/1.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/001",
        "tile/0/００１",
    ] {
        assert_eq!(parse_tile_path(path), Err(TilePathError), "{path}");
    }
    for path in ["tile/entries/1", "tile/entries/x000/001", "tile/entries/001.p/0", "tile/0/001"] {
        assert_eq!(parse_entries_path(path), Err(TilePathError), "{path}");
    }
}

#[test]
fn a_tree_of_70_000_has_the_specifications_tiles() {
    let tiles: Vec<Tile> = tiles_for(TreeSize(70_000)).collect();
    let of = |level, width| {
        tiles.iter().filter(|tile| (tile.level, tile.width) == (level, width)).count()
    };
    assert_eq!((of(0, 256), of(0, 112)), (273, 1));
    assert_eq!((of(1, 256), of(1, 17)), (1, 1));
    assert_eq!(of(2, 1), 1);
    assert_eq!(tiles.len(), 277);
    assert_eq!(bundles_for(TreeSize(70_000)).last(), Some((273, 112)));
    let small: Vec<String> = tiles_for(TreeSize(256)).map(|tile| tile.path()).collect();
    assert_eq!(small, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(tiles_for(TreeSize(0)).count(), 0);
    assert_eq!(bundles_for(TreeSize(0)).count(), 0);
}

#[test]
fn tiles_cover_exactly_what_the_tree_emits() {
    for size in [1, 255, 256, 257, 65_535, 65_536, 65_537] {
        let grown = grow(size);
        let mut covered = vec![0usize; 8];
        for tile in tiles_for(TreeSize(size)) {
            let level = &mut covered[usize::from(tile.level)];
            assert_eq!(tile.start() as usize, *level, "{tile:?} of {size}");
            *level += usize::from(tile.width);
        }
        let emitted: Vec<usize> = (0..8).map(|level| grown.tiles.level(level).len()).collect();
        assert_eq!(covered, emitted, "size {size}");
        let entries: u64 = bundles_for(TreeSize(size)).map(|(_, width)| u64::from(width)).sum();
        assert_eq!(entries, size);
    }
}

proptest! {
    #[test]
    fn paths_read_back(level in 0u8..64, index: u64, shift in 0u32..64, width in 1u16..=256) {
        let index = index >> shift;
        prop_assert_eq!(
            parse_tile_path(&tile_path(level, index, width)),
            Ok(Tile { level, index, width })
        );
        prop_assert_eq!(parse_entries_path(&entries_path(index, width)), Ok((index, width)));
    }

    #[test]
    fn any_text_is_one_path_or_none(path in "tile/([0-9]{1,2}|entries)/[x0-9/]{0,12}(\\.p/[0-9]{0,4})?") {
        if let Ok(tile) = parse_tile_path(&path) {
            prop_assert_eq!(tile.path(), path);
        } else if let Ok((index, width)) = parse_entries_path(&path) {
            prop_assert_eq!(entries_path(index, width), path);
        }
    }
}

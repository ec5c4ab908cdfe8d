//! A tree's upper levels: each hash must be the root of the 256 below it.

use indelible_merkle::{Hash, Tree};

use super::{CheckedTrail, Finding, Shared};
use crate::error::LogError;
use crate::storage::Storage;
use crate::trail::{level_path, read_level};

const WIDTH: u64 = 256;

/// Checks the level files of one trail up to its sealed size.
pub(super) fn check(shared: &Shared<'_>, index: usize) -> Result<(), LogError> {
    let (info, sealed) = (&shared.infos[index], shared.manifest.trails[index].sealed);
    let mut below = sealed;
    for level in 1u8.. {
        let count = below / WIDTH;
        if count == 0 {
            break;
        }
        let path = level_path(info.id, level);
        for at in 0..count {
            let children =
                read_level(shared.storage, info.id, level - 1, at * WIDTH, WIDTH as usize)?;
            let stored = read_level(shared.storage, info.id, level, at, 1)?;
            if stored.first() != Some(&root_of(&children)) {
                shared.find(Finding {
                    trail: Some(info.name.to_string()),
                    seq: None,
                    path: path.clone(),
                    offset: Some(at * Hash::BYTES as u64),
                    what: "this hash is not the root of the tile below it".into(),
                });
                break;
            }
        }
        below = count;
    }
    Ok(())
}

/// The root of a full tile.
fn root_of(children: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    for child in children {
        tree.push(*child, |_, _| {});
    }
    tree.root()
}

/// Computes the upper hashes that the live records add beyond the sealed levels.
pub(super) fn extend(storage: &dyn Storage, trail: &mut CheckedTrail) -> Result<(), LogError> {
    let mut below = trail.live.clone();
    let mut border = trail.sealed;
    let mut level = 0u8;
    while (border + below.len() as u64) >= WIDTH {
        let (from, to) = (border / WIDTH, (border + below.len() as u64) / WIDTH);
        // The first tile to complete may have begun on disk.
        let begun = (border % WIDTH) as usize;
        let mut children = read_level(storage, trail.info.id, level, border - begun as u64, begun)?;
        children.extend_from_slice(&below);
        let tail: Vec<Hash> =
            children.chunks_exact(WIDTH as usize).take((to - from) as usize).map(root_of).collect();
        trail.tails.push(tail.clone());
        (below, border, level) = (tail, from, level + 1);
    }
    Ok(())
}

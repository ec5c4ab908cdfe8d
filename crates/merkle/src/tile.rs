//! The names of a static tree's files (C2SP tlog-tiles).

use std::fmt::Write;
use std::iter;

use crate::checkpoint::parse_decimal;
use crate::hash::TreeSize;
use crate::limits::{TILE_HEIGHT, TILE_LEVELS_MAX, TILE_WIDTH};

/// A row of up to 256 neighbouring hashes of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// The tile level: 0 holds leaf hashes, each higher one the roots of full tiles below.
    pub level: u8,
    /// The tile's number in its level: it starts at hash `index · 256`.
    pub index: u64,
    /// How many hashes it has: 256 in a full tile, less in a level's last.
    pub width: u16,
}

impl Tile {
    /// The number of its first hash within the level.
    pub fn start(&self) -> u64 {
        self.index * u64::from(TILE_WIDTH)
    }

    /// Where it is served, relative to the log's prefix.
    pub fn path(&self) -> String {
        tile_path(self.level, self.index, self.width)
    }
}

/// A path names no tile, or names one in another way than the specification's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tile path")]
pub struct TilePathError;

/// `tile/<level>/<index>`, and `.p/<width>` behind it where the tile is partial.
/// Panics on a level or width that no tile has.
pub fn tile_path(level: u8, index: u64, width: u16) -> String {
    assert!(level < TILE_LEVELS_MAX, "levels end at 63");
    numbered_path(format!("tile/{level}/"), index, width)
}

/// `tile/entries/<index>`, and `.p/<width>` behind it where the bundle is partial.
/// Panics on a width that no bundle has.
pub fn entries_path(index: u64, width: u16) -> String {
    numbered_path("tile/entries/".to_owned(), index, width)
}

/// Reads [`tile_path`]'s form and no other.
pub fn parse_tile_path(path: &str) -> Result<Tile, TilePathError> {
    let (level, rest) =
        path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TilePathError)?;
    let level = parse_decimal(level).filter(|level| *level < u64::from(TILE_LEVELS_MAX));
    let level = level.ok_or(TilePathError)? as u8;
    let (index, width) = parse_numbered(rest)?;
    let tile = Tile { level, index, width };
    if tile.path() == path { Ok(tile) } else { Err(TilePathError) }
}

/// Reads [`entries_path`]'s form and no other: the bundle's index and width.
pub fn parse_entries_path(path: &str) -> Result<(u64, u16), TilePathError> {
    let rest = path.strip_prefix("tile/entries/").ok_or(TilePathError)?;
    let (index, width) = parse_numbered(rest)?;
    if entries_path(index, width) == path { Ok((index, width)) } else { Err(TilePathError) }
}

/// Every tile that a static tree of `size` consists of, level by level.
pub fn tiles_for(size: TreeSize) -> impl Iterator<Item = Tile> {
    let counts = iter::successors(Some(size.0), |count| Some(count >> TILE_HEIGHT));
    counts.take_while(|count| *count > 0).zip(0u8..).flat_map(|(count, level)| {
        cut(count).map(move |(index, width)| Tile { level, index, width })
    })
}

/// Index and width of every entry bundle that a static tree of `size` consists of.
pub fn bundles_for(size: TreeSize) -> impl Iterator<Item = (u64, u16)> {
    cut(size.0)
}

/// Cuts a row into full tiles and a partial one, where something is left.
fn cut(count: u64) -> impl Iterator<Item = (u64, u16)> {
    let full = count / u64::from(TILE_WIDTH);
    let rest = (count % u64::from(TILE_WIDTH)) as u16;
    (0..full).map(|index| (index, TILE_WIDTH)).chain((rest > 0).then_some((full, rest)))
}

/// Three digits a path element, all but the last marked by an `x`, so that no directory has more
/// than a thousand children and no name is both a file and a directory.
fn numbered_path(mut path: String, index: u64, width: u16) -> String {
    assert!((1..=TILE_WIDTH).contains(&width), "there are no empty tiles, nor wider ones");
    let digits = index.to_string();
    let digits = format!("{:0>1$}", digits, digits.len().next_multiple_of(3));
    let last = digits.len() - 3;
    for at in (0..last).step_by(3) {
        path.push('x');
        path.push_str(&digits[at..at + 3]);
        path.push('/');
    }
    path.push_str(&digits[last..]);
    if width != TILE_WIDTH {
        write!(path, ".p/{width}").expect("writing to a string cannot fail");
    }
    path
}

/// Reads index and width. Other spellings are let through: the caller compares with the path that
/// these numbers have.
fn parse_numbered(text: &str) -> Result<(u64, u16), TilePathError> {
    let (index, width) = match text.split_once(".p/") {
        Some((index, width)) => (index, parse_decimal(width).ok_or(TilePathError)?),
        None => (text, u64::from(TILE_WIDTH)),
    };
    if !(1..=u64::from(TILE_WIDTH)).contains(&width) {
        return Err(TilePathError);
    }
    let mut number = 0u64;
    for element in index.split('/') {
        let digits = element.strip_prefix('x').unwrap_or(element);
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TilePathError);
        }
        let group = digits.parse::<u64>().map_err(|_| TilePathError)?;
        number = number
            .checked_mul(1000)
            .and_then(|number| number.checked_add(group))
            .ok_or(TilePathError)?;
    }
    Ok((number, width as u16))
}

#[cfg(test)]
mod tests;

//! Entry bundles (C2SP tlog-tiles): the entries under a level-0 tile, each behind its length.

use crate::limits::{BUNDLE_ENTRY_BYTES_MAX, TILE_WIDTH};

/// Why a bundle cannot be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More entries than [`TILE_WIDTH`], or none.
    #[error("a bundle has 1 to {TILE_WIDTH} entries, not {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// An entry's length does not fit two bytes.
    #[error("entry {number} has {bytes} bytes, more than {BUNDLE_ENTRY_BYTES_MAX}")]
    EntryTooLarge {
        /// Which entry of the bundle, from 0.
        number: usize,
        /// How long it is.
        bytes: usize,
    },
    /// The bundle ends within an entry, or has fewer than its name says.
    #[error("the bundle ends before or within entry {number}")]
    Truncated {
        /// Which entry of the bundle, from 0.
        number: usize,
    },
    /// There are bytes after the last entry.
    #[error("the bundle has {bytes} bytes after its last entry")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// Writes entries one after the other, each behind its length as two bytes, big-endian.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    check_count(entries.len())?;
    let mut bundle = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for (number, entry) in entries.iter().enumerate() {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len())
            .map_err(|_| BundleError::EntryTooLarge { number, bytes: entry.len() })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads a bundle of exactly `width` entries.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let count = usize::from(width);
    check_count(count)?;
    let mut entries = Vec::with_capacity(count);
    let mut rest = bundle;
    for number in 0..count {
        let truncated = BundleError::Truncated { number };
        let (length, tail) = rest.split_first_chunk().ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, tail) = tail.split_at_checked(length).ok_or(truncated)?;
        entries.push(entry);
        rest = tail;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { bytes: rest.len() }) }
}

fn check_count(count: usize) -> Result<(), BundleError> {
    if (1..=usize::from(TILE_WIDTH)).contains(&count) {
        Ok(())
    } else {
        Err(BundleError::Count { count })
    }
}

#[cfg(test)]
mod tests;

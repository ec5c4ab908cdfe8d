//! Where a page ended, as a text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::page::{Order, PageAsk, Sort};
use super::{Access, Ask};

/// The text is no cursor, or one of another query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of this query; begin again without one")]
pub struct CursorError;

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 8 + 4 + 8;

/// Where a page ended: the key of the next row to look at. It is only good for the query, the access, the
/// order and the sort that it came from, so that going on is always going on with the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// `occurred_at` of the next row, where it is sorted by that.
    pub(super) at: i64,
    /// The `pos` that it goes on with.
    pub(super) pos: u64,
    /// The last `pos` of the snapshot that the first page saw: what came later is not mixed in.
    pub(super) end: u64,
    /// Matches yet to be skipped.
    pub(super) skip: u32,
    print: [u8; 8],
}

impl Cursor {
    pub(super) fn new(
        ask: &Ask<'_>,
        page: &PageAsk,
        place: (i64, u64),
        end: u64,
        skip: u32,
    ) -> Cursor {
        let mut cursor = Cursor { at: place.0, pos: place.1, end, skip, print: [0; 8] };
        cursor.print = cursor.fingerprint(ask, page);
        cursor
    }

    pub(super) fn check(&self, ask: &Ask<'_>, page: &PageAsk) -> Result<(), CursorError> {
        if self.print == self.fingerprint(ask, page) { Ok(()) } else { Err(CursorError) }
    }

    /// The place of the log that it goes on at, for whoever goes on with [`PageAsk::from_pos`].
    pub fn pos(&self) -> u64 {
        self.pos
    }

    /// Over all that the cursor depends on, and the cursor itself, so that an edited one is noticed.
    fn fingerprint(&self, ask: &Ask<'_>, page: &PageAsk) -> [u8; 8] {
        let mut hash = Sha256::new();
        hash.update(self.place());
        hash.update([
            match page.order {
                Order::Newest => 0,
                Order::Oldest => 1,
            },
            match page.sort {
                Sort::Recorded => 0,
                Sort::Occurred => 1,
            },
        ]);
        match ask.access {
            Access::All => hash.update([0]),
            Access::Trails(trails) => {
                hash.update([1]);
                hash.update((trails.len() as u64).to_be_bytes());
                for trail in trails {
                    hash.update(trail.to_be_bytes());
                }
            }
        }
        hash.update(&ask.query.text);
        let hash: [u8; 32] = hash.finalize().into();
        let mut print = [0; 8];
        print.copy_from_slice(&hash[..8]);
        print
    }

    fn place(&self) -> [u8; BYTES - 8] {
        let mut bytes = [0; BYTES - 8];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.at.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.pos.to_be_bytes());
        bytes[17..25].copy_from_slice(&self.end.to_be_bytes());
        bytes[25..].copy_from_slice(&self.skip.to_be_bytes());
        bytes
    }

    /// A short text for a URL.
    pub fn encode(&self) -> String {
        let mut bytes = [0; BYTES];
        bytes[..BYTES - 8].copy_from_slice(&self.place());
        bytes[BYTES - 8..].copy_from_slice(&self.print);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Cursor::encode`] wrote. Whether it fits the query shows when it is used.
    pub fn decode(text: &str) -> Result<Cursor, CursorError> {
        // The decoder wants room for whole groups of four characters.
        let mut room = [0; BYTES.div_ceil(3) * 3];
        if text.len() != (BYTES * 4).div_ceil(3) {
            return Err(CursorError);
        }
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut room).map_err(|_| CursorError)?;
        let bytes = room.get(..len).ok_or(CursorError)?;
        let (&VERSION, rest) = bytes.split_first().ok_or(CursorError)? else {
            return Err(CursorError);
        };
        let (at, rest) = take::<8>(rest)?;
        let (pos, rest) = take::<8>(rest)?;
        let (end, rest) = take::<8>(rest)?;
        let (skip, rest) = take::<4>(rest)?;
        let print = rest.try_into().map_err(|_| CursorError)?;
        Ok(Cursor {
            at: i64::from_be_bytes(at),
            pos: u64::from_be_bytes(pos),
            end: u64::from_be_bytes(end),
            skip: u32::from_be_bytes(skip),
            print,
        })
    }
}

fn take<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), CursorError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(CursorError)?;
    Ok((*head, rest))
}

//! The reserve: while room is scarce, callers' events are refused and the node's own records go on.

use std::sync::{Mutex, PoisonError};

use indelible_event::Micros;

use crate::limits;
use crate::storage::{Space, Storage};

/// What was last found out about the room on the disk.
#[derive(Default)]
pub(crate) struct Room {
    look: Mutex<Option<Look>>,
}

struct Look {
    at: Micros,
    /// Appended since.
    bytes: u64,
    is_short: bool,
}

impl Room {
    /// Whether only the reserve is left. Asks the system now and then, not each time.
    pub fn is_short(&self, storage: &dyn Storage, now: Micros) -> bool {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |look: &&Look| {
            // A clock that went back makes it stale, too.
            (0..limits::ROOM_AGE_MAX_MICROS).contains(&now.0.wrapping_sub(look.at.0))
                && look.bytes < limits::ROOM_BYTES_MAX
        };
        if let Some(look) = look.as_ref().filter(fresh) {
            return look.is_short;
        }
        // Where it cannot be told, the disk itself says when it is full.
        let is_short = storage.space().ok().flatten().is_some_and(|space| below_reserve(&space));
        *look = Some(Look { at: now, bytes: 0, is_short });
        is_short
    }

    /// So much is being appended.
    pub fn used(&self, bytes: usize) {
        if let Some(look) = &mut *self.look.lock().unwrap_or_else(PoisonError::into_inner) {
            look.bytes = look.bytes.saturating_add(bytes as u64);
        }
    }
}

fn below_reserve(space: &Space) -> bool {
    space.free < (space.total / limits::RESERVE_PART).min(limits::RESERVE_BYTES_MAX)
}

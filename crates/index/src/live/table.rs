//! An open hash table of numbers. What a number stands for is known to its owner alone.

/// No number.
pub(super) const NONE: u32 = u32::MAX;
/// Slots at first.
const SLOTS_MIN: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Kept so that growing looks at nothing else.
    hash: u32,
    number: u32,
}

const FREE: Slot = Slot { hash: 0, number: NONE };

/// Numbers by hash, in one flat list of eight bytes a slot, so that finding one mostly costs one cache line.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A power of two of them, or none; at most three of four are taken.
    slots: Vec<Slot>,
    taken: usize,
}

impl Table {
    /// The number that most likely has this hash.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> u32 {
        let home = hash as usize & self.slots.len().wrapping_sub(1);
        self.slots.get(home).map_or(NONE, |slot| slot.number)
    }

    /// The number of this hash that is the `same`.
    #[inline]
    pub(super) fn find(&self, hash: u32, same: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at)
            && slot.number != NONE
        {
            if slot.hash == hash && same(slot.number) {
                return Some(slot.number);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Adds a number that was not found.
    pub(super) fn add(&mut self, hash: u32, number: u32) {
        if self.taken * 4 >= self.slots.len() * 3 {
            let slots = vec![FREE; (self.slots.len() * 2).max(SLOTS_MIN)];
            for slot in std::mem::replace(&mut self.slots, slots) {
                if slot.number != NONE {
                    self.put(slot);
                }
            }
        }
        self.put(Slot { hash, number });
        self.taken += 1;
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots[at].number != NONE {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// How many numbers it has.
    pub(super) fn len(&self) -> usize {
        self.taken
    }

    /// Bytes in memory.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }
}

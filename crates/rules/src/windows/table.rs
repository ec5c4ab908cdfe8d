//! A map that knows which of its entries was touched least recently, so that the bounds and the end of time cost the
//! same however many entries there are. Nothing ever goes by the order of the hash.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

const NONE: u32 = u32::MAX;
/// Slots that an empty table keeps for the next time.
const SLOTS_KEPT: usize = 64;

/// Where an entry is, until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

struct Slot<K, V> {
    /// `None` where the slot is free.
    entry: Option<(K, V)>,
    older: u32,
    newer: u32,
}

/// The map.
pub(super) struct Table<K, V> {
    places: HashMap<K, u32>,
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Table<K, V> {
        let (places, slots, free) = (HashMap::new(), Vec::new(), Vec::new());
        Table { places, slots, free, oldest: NONE, newest: NONE }
    }
}

impl<K: Clone + Eq + Hash, V> Table<K, V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where an entry is.
    pub(super) fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Place>
    where
        K: Borrow<Q>,
    {
        self.places.get(key).map(|at| Place(*at))
    }

    /// Adds an entry that is not there yet, as the one touched last.
    pub(super) fn insert(&mut self, key: K, value: V) -> Place {
        let slot = Slot { entry: Some((key.clone(), value)), older: NONE, newer: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.places.insert(key, at);
        self.link(at);
        Place(at)
    }

    /// Makes it the one touched last.
    pub(super) fn touch(&mut self, place: Place) {
        if self.newest != place.0 {
            self.unlink(place.0);
            self.link(place.0);
        }
    }

    /// The one touched least recently.
    pub(super) fn oldest(&self) -> Option<Place> {
        (self.oldest != NONE).then_some(Place(self.oldest))
    }

    /// An entry.
    pub(super) fn get(&self, place: Place) -> (&K, &V) {
        let (key, value) = self.slots[place.0 as usize].entry.as_ref().expect("a place in use");
        (key, value)
    }

    /// An entry, to change it.
    pub(super) fn get_mut(&mut self, place: Place) -> (&K, &mut V) {
        let (key, value) = self.slots[place.0 as usize].entry.as_mut().expect("a place in use");
        (key, value)
    }

    /// Takes it out.
    pub(super) fn remove(&mut self, place: Place) -> (K, V) {
        self.unlink(place.0);
        let (key, value) = self.slots[place.0 as usize].entry.take().expect("a place in use");
        self.places.remove(&key);
        self.free.push(place.0);
        if self.places.is_empty() && self.slots.len() > SLOTS_KEPT {
            // What a flood has taken is given back once it is over.
            *self = Table::default();
        }
        (key, value)
    }

    /// All entries, the one touched least recently first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let slot = self.slots.get(next as usize)?;
            next = slot.newer;
            slot.entry.as_ref().map(|(key, value)| (key, value))
        })
    }

    fn link(&mut self, at: u32) {
        let slot = &mut self.slots[at as usize];
        (slot.older, slot.newer) = (self.newest, NONE);
        match self.newest {
            NONE => self.oldest = at,
            newest => self.slots[newest as usize].newer = at,
        }
        self.newest = at;
    }

    fn unlink(&mut self, at: u32) {
        let Slot { older, newer, .. } = self.slots[at as usize];
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => self.slots[newer as usize].older = older,
        }
    }
}

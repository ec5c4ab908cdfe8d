//! The values of an event that rules ask for, held until the next event.

/// Where values of one path, or all texts, are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot(pub u32);

/// What a value is in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Bool,
    Null,
    /// An object or a list, as its compact text.
    Whole,
}

/// A value: as it is, and folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub kind: Kind,
    pub raw: &'a str,
    pub low: &'a str,
}

/// Its places in the arena.
#[derive(Clone, Copy)]
struct Place {
    kind: Kind,
    raw: (usize, usize),
    low: (usize, usize),
}

/// All values of an event, in its order.
#[derive(Default)]
pub(super) struct Values {
    arena: String,
    slots: Vec<Vec<Place>>,
    touched: Vec<Slot>,
}

impl Values {
    /// Forgets the event before.
    pub fn clear(&mut self, slots: usize) {
        for slot in self.touched.drain(..) {
            self.slots[slot.0 as usize].clear();
        }
        self.arena.clear();
        self.slots.resize_with(slots, Vec::new);
    }

    pub fn push(&mut self, slot: Slot, kind: Kind, text: &str) {
        let begin = self.arena.len();
        match kind {
            Kind::Whole => compact_into(&mut self.arena, text),
            _ => self.arena.push_str(text),
        }
        let raw = (begin, self.arena.len());
        let folded = is_folded(&self.arena[begin..]);
        let low = if folded {
            raw
        } else {
            let text = self.arena[begin..].to_owned();
            fold_into(&mut self.arena, &text);
            (raw.1, self.arena.len())
        };
        self.put(slot, Place { kind, raw, low });
    }

    /// Gives another slot what this one was given last.
    pub fn push_again(&mut self, from: Slot, to: Slot) {
        if let Some(place) = self.slots[from.0 as usize].last().copied() {
            self.put(to, place);
        }
    }

    fn put(&mut self, slot: Slot, place: Place) {
        let places = &mut self.slots[slot.0 as usize];
        if places.is_empty() {
            self.touched.push(slot);
        }
        places.push(place);
    }

    pub fn of(&self, slot: Slot) -> impl Iterator<Item = Value<'_>> {
        let places = self.slots.get(slot.0 as usize).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| Value {
            kind: place.kind,
            raw: &self.arena[place.raw.0..place.raw.1],
            low: &self.arena[place.low.0..place.low.1],
        })
    }

    /// The first that is not `null`.
    pub fn first(&self, slot: Slot) -> Option<&str> {
        self.of(slot).find(|value| value.kind != Kind::Null).map(|value| value.raw)
    }

    /// Slots that have values.
    pub fn touched(&self) -> &[Slot] {
        &self.touched
    }
}

fn is_folded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

/// What texts are compared by where case does not matter. Each character on its own, so that what is contained in a text
/// is, folded, contained in the folded text; hence the two small sigmas are one.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(&mut out, text);
    out
}

fn fold_into(out: &mut String, text: &str) {
    if text.is_ascii() {
        let begin = out.len();
        out.push_str(text);
        out[begin..].make_ascii_lowercase();
        return;
    }
    for c in text.chars() {
        match c {
            'ς' => out.push('σ'),
            c => out.extend(c.to_lowercase()),
        }
    }
}

/// JSON without the white space between its tokens.
fn compact_into(out: &mut String, json: &str) {
    let (mut begin, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' | b'\t' | b'\n' | b'\r' if !quoted => {
                out.push_str(&json[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    out.push_str(&json[begin..]);
}

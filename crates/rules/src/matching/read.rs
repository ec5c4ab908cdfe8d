//! One pass over an event's JSON, down only to the members that rules ask for.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::values::{Kind, Slot, Values};
use crate::limits::JSON_DEPTH_MAX;

/// Slots that every event has or may have.
pub(super) const TRAIL: Slot = Slot(0);
pub(super) const SEQ: Slot = Slot(1);
pub(super) const ID: Slot = Slot(2);
pub(super) const RECORDED_AT: Slot = Slot(3);
pub(super) const OCCURRED_AT: Slot = Slot(4);
pub(super) const ACTION: Slot = Slot(5);
pub(super) const ACTOR_ID: Slot = Slot(6);
/// All texts.
pub(super) const ANY: Slot = Slot(7);

const HEAD: [(&str, Slot); 6] = [
    ("trail", TRAIL),
    ("seq", SEQ),
    ("id", ID),
    ("recorded_at", RECORDED_AT),
    ("occurred_at", OCCURRED_AT),
    ("action", ACTION),
];

/// The wanted paths, as a tree of members.
pub(super) struct Tree {
    nodes: Vec<Node>,
    slots: u32,
    /// Whether all texts are wanted.
    pub any: bool,
}

#[derive(Default)]
struct Node {
    /// Sorted by name.
    members: Vec<(Box<str>, usize)>,
    slot: Option<Slot>,
}

const ROOT: usize = 0;

impl Tree {
    pub fn new() -> Tree {
        let mut tree = Tree { nodes: vec![Node::default()], slots: 8, any: false };
        for (name, slot) in HEAD {
            let node = tree.enter(ROOT, name);
            tree.nodes[node].slot = Some(slot);
        }
        let actor = tree.enter(ROOT, "actor");
        let id = tree.enter(actor, "id");
        tree.nodes[id].slot = Some(ACTOR_ID);
        tree
    }

    pub fn slots(&self) -> usize {
        self.slots as usize
    }

    /// The slot of a path.
    pub fn slot(&mut self, path: &[Box<str>]) -> Slot {
        let node = path.iter().fold(ROOT, |node, name| self.enter(node, name));
        if let Some(slot) = self.nodes[node].slot {
            return slot;
        }
        let slot = Slot(self.slots);
        self.slots += 1;
        self.nodes[node].slot = Some(slot);
        slot
    }

    fn enter(&mut self, node: usize, name: &str) -> usize {
        let next = self.nodes.len();
        let members = &mut self.nodes[node].members;
        match members.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(at) => members[at].1,
            Err(at) => {
                members.insert(at, (name.into(), next));
                self.nodes.push(Node::default());
                next
            }
        }
    }

    fn member(&self, node: Option<usize>, name: &str) -> Option<usize> {
        let members = &self.nodes[node?].members;
        let at = members.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(members[at].1)
    }

    /// Reads an event.
    pub fn read(&self, json: &[u8], values: &mut Values) -> Result<(), String> {
        values.clear(self.slots());
        let json = std::str::from_utf8(json).map_err(|e| e.to_string())?;
        let mut from = serde_json::Deserializer::from_str(json);
        let walk = Walk { tree: self, values: &mut *values, node: Some(ROOT), depth: 0 };
        let read = from.deserialize_map(walk).and_then(|()| from.end());
        read.map_err(|e| e.to_string())?;
        if values.first(OCCURRED_AT).is_none() {
            values.push_again(RECORDED_AT, OCCURRED_AT);
        }
        Ok(())
    }
}

/// Reads a value at a node; at none where all texts are wanted, and this has no path of its own.
struct Walk<'a> {
    tree: &'a Tree,
    values: &'a mut Values,
    node: Option<usize>,
    depth: usize,
}

impl Walk<'_> {
    fn inner(&mut self, node: Option<usize>) -> Walk<'_> {
        Walk { tree: self.tree, values: self.values, node, depth: self.depth + 1 }
    }

    fn slot(&self) -> Option<Slot> {
        self.node.and_then(|node| self.tree.nodes[node].slot)
    }

    /// Whether anything below is wanted.
    fn is_deep(&self) -> bool {
        self.tree.any || self.node.is_some_and(|node| !self.tree.nodes[node].members.is_empty())
    }

    /// Takes a value whose text is wanted, too.
    fn take(mut self, raw: &str) -> Result<(), serde_json::Error> {
        let slot = self.slot();
        match raw.as_bytes().first() {
            Some(b'{') => {
                if self.is_deep() {
                    serde_json::Deserializer::from_str(raw)
                        .deserialize_map(self.inner(self.node))?;
                }
                self.whole(slot, raw);
            }
            // Its elements come first, so that the first value of a path is one of them.
            Some(b'[') => {
                serde_json::Deserializer::from_str(raw).deserialize_seq(self.inner(self.node))?;
                self.whole(slot, raw);
            }
            Some(b'"') if raw.contains('\\') => {
                let text: String = serde_json::from_str(raw)?;
                self.scalar(slot, Kind::Text, &text);
            }
            Some(b'"') => self.scalar(slot, Kind::Text, &raw[1..raw.len() - 1]),
            Some(b't' | b'f') => self.scalar(slot, Kind::Bool, raw),
            Some(b'n') => self.scalar(slot, Kind::Null, raw),
            _ => self.scalar(slot, Kind::Number, raw),
        }
        Ok(())
    }

    fn whole(&mut self, slot: Option<Slot>, raw: &str) {
        if let Some(slot) = slot {
            self.values.push(slot, Kind::Whole, raw);
        }
    }

    fn scalar(&mut self, slot: Option<Slot>, kind: Kind, text: &str) {
        if let Some(slot) = slot {
            self.values.push(slot, kind, text);
        }
        if self.tree.any && kind != Kind::Null {
            match slot {
                Some(slot) => self.values.push_again(slot, ANY),
                None => self.values.push(ANY, kind, text),
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        if self.depth > JSON_DEPTH_MAX {
            return Err(D::Error::custom("it nests too deep"));
        }
        if self.tree.any || self.slot().is_some() {
            let raw = <&RawValue as serde::Deserialize>::deserialize(from)?;
            return self.take(raw.get()).map_err(D::Error::custom);
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let (tree, node) = (self.tree, self.node);
        while let Some(member) = map.next_key_seed(Member { tree, node })? {
            if member.is_some() || tree.any {
                map.next_value_seed(self.inner(member))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let node = self.node;
        while seq.next_element_seed(self.inner(node))?.is_some() {}
        Ok(())
    }

    // A scalar where a path goes on: nothing is at the end of that path.
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Looks a member's name up without keeping it.
struct Member<'a> {
    tree: &'a Tree,
    node: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.tree.member(self.node, name))
    }
}

//! Environment variables that outdo the file.

use super::VARIABLE_PREFIX;
use super::tree::{Key, Node, Origin, Value};

/// The variables that are ours.
pub(super) struct Environment {
    /// Those that set a key, in order of their names.
    settings: Vec<(String, String)>,
    /// `INDELIBLE_URL` and `INDELIBLE_KEY`, which everything that talks to a node goes by.
    pub(super) url: Option<Node>,
    pub(super) key: Option<Node>,
}

impl Environment {
    pub(super) fn of(all: impl Iterator<Item = (String, String)>) -> Environment {
        let mut found = Environment { settings: Vec::new(), url: None, key: None };
        for (name, value) in all {
            // One that is set to nothing is how many tools unset it.
            let shared = (!value.is_empty()).then(|| raw(&name, value.clone()));
            match &*name {
                "INDELIBLE_URL" => found.url = shared,
                "INDELIBLE_KEY" => found.key = shared,
                _ if name.starts_with(VARIABLE_PREFIX) => found.settings.push((name, value)),
                _ => {}
            }
        }
        found.settings.sort();
        found
    }

    /// Puts the variables into the tree below `audit`.
    pub(super) fn put_into(&self, audit: &mut Node) {
        for (name, value) in &self.settings {
            let keys = name[VARIABLE_PREFIX.len()..].to_ascii_lowercase();
            let keys: Vec<_> = keys.split("__").collect();
            put(audit, &keys, name, value);
        }
    }
}

fn raw(name: &str, value: String) -> Node {
    Node { origin: Origin::Variable(name.to_owned()), value: Value::Raw(value) }
}

fn put(into: &mut Node, keys: &[&str], name: &str, value: &str) {
    let Some((key, below)) = keys.split_first() else {
        *into = raw(name, value.to_owned());
        return;
    };
    // A variable that sets the whole object is wrong, and will be told so.
    if !matches!(into.value, Value::Object(_) | Value::Raw(_)) {
        *into =
            Node { origin: Origin::Variable(name.to_owned()), value: Value::Object(Vec::new()) };
    }
    let Value::Object(members) = &mut into.value else { return };
    let at = members.iter().position(|(known, _)| known.name == *key).unwrap_or_else(|| {
        let origin = Origin::Variable(name.to_owned());
        let empty = Node { origin: origin.clone(), value: Value::Null };
        members.push((Key { origin, name: (*key).to_owned() }, empty));
        members.len() - 1
    });
    put(&mut members[at].1, below, name, value);
}

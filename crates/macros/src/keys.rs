//! The keys that the attribute knows.

use crate::limits::SLIP_LETTERS_MAX;

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `key = expression`.
    Value,
    /// `key` alone.
    Flag,
    /// `key(name = expression, …)`.
    Fields,
    /// `key = "path"`.
    Path,
}

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a function only.
    Function,
    /// On a block of methods only.
    Block,
    /// On both; what a block says holds for each of its methods that does not say it itself.
    Both,
}

/// A key.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub place: Place,
}

const fn key(name: &'static str, shape: Shape, place: Place) -> Key {
    Key { name, shape, place }
}

/// All keys, in the order in which the documentation explains them.
pub static KEYS: [Key; 24] = [
    key("action", Shape::Value, Place::Function),
    key("prefix", Shape::Value, Place::Block),
    key("category", Shape::Value, Place::Both),
    key("resource", Shape::Value, Place::Both),
    key("id", Shape::Value, Place::Both),
    key("name", Shape::Value, Place::Function),
    key("actor", Shape::Value, Place::Both),
    key("on_behalf_of", Shape::Value, Place::Both),
    key("before", Shape::Value, Place::Function),
    key("after", Shape::Value, Place::Function),
    key("details", Shape::Fields, Place::Both),
    key("details_after", Shape::Fields, Place::Function),
    key("trail", Shape::Value, Place::Both),
    key("scope", Shape::Value, Place::Both),
    key("correlation_id", Shape::Value, Place::Both),
    key("err", Shape::Value, Place::Both),
    key("err_code", Shape::Value, Place::Both),
    key("denied_if", Shape::Value, Place::Both),
    key("intent", Shape::Flag, Place::Function),
    key("required", Shape::Flag, Place::Function),
    key("skip_ok", Shape::Flag, Place::Both),
    key("skip", Shape::Flag, Place::Function),
    key("recorder", Shape::Value, Place::Both),
    key("crate", Shape::Path, Place::Both),
];

/// Other words for a key, as other parts of Indelible call it.
static ALIASES: [(&str, &str); 1] = [("event_type", "category")];

/// Words of other libraries, with ours: a slip that no counting of letters finds.
static FOREIGN: [(&str, &str); 14] = [
    ("event", "action"),
    ("operation", "action"),
    ("resource_type", "resource"),
    ("target", "resource"),
    ("resource_id", "id"),
    ("user", "actor"),
    ("user_id", "actor"),
    ("old_value", "before"),
    ("new_value", "after"),
    ("result", "after"),
    ("metadata", "details"),
    ("fields", "details"),
    ("tenant_id", "trail"),
    ("error", "err"),
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| name);
    KEYS.iter().find(|key| key.name == name)
}

/// The key that was probably meant, among those that may stand there.
pub fn meant(name: &str, place: Place) -> Option<&'static str> {
    let foreign = FOREIGN.iter().find(|(foreign, _)| *foreign == name);
    let near = || {
        KEYS.iter()
            .filter(|key| key.place == place || key.place == Place::Both)
            .map(|key| (distance(name, key.name), key.name))
            // Of a short word more than half would be other letters.
            .filter(|(letters, key)| *letters <= SLIP_LETTERS_MAX && *letters * 2 < key.len())
            .min()
            .map(|(_, key)| key)
    };
    foreign.map(|(_, ours)| *ours).or_else(near)
}

/// How many letters must be put in, taken out or replaced to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood() {
        assert_eq!(meant("actoin", Place::Function), Some("action"));
        assert_eq!(meant("corelation_id", Place::Function), Some("correlation_id"));
        assert_eq!(meant("user_id", Place::Function), Some("actor"));
        assert_eq!(meant("prefx", Place::Function), None, "it stands on blocks only");
        assert_eq!(meant("prefx", Place::Block), Some("prefix"));
        assert_eq!(meant("zebra", Place::Function), None);
    }

    #[test]
    fn letters_are_counted() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn each_hint_names_a_key() {
        for (_, ours) in FOREIGN.iter().chain(&ALIASES) {
            assert!(find(ours).is_some(), "{ours}");
        }
    }
}

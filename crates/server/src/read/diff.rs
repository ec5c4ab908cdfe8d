//! What differs between two values, by structure. Numbers are compared as they are written, never as floats: `1.0`
//! and `1.00` are two values here, as they are in the hash.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::limits::{DIFF_MAX, DIFF_PATH_BYTES_MAX};

/// One difference.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Difference<'a> {
    /// `add`, `remove` or `change`.
    op: &'static str,
    /// Where: a JSON Pointer (RFC 6901).
    path: String,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    before: Option<&'a RawValue>,
    /// What is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    after: Option<&'a RawValue>,
}

/// All differences, in the order of `before`, with what was added behind. Where there was nothing (or `null`) and is
/// an object now, or the other way, each of its members was added or removed. Where they are too many, the whole
/// is one.
pub(super) fn diff<'a>(
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
) -> Vec<Difference<'a>> {
    let mut all = Differences { found: Vec::new(), path: String::new(), path_bytes: 0 };
    let nothing = |side: Option<&RawValue>| side.is_none_or(|raw| raw.get() == "null");
    let members = |side: Option<&'a RawValue>| side.and_then(object).filter(|all| !all.is_empty());
    let done = match (before, after) {
        (None, None) => Some(()),
        _ if nothing(before) && members(after).is_some() => {
            all.objects(&[], &members(after).unwrap_or_default())
        }
        _ if nothing(after) && members(before).is_some() => {
            all.objects(&members(before).unwrap_or_default(), &[])
        }
        _ => all.values(before, after),
    };
    if done.is_none() {
        (all.found, all.path) = (Vec::new(), String::new());
        all.path_bytes = 0;
        all.one(before, after);
    }
    all.found
}

struct Differences<'a> {
    found: Vec<Difference<'a>>,
    /// Where we are.
    path: String,
    path_bytes: usize,
}

type Member<'a> = (Cow<'a, str>, &'a RawValue);
type Members<'a> = Vec<Member<'a>>;

/// Each gives `None` when there are too many.
impl<'a> Differences<'a> {
    fn values(&mut self, before: Option<&'a RawValue>, after: Option<&'a RawValue>) -> Option<()> {
        if let (Some(before), Some(after)) = (before, after) {
            if before.get() == after.get() {
                return Some(());
            }
            if let (Some(before), Some(after)) = (object(before), object(after)) {
                return self.objects(&before, &after);
            }
            if let (Some(before), Some(after)) = (array(before), array(after)) {
                return self.arrays(&before, &after);
            }
        }
        self.one(before, after)
    }

    fn objects(&mut self, before: &[Member<'a>], after: &[Member<'a>]) -> Option<()> {
        let now: HashMap<&str, &'a RawValue> =
            after.iter().map(|(key, value)| (&**key, *value)).collect();
        for (key, value) in before {
            self.below(key, Some(*value), now.get(&**key).copied())?;
        }
        let then: HashMap<&str, ()> = before.iter().map(|(key, _)| (&**key, ())).collect();
        for (key, value) in after.iter().filter(|(key, _)| !then.contains_key(&**key)) {
            self.below(key, None, Some(*value))?;
        }
        Some(())
    }

    fn arrays(&mut self, before: &[&'a RawValue], after: &[&'a RawValue]) -> Option<()> {
        for at in 0..before.len().max(after.len()) {
            self.below(&at.to_string(), before.get(at).copied(), after.get(at).copied())?;
        }
        Some(())
    }

    fn below(
        &mut self,
        key: &str,
        before: Option<&'a RawValue>,
        after: Option<&'a RawValue>,
    ) -> Option<()> {
        let len = self.path.len();
        self.path.push('/');
        for character in key.chars() {
            match character {
                '~' => self.path.push_str("~0"),
                '/' => self.path.push_str("~1"),
                _ => self.path.push(character),
            }
        }
        let done = self.values(before, after);
        self.path.truncate(len);
        done
    }

    fn one(&mut self, before: Option<&'a RawValue>, after: Option<&'a RawValue>) -> Option<()> {
        let op = match (before, after) {
            (None, _) => "add",
            (_, None) => "remove",
            _ => "change",
        };
        self.path_bytes += self.path.len();
        if self.found.len() == DIFF_MAX || self.path_bytes > DIFF_PATH_BYTES_MAX {
            return None;
        }
        self.found.push(Difference { op, path: self.path.clone(), before, after });
        Some(())
    }
}

fn array(raw: &RawValue) -> Option<Vec<&RawValue>> {
    raw.get().starts_with('[').then(|| serde_json::from_str(raw.get()).ok())?
}

fn object(raw: &RawValue) -> Option<Members<'_>> {
    struct InOrder<'a>(Members<'a>);
    impl<'de> Deserialize<'de> for InOrder<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> Visitor<'de> for Visit {
                type Value = InOrder<'de>;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<InOrder<'de>, A::Error> {
                    let mut members = Vec::new();
                    while let Some((key, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                        members.push((key.0, value));
                    }
                    Ok(InOrder(members))
                }
            }
            deserializer.deserialize_map(Visit)
        }
    }
    /// A key, borrowed where it has no escapes.
    #[derive(Deserialize)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
    let members =
        raw.get().starts_with('{').then(|| serde_json::from_str::<InOrder<'_>>(raw.get()));
    members?.ok().map(|members| members.0)
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;

//! An event with a member that is not as we know it, made readable by leaving that member out.
//!
//! A node of another version, or a file that somebody else wrote, must not become unreadable over one odd member.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::limits::REPAIR_DEPTH_MAX;

/// The JSON without the members, however deep, that keep it from fitting; numbers where text belongs become text.
/// `None` if nothing of it fits.
pub(crate) fn repair(json: &str, fits: &dyn Fn(&str) -> bool) -> Option<String> {
    within(json, REPAIR_DEPTH_MAX, fits)
}

fn within(json: &str, depth: usize, fits: &dyn Fn(&str) -> bool) -> Option<String> {
    if fits(json) {
        return Some(json.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let made = if let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
        // Of a key that is there twice, the last is kept.
        let kept = members.iter().filter_map(|(key, value)| {
            let key = serde_json::to_string(key).ok()?;
            let value =
                within(value.get(), depth - 1, &|value| fits(&format!("{{{key}:{value}}}")))?;
            Some(format!("{key}:{value}"))
        });
        format!("{{{}}}", kept.collect::<Vec<_>>().join(","))
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        let kept = items
            .iter()
            .filter_map(|item| within(item.get(), depth - 1, &|item| fits(&format!("[{item}]"))));
        format!("[{}]", kept.collect::<Vec<_>>().join(","))
    } else if json.starts_with('"') {
        return None;
    } else {
        format!("\"{json}\"")
    };
    fits(&made).then_some(made)
}

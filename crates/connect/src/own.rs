//! Events of ours that come in again, perhaps from another node: what that one said of them is kept as what it is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::intake::OWN_MEMBERS;
use crate::syslog::members::{Members, add};

/// What a node says of an event itself, and takes from nobody.
const OF_A_NODE: [&str; 8] =
    ["seq", "recorded_at", "recorded_by", "credential_subject", "leaf", "erased", "expired", "cut"];

/// Whether an object is an event of ours: it has an action, and no member that events have not. Others have members
/// named `action` too, and are theirs.
pub(crate) fn is_ours(members: &Members<'_>) -> bool {
    let known = |name: &str| OWN_MEMBERS.contains(&name) || OF_A_NODE.contains(&name);
    members.0.iter().any(|(name, value)| name == "action" && value.get().starts_with('"'))
        && members.0.iter().all(|(name, _)| known(name))
}

/// The event as it stands, but for what only a node says, and what else is to be `moved`: that goes into
/// `details.copy_of`.
pub(crate) fn placeless<'a>(
    members: &Members<'_>,
    text: &'a str,
    moved: impl Fn(&str, &RawValue) -> bool,
) -> Cow<'a, str> {
    let moved = |(name, value): &&(Cow<'_, str>, &RawValue)| {
        OF_A_NODE.contains(&&**name) || moved(name, value)
    };
    let of_a_node: BTreeMap<&str, &RawValue> =
        members.0.iter().filter(moved).map(|(name, value)| (&**name, *value)).collect();
    if of_a_node.is_empty() {
        return text.into();
    }
    let copy_of = serde_json::to_string(&of_a_node).expect("plain data goes into memory");
    let mut out = String::with_capacity(text.len() + 32);
    let mut told = false;
    for (name, value) in members.0.iter().filter(|member| !moved(member)) {
        let details = matches!(&**name, "details" | "metadata") && !told;
        let Some(Members(inside)) = details.then(|| Members::read(value.get())).flatten() else {
            add(&mut out, name, value.get());
            continue;
        };
        told = true;
        let (mut copy, mut made) = (copy_of.clone(), String::new());
        // What the node before said of its own copy goes along in this one.
        for (_, earlier) in inside.iter().filter(|(name, _)| name == "copy_of") {
            copy.pop();
            copy.push_str(&format!(",\"copy_of\":{}}}", earlier.get()));
        }
        add(&mut made, "copy_of", &copy);
        for (name, value) in inside.iter().filter(|(name, _)| name != "copy_of") {
            add(&mut made, name, value.get());
        }
        made.push('}');
        add(&mut out, name, &made);
    }
    if !told {
        add(&mut out, "details", &format!("{{\"copy_of\":{copy_of}}}"));
    }
    out.push('}');
    out.into()
}

/// The same of any JSON, which stays as it is where it is no event of ours.
pub(crate) fn without_place(json: &str) -> Cow<'_, str> {
    match Members::read(json).filter(is_ours) {
        Some(members) => placeless(&members, json, |_, _| false),
        None => json.into(),
    }
}

//! What the words of others mean in ours.

use crate::draft::{Text, action};
use crate::text::is_in;

/// What was done to a row, in the words of triggers and of libraries that watch models.
const VERBS: [(&str, &str); 6] = [
    ("create", "i ins insert inserted create created creation add added new"),
    ("update", "u upd update updated edit edited modify modified modification change changed"),
    ("delete", "d del delete deleted deletion remove removed destroy destroyed"),
    ("read", "s r read view viewed select selected access accessed retrieve retrieved"),
    ("restore", "restore restored undelete undeleted"),
    ("truncate", "t truncate truncated"),
];

const OUTCOMES: [(&str, &str); 6] = [
    (
        "success",
        "success succeeded successful ok true t yes y 1 complete completed done passed pass allow allowed grant \
         granted accepted approved",
    ),
    ("failure", "failure failed fail false f no n 0 ko unsuccessful aborted"),
    ("denied", "denied deny forbidden unauthorized unauthorised reject rejected blocked refused"),
    ("error", "error err exception errored crashed fatal"),
    ("pending", "pending started in_progress queued running open"),
    ("unknown", "unknown undefined none"),
];

const ACTORS: [(&str, &str); 5] = [
    (
        "user",
        "user users admin administrator staff employee customer member person human account operator owner",
    ),
    (
        "service",
        "service app application api client machine token integration service_account webhook api_key",
    ),
    ("system", "system cron job scheduler daemon root worker task trigger"),
    ("agent", "agent bot ai assistant robot"),
    ("anonymous", "anonymous guest public nobody"),
];

fn look_up(table: &[(&'static str, &str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(_, words)| is_in(words, word)).map(|(ours, _)| *ours)
}

/// The verb that a bare word stands for: `I`, `INSERT` and `created` are all `create`.
pub(super) fn verb(text: &str) -> Option<&'static str> {
    look_up(&VERBS, &action(text))
}

/// How it ended. Numbers are statuses of HTTP.
pub(super) fn outcome(text: &str) -> Option<&'static str> {
    let word = action(text);
    look_up(&OUTCOMES, &word).or(match word.as_bytes() {
        [b'1'..=b'3', b'0'..=b'9', b'0'..=b'9'] => Some("success"),
        b"401" | b"403" => Some("denied"),
        [b'4', b'0'..=b'9', b'0'..=b'9'] => Some("failure"),
        [b'5', b'0'..=b'9', b'0'..=b'9'] => Some("error"),
        _ => None,
    })
}

/// What kind of actor it is; of a class's name the last word says it.
pub(super) fn actor(text: &str) -> Option<&'static str> {
    let word = action(last_name(text));
    look_up(&ACTORS, &word).or_else(|| look_up(&ACTORS, word.rsplit(['_', '.']).next()?))
}

/// The last name of a path of names: `Invoice` of `App\Models\Invoice`, `billing.Invoice`, `public.Invoice`.
pub(super) fn last_name(path: &str) -> &str {
    let last = path.rsplit(['\\', '.', '/', ':']).find(|name| !name.trim().is_empty());
    last.unwrap_or(path)
}

/// The action that is made of a text and, if the text is no more than a verb, of what it was done to.
pub(super) fn deed(text: &str, entity: Option<&str>) -> String {
    let entity = entity.map(|entity| action(last_name(entity)));
    let entity = entity.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    match (verb(text), entity) {
        (Some(verb), Some(entity)) => {
            let room = crate::limits::ACTION_BYTES_MAX - verb.len() - 1;
            // Names are ASCII by now, so they can be cut anywhere.
            let entity = entity[..entity.len().min(room)].trim_end_matches(['.', '_']);
            format!("{entity}.{verb}")
        }
        _ => action(text),
    }
}

/// A category: an action without dots.
pub(super) fn category(text: &str) -> Option<String> {
    let mut word = action(text).replace('.', "_");
    word.truncate(indelible_event::limits::CATEGORY_BYTES_MAX);
    (!word.is_empty()).then_some(word)
}

/// An address without the length of a prefix that says no more than that it is one.
pub(super) fn address(text: Text<'_>) -> Text<'_> {
    let host = text.strip_suffix("/32").filter(|host| host.contains('.'));
    match host.or_else(|| text.strip_suffix("/128")) {
        Some(host) => host.to_owned().into(),
        None => text,
    }
}

/// A URL's path, without what names the host and without the query.
pub(super) fn path(url: &str) -> &str {
    let after = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    after.split(['?', '#']).next().unwrap_or(after)
}

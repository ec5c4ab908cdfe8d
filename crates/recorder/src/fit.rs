//! Making an event fit what a trail takes, so that nothing is lost over its form. Callers of an application choose
//! user agents, paths and ids: one that is too long must cost its tail, never the event.

use std::borrow::Cow;

use indelible_event::{TrailName, limits};
use serde::Serialize;

use crate::event::{Fields, Text};
use crate::json::Json;
use crate::redact::Redaction;

/// What stands for a text's end that was cut off.
const ELLIPSIS: &str = "…";

/// Brings texts and names into their limits and alphabets; whether anything was cut off.
pub(crate) fn fit(fields: &mut Fields, redaction: &Redaction) -> bool {
    fit_names(fields);
    let mut cut = false;
    let mut texts = Texts { cut: &mut cut, redaction };
    for target in fields.targets.iter_mut().chain(&mut fields.subjects) {
        target.visit(&mut texts);
    }
    if let Some(actor) = &mut fields.actor {
        actor.visit(&mut texts);
    }
    if let Some(context) = fields.context.as_deref_mut() {
        context.visit(&mut texts);
    }
    if let Some(error) = &mut fields.error {
        texts.option(&mut error.code, limits::KIND_BYTES_MAX);
        texts.option(&mut error.message, limits::MESSAGE_BYTES_MAX);
    }
    for (things, max) in
        [(&mut fields.targets, limits::TARGETS_MAX), (&mut fields.subjects, limits::SUBJECTS_MAX)]
    {
        cut |= things.len() > max;
        things.truncate(max);
    }
    cut
}

/// Replaces the free JSON by its size: it was too large, too deep, or said a key twice.
pub(crate) fn cut_free_json(fields: &mut Fields, why: &str) {
    for value in [&mut fields.before, &mut fields.after].into_iter().flatten() {
        *value = Json::of(&Gone { cut: Cut { bytes: value.len(), why } });
    }
    if !fields.details.is_empty() {
        let bytes = fields.details.iter().map(|(key, value)| key.len() + value.len()).sum();
        fields.details = vec![(Text::Borrowed("_cut"), Json::of(&Cut { bytes, why }))];
    }
}

/// What stands for a value that had no room: no hash of it, which would let a short secret be guessed.
#[derive(Serialize)]
struct Gone<'a> {
    #[serde(rename = "_cut")]
    cut: Cut<'a>,
}

#[derive(Serialize)]
struct Cut<'a> {
    bytes: usize,
    why: &'a str,
}

/// Words outside their alphabet are spelled in it, and what was said is kept beside them.
fn fit_names(fields: &mut Fields) {
    if let Some(word) = spelled(&fields.action, limits::ACTION_BYTES_MAX, true) {
        let said = std::mem::replace(&mut fields.action, word.into());
        fields.details.push((Text::Borrowed("_action"), Json::of(&said)));
    }
    if let Some(category) = &mut fields.category
        && let Some(word) = spelled(category, limits::CATEGORY_BYTES_MAX, false)
    {
        let said = std::mem::replace(category, word.into());
        fields.details.push((Text::Borrowed("_event_type"), Json::of(&said)));
    }
    // A trail's name is a tenant's: one that cannot be is kept in sight, and the event where all see it.
    if let Some(trail) = &fields.trail
        && TrailName::parse(trail).is_err()
    {
        fields.details.push((Text::Borrowed("_trail"), Json::of(trail)));
        fields.trail = None;
    }
}

/// The text in the alphabet of actions (with dots) or categories, where it is not already.
fn spelled(text: &str, bytes_max: usize, dots: bool) -> Option<String> {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let words = |text: &str| text.split('.').all(|word| !word.is_empty());
    let good = |byte: u8| plain(byte) || dots && byte == b'.';
    if text.len() <= bytes_max && text.bytes().all(good) && !text.is_empty() && words(text) {
        return None;
    }
    let lower = text.to_lowercase();
    let mut word: String = lower
        .chars()
        .map(|c| if u8::try_from(c).is_ok_and(good) { c } else { '_' })
        .take(bytes_max)
        .collect();
    while word.contains("..") {
        word = word.replace("..", ".");
    }
    let word = word.trim_matches('.');
    Some(if word.is_empty() { "unnamed".to_owned() } else { word.to_owned() })
}

/// Visits every text that has a limit.
pub(crate) struct Texts<'c> {
    cut: &'c mut bool,
    redaction: &'c Redaction,
}

impl Texts<'_> {
    pub(crate) fn option(&mut self, text: &mut Option<Text>, bytes_max: usize) {
        if let Some(text) = text {
            self.text(text, bytes_max);
        }
    }

    pub(crate) fn text(&mut self, text: &mut Text, bytes_max: usize) {
        // Most texts are far below their limit, however they are escaped.
        if text.len() <= bytes_max / 6 {
            return;
        }
        if cut_at(text, bytes_max).is_none() {
            return;
        }
        // Before the cut: half of a secret, or one whose end is gone, is not known for one any more.
        if let Some(redacted) = self.redaction.without_shapes(text) {
            *text = Cow::Owned(redacted);
        }
        let Some(end) = cut_at(text, bytes_max) else { return };
        *self.cut = true;
        *text = Cow::Owned(format!("{}{ELLIPSIS}", &text[..end]));
    }
}

/// Where a text must be cut, if it is too long.
fn cut_at(text: &str, bytes_max: usize) -> Option<usize> {
    let mut room = bytes_max - ELLIPSIS.len();
    let mut fits = |c: char| {
        room = room.checked_sub(escaped_len(c))?;
        Some(())
    };
    text.char_indices().find(|(_, c)| fits(*c).is_none()).map(|(end, _)| end)
}

/// Limits count a text as it is kept, between the quotes of its JSON.
fn escaped_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

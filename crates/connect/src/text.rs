//! Foreign text made fit to be shown: whoever writes to the trail must not write to the page of the one who reads it.

use std::fmt::Write as _;

use crate::limits::KIND_CHARS_MAX;

/// The text on one line, without anything that a screen would obey or that would turn its direction, cut with `…` to
/// at most so many characters. `None` if nothing is left to see. Reads no more of it than it shows.
pub fn shown(text: &str, chars_max: usize) -> Option<String> {
    let mut made = String::new();
    let mut left = chars_max;
    let mut escape = String::new();
    for c in text.trim().chars() {
        escape.clear();
        match c {
            c if c.is_whitespace() => escape.push(' '),
            c if is_harmful(c) => {
                let _ = write!(escape, "\\u{{{:x}}}", u32::from(c));
            }
            c => escape.push(c),
        }
        let chars = escape.chars().count();
        if chars > left {
            // Room for the sign that it goes on.
            if left == 0 {
                made.pop();
            }
            made.push('…');
            return Some(made);
        }
        left -= chars;
        made.push_str(&escape);
    }
    (!made.is_empty()).then_some(made)
}

/// Control characters, and those that are not seen or change how others are: marks of direction, joiners, tags,
/// variation selectors and fillers.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Words that are written in capitals.
const CAPITALS: &str = "2fa acl api cpu csv dns gpu http https iam id ip jwt ldap mfa otp pdf sms sql ssh sso ssl tls totp \
                        url vlan vm vpn";

/// `api_key` as people write it: "API key".
pub(crate) fn words(snake: &str) -> String {
    let mut made = String::with_capacity(snake.len());
    for word in snake.split(['_', ' ']).filter(|word| !word.is_empty()) {
        if !made.is_empty() {
            made.push(' ');
        }
        if is_in(CAPITALS, word) {
            made.push_str(&word.to_ascii_uppercase());
        } else {
            made.push_str(word);
        }
    }
    made
}

/// The name of a kind of things, still as the action or the target has it. `None` if there is no word in it.
pub(crate) fn kind(text: &str) -> Option<String> {
    shown(text, KIND_CHARS_MAX).filter(|kind| !words(kind).is_empty())
}

/// Whether a list of words has this one.
pub(crate) fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// "a" or "an", by how the word begins.
pub(crate) fn article(words: &str) -> &'static str {
    let vowel = words.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O'])
        || (words.starts_with('u') && !words.starts_with("us") && !words.starts_with("uni"))
        // Letters that are spelled: an MFA device, an SSH key.
        || ["MFA", "SMS", "SQL", "SSH", "SSO", "SSL", "HTTP", "LDAP"].iter().any(|spelled| words.starts_with(spelled));
    if vowel { "an" } else { "a" }
}

/// Words that take no "a".
const UNCOUNTED: &str = "access audit_data billing config configuration content data firmware information input log_data mail \
                         metadata mfa 2fa money mtls output ownership sso software storage traffic two_factor \
     two_factor_authentication";

/// "a backup", "settings", "data".
pub(crate) fn some(noun: &str) -> String {
    let said = words(noun);
    let last = noun.rsplit(['_', ' ']).next().unwrap_or(noun);
    let plural =
        last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("us") && last != "dns";
    let doing = last.ends_with("ing") && last.len() > 5;
    if plural || doing || is_in(UNCOUNTED, noun) || is_in(UNCOUNTED, last) {
        return said;
    }
    format!("{} {said}", article(&said))
}

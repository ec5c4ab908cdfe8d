//! Strings of JSON, from and to what they say.

/// What stands between the quotes of a JSON string means. Never fails: a half of a surrogate pair, or an escape that
/// JSON does not have, must not keep a secret from being seen.
pub(super) fn unescaped(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let mut escaped = rest[at + 1..].chars();
        match escaped.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let (read, after) = unit_escaped(escaped.as_str());
                text.push(read);
                rest = after;
                continue;
            }
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
        rest = escaped.as_str();
    }
    text.push_str(rest);
    text
}

/// The character whose digits follow `\u`, and what follows it.
fn unit_escaped(rest: &str) -> (char, &str) {
    const UNKNOWN: char = char::REPLACEMENT_CHARACTER;
    let Some((first, after)) = unit(rest) else { return (UNKNOWN, rest) };
    if !(0xD800..0xDC00).contains(&first) {
        return (char::from_u32(first).unwrap_or(UNKNOWN), after);
    }
    let second = after.strip_prefix("\\u").and_then(unit);
    match second {
        Some((second, after)) if (0xDC00..0xE000).contains(&second) => {
            let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            (char::from_u32(joined).unwrap_or(UNKNOWN), after)
        }
        _ => (UNKNOWN, after),
    }
}

fn unit(rest: &str) -> Option<(u32, &str)> {
    let (digits, after) = rest.split_at_checked(4)?;
    let are_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    are_hex.then(|| u32::from_str_radix(digits, 16).ok().map(|unit| (unit, after)))?
}

/// The JSON string that says this.
pub(super) fn json_text(text: &str) -> String {
    serde_json::to_string(text).expect("a text always has its JSON")
}

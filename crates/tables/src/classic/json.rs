//! JSON that PostgreSQL's `jsonb` takes: it has neither U+0000 nor half characters, and keeps numbers digit by digit.

use crate::limits::{DIGITS_MAX, EXPONENT_MAX};

/// The same JSON, with what `jsonb` does not take shown as text, and whether there was any.
pub(super) fn for_jsonb(json: &str) -> (String, bool) {
    let bytes = json.as_bytes();
    let (mut out, mut altered) = (String::with_capacity(json.len()), false);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at);
                altered |= string(&json[start..at], &mut out);
            }
            b'-' | b'0'..=b'9' => {
                let in_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                at += bytes[at..].iter().take_while(|byte| in_number(byte)).count();
                let number = &json[start..at];
                if is_small(number) {
                    out.push_str(number);
                } else {
                    altered = true;
                    out.extend(["\"", number, "\""]);
                }
            }
            _ => {
                let plain = |byte: &u8| !matches!(byte, b'"' | b'-' | b'0'..=b'9');
                at += bytes[at..].iter().take_while(|byte| plain(byte)).count();
                out.push_str(&json[start..at]);
            }
        }
    }
    (out, altered)
}

/// Behind the closing quote of the string that begins here.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Copies a string, and escapes the escapes that stand for no character here.
fn string(text: &str, out: &mut String) -> bool {
    let (mut rest, mut altered) = (text, false);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let unit = unit(rest);
        let low = unit
            .filter(|unit| (0xD800..0xDC00).contains(unit))
            .and_then(|_| self::unit(&rest[6..]));
        let len = match (unit, low) {
            (Some(_), Some(0xDC00..0xE000)) => 12,
            (Some(0 | 0xD800..0xE000), _) => {
                altered = true;
                out.push('\\');
                6
            }
            (Some(_), _) => 6,
            // An escape of two characters, the second of which may have several bytes if this is no JSON.
            (None, _) => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
        };
        out.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    out.push_str(rest);
    altered
}

/// The number in `\uXXXX`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

fn is_small(number: &str) -> bool {
    let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.trim_start_matches(['+', '-']).parse::<u32>().unwrap_or(u32::MAX);
    digits.len() <= DIGITS_MAX && exponent <= EXPONENT_MAX
}

#[cfg(test)]
mod tests {
    use super::for_jsonb;

    #[test]
    fn what_jsonb_takes_stays_as_it_is() {
        for json in [
            r#"{"a":[1,-2.50,1e400,1E-400,true,null],"ü\"\\":"\u0001 😀 \ud83d\ude00 \\u0000"}"#,
            "\"\"",
            "-0.0",
            " [ ] ",
        ] {
            assert_eq!(for_jsonb(json), (json.to_owned(), false), "{json}");
        }
    }

    #[test]
    fn what_it_does_not_take_is_shown() {
        for (json, shown) in [
            (r#"{"a":"x\u0000y"}"#, r#"{"a":"x\\u0000y"}"#),
            (r#"["\ud800","\ud800\u0041","\udc00"]"#, r#"["\\ud800","\\ud800\u0041","\\udc00"]"#),
            ("[1e400000,-1E+401,2]", r#"["1e400000","-1E+401",2]"#),
            ("1e99999999999999999999", r#""1e99999999999999999999""#),
        ] {
            assert_eq!(for_jsonb(json), (shown.to_owned(), true), "{json}");
        }
        assert!(for_jsonb(&"9".repeat(1001)).1);
    }

    #[test]
    fn what_is_no_json_panics_nowhere() {
        for broken in
            ["\"", "\"\\", "\"\\u", "\"\\u00", "\"\\ü\"", "\"\\ud800\\", "\\", "\"\\ud800\\u00"]
        {
            let _ = for_jsonb(broken);
        }
    }
}

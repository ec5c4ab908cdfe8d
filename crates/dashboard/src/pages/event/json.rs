//! JSON as it was written: members in their order, numbers as they stand, and a layout that can be undone exactly.

use std::fmt::{self, Write as _};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::limits;
use crate::text::is_unseen;

/// A value, one level deep.
pub enum Shape<'a> {
    /// Its members in their order.
    Object(Vec<(String, &'a RawValue)>),
    /// Its items.
    List(Vec<&'a RawValue>),
    /// A text, decoded.
    Text(String),
    /// A number, `true`, `false` or `null`, as written.
    Plain(&'a str),
}

/// What a value is.
pub fn shape(raw: &RawValue) -> Shape<'_> {
    let json = raw.get();
    match json.as_bytes().first() {
        Some(b'{') => {
            serde_json::from_str::<InOrder<'_>>(json).map(|members| Shape::Object(members.0)).ok()
        }
        Some(b'[') => serde_json::from_str(json).map(Shape::List).ok(),
        Some(b'"') => serde_json::from_str(json).map(Shape::Text).ok(),
        _ => None,
    }
    .unwrap_or(Shape::Plain(json))
}

struct InOrder<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for InOrder<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<InOrder<'a>, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(InOrder)
    }
}

/// JSON laid out for reading. Only white space is put between its tokens, and characters that no eye would see are
/// escaped, so that whoever copies it has the same value, and `verify.js` can undo it to the byte. What would become
/// too long stays in one line.
pub fn pretty(json: &str) -> String {
    let mut layout = Layout { out: String::with_capacity(json.len() * 2), depth: 0 };
    let mut at = 0;
    while at < json.len() && layout.out.len() <= limits::RAW_BYTES_MAX {
        at += layout.token(&json[at..]);
    }
    if layout.out.len() <= limits::RAW_BYTES_MAX { layout.out } else { escaped(json) }
}

struct Layout {
    out: String,
    depth: usize,
}

impl Layout {
    /// Writes the next token; how many bytes it was.
    fn token(&mut self, rest: &str) -> usize {
        let first = rest.as_bytes()[0];
        match first {
            b'"' => {
                let length = string_length(rest);
                self.out.push_str(&escaped(&rest[..length]));
                return length;
            }
            b'[' | b'{' => {
                if let Some(line) = in_line(rest) {
                    self.out.push_str(&spaced(line));
                    return line.len();
                }
                self.out.push(char::from(first));
                self.depth += 1;
                self.line();
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                self.line();
                self.out.push(char::from(first));
            }
            b',' => {
                self.out.push(',');
                self.line();
            }
            b':' => self.out.push_str(": "),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => {
                let c = rest.chars().next().unwrap_or(' ');
                self.out.push(c);
                return c.len_utf8();
            }
        }
        1
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// The length of the string that a text begins with, quotes and all.
fn string_length(text: &str) -> usize {
    let mut escape = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escape;
        escape = byte == b'\\' && !escape;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The list or object that a text begins with, where it is short and nothing but plain values is in it.
fn in_line(text: &str) -> Option<&str> {
    let mut at = 1;
    while at < text.len() && at <= limits::RAW_LINE_BYTES_MAX {
        match text.as_bytes()[at] {
            b'"' => at += string_length(&text[at..]),
            b'[' | b'{' => return None,
            b']' | b'}' => return text.get(..=at).filter(|_| at <= limits::RAW_LINE_BYTES_MAX),
            _ => at += 1,
        }
    }
    None
}

/// One line with a space behind each comma and colon.
fn spaced(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut at = 0;
    while at < line.len() {
        let length = match line.as_bytes()[at] {
            b'"' => string_length(&line[at..]),
            _ => line[at..].chars().next().map_or(1, char::len_utf8),
        };
        let token = &line[at..at + length];
        out.push_str(&escaped(token));
        if matches!(token, "," | ":") {
            out.push(' ');
        }
        at += length;
    }
    out
}

/// JSON with what no eye would see escaped. Outside strings there is nothing of the kind.
fn escaped(json: &str) -> String {
    if !json.chars().any(is_unseen) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_unseen(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes what is written");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(text: &str) -> String {
        let mut out = String::new();
        let mut at = 0;
        while at < text.len() {
            let length = if text.as_bytes()[at] == b'"' { string_length(&text[at..]) } else { 1 };
            if !text.as_bytes()[at].is_ascii_whitespace() {
                out.push_str(&text[at..at + length]);
            }
            at += length;
        }
        out
    }

    #[test]
    fn a_layout_adds_white_space_alone() {
        let json = r#"{"a":{"b":[1.00,-0,"x, \" {y}: [é]"],"c":{},"d":[]},"long":[{"k":1},{"k":2}],"e":null}"#;
        let laid = pretty(json);
        assert_eq!(undone(&laid), json);
        assert!(laid.contains("\"b\": [1.00, -0, \"x, \\\" {y}: [é]\"]"), "{laid}");
        assert!(laid.contains("\n    {\"k\": 1},\n"), "{laid}");
        assert!(laid.contains("\n  \"e\": null\n}"), "{laid}");
    }

    #[test]
    fn what_no_eye_would_see_is_escaped() {
        let laid = pretty("{\"a\u{202e}\":\"\u{e0001}\u{7f}é\"}");
        assert_eq!(laid, "{\"a\\u202e\": \"\\udb40\\udc01\\u007fé\"}");
    }

    #[test]
    fn what_would_become_too_long_stays_in_a_line() {
        let deep = format!("{}{}{}", "[".repeat(31), vec!["0"; 100_000].join(","), "]".repeat(31));
        assert!(pretty(&deep).len() <= limits::RAW_BYTES_MAX + 256 * 1024);
        assert_eq!(undone(&pretty(&deep)), deep);
        for odd in ["", "\"", "\"\\", "{\"", "[", "]", "}{", "é"] {
            pretty(odd);
        }
    }

    #[test]
    fn members_keep_their_order_and_numbers_their_digits() {
        let raw = RawValue::from_string(r#"{"b":1.00,"a":"x\n","c":[null]}"#.to_owned()).unwrap();
        let Shape::Object(members) = shape(&raw) else { panic!("an object") };
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        assert!(matches!(shape(members[0].1), Shape::Plain("1.00")));
        assert!(matches!(shape(members[1].1), Shape::Text(text) if text == "x\n"));
        assert!(matches!(shape(members[2].1), Shape::List(items) if items.len() == 1));
    }
}

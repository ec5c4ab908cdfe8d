//! Secrets in a text, found by their shape. One pass: a byte that cannot begin (or announce) a secret costs a
//! look into a table, and each shape reads only what belongs to it, so the whole is linear.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;
use serde::Deserialize;

use super::REDACTED;
use super::cards::{CARD_DIGITS_MIN, card, may_be_card};
use super::keys::{Keys, Words};
use crate::limits::{REDACT_KEY_BYTES_MAX, REDACT_PASSES_MAX};

/// Keys of cloud services and others that are known by how they begin: the beginning, whether `-`, `_` and `.` may
/// be in what follows (else it is letters and digits), and how long that is at least. Those that begin with the
/// same letter stand together.
const KEY_PREFIXES: &[(&str, bool, usize)] = &[
    ("AKIA", false, 16),             // AWS
    ("ASIA", false, 16),             // AWS, for a session
    ("AIza", true, 30),              // Google
    ("AGE-SECRET-KEY-1", false, 20), // age
    ("SG.", true, 20),               // SendGrid
    ("ghp_", false, 20),             // GitHub, and the next five
    ("gho_", false, 20),
    ("ghu_", false, 20),
    ("ghs_", false, 20),
    ("ghr_", false, 20),
    ("github_pat_", true, 20),
    ("glpat-", true, 16),    // GitLab
    ("hf_", false, 20),      // Hugging Face
    ("npm_", false, 20),     // npm
    ("rk_live_", false, 10), // Stripe, and the next three
    ("rk_test_", false, 10),
    ("sk_live_", false, 10),
    ("sk_test_", false, 10),
    ("sk-ant-", true, 16),  // Anthropic
    ("sk-proj-", true, 16), // OpenAI
    ("whsec_", true, 16),   // webhooks of several
    ("xapp-", true, 8),     // Slack, and the next seven
    ("xoxa-", true, 8),
    ("xoxb-", true, 8),
    ("xoxe-", true, 8),
    ("xoxo-", true, 8),
    ("xoxp-", true, 8),
    ("xoxr-", true, 8),
    ("xoxs-", true, 8),
    ("ya29.", true, 20), // Google, for a session
];

/// Where in the table the prefixes of a letter begin, and where they end.
const PREFIXES_OF: [(u8, u8); 256] = {
    let mut of = [(0, 0); 256];
    let mut at = 0;
    while at < KEY_PREFIXES.len() {
        let range = &mut of[KEY_PREFIXES[at].0.as_bytes()[0] as usize];
        if range.1 == 0 {
            range.0 = at as u8;
        }
        assert!(range.1 == 0 || range.1 == at as u8, "those of a letter stand together");
        range.1 = at as u8 + 1;
        at += 1;
    }
    of
};

/// Names of query parameters that carry a secret only there; those of [`SECRET_KEYS`](super::SECRET_KEYS) count too.
const SECRET_PARAMETERS: &[&str] =
    &["auth", "hmac", "sas", "sig", "signature", "x-amz-signature", "x-goog-signature"];

/// Headers whose value is secret up to the end of the line.
const SECRET_HEADERS: &[&str] =
    &["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key", "x-auth-token"];

/// What follows `Bearer` in prose and in challenges.
const NOT_BEARER_TOKENS: &[&str] = &[
    "auth",
    "authentication",
    "authorization",
    "error",
    "realm",
    "scheme",
    "scope",
    "token",
    "tokens",
];

/// How an authorization is named before the value.
const SCHEMES: &[&str] = &["basic", "bearer", "digest", "negotiate", "token"];

/// What a byte may be the beginning of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Nothing,
    /// One of the keys' prefixes, a JWT, `Bearer` or `Basic`, if a word begins here.
    Letter,
    /// A card number.
    Digit,
    /// A PEM block.
    Dash,
    /// The end of a key, or of a URL's scheme.
    Colon,
    /// The end of a parameter's name.
    Equals,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Nothing; 256];
    let mut at = 0;
    while at < KEY_PREFIXES.len() {
        classes[KEY_PREFIXES[at].0.as_bytes()[0] as usize] = Class::Letter;
        at += 1;
    }
    // Of a JWT, our own keys, and the two schemes.
    let others = b"eibB";
    at = 0;
    while at < others.len() {
        classes[others[at] as usize] = Class::Letter;
        at += 1;
    }
    at = b'0' as usize;
    while at <= b'9' as usize {
        classes[at] = Class::Digit;
        at += 1;
    }
    classes[b'-' as usize] = Class::Dash;
    classes[b':' as usize] = Class::Colon;
    classes[b'=' as usize] = Class::Equals;
    classes
};

/// What texts are looked at with.
pub(super) struct Finder<'a> {
    pub(super) keys: &'a Keys,
    pub(super) words: Words,
}

impl Finder<'_> {
    /// The text without its secrets; `None` if it has none. What is left when one is gone is looked at again,
    /// for it may stand differently now.
    pub(super) fn redacted(&mut self, text: &str, cards: bool) -> Option<String> {
        let mut spans = self.find(text, cards);
        if spans.is_empty() {
            return None;
        }
        let mut redacted = without(text, &spans);
        for _ in 1..REDACT_PASSES_MAX {
            spans = self.find(&redacted, cards);
            if spans.is_empty() {
                break;
            }
            redacted = without(&redacted, &spans);
        }
        Some(redacted)
    }

    /// Where secrets stand: in order, and none within another.
    fn find(&mut self, text: &str, cards: bool) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let cards = cards && bytes.len() >= CARD_DIGITS_MIN;
        let (mut spans, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let class = CLASSES[usize::from(bytes[at])];
            if class == Class::Nothing {
                at += 1;
                continue;
            }
            let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
            let mut next = at + 1;
            let found = match class {
                Class::Letter if !before.is_ascii_alphanumeric() => word(bytes, at, before),
                Class::Digit if cards && !before.is_ascii_digit() && may_be_card(bytes, at) => {
                    let (found, after) = card(bytes, at);
                    next = after;
                    found
                }
                Class::Dash => pem(bytes, at),
                Class::Colon if bytes[at..].starts_with(b"://") => password_of_url(bytes, at + 3),
                Class::Colon => self.member(text, at).or_else(|| header(bytes, at)),
                Class::Equals => self.parameter(text, at),
                _ => None,
            };
            if let Some(span) = found.filter(|span| &bytes[span.clone()] != REDACTED.as_bytes()) {
                next = span.end;
                spans.push(span);
            }
            at = next;
        }
        spans
    }

    /// `name=value`, in a query, a form, a cookie or a connection string.
    fn parameter(&mut self, text: &str, equals: usize) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let name = name_before(bytes, equals)?;
        let in_query = name.start.checked_sub(1).is_some_and(|at| b"?&#".contains(&bytes[at]));
        let name = &text[name];
        let is_secret = in_query
            && SECRET_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known))
            || self.keys.matched(name, &mut self.words).is_some();
        if !is_secret {
            return None;
        }
        let start = equals + 1;
        if let Some(quoted) = quoted(bytes, start) {
            return Some(quoted);
        }
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"&;\"'<>".contains(byte);
        let mut end = run(bytes, start, |byte| !ends(byte));
        if SCHEMES.iter().any(|scheme| bytes[start..end].eq_ignore_ascii_case(scheme.as_bytes())) {
            end = run(bytes, end, |byte| *byte == b' ');
            end = run(bytes, end, |byte| !ends(byte));
        }
        (start < end).then_some(start..end)
    }

    /// `"name": value` of JSON that stands in a text.
    fn member(&mut self, text: &str, colon: usize) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let mut close = colon.checked_sub(1)?;
        if !matches!(bytes[close], b'"' | b'\'') {
            return None;
        }
        // JSON in a text in JSON: its quotes are escaped.
        if close > 0 && bytes[close - 1] == b'\\' {
            close -= 1;
        }
        let name = name_before(bytes, close)?;
        self.keys.matched(&text[name], &mut self.words)?;
        let start = run(bytes, colon + 1, |byte| *byte == b' ');
        if let Some(quoted) = quoted(bytes, start) {
            return Some(quoted);
        }
        let end =
            run(bytes, start, |byte| !byte.is_ascii_whitespace() && !b",}]\"'".contains(byte));
        let is_plain =
            !matches!(&bytes[start..end], b"" | b"null" | b"true" | b"false" | b"None" | b"\\");
        (is_plain && !matches!(bytes[start], b'{' | b'[')).then_some(start..end)
    }
}

fn without(text: &str, spans: &[Range<usize>]) -> String {
    let (mut rest, mut kept) = (0, String::with_capacity(text.len()));
    for span in spans {
        kept.push_str(&text[rest..span.start]);
        kept.push_str(REDACTED);
        rest = span.end;
    }
    kept.push_str(&text[rest..]);
    kept
}

/// The end of the bytes from `at` on that are of a kind.
fn run(bytes: &[u8], at: usize, kind: impl Fn(&u8) -> bool) -> usize {
    at + bytes[at..].iter().take_while(|byte| kind(byte)).count()
}

fn is_base64url(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The name that ends at `end`. It is short: the bytes before each `=` are read once more, not all of them.
fn name_before(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let from = end.saturating_sub(REDACT_KEY_BYTES_MAX);
    let length = bytes[from..end]
        .iter()
        .rev()
        .take_while(|byte| is_base64url(byte) || **byte == b'.')
        .count();
    (length > 0).then(|| end - length..end)
}

/// What stands between the quotes that open at `at`, be they escaped or not.
fn quoted(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let escaped = bytes.get(at) == Some(&b'\\');
    let start = at + usize::from(escaped) + 1;
    let quote = *bytes.get(start - 1).filter(|quote| matches!(quote, b'"' | b'\''))?;
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            _ if byte == quote => break,
            b'\\' if escaped && bytes.get(end + 1) == Some(&quote) => break,
            b'\\' if bytes.get(end + 1).is_some_and(u8::is_ascii) => end += 2,
            _ => end += 1,
        }
    }
    let end = end.min(bytes.len());
    (start < end).then_some(start..end)
}

/// A secret that begins a word.
fn word(bytes: &[u8], at: usize, before: u8) -> Option<Range<usize>> {
    match bytes[at] {
        b'b' | b'B' => scheme(bytes, at),
        b'e' => jwt(bytes, at, before),
        b'i' => own_key(bytes, at),
        _ => foreign_key(bytes, at),
    }
}

fn foreign_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..];
    let (from, to) = PREFIXES_OF[usize::from(bytes[at])];
    let (prefix, is_wide, min) = KEY_PREFIXES[usize::from(from)..usize::from(to)]
        .iter()
        .find(|(prefix, ..)| rest.starts_with(prefix.as_bytes()))?;
    let start = at + prefix.len();
    let end = match is_wide {
        true => run(bytes, start, |byte| is_base64url(byte) || *byte == b'.'),
        false => run(bytes, start, u8::is_ascii_alphanumeric),
    };
    // A sentence may end behind it.
    let end = start + unpointed(&bytes[start..end]);
    (end - start >= *min).then_some(at..end)
}

/// The secret of one of our own API keys; the id before it names the key and is none.
fn own_key(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let id = bytes[at..].strip_prefix(b"idl_")?;
    let is_id = id.len() > 17 && id[..16].iter().all(u8::is_ascii_hexdigit) && id[16] == b'_';
    let start = at + 4 + 17;
    is_id.then(|| start..run(bytes, start, is_base64url)).filter(|span| !span.is_empty())
}

#[derive(Deserialize)]
struct JwtHeader {
    #[serde(rename = "alg")]
    _alg: String,
}

/// Three segments (or the five of an encrypted one), of which the first is the base64url of an object with `alg`.
fn jwt(bytes: &[u8], at: usize, before: u8) -> Option<Range<usize>> {
    // The base64 of `{"`, or of `{` and white space.
    if is_base64url(&before) || !matches!(bytes.get(at + 1), Some(b'y' | b'w')) {
        return None;
    }
    let header = run(bytes, at, is_base64url);
    let payload = segment(bytes, header)?;
    let mut end = segment(bytes, payload)?;
    let json = URL_SAFE_NO_PAD.decode(&bytes[at..header]).ok()?;
    serde_json::from_slice::<JwtHeader>(&json).ok()?;
    while let Some(more) = segment(bytes, end).filter(|more| *more > end + 1) {
        end = more;
    }
    Some(at..end)
}

/// The end of the segment behind a point.
fn segment(bytes: &[u8], point: usize) -> Option<usize> {
    (bytes.get(point) == Some(&b'.')).then(|| run(bytes, point + 1, is_base64url))
}

/// What follows `Bearer` or `Basic`.
fn scheme(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is = |name: &[u8]| {
        bytes[at..].get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name))
    };
    let (is_bearer, name_end) = if is(b"bearer") {
        (true, at + 6)
    } else if is(b"basic") {
        (false, at + 5)
    } else {
        return None;
    };
    let start = run(bytes, name_end, |byte| *byte == b' ');
    let bare = run(bytes, start, |byte| is_base64url(byte) || b".~+/%".contains(byte));
    let end = run(bytes, bare, |byte| *byte == b'=');
    if start == name_end || start == bare {
        return None;
    }
    let before = bytes[..at].trim_ascii_end().last();
    let is_announced = matches!(before, Some(b':' | b'='));
    let token = &bytes[start..bare];
    let is_word = NOT_BEARER_TOKENS.iter().any(|word| token.eq_ignore_ascii_case(word.as_bytes()));
    let is_credential = match is_bearer {
        _ if is_word => false,
        _ if is_announced => true,
        true => at == 0 && end == bytes.len() || looks_random(token),
        // User and password with a colon between them.
        false => STANDARD_NO_PAD.decode(token).is_ok_and(|plain| plain.contains(&b':')),
    };
    is_credential.then_some(start..end)
}

/// Whether it is no word of a sentence.
fn looks_random(token: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| token.iter().skip(1).any(kind);
    token.len() >= 8
        && (has(u8::is_ascii_digit) || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
}

/// From `-----BEGIN … PRIVATE KEY` to behind its end, or to the end of the text.
fn pem(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    let label = bytes[at..].strip_prefix(BEGIN)?;
    let label = &label[..label.len().min(REDACT_KEY_BYTES_MAX)];
    let label_end = memmem::find(label, b"-----").unwrap_or(label.len());
    memmem::find(&label[..label_end], b"PRIVATE KEY")?;
    let body = at + BEGIN.len() + label_end;
    let Some(end) = memmem::find(&bytes[body..], END) else { return Some(at..bytes.len()) };
    let end = body + end + END.len();
    // The label once more, and five dashes.
    let dashes = memmem::find(&bytes[end..], b"-----");
    Some(at..dashes.map_or(bytes.len(), |dashes| end + dashes + 5))
}

/// The password in `scheme://user:password@host`; `at` is behind the slashes.
fn password_of_url(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let end = run(bytes, at, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>\\".contains(byte));
    let host = memchr::memrchr(b'@', &bytes[at..end])?;
    let user = memchr::memchr(b':', &bytes[at..at + host])?;
    (user + 1 < host).then(|| at + user + 1..at + host)
}

/// The rest of the line behind `Authorization:` and its like.
fn header(bytes: &[u8], colon: usize) -> Option<Range<usize>> {
    let name = name_before(bytes, colon)?;
    SECRET_HEADERS
        .iter()
        .find(|known| bytes[name.clone()].eq_ignore_ascii_case(known.as_bytes()))?;
    let start = run(bytes, colon + 1, |byte| *byte == b' ');
    let end = run(bytes, start, |byte| !matches!(byte, b'\r' | b'\n'));
    (start < end).then_some(start..end)
}

fn unpointed(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1)
}

//! The little JSON that everything here shares: finding the end of a string fast, and writing one
//! in its only form.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The place, at or after `at`, of the first byte a string cannot hold as it is: a quote, a
/// backslash or a control character; the length where there is none.
#[inline]
pub(crate) fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at once. Each term below marks the high bit of the bytes it looks for; a borrow
    // can mark wrong bytes only above a right one, so the lowest mark is always right.
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5c);
        let marks = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let marks = marks & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < bytes.len() && !matches!(bytes[at], 0..=0x1f | b'"' | b'\\') {
        at += 1;
    }
    at
}

/// Appends text as it stands between the quotes of a JSON string, escaping no more than RFC 8785
/// §3.2.2.2 asks for. Two texts never give the same bytes.
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut at = 0;
    loop {
        let end = plain_until(text, at);
        out.extend_from_slice(&text[at..end]);
        let Some(&byte) = text.get(end) else {
            return;
        };
        write_escape(out, byte);
        at = end + 1;
    }
}

/// How many bytes [`write_escaped`] makes of a text.
pub(crate) fn escaped_len(text: &[u8]) -> usize {
    let grows = |byte: &u8| match byte {
        b'"' | b'\\' | 0x08..=0x0a | 0x0c | b'\r' => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    text.len() + text.iter().map(grows).sum::<usize>()
}

/// Appends one character that must be escaped.
pub(crate) fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let (high, low) = crate::id::hex_digits(byte);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a whole string, quotes included.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// The text of a string's canonical body (what stands between its quotes), or `None` where the
/// body is not one that [`write_escaped`] writes.
pub(crate) fn unescape(body: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(body.len());
    let mut at = 0;
    loop {
        let end = plain_until(body, at);
        text.extend_from_slice(&body[at..end]);
        if end == body.len() {
            return Some(text);
        }
        let (byte, len) = match *body.get(end..)? {
            [b'\\', b'u', b'0', b'0', high, low, ..] => (crate::id::hex_byte(high, low)?, 6),
            [b'\\', short, ..] => (short_escape(short)?, 2),
            _ => return None,
        };
        let mut again = Vec::with_capacity(6);
        write_escape(&mut again, byte);
        let escaped = matches!(byte, 0..=0x1f | b'"' | b'\\');
        if !escaped || again != body[end..end + len] {
            return None;
        }
        text.push(byte);
        at = end + len;
    }
}

/// The character that a backslash and this letter stand for, `\u` and `\/` aside.
pub(crate) fn short_escape(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' => b'"',
        b'\\' => b'\\',
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'f' => 0x0c,
        b'r' => b'\r',
        _ => return None,
    })
}

/// Appends a number in decimal.
pub(crate) fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Reads a whole number as [`write_u64`] writes it: no sign, no leading zero, nothing after it.
pub(crate) fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

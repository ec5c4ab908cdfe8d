//! Letters and words: what is the same to a search, and where a text is cut.

use std::borrow::Cow;

use crate::limits::WORD_BYTES_MAX;

/// The text in lower case, one character for one (so that no text falls apart into other words), the two
/// small sigmas being one.
pub fn fold(text: &str) -> Cow<'_, str> {
    if is_folded_ascii(text) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    fold_slowly(text, &mut folded);
    if folded == text { Cow::Borrowed(text) } else { Cow::Owned(folded) }
}

/// Like [`fold`], into a buffer that is used again and again.
#[inline]
pub(crate) fn fold_into<'t>(text: &'t str, buffer: &'t mut String) -> &'t str {
    if is_folded_ascii(text) {
        return text;
    }
    buffer.clear();
    fold_slowly(text, buffer);
    buffer
}

/// Whether it is ASCII without capitals. No early end, so that the compiler takes many bytes at once.
#[inline]
fn is_folded_ascii(text: &str) -> bool {
    let differs = |byte: &u8| byte.is_ascii_uppercase() | !byte.is_ascii();
    !text.as_bytes().iter().fold(false, |seen, byte| seen | differs(byte))
}

fn fold_slowly(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out[start..].make_ascii_lowercase();
        return;
    }
    out.extend(text.chars().map(|character| match character {
        'ς' => 'σ',
        // Only one capital becomes two characters, İ; the second is a mark that would end the word.
        _ => character.to_lowercase().next().unwrap_or(character),
    }));
}

/// Shows the words of a text: longest runs of letters and digits of any script, folded, each cut to
/// [`WORD_BYTES_MAX`]. Those that are id-like ([`is_id_like`]) are among them.
pub fn words(text: &str, each: impl FnMut(&str)) {
    words_of_folded(&fold(text), each);
}

/// The words of a text that is folded.
#[inline]
pub(crate) fn words_of_folded(text: &str, mut each: impl FnMut(&str)) {
    let mut show = |word: &str| match word.len() {
        0 => {}
        1..=WORD_BYTES_MAX => each(word),
        _ => each(&word[..word.floor_char_boundary(WORD_BYTES_MAX)]),
    };
    if !text.is_ascii() {
        text.split(|character: char| !character.is_alphanumeric()).for_each(show);
        return;
    }
    let bytes = text.as_bytes();
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            if at > start {
                show(&text[start..at]);
            }
            start = at + 1;
        }
    }
    if start < bytes.len() {
        show(&text[start..]);
    }
}

/// Whether a folded text is one word and nothing else, and not too long for one.
pub(crate) fn is_plain_word(text: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.chars().all(char::is_alphanumeric)
}

/// Whether these words follow each other in a folded text.
pub(crate) fn holds_words(text: &str, wanted: &[String]) -> bool {
    let Some(first) = wanted.first() else { return false };
    if !text.contains(first.as_str()) {
        return false;
    }
    let mut found: Vec<Cow<'_, str>> = Vec::new();
    words_of_folded(text, |word| found.push(Cow::Owned(word.to_owned())));
    found.windows(wanted.len()).any(|run| run.iter().eq(wanted))
}

/// Hexadecimal words of this length with letters and digits are ids: no word of a language is one.
const HEX_ID_BYTES_MIN: usize = 8;
/// Whole numbers with more digits are ids: of amounts and sizes hardly any is, and a time in seconds is not.
const DIGITS_MAX: usize = 10;
/// Longer words with letters and digits in them are ids.
const MIXED_BYTES_MAX: usize = 24;
/// A value made of dashes and so many hexadecimal digits is an id, such as a UUID.
const DASHED_HEX_MIN: usize = 24;

/// Whether a folded word looks like an id rather than a word. These are not indexed as words: few records
/// share them, so that each would cost its whole length, and they are found as whole values.
#[inline]
pub fn is_id_like(word: &str) -> bool {
    if word.len() < HEX_ID_BYTES_MIN {
        return false;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    if digits == word.len() {
        return digits > DIGITS_MAX;
    }
    word.len() > MIXED_BYTES_MAX || word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a whole value is an id written in pieces, such as a UUID: its pieces are not words.
#[inline]
pub(crate) fn is_id_value(value: &str) -> bool {
    if value.len() < DASHED_HEX_MIN {
        return false;
    }
    let mut digits = 0;
    let mut decimal = false;
    for byte in value.bytes() {
        match byte {
            b'-' => {}
            _ if byte.is_ascii_hexdigit() => {
                digits += 1;
                decimal |= byte.is_ascii_digit();
            }
            _ => return false,
        }
    }
    digits >= DASHED_HEX_MIN && decimal
}

//! Texts of rules: wildcards, their escapes, and what modifiers make of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::{WINDASH_BYTES_MAX, WINDASH_MAX};
use crate::model::{How, Op, Piece};

/// Reads a text with `*` and `?`. A backslash takes the meaning from a wildcard and from a backslash that stands before
/// one; before all else it is itself.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut literal) = (Vec::new(), String::new());
    let mut rest = text.chars().peekable();
    let end = |literal: &mut String, pieces: &mut Vec<Piece>| {
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(literal).into()));
        }
    };
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => match rest.next_if(|next| matches!(next, '\\' | '*' | '?')) {
                Some(escaped) => literal.push(escaped),
                None => literal.push('\\'),
            },
            '*' => {
                end(&mut literal, &mut pieces);
                // Two in a row are one, and cost what one costs.
                if pieces.last() != Some(&Piece::Any) {
                    pieces.push(Piece::Any);
                }
            }
            '?' => {
                end(&mut literal, &mut pieces);
                pieces.push(Piece::One);
            }
            other => literal.push(other),
        }
    }
    end(&mut literal, &mut pieces);
    pieces
}

/// A text without wildcards; `None` if there are some.
pub(super) fn literal(pieces: &[Piece]) -> Option<&str> {
    match pieces {
        [] => Some(""),
        [Piece::Literal(text)] => Some(text),
        _ => None,
    }
}

/// What a value should be so that it is, begins with, ends with or contains this. `*` alone is whatever value is there.
pub(super) fn op(mut pieces: Vec<Piece>, how: How, cased: bool) -> Op {
    let (open_begin, open_end) =
        (matches!(how, How::Ends | How::Contains), matches!(how, How::Begins | How::Contains));
    if open_begin && pieces.first() != Some(&Piece::Any) {
        pieces.insert(0, Piece::Any);
    }
    if open_end && pieces.last() != Some(&Piece::Any) {
        pieces.push(Piece::Any);
    }
    if !cased {
        for piece in &mut pieces {
            if let Piece::Literal(text) = piece {
                *text = text.to_lowercase().into();
            }
        }
    }
    let text = |how, value: &str| Op::Text { how, value: value.into(), cased };
    match &*pieces {
        [] => text(How::Is, ""),
        [Piece::Literal(value)] => text(How::Is, value),
        [Piece::Literal(value), Piece::Any] => text(How::Begins, value),
        [Piece::Any, Piece::Literal(value)] => text(How::Ends, value),
        [Piece::Any, Piece::Literal(value), Piece::Any] => text(How::Contains, value),
        _ => Op::Pattern { pattern: pieces, cased },
    }
}

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As UTF-8.
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
    /// UTF-16, the lower byte first, behind a byte order mark.
    Utf16,
}

impl Coding {
    fn bytes(self, text: &str) -> Vec<u8> {
        let (le, be) = (u16::to_le_bytes, u16::to_be_bytes);
        match self {
            Coding::Utf8 => text.as_bytes().to_vec(),
            Coding::Utf16Le => text.encode_utf16().flat_map(le).collect(),
            Coding::Utf16Be => text.encode_utf16().flat_map(be).collect(),
            Coding::Utf16 => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(le).collect(),
        }
    }
}

/// A text in Base64.
pub(super) fn base64(text: &str, coding: Coding) -> String {
    STANDARD.encode(coding.bytes(text))
}

/// What is the same of a text in Base64 wherever it stands: three texts, one for each place in a group of three bytes.
/// Letters that bytes beside it have a part in are left out.
pub(super) fn base64_offsets(text: &str, coding: Coding) -> [String; 3] {
    let bytes = coding.bytes(text);
    [0, 1, 2].map(|offset| {
        let mut shifted = vec![b' '; offset];
        shifted.extend_from_slice(&bytes);
        let encoded = STANDARD.encode(&shifted);
        let begin = [0, 2, 3][offset];
        let end = encoded.len() - [0, 3, 2][shifted.len() % 3];
        encoded.get(begin..end).unwrap_or_default().to_owned()
    })
}

/// Dashes that Windows takes for one that begins an option.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// The texts with every dash before an option written in every way; `None` if that are too many.
pub(super) fn windash(text: &str) -> Option<Vec<String>> {
    let word = |letter: Option<char>| letter.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let letters: Vec<char> = text.chars().collect();
    let mut texts = vec![String::new()];
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|before| letters[before]);
        let option =
            matches!(letter, '-' | '/') && !word(before) && word(letters.get(i + 1).copied());
        if !option {
            texts.iter_mut().for_each(|text| text.push(*letter));
            continue;
        }
        let many = texts.len() * DASHES.len();
        if many > WINDASH_MAX || many * text.len() > WINDASH_BYTES_MAX {
            return None;
        }
        let with = |text: &String| DASHES.map(|dash| format!("{text}{dash}"));
        texts = texts.iter().flat_map(with).collect();
    }
    Some(texts)
}

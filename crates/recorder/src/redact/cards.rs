//! Card numbers in a text: 13 to 19 digits, in one piece or in groups, of a known issuer and with a right check
//! digit. A tenth of all numbers has one by chance, so issuer, grouping and what stands around count as well.

use std::ops::Range;

/// The fewest digits of a card number.
pub(super) const CARD_DIGITS_MIN: usize = 13;
/// The most.
const CARD_DIGITS_MAX: usize = 19;

/// Whether it is worth to look closer: no issuer's numbers begin otherwise, and no first group is shorter.
#[inline]
pub(super) fn may_be_card(text: &[u8], at: usize) -> bool {
    matches!(text[at], b'2'..=b'6') && text.get(at + 3).is_some_and(u8::is_ascii_digit)
}

/// The card number that begins at `at`, a digit that follows none, and where to go on looking.
pub(super) fn card(text: &[u8], at: usize) -> (Option<Range<usize>>, usize) {
    let first = group_end(text, at);
    if !stands_free_before(text, at) {
        return (None, first);
    }
    let mut digits = [0; CARD_DIGITS_MAX];
    let Some(mut count) = take(&mut digits, 0, &text[at..first]) else { return (None, first) };
    let mut found = None;
    let mut end = first;
    loop {
        if count >= CARD_DIGITS_MIN && stands_free_after(text, end) && is_card(&digits[..count]) {
            found = Some(at..end);
        }
        // Cards are printed in groups, and the first is always of four.
        let separator = text.get(end).copied();
        if first - at != 4 || !matches!(separator, Some(b' ' | b'-')) {
            break;
        }
        let next = group_end(text, end + 1);
        if !(2..=7).contains(&(next - end - 1)) {
            break;
        }
        let Some(more) = take(&mut digits, count, &text[end + 1..next]) else { break };
        (count, end) = (more, next);
    }
    let next = found.as_ref().map_or(first, |found| found.end);
    (found, next)
}

fn group_end(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Appends digits, if there is room for them.
fn take(digits: &mut [u8; CARD_DIGITS_MAX], count: usize, from: &[u8]) -> Option<usize> {
    let end = count + from.len();
    let room = digits.get_mut(count..end)?;
    room.iter_mut().zip(from).for_each(|(digit, byte)| *digit = byte - b'0');
    Some(end)
}

/// A number within a word, an identifier or a decimal fraction is no card.
fn stands_free_before(text: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| text[before]) {
        Some(b'.') => at < 2 || !text[at - 2].is_ascii_digit(),
        Some(byte) => !(byte.is_ascii_alphanumeric() || byte == b'_'),
        None => true,
    }
}

fn stands_free_after(text: &[u8], end: usize) -> bool {
    match text.get(end) {
        Some(b'.') => !text.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(&byte) => !(byte.is_ascii_alphanumeric() || byte == b'_'),
        None => true,
    }
}

fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits)
}

fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        digits[..length].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit))
    };
    match digits.len() {
        // Diners
        14 => matches!(prefix(3), 300..=305 | 360..=369 | 380..=399),
        // American Express
        15 => matches!(prefix(2), 34 | 37),
        // Visa
        13 => prefix(1) == 4,
        // Visa, Mastercard, Discover, UnionPay, JCB
        16 => {
            matches!(prefix(1), 4)
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011 | 6440..=6499)
        }
        19 => prefix(1) == 4 || is_long_issuer(prefix(2), prefix(4)),
        _ => is_long_issuer(prefix(2), prefix(4)),
    }
}

/// Discover, UnionPay and JCB give out longer numbers, too.
fn is_long_issuer(two: u32, four: u32) -> bool {
    matches!(two, 62 | 65) || matches!(four, 3528..=3589 | 6011 | 6440..=6499)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (u32::from(digit), place % 2) {
            (digit, 0) => digit,
            (digit, _) if digit > 4 => digit * 2 - 9,
            (digit, _) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

//! What a certificate says of itself, as far as people need it: whose it is, and how long. It proves nothing; the library
//! that verifies does that, and tells neither.

use indelible_event::Micros;

/// A certificate's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The common name of its subject.
    pub name: Option<String>,
    /// It does not count before.
    pub from: Micros,
    /// It does not count after.
    pub to: Micros,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, which a version stands in.
const VERSION: u8 = 0xa0;
/// 2.5.4.3, the common name.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];

/// Reads a certificate (DER). `None` if it is none.
pub(crate) fn read(der: &[u8]) -> Option<About> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = take(rest)?.2;
    }
    // The serial number, the signature's algorithm and the issuer.
    for _ in 0..3 {
        rest = take(rest)?.2;
    }
    let (validity, rest) = expect(rest, SEQUENCE)?;
    let (kind, from, after) = take(validity)?;
    let (kind_to, to, _) = take(after)?;
    let (subject, _) = expect(rest, SEQUENCE)?;
    Some(About { name: common_name(subject), from: time(kind, from)?, to: time(kind_to, to)? })
}

/// The last one that there is: the most specific.
fn common_name(mut subject: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some((set, rest)) = expect(subject, SET) {
        subject = rest;
        let mut set = set;
        while let Some((pair, rest)) = expect(set, SEQUENCE) {
            set = rest;
            let (id, value) = expect(pair, OBJECT_ID)?;
            if id == COMMON_NAME {
                found = Some(String::from_utf8_lossy(take(value)?.1).into_owned());
            }
        }
    }
    found
}

/// `YYMMDDhhmmssZ`, of 1950 to 2049, or with a year of four digits: as RFC 5280 has them.
fn time(kind: u8, text: &[u8]) -> Option<Micros> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match kind {
        UTC_TIME => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (day, time) = text.split_at(8);
    let (year, month, day) = (&day[..4], &day[4..6], &day[6..]);
    let (hour, minute, second) = (&time[..2], &time[2..4], &time[4..]);
    Micros::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

/// What is in the first value, if it is of this kind, and what comes behind it.
fn expect(bytes: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    take(bytes).filter(|(is, _, _)| *is == kind).map(|(_, inside, rest)| (inside, rest))
}

/// Kind, inside and rest.
fn take(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |len, byte| (len << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(len)?;
    Some((kind, inside, rest))
}

#[cfg(test)]
#[path = "x509_tests.rs"]
mod tests;

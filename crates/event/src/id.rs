//! Event ids: UUIDs, given by the caller or made here without a clock.
//!
//! The few lines of hex below are all we need of a UUID crate, and they are strict: one form only.

use std::fmt;

use sha2::{Digest, Sha256};

/// Where the hyphens stand in a UUID's text, and where the two digits of each byte.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The bytes of an id as written.
pub(crate) const ID_BYTES: usize = 36;

/// The id of an event, which is also its idempotency key: 16 bytes of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(pub [u8; 16]);

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a UUID such as 0190b1a0-0000-7000-8000-000000000000 (foreign ids must be mapped first, or left out)"
)]
pub struct IdError;

impl EventId {
    /// Reads the hyphenated form, hex digits of either case, and nothing else.
    pub fn parse(text: &str) -> Result<EventId, IdError> {
        let text: &[u8; ID_BYTES] = text.as_bytes().try_into().map_err(|_| IdError)?;
        if HYPHENS.iter().any(|&at| text[at] != b'-') {
            return Err(IdError);
        }
        let mut id = [0; 16];
        for (byte, at) in id.iter_mut().zip(DIGITS) {
            *byte = hex_byte(text[at], text[at + 1]).ok_or(IdError)?;
        }
        Ok(EventId(id))
    }

    /// The id of an event that has one elsewhere: UUIDv8 of `SHA-256(source ‖ 0 ‖ id)`. `source` is
    /// a name without U+0000, else two pairs could run together.
    pub fn foreign(source: &str, id: &str) -> EventId {
        let hash = Sha256::new().chain_update(source).chain_update([0]).chain_update(id).finalize();
        EventId::v8(hash.into())
    }

    /// The id of the event at `position` of a request that carries an `Idempotency-Key`: UUIDv8 of
    /// `SHA-256("indelible/derived/v1" ‖ 0 ‖ key ‖ position as 8 bytes, big-endian)`.
    pub fn derived(idempotency_key: &str, position: u64) -> EventId {
        let hash = Sha256::new()
            .chain_update(b"indelible/derived/v1\0")
            .chain_update(idempotency_key)
            .chain_update(position.to_be_bytes())
            .finalize();
        EventId::v8(hash.into())
    }

    /// A UUIDv7 (RFC 9562 §5.7) of a time in milliseconds since 1970 and random bytes, both from
    /// the caller's seams. Only the low 48 bits of the time are kept.
    pub fn v7(unix_ms: u64, random: [u8; 10]) -> EventId {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        id[6..].copy_from_slice(&random);
        EventId(id).with_version(7)
    }

    fn v8(hash: [u8; 32]) -> EventId {
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        EventId(id).with_version(8)
    }

    fn with_version(mut self, version: u8) -> EventId {
        self.0[6] = self.0[6] & 0x0f | version << 4;
        self.0[8] = self.0[8] & 0x3f | 0x80;
        self
    }

    /// The text: 36 bytes, lower case, hyphenated.
    pub fn text(&self) -> [u8; 36] {
        let mut text = [b'-'; ID_BYTES];
        for (byte, at) in self.0.into_iter().zip(DIGITS) {
            (text[at], text[at + 1]) = hex_digits(byte);
        }
        text
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

/// The two lower-case hex digits of a byte.
pub(crate) fn hex_digits(byte: u8) -> (u8, u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)])
}

/// The byte of two hex digits of either case.
pub(crate) fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    Some(value(high)? << 4 | value(low)?)
}

#[cfg(test)]
#[path = "id_tests.rs"]
mod tests;

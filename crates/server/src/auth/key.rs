//! The text of an API key: `idl_<16 hex>_<43 base64url>_<6 base32>`. The id is public, the secret is 32
//! random bytes, and the checksum tells a mistyped key (or a scanner of leaked ones) without asking a node.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use indelible_log::{Entropy, hex, sha256};

const PREFIX: &str = "idl_";
const ID_END: usize = PREFIX.len() + 16;
const SECRET_END: usize = ID_END + 1 + 43;
const LEN: usize = SECRET_END + 1 + 6;

/// The public part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Reads 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<KeyId> {
        hex::decode(text).map(KeyId)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// A key as presented: its id and the hash of its secret, which is all that a node keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// Its id.
    pub id: KeyId,
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
}

/// Makes a key: its text, which is shown once, and what is kept of it.
pub fn make(entropy: &dyn Entropy) -> (String, Presented) {
    let (mut id, mut secret) = ([0; 8], [0; 32]);
    entropy.fill(&mut id);
    entropy.fill(&mut secret);
    let mut text = format!("{PREFIX}{}_{}", hex::encode(&id), URL_SAFE_NO_PAD.encode(secret));
    let check = checksum(&text);
    text.push('_');
    text.push_str(&check);
    (text, Presented { id: KeyId(id), hash: sha256(&secret) })
}

/// Whether a credential is meant to be one of our keys.
pub fn looks_like(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Reads a key's text.
pub fn parse(text: &str) -> Option<Presented> {
    let bytes = text.as_bytes();
    let shaped = text.is_ascii()
        && bytes.len() == LEN
        && text.starts_with(PREFIX)
        && bytes[ID_END] == b'_'
        && bytes[SECRET_END] == b'_';
    if !shaped || checksum(&text[..SECRET_END]) != text[SECRET_END + 1..] {
        return None;
    }
    let id = KeyId::parse(&text[PREFIX.len()..ID_END])?;
    let secret = URL_SAFE_NO_PAD.decode(&text[ID_END + 1..SECRET_END]).ok()?;
    Some(Presented { id, hash: sha256(&secret) })
}

/// The upper 30 bits of the CRC-32C, in RFC 4648's base32, lower case.
fn checksum(text: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let crc = crc32c::crc32c(text.as_bytes());
    (0..6).map(|i| char::from(ALPHABET[(crc >> (27 - 5 * i) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_no_edited_one_is() {
        let entropy = indelible_sim::SeededEntropy::new(1);
        let (text, made) = make(&entropy);
        assert_eq!(text.len(), LEN);
        assert!(looks_like(&text) && parse(&text) == Some(made));
        for at in 0..text.len() {
            let mut edited = text.clone().into_bytes();
            edited[at] = if edited[at] == b'a' { b'b' } else { b'a' };
            let edited = String::from_utf8(edited).unwrap();
            assert!(parse(&edited).is_none(), "{edited}");
        }
        for other in ["", "idl_", &text[1..], &format!("{text}a"), "idl_ü"] {
            assert!(parse(other).is_none(), "{other}");
        }
    }
}

//! The keys of signed notes, and their text form (C2SP signed-note).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::limits::KEY_NAME_BYTES_MAX;
use crate::note::NoteSignature;

/// Bytes of an Ed25519 seed and of a public key.
const KEY_BYTES: usize = 32;

/// Bytes of an Ed25519 signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// What a key signs and how: the type byte of C2SP signed-note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 over the note's text (0x01): a log's own signature.
    Ed25519,
    /// Ed25519 over a time and the note's text (0x04): a witness's cosignature/v1.
    CosignatureV1,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// The first four bytes of a key's hash. With the key's name it says which key signed; it is too
/// short to be evidence of anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// `SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key)[..4]`
    fn derive(name: &str, algorithm: Algorithm, public: &VerifyingKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(name);
        hasher.update([b'\n', algorithm.byte()]);
        hasher.update(public.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        Self([hash[0], hash[1], hash[2], hash[3]])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or has a space, a plus or a control character.
    #[error("the key name is empty, too long, or has a space, plus or control character")]
    Name,
    /// The text is not `name+hex id+base64`.
    #[error("a verifier key has the form name+8 hex digits+base64")]
    Format,
    /// The type byte is none that this crate verifies.
    #[error("key type {0:#04x} is not supported")]
    Algorithm(u8),
    /// The bytes are not a public key that can be trusted to mean one signer.
    #[error("not a usable Ed25519 public key")]
    PublicKey,
    /// The id in the text is not that of name and key: one of the three was changed.
    #[error("the key id is {found}, but name and key give {expected}")]
    IdMismatch {
        /// The id in the text.
        found: KeyId,
        /// The id that name and key have.
        expected: KeyId,
    },
}

/// A public key and the name it signs under: what a stranger needs to trust, and nothing more.
/// [`Display`](fmt::Display) and [`FromStr`] are its text form `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    id: KeyId,
    algorithm: Algorithm,
    public: VerifyingKey,
}

impl Vkey {
    /// The key of that name, type and public key.
    pub fn new(
        name: &str,
        algorithm: Algorithm,
        public: &[u8; KEY_BYTES],
    ) -> Result<Self, KeyError> {
        check_name(name)?;
        let public = VerifyingKey::from_bytes(public).map_err(|_| KeyError::PublicKey)?;
        // A key of small order verifies one signature for many texts.
        if public.is_weak() {
            return Err(KeyError::PublicKey);
        }
        let id = KeyId::derive(name, algorithm, &public);
        Ok(Self { name: name.to_owned(), id, algorithm, public })
    }

    /// The name that the key signs under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short id that signature lines carry.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The Ed25519 public key.
    pub fn public_key(&self) -> [u8; KEY_BYTES] {
        self.public.to_bytes()
    }

    /// Whether this key made that signature, if the signature is genuine at all.
    pub fn matches(&self, signature: &NoteSignature) -> bool {
        self.id == signature.key_id() && self.name == signature.name()
    }

    /// Checks an Ed25519 signature over exactly `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        // Strict: the lenient form accepts signatures that other implementations refuse.
        self.public.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [0; 1 + KEY_BYTES];
        key[0] = self.algorithm.byte();
        key[1..].copy_from_slice(self.public.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl FromStr for Vkey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        // base64 has pluses of its own, so only the first two separate.
        let mut fields = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(KeyError::Format);
        };
        check_name(name)?;
        let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if id.len() != 8 || !id.bytes().all(lower_hex) {
            return Err(KeyError::Format);
        }
        let id = u32::from_str_radix(id, 16).map_err(|_| KeyError::Format)?;
        let key = STANDARD.decode(key).map_err(|_| KeyError::Format)?;
        let (algorithm, public) = match key.split_first() {
            Some((0x01, public)) => (Algorithm::Ed25519, public),
            Some((0x04, public)) => (Algorithm::CosignatureV1, public),
            Some((other, _)) => return Err(KeyError::Algorithm(*other)),
            None => return Err(KeyError::Format),
        };
        let public = public.try_into().map_err(|_| KeyError::PublicKey)?;
        let vkey = Self::new(name, algorithm, public)?;
        let found = KeyId(id.to_be_bytes());
        if vkey.id == found {
            Ok(vkey)
        } else {
            Err(KeyError::IdMismatch { found, expected: vkey.id })
        }
    }
}

/// A log's private key and the name it signs under. It never shows itself, not even to `Debug`.
#[derive(Clone)]
pub struct SigningKey {
    secret: ed25519_dalek::SigningKey,
    vkey: Vkey,
}

impl SigningKey {
    /// The key that a 32-byte seed stands for, signing under `name`. One seed may sign under many
    /// names, as a node does for its trails: the text it signs must then name its log, or one
    /// trail's signature could be passed off as another's (see
    /// [`Checkpoint::open`](crate::Checkpoint::open)).
    pub fn from_seed(name: &str, seed: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        Self::with_algorithm(name, Algorithm::Ed25519, seed)
    }

    pub(crate) fn with_algorithm(
        name: &str,
        algorithm: Algorithm,
        seed: &[u8; KEY_BYTES],
    ) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let vkey = Vkey::new(name, algorithm, secret.verifying_key().as_bytes())?;
        Ok(Self { secret, vkey })
    }

    /// The public half, to be given away.
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.vkey)
    }
}

/// What C2SP asks of key names, a length, and no control characters, which no note may hold.
pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    let refused = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || name.contains(refused) {
        return Err(KeyError::Name);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

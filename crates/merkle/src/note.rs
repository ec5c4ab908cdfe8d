//! Signed notes (C2SP signed-note): a text, a blank line, and a line for each signature.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cosignature;
use crate::key::{Algorithm, KeyId, SIGNATURE_BYTES, SigningKey, Vkey, check_name};
use crate::limits::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};

/// Bytes of the key id that each signature begins with.
const KEY_ID_BYTES: usize = 4;

/// Why a note is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`NOTE_BYTES_MAX`].
    #[error("the note is larger than {NOTE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8, or a control character other than newline.
    #[error("the note is not UTF-8 text or has control characters")]
    NotText,
    /// The text does not end in a newline, so the blank line after it would not be one.
    #[error("the text does not end with a newline")]
    TextUnterminated,
    /// There is no blank line followed by signature lines.
    #[error("the note has no signatures")]
    Unsigned,
    /// A line after the last blank line is not a signature line.
    #[error("signature line {line} is malformed")]
    SignatureLine {
        /// Which of the signature lines, from 1.
        line: usize,
    },
    /// More signatures than [`NOTE_SIGNATURES_MAX`].
    #[error("the note has more than {NOTE_SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// None of the signatures is by the key asked for.
    #[error("the note is not signed by {name} with key {id}")]
    NotSignedBy {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
    /// A signature that claims to be by the key asked for is not.
    #[error("the signature of {name} with key {id} is wrong")]
    BadSignature {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
}

/// One signature line: who claims to have signed, and the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl NoteSignature {
    pub(crate) fn by(vkey: &Vkey, bytes: Vec<u8>) -> Self {
        Self { name: vkey.name().to_owned(), key_id: vkey.id(), bytes }
    }

    /// Reads one signature line, without its newline.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        check_name(name).ok()?;
        let decoded = STANDARD.decode(base64).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk::<KEY_ID_BYTES>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), key_id: KeyId(*key_id), bytes: bytes.to_vec() })
    }

    /// The name of the key that claims to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key that claims to have signed.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature without its key id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = [&self.key_id.0[..], &self.bytes].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(signature))
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text with signatures. Until [`verify`](Self::verify) has named a trusted key, the text is
/// whatever somebody wrote. [`Display`](fmt::Display) gives back the bytes that were parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Reads a note without trusting it.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        check_characters(note)?;
        // The text may have blank lines itself: the last one separates.
        let separator = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, lines) = (&note[..=separator], &note[separator + 2..]);
        if lines.is_empty() {
            return Err(NoteError::Unsigned);
        }
        let mut signatures = Vec::new();
        for (number, line) in lines.split_inclusive('\n').enumerate() {
            if number == NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            let signature = line.strip_suffix('\n').and_then(NoteSignature::parse);
            signatures.push(signature.ok_or(NoteError::SignatureLine { line: number + 1 })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Signs a text, which must end with a newline.
    pub fn sign(text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::TextUnterminated);
        }
        let signature = NoteSignature::by(key.vkey(), key.sign_bytes(text.as_bytes()).to_vec());
        let note = Self { text: text.to_owned(), signatures: vec![signature] };
        if note.to_string().len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        Ok(note)
    }

    /// Adds another signature, such as a witness's, below the others.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() == NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        if self.to_string().len() > NOTE_BYTES_MAX {
            self.signatures.pop();
            return Err(NoteError::TooLarge);
        }
        Ok(())
    }

    /// Checks that `vkey` signed the note, and gives out its text if so.
    ///
    /// Signatures by other keys are ignored, even ones with the same name or the same id. Every
    /// line that claims to be by this key must be genuine: where two differ and one is wrong,
    /// somebody tampered with the note, and picking one would hide it.
    pub fn verify(&self, vkey: &Vkey) -> Result<&str, NoteError> {
        let mut signed = false;
        for signature in self.signatures.iter().filter(|signature| vkey.matches(signature)) {
            if !self.is_genuine(vkey, signature) {
                let (name, id) = (vkey.name().to_owned(), vkey.id());
                return Err(NoteError::BadSignature { name, id });
            }
            signed = true;
        }
        if signed {
            Ok(&self.text)
        } else {
            Err(NoteError::NotSignedBy { name: vkey.name().to_owned(), id: vkey.id() })
        }
    }

    fn is_genuine(&self, vkey: &Vkey, signature: &NoteSignature) -> bool {
        match vkey.algorithm() {
            Algorithm::Ed25519 => <&[u8; SIGNATURE_BYTES]>::try_from(signature.bytes())
                .is_ok_and(|bytes| vkey.verifies(self.text.as_bytes(), bytes)),
            Algorithm::CosignatureV1 => cosignature::genuine_time(self, vkey, signature).is_some(),
        }
    }

    /// The text, by whomever it may be.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signature lines, genuine or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// Notes are text for terminals: no control characters below U+0020 but newline.
fn check_characters(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::NotText);
    }
    Ok(())
}

#[cfg(test)]
mod tests;

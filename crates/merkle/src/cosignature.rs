//! Witness cosignatures, version 1 (C2SP tlog-cosignature): "as of this time, this is the largest
//! tree of that log that I have seen, and it extends all earlier ones".

use std::fmt;

use crate::key::{Algorithm, KeyError, SIGNATURE_BYTES, SigningKey, Vkey};
use crate::limits::COSIGNATURE_TIME_MAX;
use crate::note::{Note, NoteError, NoteSignature};

/// Seconds since the Unix epoch, at most [`COSIGNATURE_TIME_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PosixSeconds(u64);

impl PosixSeconds {
    /// A time that a cosignature may state.
    pub fn new(seconds: u64) -> Option<Self> {
        (seconds <= COSIGNATURE_TIME_MAX).then_some(Self(seconds))
    }

    /// The seconds.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PosixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A witness's private key. It is a type of its own so that a log's key is never used to cosign:
/// the two sign different things.
#[derive(Debug, Clone)]
pub struct CosigningKey(SigningKey);

impl CosigningKey {
    /// The key that a 32-byte seed stands for. A seed must serve one witness only, since the signed
    /// message does not name the witness.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::with_algorithm(name, Algorithm::CosignatureV1, seed).map(Self)
    }

    /// The public half, to be given away.
    pub fn vkey(&self) -> &Vkey {
        self.0.vkey()
    }

    /// Cosigns a note's text. Only for a checkpoint that was verified and found consistent with
    /// every earlier one of its log: that is what the signature states.
    pub fn cosign(&self, note: &Note, time: PosixSeconds) -> NoteSignature {
        let message = signed_message(note, time);
        let mut bytes = time.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.0.sign_bytes(message.as_bytes()));
        NoteSignature::by(self.vkey(), bytes)
    }
}

/// Checks that `vkey` cosigned the note, and says when; the latest time if it did so repeatedly.
pub fn verify_cosignature(note: &Note, vkey: &Vkey) -> Result<PosixSeconds, NoteError> {
    note.verify(vkey)?;
    note.signatures()
        .iter()
        .filter(|signature| vkey.matches(signature))
        .filter_map(|signature| genuine_time(note, vkey, signature))
        .max()
        // Left empty by a key that signs notes as a log does: it states no time.
        .ok_or_else(|| NoteError::NotSignedBy { name: vkey.name().to_owned(), id: vkey.id() })
}

/// The time of a cosignature, if it is genuine.
pub(crate) fn genuine_time(
    note: &Note,
    vkey: &Vkey,
    signature: &NoteSignature,
) -> Option<PosixSeconds> {
    let (time, bytes) = signature.bytes().split_first_chunk::<8>()?;
    let bytes: &[u8; SIGNATURE_BYTES] = bytes.try_into().ok()?;
    let time = PosixSeconds::new(u64::from_be_bytes(*time))?;
    vkey.verifies(signed_message(note, time).as_bytes(), bytes).then_some(time)
}

fn signed_message(note: &Note, time: PosixSeconds) -> String {
    format!("cosignature/v1\ntime {time}\n{}", note.unverified_text())
}

#[cfg(test)]
mod tests;

//! Proofs as text files that carry the signed checkpoint they lead to, so that a stranger checks
//! them offline with the file and a key.

mod consistency;
mod inclusion;

pub use consistency::ConsistencyProof;
pub use inclusion::TlogProof;

use crate::checkpoint::{Checkpoint, CheckpointError, parse_decimal};
use crate::hash::Hash;
use crate::limits::{PROOF_BYTES_MAX, PROOF_HASHES_MAX};
use crate::note::Note;
use crate::verify::ProofError;

/// Why a proof file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofTextError {
    /// Larger than [`PROOF_BYTES_MAX`].
    #[error("the proof is larger than {PROOF_BYTES_MAX} bytes")]
    TooLarge,
    /// Not UTF-8.
    #[error("the proof is not text")]
    NotText,
    /// The first line names no format known here.
    #[error("the first line is not {expected:?}")]
    Header {
        /// What it has to be.
        expected: &'static str,
    },
    /// A line is missing or malformed.
    #[error("line {line} is not {expected}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// What it has to be.
        expected: &'static str,
    },
    /// More hashes than any tree needs.
    #[error("the proof has more than {PROOF_HASHES_MAX} hashes")]
    TooManyHashes,
    /// The checkpoint is malformed, not signed by the key, or of another log.
    #[error("the checkpoint in the proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not prove it.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Reads a proof file line by line, remembering where it is for its errors.
struct Lines<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Lines<'t> {
    fn new(bytes: &'t [u8], header: &'static str) -> Result<Self, ProofTextError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofTextError::TooLarge);
        }
        let rest = str::from_utf8(bytes).map_err(|_| ProofTextError::NotText)?;
        let mut lines = Self { rest, line: 0 };
        if lines.next_line() == Some(header) {
            Ok(lines)
        } else {
            Err(ProofTextError::Header { expected: header })
        }
    }

    fn next_line(&mut self) -> Option<&'t str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.line += 1;
        Some(line)
    }

    /// What follows `name` and a space on the next line, if that line is there at all.
    fn optional(&mut self, name: &str) -> Option<&'t str> {
        let (line, rest) = self.rest.split_once('\n')?;
        let value = line.strip_prefix(name)?.strip_prefix(' ')?;
        self.rest = rest;
        self.line += 1;
        Some(value)
    }

    /// The decimal number that follows `name` on the next line.
    fn number(&mut self, name: &str, expected: &'static str) -> Result<u64, ProofTextError> {
        let line = self.line + 1;
        self.optional(name).and_then(parse_decimal).ok_or(ProofTextError::Line { line, expected })
    }

    /// All hash lines up to the blank line, which is taken too.
    fn hashes(&mut self) -> Result<Vec<Hash>, ProofTextError> {
        let mut hashes = Vec::new();
        loop {
            let malformed =
                ProofTextError::Line { line: self.line + 1, expected: "a hash or a blank line" };
            let line = self.next_line().ok_or(malformed.clone())?;
            if line.is_empty() {
                return Ok(hashes);
            }
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(ProofTextError::TooManyHashes);
            }
            hashes.push(Hash::from_base64(line).map_err(|_| malformed)?);
        }
    }

    /// Everything that is left, which has to be a checkpoint's note.
    fn checkpoint_note(self) -> Result<String, ProofTextError> {
        let note = Note::parse(self.rest.as_bytes()).map_err(CheckpointError::from)?;
        Checkpoint::parse(note.unverified_text())?;
        Ok(self.rest.to_owned())
    }
}

/// The lines of the hashes, the blank line, and the note.
fn push_tail(text: &mut String, hashes: &[Hash], checkpoint_note: &str) {
    for hash in hashes {
        text.push_str(&hash.to_base64());
        text.push('\n');
    }
    text.push('\n');
    text.push_str(checkpoint_note);
}

#[cfg(test)]
mod tests;

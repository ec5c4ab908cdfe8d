//! The proof that one entry is in a log (C2SP tlog-proof).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Lines, ProofTextError, push_tail};
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::Vkey;
use crate::verify::verify_inclusion;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// An inclusion proof with the signed checkpoint it leads to, and data for whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application adds. Nothing vouches for it: believe only what hashes to the leaf.
    pub extra: Option<Vec<u8>>,
    /// The entry's place in the log.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed note, byte for byte.
    pub checkpoint_note: String,
}

impl TlogProof {
    /// The file's text. Empty extra data is left out, as the format has no way to write it.
    pub fn encode(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(extra) = self.extra.as_deref().filter(|extra| !extra.is_empty()) {
            text.push_str("extra ");
            STANDARD.encode_string(extra, &mut text);
            text.push('\n');
        }
        text.push_str(&format!("index {}\n", self.index));
        push_tail(&mut text, &self.hashes, &self.checkpoint_note);
        text
    }

    /// Reads the file's text without believing it.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofTextError> {
        let mut lines = Lines::new(bytes, HEADER)?;
        let malformed = ProofTextError::Line { line: 2, expected: "extra and base64" };
        let extra = match lines.optional("extra") {
            None => None,
            Some("") => return Err(malformed),
            Some(base64) => Some(STANDARD.decode(base64).map_err(|_| malformed)?),
        };
        let index = lines.number("index", "index and a decimal number")?;
        let hashes = lines.hashes()?;
        Ok(Self { extra, index, hashes, checkpoint_note: lines.checkpoint_note()? })
    }

    /// Checks that the leaf is at `index` in the log that has the key's name, under a checkpoint
    /// signed by the key, which is returned.
    pub fn verify(&self, leaf: &Hash, vkey: &Vkey) -> Result<Checkpoint, ProofTextError> {
        let checkpoint = Checkpoint::open(self.checkpoint_note.as_bytes(), vkey)?;
        self.verify_under(leaf, &checkpoint)?;
        Ok(checkpoint)
    }

    /// The same for whoever verified the note already, once for many proofs: that this is the checkpoint of this very
    /// note is the caller's to know.
    pub fn verify_under(&self, leaf: &Hash, checkpoint: &Checkpoint) -> Result<(), ProofTextError> {
        Ok(verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)?)
    }
}

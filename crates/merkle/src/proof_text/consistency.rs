//! The proof that a log only grew. C2SP defines no file for it; this one is ours, in its spirit.

use super::{Lines, ProofTextError, push_tail};
use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, TreeSize};
use crate::key::Vkey;
use crate::limits::TREE_SIZE_MAX;
use crate::verify::verify_consistency;

const HEADER: &str = "indelible/consistency-proof@v1";

/// A consistency proof with the signed checkpoint of the newer tree.
///
/// The file is UTF-8 text, each line ended by a newline (U+000A):
///
/// ```text
/// indelible/consistency-proof@v1
/// old <size>
/// old-root <base64>
/// <base64 of a hash>            zero or more lines
///                               one empty line
/// <the newer checkpoint, a signed note, byte for byte>
/// ```
///
/// `<size>` is decimal without leading zeros, base64 is the standard alphabet with padding, the
/// hashes are those of RFC 6962 §2.1.2 in its order. There are none where both sizes are equal or
/// the older is 0; then `old-root` is the newer root or the empty tree's.
///
/// The older tree is stated, not signed: the log may hold no checkpoint of that very size. So
/// whoever checks the proof compares `old` and `old-root` with what they kept themselves; the proof
/// then shows that the newer, signed tree begins with exactly that older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// How many leaves the older tree had.
    pub old_size: TreeSize,
    /// The older tree's root.
    pub old_root: Hash,
    /// The proof, in RFC 6962's order.
    pub hashes: Vec<Hash>,
    /// The newer checkpoint's signed note, byte for byte.
    pub checkpoint_note: String,
}

impl ConsistencyProof {
    /// The file's text.
    pub fn encode(&self) -> String {
        let (size, root) = (self.old_size, self.old_root.to_base64());
        let mut text = format!("{HEADER}\nold {size}\nold-root {root}\n");
        push_tail(&mut text, &self.hashes, &self.checkpoint_note);
        text
    }

    /// Reads the file's text without believing it.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofTextError> {
        let mut lines = Lines::new(bytes, HEADER)?;
        let expected = "old and a tree size";
        let old_size = lines.number("old", expected)?;
        if old_size > TREE_SIZE_MAX {
            return Err(ProofTextError::Line { line: 2, expected });
        }
        let malformed = ProofTextError::Line { line: 3, expected: "old-root and a hash" };
        let old_root = lines.optional("old-root").ok_or(malformed.clone())?;
        let old_root = Hash::from_base64(old_root).map_err(|_| malformed)?;
        let hashes = lines.hashes()?;
        let checkpoint_note = lines.checkpoint_note()?;
        Ok(Self { old_size: TreeSize(old_size), old_root, hashes, checkpoint_note })
    }

    /// Checks that the tree under the checkpoint, signed by the key and of the log that has its
    /// name, begins with the older tree. Returns the older size and root, which the caller compares
    /// with what they know, and the newer checkpoint.
    pub fn verify(&self, vkey: &Vkey) -> Result<(TreeSize, Hash, Checkpoint), ProofTextError> {
        let new = Checkpoint::open(self.checkpoint_note.as_bytes(), vkey)?;
        verify_consistency(self.old_size, &self.old_root, new.size, &new.root, &self.hashes)?;
        Ok((self.old_size, self.old_root, new))
    }
}

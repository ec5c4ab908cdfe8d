//! Checkpoints (C2SP tlog-checkpoint): a trail's origin, size and root, signed.

use crate::hash::{Hash, TreeSize};
use crate::key::{SigningKey, Vkey};
use crate::limits::{KEY_NAME_BYTES_MAX, TREE_SIZE_MAX};
use crate::note::{Note, NoteError};

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed, or not signed by the key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Fewer than three lines, an empty one, or no newline at the end.
    #[error("a checkpoint is at least three lines, none of them empty")]
    Lines,
    /// The origin is empty, too long, or has a control character.
    #[error("the origin is empty, too long or has control characters")]
    Origin,
    /// Not a plain decimal number up to [`TREE_SIZE_MAX`].
    #[error("the tree size is not a decimal number without leading zeros, or too large")]
    Size,
    /// Not the base64 of a hash.
    #[error("the root is not the base64 of a 32-byte hash")]
    Root,
    /// Signed by the key, but about another log.
    #[error("the checkpoint is of {found}, not of {expected}")]
    OriginMismatch {
        /// The origin that was expected.
        expected: String,
        /// The origin in the checkpoint.
        found: String,
    },
}

/// The head of a log: that the first `size` entries of `origin` have this `root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries it has.
    pub size: TreeSize,
    /// The root over them.
    pub root: Hash,
    /// Lines after the root. Nobody can audit what they say: kept from others', never set by us.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: &str, size: TreeSize, root: Hash) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64());
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads [`text`](Self::text)'s form.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty()
            || origin.len() > KEY_NAME_BYTES_MAX
            || origin.contains(char::is_control)
        {
            return Err(CheckpointError::Origin);
        }
        let size = parse_decimal(size).filter(|size| *size <= TREE_SIZE_MAX);
        let size = TreeSize(size.ok_or(CheckpointError::Size)?);
        let root = Hash::from_base64(root).map_err(|_| CheckpointError::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// The checkpoint as a note signed by `key`, whose name must be the origin. The caller
    /// promises never to sign two that are inconsistent.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        let text = self.text();
        // What cannot be read back as itself must not be signed.
        if Self::parse(&text)? != *self {
            return Err(CheckpointError::Lines);
        }
        self.require_origin(key.vkey().name())?;
        Ok(Note::sign(&text, key)?.to_string())
    }

    /// The checkpoint in a note that `vkey` signed, about the log that has the key's name.
    ///
    /// The origin is compared because a node signs all its trails with one key under different
    /// names: a signature line moved to another trail's name would verify, but its text would
    /// still name the trail it was made for.
    pub fn open(note: &[u8], vkey: &Vkey) -> Result<Self, CheckpointError> {
        Self::open_of(vkey.name(), note, vkey)
    }

    /// As [`open`](Self::open), for a key whose name is not the log's origin, as a witness's.
    pub fn open_of(origin: &str, note: &[u8], vkey: &Vkey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.verify(vkey)?)?;
        checkpoint.require_origin(origin)?;
        Ok(checkpoint)
    }

    fn require_origin(&self, expected: &str) -> Result<(), CheckpointError> {
        if self.origin == expected {
            return Ok(());
        }
        let (expected, found) = (expected.to_owned(), self.origin.clone());
        Err(CheckpointError::OriginMismatch { expected, found })
    }
}

/// A number written the one way that C2SP allows: digits only, no leading zero but for 0 itself.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    // Digits only, because `parse` by itself also takes a leading plus.
    if plain && canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;

//! What is handed to a stranger: an entry, and each part either shown with its salt or withheld.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::entry::decode_hash;
use crate::json::{plain_until, unescape, write_string};
use crate::{Entry, EntryError, Part, limits, seal};

/// One part of a disclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisclosedPart {
    /// The event never had this part.
    Absent,
    /// The part exists, or did, and is not shown.
    Withheld {
        /// Its commitment.
        commitment: [u8; 32],
    },
    /// The part, and what is needed to recompute its commitment.
    Shown {
        /// The part's own salt; it says nothing of the salts of the other parts.
        salt: [u8; 16],
        /// The canonical bytes.
        bytes: Vec<u8>,
    },
}

/// An entry and as much of its parts as is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The entry's bytes, which are the leaf of the tree.
    pub entry: Vec<u8>,
    /// `who`, `where`, `what`, by [`Part`] order.
    pub parts: [DisclosedPart; 3],
}

/// Why a disclosure cannot be read or does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// The bytes are not a disclosure exactly as it is written.
    #[error("not a disclosure of format v1: {what} (byte {offset})")]
    Form {
        /// What was expected.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// The entry in it cannot be read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A part is withheld with a commitment of zero bytes, which is how an absent part is counted.
    #[error("the part `{0}` is called withheld, and its commitment says that it never existed")]
    WithheldAbsent(&'static str),
    /// The parts are not those the entry commits to.
    #[error("the parts are not the ones that the entry commits to")]
    PartsDiffer,
}

impl Disclosure {
    /// Recomputes the commitments of the parts and compares them with what the entry says.
    pub fn verify(&self) -> Result<Entry<'_>, DisclosureError> {
        let entry = Entry::decode(&self.entry)?;
        let mut commitments = [None; 3];
        for (i, part) in Part::ALL.into_iter().enumerate() {
            commitments[i] = match &self.parts[i] {
                DisclosedPart::Absent => None,
                DisclosedPart::Withheld { commitment: seal::ABSENT } => {
                    return Err(DisclosureError::WithheldAbsent(part.name()));
                }
                DisclosedPart::Withheld { commitment } => Some(*commitment),
                DisclosedPart::Shown { salt, bytes } => Some(seal::commitment(part, salt, bytes)),
            };
        }
        if seal::parts_hash(&commitments) == entry.parts_hash {
            Ok(entry)
        } else {
            Err(DisclosureError::PartsDiffer)
        }
    }

    /// The disclosure as compact JSON with a fixed order of keys. Entry and parts stand in it as
    /// JSON strings, so that no reader is tempted to re-serialise what was hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entry.len() * 2 + 256);
        out.extend_from_slice(b"{\"v\":1,\"entry\":");
        write_string(&mut out, &self.entry);
        for (part, disclosed) in Part::ALL.into_iter().zip(&self.parts) {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(part.name().as_bytes());
            out.extend_from_slice(b"\":");
            match disclosed {
                DisclosedPart::Absent => out.extend_from_slice(b"null"),
                DisclosedPart::Withheld { commitment } => {
                    out.extend_from_slice(b"{\"commitment\":\"");
                    out.extend_from_slice(URL_SAFE_NO_PAD.encode(commitment).as_bytes());
                    out.extend_from_slice(b"\"}");
                }
                DisclosedPart::Shown { salt, bytes } => {
                    out.extend_from_slice(b"{\"salt\":\"");
                    out.extend_from_slice(URL_SAFE_NO_PAD.encode(salt).as_bytes());
                    out.extend_from_slice(b"\",\"bytes\":");
                    write_string(&mut out, bytes);
                    out.push(b'}');
                }
            }
        }
        out.push(b'}');
        out
    }

    /// Reads a disclosure: UTF-8, and exactly the bytes [`Disclosure::encode`] writes.
    pub fn decode(json: &[u8]) -> Result<Disclosure, DisclosureError> {
        let mut reader = Reader { json, at: 0 };
        if json.len() > limits::DISCLOSURE_BYTES_MAX {
            return Err(reader.error("no longer than a disclosure may be"));
        }
        if let Err(error) = std::str::from_utf8(json) {
            reader.at = error.valid_up_to();
            return Err(reader.error("UTF-8"));
        }
        reader.expect("{\"v\":1,\"entry\":")?;
        let entry = reader.string()?;
        reader.expect(",\"who\":")?;
        let who = reader.part()?;
        reader.expect(",\"where\":")?;
        let where_ = reader.part()?;
        reader.expect(",\"what\":")?;
        let what = reader.part()?;
        reader.expect("}")?;
        if reader.at != json.len() {
            return Err(reader.error("the end"));
        }
        Ok(Disclosure { entry, parts: [who, where_, what] })
    }
}

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> DisclosureError {
        DisclosureError::Form { what, offset: self.at }
    }

    fn eat(&mut self, literal: &str) -> bool {
        let found = self.json[self.at..].starts_with(literal.as_bytes());
        if found {
            self.at += literal.len();
        }
        found
    }

    fn expect(&mut self, literal: &'static str) -> Result<(), DisclosureError> {
        if self.eat(literal) { Ok(()) } else { Err(self.error(literal)) }
    }

    /// What stands between the quotes of the string here.
    fn body(&mut self) -> Result<&'a [u8], DisclosureError> {
        self.expect("\"")?;
        let start = self.at;
        loop {
            self.at = plain_until(self.json, self.at);
            match self.json.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') if self.at + 1 < self.json.len() => self.at += 2,
                _ => return Err(self.error("a string")),
            }
        }
        let body = &self.json[start..self.at];
        self.at += 1;
        Ok(body)
    }

    fn string(&mut self) -> Result<Vec<u8>, DisclosureError> {
        let body = self.body()?;
        unescape(body).ok_or(self.error("a string escaped no more than it must be"))
    }

    fn part(&mut self) -> Result<DisclosedPart, DisclosureError> {
        if self.eat("null") {
            return Ok(DisclosedPart::Absent);
        }
        if self.eat("{\"commitment\":") {
            let commitment =
                decode_hash(self.body()?).ok_or(self.error("a commitment in base64url"))?;
            self.expect("}")?;
            return Ok(DisclosedPart::Withheld { commitment });
        }
        self.expect("{\"salt\":")?;
        let salt = decode_salt(self.body()?).ok_or(self.error("a salt in base64url"))?;
        self.expect(",\"bytes\":")?;
        let bytes = self.string()?;
        self.expect("}")?;
        Ok(DisclosedPart::Shown { salt, bytes })
    }
}

fn decode_salt(text: &[u8]) -> Option<[u8; 16]> {
    let mut room = [0; 18];
    if text.len() != 22 || URL_SAFE_NO_PAD.decode_slice(text, &mut room).ok()? != 16 {
        return None;
    }
    room.first_chunk().copied()
}

#[cfg(test)]
#[path = "disclosure_tests.rs"]
mod tests;

//! Salts, commitments and the hash over them: what binds the sealed parts to an entry.

use sha2::{Digest, Sha256};

use crate::Part;

const SALT: &[u8] = b"indelible/salt/v1";
const PART: &[u8] = b"indelible/v1/";
const PARTS: &[u8] = b"indelible/parts/v1";

/// What stands for an absent part in [`parts_hash`].
pub const ABSENT: [u8; 32] = [0; 32];

/// The salt of one part: the first 16 bytes of `SHA-256("indelible/salt/v1" ‖ event salt ‖ name)`.
/// The event salt itself never leaves the node.
pub fn part_salt(event_salt: &[u8; 16], part: Part) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(SALT)
        .chain_update(event_salt)
        .chain_update(part.name())
        .finalize()
        .into();
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    salt
}

/// The commitment to a part: `SHA-256("indelible/v1/" ‖ name ‖ 0x00 ‖ part salt ‖ bytes)`.
pub fn commitment(part: Part, part_salt: &[u8; 16], bytes: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(PART)
        .chain_update(part.name())
        .chain_update([0])
        .chain_update(part_salt)
        .chain_update(bytes)
        .finalize()
        .into()
}

/// The hash an entry carries: `SHA-256("indelible/parts/v1" ‖ C_who ‖ C_where ‖ C_what)`, with 32
/// zero bytes for an absent part.
pub fn parts_hash(commitments: &[Option<[u8; 32]>; 3]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(PARTS);
    for commitment in commitments {
        hash.update(commitment.as_ref().unwrap_or(&ABSENT));
    }
    hash.finalize().into()
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;

//! Numbers of seven bits a byte, the low ones first.

use crate::index::IndexError;

/// Bytes of the longest one.
const BYTES_MAX: usize = 10;

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes a number takes.
pub(crate) fn size(number: u32) -> usize {
    (38 - (number | 1).leading_zeros() as usize) / 7
}

/// Reads the number at `*at` and moves behind it.
#[inline]
pub(crate) fn get(bytes: &[u8], at: &mut usize) -> Result<u64, IndexError> {
    match bytes.get(*at) {
        Some(&byte) if byte < 0x80 => {
            *at += 1;
            Ok(u64::from(byte))
        }
        _ => get_long(bytes, at),
    }
}

fn get_long(bytes: &[u8], at: &mut usize) -> Result<u64, IndexError> {
    let mut number = 0_u64;
    for (place, &byte) in bytes.get(*at..).unwrap_or_default().iter().take(BYTES_MAX).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            *at += place + 1;
            return Ok(number);
        }
    }
    Err(IndexError("a number has no end".into()))
}

/// A number's place in a list of lengths: as `usize`, refused if it is beyond `most`.
#[inline]
pub(crate) fn get_len(bytes: &[u8], at: &mut usize, most: usize) -> Result<usize, IndexError> {
    let number = get(bytes, at)?;
    match usize::try_from(number) {
        Ok(length) if length <= most => Ok(length),
        _ => Err(IndexError("a length reaches beyond its block".into())),
    }
}

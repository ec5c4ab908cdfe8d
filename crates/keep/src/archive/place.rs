//! Files at a target: put with their hash, read back by it.

use std::io::{self, Read, Write};

use indelible_log::{LogError, hex};
use sha2::{Digest as _, Sha256};

use super::model::{Archive, KEY, VERSION};
use crate::target::{Target, TargetError};
use crate::{KeepError, limits};

/// Reads what an archive says of itself; `None` if there is none.
pub(crate) fn load(target: &dyn Target) -> Result<Option<Archive>, KeepError> {
    Ok(load_with_hash(target)?.map(|(archive, _)| archive))
}

/// Likewise, with the hash of its bytes.
pub(crate) fn load_with_hash(
    target: &dyn Target,
) -> Result<Option<(Archive, [u8; 32])>, KeepError> {
    let damaged =
        |reason: String| KeepError::Damaged { path: format!("{}/{KEY}", target.name()), reason };
    let mut bytes = Vec::new();
    let max = limits::ARCHIVE_JSON_BYTES_MAX;
    match target.len(KEY)? {
        None => return Ok(None),
        Some(len) if len > max => return Err(damaged(format!("{len} bytes are too many"))),
        Some(_) => target.get(KEY)?.take(max).read_to_end(&mut bytes).map_err(io(target, KEY))?,
    };
    let archive: Archive = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
    if archive.version != VERSION {
        return Err(damaged(format!("version {} is not known", archive.version)));
    }
    Ok(Some((archive, indelible_log::sha256(&bytes))))
}

/// Writes what an archive says of itself, and gives the hash of its bytes.
pub(crate) fn store(target: &dyn Target, archive: &Archive) -> Result<[u8; 32], KeepError> {
    let mut bytes = serde_json::to_vec_pretty(archive).expect("it has only string keys");
    bytes.push(b'\n');
    target.put(KEY, bytes.len() as u64, &mut bytes.as_slice())?;
    Ok(indelible_log::sha256(&bytes))
}

/// Puts a file whose hash is known. If the bytes turn out to have another one, it is taken back.
pub(crate) fn put(
    target: &dyn Target,
    key: &str,
    bytes: &[u8],
    sha256: &[u8; 32],
) -> Result<(), KeepError> {
    let mut from = Hashing { inner: bytes, sha256: Sha256::new() };
    target.put(key, bytes.len() as u64, &mut from)?;
    let found: [u8; 32] = from.sha256.finalize().into();
    if found == *sha256 {
        return Ok(());
    }
    target.delete(key)?;
    let reason =
        format!("its SHA-256 is {}, and should be {}", hex::encode(&found), hex::encode(sha256));
    Err(KeepError::Damaged { path: key.to_owned(), reason })
}

/// The hash of a file at a target, read from front to back.
pub(crate) fn hash(target: &dyn Target, key: &str) -> Result<[u8; 32], KeepError> {
    let mut from = Hashing { inner: target.get(key)?, sha256: Sha256::new() };
    io::copy(&mut from, &mut io::sink()).map_err(io(target, key))?;
    Ok(from.sha256.finalize().into())
}

/// Copies a file from a target, which must have just this length and hash.
pub(crate) fn fetch(
    target: &dyn Target,
    key: &str,
    bytes: u64,
    sha256: &str,
    out: &mut dyn Write,
) -> Result<(), KeepError> {
    let damaged = |reason: &str| KeepError::Damaged {
        path: format!("{}/{key}", target.name()),
        reason: reason.to_owned(),
    };
    let mut from = Hashing { inner: target.get(key)?.take(bytes + 1), sha256: Sha256::new() };
    let copied = io::copy(&mut from, out).map_err(io(target, key))?;
    if copied != bytes {
        return Err(damaged(if copied < bytes { "it is cut short" } else { "it is too long" }));
    }
    let found: [u8; 32] = from.sha256.finalize().into();
    if hex::encode(&found) != sha256 {
        return Err(damaged("its bytes are not those that were archived"));
    }
    Ok(())
}

pub(crate) fn io(target: &dyn Target, key: &str) -> impl FnOnce(io::Error) -> KeepError {
    let (target, key) = (target.name().to_owned(), key.to_owned());
    move |source| TargetError::Io { target, key, source }.into()
}

/// A failure of the data directory's own files.
pub(crate) fn local(path: &str) -> impl FnOnce(io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| LogError::Io { path, source }.into()
}

struct Hashing<R> {
    inner: R,
    sha256: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.sha256.update(&buf[..n]);
        Ok(n)
    }
}

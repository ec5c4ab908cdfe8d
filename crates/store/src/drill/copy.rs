//! Copying a data directory through the storage seam.

use indelible_log::storage::{Storage, read_exact_at, write_all_at};
use indelible_log::{active, erasure, manifest, trail};

use crate::error::StoreError;
use crate::guard;
use crate::search::INDEX;

/// Copies every file of a directory.
pub(super) fn all(from: &dyn Storage, to: &dyn Storage) -> Result<(), StoreError> {
    let mut dirs = vec![active::DIR.to_owned(), manifest::SEGMENTS.to_owned()];
    dirs.push(guard::DIR.to_owned());
    dirs.push(erasure::DIR.to_owned());
    dirs.push(INDEX.to_owned());
    to.create_dir(trail::DIR).map_err(StoreError::io(trail::DIR))?;
    for id in from.list(trail::DIR).map_err(StoreError::io(trail::DIR))? {
        dirs.push(format!("{}/{id}", trail::DIR));
    }
    for name in ["MANIFEST", crate::node::NODE, crate::node::KEY] {
        file(from, to, name)?;
    }
    for dir in dirs {
        to.create_dir(&dir).map_err(StoreError::io(&dir))?;
        match from.list(&dir) {
            Ok(names) => {
                for name in names {
                    file(from, to, &format!("{dir}/{name}"))?;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(StoreError::io(&dir)(e)),
        }
    }
    Ok(())
}

/// Copies a guard that is kept elsewhere into the directory.
pub(super) fn guard(from: &dyn Storage, to: &dyn Storage) -> Result<(), StoreError> {
    to.create_dir(guard::DIR).map_err(StoreError::io(guard::DIR))?;
    file(from, to, guard::PATH)
}

fn file(from: &dyn Storage, to: &dyn Storage, path: &str) -> Result<(), StoreError> {
    const CHUNK: u64 = 4 << 20;
    let source = from.open(path, false).map_err(StoreError::io(path))?;
    let len = source.len().map_err(StoreError::io(path))?;
    replace(to, path, |target| {
        let mut at = 0;
        while at < len {
            let mut buf = vec![0; CHUNK.min(len - at) as usize];
            read_exact_at(&*source, at, &mut buf)?;
            write_all_at(target, at, &buf)?;
            at += buf.len() as u64;
        }
        Ok(())
    })
}

/// Makes a file anew, in place of the one that is there.
pub(super) fn replace(
    storage: &dyn Storage,
    path: &str,
    write: impl FnOnce(&dyn indelible_log::storage::File) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    match storage.remove(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(path)(e)),
        _ => {}
    }
    let file = storage.create(path).map_err(StoreError::io(path))?;
    write(&*file).map_err(StoreError::io(path))
}

/// Changes a file's bytes.
pub(super) fn edit(
    storage: &dyn Storage,
    path: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> Result<(), StoreError> {
    let mut bytes = storage.map(path).map_err(StoreError::io(path))?.to_vec();
    change(&mut bytes);
    replace(storage, path, |file| write_all_at(file, 0, &bytes))
}

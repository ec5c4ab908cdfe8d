//! Directories walked through the seam, which tells files from directories by what it lists.

use std::io::ErrorKind;

use indelible_log::storage::Storage;

use crate::error::KeepError;

pub(super) fn io(path: &str) -> impl FnOnce(std::io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| indelible_log::LogError::Io { path, source }.into()
}

/// The names in a directory; none if it is not there.
pub(super) fn names(storage: &dyn Storage, dir: &str) -> Result<Vec<String>, KeepError> {
    match storage.list(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(io(dir)),
    }
}

/// What is below a directory: the directories, those above others first, and the files.
#[derive(Default)]
pub(super) struct Tree {
    pub dirs: Vec<String>,
    pub files: Vec<String>,
}

/// Everything below a directory, itself included; nothing if it is not there.
pub(super) fn walk(storage: &dyn Storage, top: &str) -> Result<Tree, KeepError> {
    let mut tree = Tree::default();
    if storage.list(top).is_err_and(|e| e.kind() == ErrorKind::NotFound) {
        return Ok(tree);
    }
    tree.dirs.push(top.to_owned());
    let mut at = 0;
    while at < tree.dirs.len() {
        let dir = tree.dirs[at].clone();
        for name in storage.list(&dir).map_err(io(&dir))? {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            match storage.list(&path) {
                Ok(_) => tree.dirs.push(path),
                Err(_) => tree.files.push(path),
            }
        }
        at += 1;
    }
    Ok(tree)
}

/// Makes the names in all directories below one durable, and its own.
pub(super) fn sync(storage: &dyn Storage, top: &str) -> Result<(), KeepError> {
    for dir in walk(storage, top)?.dirs.iter().rev() {
        storage.sync_dir(dir).map_err(io(dir))?;
    }
    let parent = indelible_log::storage::parent(top);
    storage.sync_dir(parent).map_err(io(parent))
}

/// Removes a directory and all that is in it; one that is not there is fine.
pub(crate) fn remove(storage: &dyn Storage, top: &str) -> Result<(), KeepError> {
    let tree = walk(storage, top)?;
    for file in &tree.files {
        storage.remove(file).map_err(io(file))?;
    }
    for dir in tree.dirs.iter().rev() {
        storage.remove_dir(dir).map_err(io(dir))?;
    }
    let parent = indelible_log::storage::parent(top);
    storage.sync_dir(parent).map_err(io(parent))
}

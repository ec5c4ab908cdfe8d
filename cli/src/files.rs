//! The caller's own files: the one place at the edge where paths of the command line are opened.
#![expect(
    clippy::disallowed_methods,
    reason = "files that the caller names are not the log's: this is the edge"
)]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What `-` stands for.
const STANDARD: &str = "-";

/// Something to read, and how long it is if that is known.
pub struct Input {
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
    /// Its length, of an ordinary file only.
    pub len: Option<u64>,
}

/// Whether the path means standard input.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new(STANDARD)
}

/// Opens a file, or standard input.
pub fn open(path: &Path) -> Result<Input, Failure> {
    if is_standard(path) {
        return Ok(Input { bytes: Box::new(io::stdin()), len: None });
    }
    let io = || Failure::io(path.display());
    let file = File::open(path).map_err(io())?;
    let metadata = file.metadata().map_err(io())?;
    if metadata.is_dir() {
        return Err(Failure::cannot(format_args!("{}: is a directory", path.display())));
    }
    Ok(Input { bytes: Box::new(file), len: metadata.is_file().then_some(metadata.len()) })
}

/// Reads a file or standard input whole, up to `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?.bytes.take(max + 1).read_to_end(&mut bytes).map_err(Failure::io(path.display()))?;
    if bytes.len() as u64 > max {
        return Err(Failure::cannot(format_args!("{}: larger than {max} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a file if it is there.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Where a file is written until it is whole.
pub fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    PathBuf::from(aside)
}

/// Makes a file, or empties it.
pub fn create(path: &Path) -> io::Result<File> {
    File::create(path)
}

/// Opens a file to be written behind its end; an empty one if it is not there.
pub fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

/// Gives a file another name, whatever had it before.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Removes a file that was not finished; one that cannot be removed is in nobody's way.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Opens a file to be read at any place.
pub fn open_file(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(Failure::io(path.display()))
}

/// Writes a file, or replaces it; there is never half of it under its name.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = aside(path);
    create(&aside)?.write_all(bytes)?;
    rename(&aside, path)
}

/// Writes a file to wherever the caller said.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(Failure::io(path.display()))
}

/// Makes a directory and its parents.
pub fn make_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Whether a directory is not there or has nothing in it.
pub fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}

/// A new directory among the temporary files, for its owner only. It stays.
pub fn temporary_dir(prefix: &str) -> Result<PathBuf, Failure> {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir();
    Ok(dir.map_err(Failure::io("a temporary directory"))?.keep())
}

/// Directories for a short while, gone with this value.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes a place for them, in a directory that is there or among the temporary files.
    pub fn new(within: Option<&Path>) -> Result<Scratch, Failure> {
        let within = within.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let dir = tempfile::Builder::new().prefix("indelible-").tempdir_in(&within);
        Ok(Scratch(dir.map_err(Failure::io(within.display()))?))
    }

    /// The path of one of them.
    pub fn dir(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Removes one of them early, to save space; what cannot be removed now goes with the rest.
pub fn discard(dir: &Path) {
    let _ = fs::remove_dir_all(dir);
}

/// The files below a directory, sorted by their paths; the path itself if it is none. Names that begin with a dot are
/// passed over.
pub fn below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_standard(path) || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(Failure::io(path.display()))?;
    let mut names =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    let names =
        names.as_mut().map_err(|e| Failure::cannot(format_args!("{}: {e}", path.display())))?;
    names.retain(|path| {
        path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
    });
    names.sort();
    let mut files = Vec::new();
    for name in names {
        files.extend(below(name)?);
    }
    Ok(files)
}

/// How long a file is; nobody knows of standard input and what is no ordinary file.
pub fn len(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok().filter(|_| !is_standard(path))?;
    metadata.is_file().then_some(metadata.len())
}

/// When a file was last changed, in microseconds; `None` of what is none, or does not say.
pub fn changed(path: &Path) -> Option<i64> {
    let metadata = fs::metadata(path).ok().filter(|_| !is_standard(path))?;
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

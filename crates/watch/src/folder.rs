//! The folder of rules, mappings and settings.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_log::sha256;
use indelible_rules::limits::FILE_BYTES_MAX;
use indelible_rules::{File, Origin, Refused, RuleSet, pack};

use crate::limits::{FILES_MAX, FOLDER_BYTES_MAX, FOLDER_DEPTH_MAX, SETTINGS_BYTES_MAX};
use crate::settings::Settings;

/// The file of settings.
const SETTINGS: &str = "watch.yaml";
/// Where rules and their examples are.
const RULES: &str = "rules";
/// Where mappings are.
const MAPPINGS: &str = "mappings";
/// What examples end with.
const TESTS: [&str; 2] = [".test.yml", ".test.yaml"];

/// What is in a folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Where it is; `None` if there is only the pack.
    pub path: Option<PathBuf>,
    /// `watch.yaml`, or what counts without it.
    pub settings: Settings,
    /// Files of rules: those of the pack that are wanted, and the folder's.
    pub rules: Vec<File>,
    /// The folder's mappings.
    pub mappings: Vec<File>,
    /// Examples: `rules/x.test.yml`.
    pub tests: Vec<File>,
    /// Files that cannot be read, are too many, or are none at all.
    pub refused: Vec<Refused>,
    /// SHA-256 of the text of `watch.yaml`; zeros without one.
    pub(crate) settings_digest: [u8; 32],
    /// How it looked just before it was read.
    pub(crate) stamp: Stamp,
}

/// Why a folder cannot be read as a whole: it is not there, or `watch.yaml` makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FolderError(pub String);

/// By what it shows that something in a folder has changed: names, lengths, times and which files they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<(PathBuf, [i64; 5])>);

impl Folder {
    /// Reads a folder; without one there is only the pack.
    pub fn read(path: Option<&Path>) -> Result<Folder, FolderError> {
        Folder::read_with(path, None)
    }

    /// Reads it again. Settings that make no sense are refused, and those before them go on.
    pub(crate) fn read_again(&self) -> Result<Folder, FolderError> {
        Folder::read_with(self.path.as_deref(), Some(&self.settings))
    }

    fn read_with(path: Option<&Path>, before: Option<&Settings>) -> Result<Folder, FolderError> {
        let mut folder = Folder { path: path.map(Path::to_owned), ..Folder::default() };
        if let Some(path) = path {
            folder.stamp = stamp(path);
            folder.read_settings(path, before)?;
            let mut walk = Walk::default();
            walk.below(path, Path::new(RULES), FOLDER_DEPTH_MAX);
            walk.below(path, Path::new(MAPPINGS), 1);
            folder.refused.append(&mut walk.refused);
            folder.sort(walk.files);
        }
        if folder.settings.pack.enabled {
            folder.rules.splice(0..0, pack::files());
        }
        Ok(folder)
    }

    /// Its rules. What the folder itself refuses is among the refused.
    pub fn rule_set(&self) -> RuleSet {
        let mut set = RuleSet::read(&self.rules, &self.mappings, &self.settings.pack.off);
        set.refused.splice(0..0, self.refused.iter().cloned());
        set
    }

    /// How it looks now; `None` if there is none.
    pub(crate) fn look(&self) -> Option<Stamp> {
        self.path.as_deref().map(stamp)
    }

    fn read_settings(&mut self, path: &Path, before: Option<&Settings>) -> Result<(), FolderError> {
        let shown = path.join(SETTINGS);
        let there = std::fs::metadata(path).map_err(|e| FolderError(told(path, &e)))?;
        if !there.is_dir() {
            return Err(FolderError(format!("{}: it is no directory", path.display())));
        }
        let read = match read(&shown, SETTINGS_BYTES_MAX) {
            Ok(text) => {
                self.settings_digest = sha256(text.as_bytes());
                Settings::parse(&text, path).map_err(|e| e.0)
            }
            Err(Unread::Missing) => Ok(Settings::default()),
            Err(Unread::Other(why)) => Err(format!(" {why}")),
        };
        match (read, before) {
            (Ok(settings), _) => self.settings = settings,
            (Err(why), None) => return Err(FolderError(format!("{}:{why}", shown.display()))),
            (Err(why), Some(before)) => {
                self.settings = before.clone();
                let reason = format!("{why}; the settings before go on", why = why.trim_start());
                self.refused.push(refused(Path::new(SETTINGS), reason));
            }
        }
        Ok(())
    }

    fn sort(&mut self, files: Vec<File>) {
        for file in files {
            let of = if TESTS.iter().any(|end| file.name.ends_with(end)) {
                &mut self.tests
            } else if Path::new(&*file.name).starts_with(MAPPINGS) {
                &mut self.mappings
            } else {
                &mut self.rules
            };
            of.push(file);
        }
    }
}

/// Files that were found.
#[derive(Default)]
struct Walk {
    files: Vec<File>,
    bytes: u64,
    refused: Vec<Refused>,
    full: bool,
}

impl Walk {
    /// Reads what is below a directory of the folder, in the order of names.
    fn below(&mut self, root: &Path, dir: &Path, depth: usize) {
        let entries = match entries(&root.join(dir)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
            Err(e) => return self.refuse(dir, e.to_string()),
        };
        for name in entries {
            let path = dir.join(&name);
            let wanted = is_yaml(&name);
            let kind = match std::fs::symlink_metadata(root.join(&path)) {
                Ok(about) => about.file_type(),
                Err(e) => {
                    self.refuse(&path, e.to_string());
                    continue;
                }
            };
            if kind.is_symlink() && (wanted || root.join(&path).is_dir()) {
                let why =
                    "it is a link, and only files of the folder itself are read: put the file here";
                self.refuse(&path, why.into());
            } else if kind.is_dir() && depth > 1 {
                self.below(root, &path, depth - 1);
            } else if kind.is_dir() {
                self.refuse(&path, "directories nest too deep here: it is not looked at".into());
            } else if wanted && !kind.is_symlink() {
                self.take(root, &path);
            }
            if self.full {
                return;
            }
        }
    }

    fn take(&mut self, root: &Path, path: &Path) {
        let left = FOLDER_BYTES_MAX.saturating_sub(self.bytes);
        if self.files.len() >= FILES_MAX || left == 0 {
            self.full = true;
            let why = format!(
                "a folder has at most {FILES_MAX} files of {FOLDER_BYTES_MAX} bytes in all: this one \
                 and all behind it are not read"
            );
            return self.refuse(path, why);
        }
        match read(&root.join(path), FILE_BYTES_MAX as u64) {
            Ok(text) => {
                self.bytes += text.len() as u64;
                let name = path.to_string_lossy().into();
                self.files.push(File { name, text: text.into(), origin: Origin::Folder });
            }
            // It went while the folder was read: the next look tells what there is.
            Err(Unread::Missing) => {}
            Err(Unread::Other(why)) => self.refuse(path, why),
        }
    }

    fn refuse(&mut self, path: &Path, reason: String) {
        self.refused.push(refused(path, reason));
    }
}

fn refused(path: &Path, reason: String) -> Refused {
    Refused { file: Arc::from(path.to_string_lossy()), line: None, rule: None, reason }
}

/// Hidden files are those of editors and of version control.
fn is_yaml(name: &Path) -> bool {
    let hidden = name.as_os_str().as_encoded_bytes().starts_with(b".");
    !hidden && name.extension().is_some_and(|end| end == "yml" || end == "yaml")
}

/// The names in a directory, sorted.
#[expect(
    clippy::disallowed_methods,
    reason = "a folder of the people who run the node, not of the log"
)]
fn entries(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)?.take(FILES_MAX * 2) {
        let name = PathBuf::from(entry?.file_name());
        if !name.as_os_str().as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

enum Unread {
    Missing,
    Other(String),
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of the people who run the node, not of the log"
)]
fn read(path: &Path, max: u64) -> Result<String, Unread> {
    let other = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Unread::Missing,
        _ => Unread::Other(e.to_string()),
    };
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(other)?.is_file() {
        return Err(Unread::Other("it is no ordinary file".into()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(other)?;
    // One more than is allowed, so that it shows.
    match file.take(max + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > max => {
            Err(Unread::Other(format!("it is longer than {max} bytes")))
        }
        Ok(_) => Ok(text),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => {
            Err(Unread::Other("it is not UTF-8".into()))
        }
        Err(e) => Err(Unread::Other(e.to_string())),
    }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// How a folder looks: all that is read of it, and nothing of what is in the files.
fn stamp(path: &Path) -> Stamp {
    let mut stamp = Stamp::default();
    stamp.note(path.join(SETTINGS));
    stamp.below(&path.join(RULES), FOLDER_DEPTH_MAX);
    stamp.below(&path.join(MAPPINGS), 1);
    stamp
}

impl Stamp {
    fn below(&mut self, dir: &Path, depth: usize) {
        for name in entries(dir).unwrap_or_default() {
            let path = dir.join(&name);
            let is_dir = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
            if is_dir && depth > 1 {
                self.below(&path, depth - 1);
            } else if is_dir || is_yaml(&name) {
                self.note(path);
            }
            if self.0.len() > FILES_MAX {
                return;
            }
        }
    }

    fn note(&mut self, path: PathBuf) {
        if let Ok(about) = std::fs::symlink_metadata(&path) {
            let length = i64::try_from(about.len()).unwrap_or(i64::MAX);
            let which = about.ino().cast_signed();
            let (written, changed) = (about.mtime(), about.ctime());
            let nanos = about.mtime_nsec().wrapping_mul(1 << 30).wrapping_add(about.ctime_nsec());
            self.0.push((path, [length, which, written, changed, nanos]));
        }
    }
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;

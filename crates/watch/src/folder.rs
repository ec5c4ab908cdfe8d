//! The folder of rules, mappings and settings.

use std::path::{Path, PathBuf};

use indelible_rules::{File, Refused, RuleSet};

use crate::settings::Settings;

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
}

/// Why a folder cannot be read as a whole: it is not there, or `watch.yaml` makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FolderError(pub String);

impl Folder {
    /// Reads a folder; without one there is only the pack.
    pub fn read(path: Option<&Path>) -> Result<Folder, FolderError> {
        todo!()
    }

    /// Its rules. What the folder itself refuses is among the refused.
    pub fn rule_set(&self) -> RuleSet {
        let mut set = RuleSet::read(&self.rules, &self.mappings, &self.settings.pack.off);
        set.refused.splice(0..0, self.refused.iter().cloned());
        set
    }
}

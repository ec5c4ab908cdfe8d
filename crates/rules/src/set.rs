//! All rules of a node, read from their files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Rule, RuleNo};

/// Where rules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// They are part of the program.
    Pack,
    /// The folder of the people who run the node.
    Folder,
}

/// A file of rules or a mapping.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path in the folder.
    pub name: Arc<str>,
    /// What is in it.
    pub text: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What could not be loaded, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file.
    pub file: Arc<str>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The rule's title, where one could be read.
    pub rule: Option<Arc<str>>,
    /// Why, and what would do.
    pub reason: String,
}

/// All rules. One that refers to others stands behind them.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// Those that are loaded.
    pub rules: Vec<Rule>,
    /// What is not.
    pub refused: Vec<Refused>,
}

impl RuleSet {
    /// Reads files of rules. `mappings` stand before ours; `off` names rules, by id, name or title, that are left out; one
    /// that another refers to stays, and gives no alerts. What cannot be read is refused with its reason, and says
    /// nothing about the rest. A rule of the folder takes the place of a rule of the pack that has its id.
    ///
    /// ```
    /// use indelible_rules::{File, Origin, RuleSet};
    ///
    /// let text = "title: Backup deleted\nlogsource: { product: indelible }\n\
    ///             detection: { s: { acton: backup.delete }, condition: s }\n";
    /// let file = File { name: "rules/backup.yml".into(), text: text.into(), origin: Origin::Folder };
    /// let set = RuleSet::read(&[file], &[], &[]);
    /// assert_eq!(set.refused[0].line, Some(3));
    /// assert_eq!(set.refused[0].reason, "there is no field `acton`; did you mean `action`?");
    /// ```
    pub fn read(files: &[File], mappings: &[File], off: &[String]) -> RuleSet {
        crate::sigma::read(files, mappings, off)
    }

    /// A rule.
    pub fn get(&self, no: RuleNo) -> &Rule {
        &self.rules[no.0 as usize]
    }

    /// A rule by its id, its name or its title.
    pub fn find(&self, called: &str) -> Option<RuleNo> {
        let is = |rule: &Rule| {
            *rule.id == *called || rule.name.as_deref() == Some(called) || *rule.title == *called
        };
        self.rules.iter().position(is).map(|at| RuleNo(at as u32))
    }
}

//! Sigma, read: documents become rules, names become places.
//!
//! Each document is read for itself ([`document`]), so that what is wrong with one says nothing about the others. Then
//! the references between them are followed ([`resolve`]).

mod condition;
mod correlation;
pub(crate) mod detection;
mod document;
mod modifiers;
pub(crate) mod refusal;
mod resolve;
mod value;
pub(crate) mod yaml;

use std::collections::HashMap;
use std::sync::Arc;

use self::detection::Regexes;
use self::document::{Document, Names};
use self::refusal::Bad;
use crate::limits::RULES_MAX;
use crate::mapping::{Mapping, builtin};
use crate::set::{File, Origin, Refused, RuleSet};

/// A document and where it stands.
struct Draft {
    document: Document,
    file: Arc<str>,
    origin: Origin,
    line: usize,
    text: Arc<str>,
}

/// A document that is refused: what refers to it is told why, and what it refers to stays silent.
struct Broken {
    names: Names,
    file: Arc<str>,
    origin: Origin,
    reason: String,
}

/// All that was read, before anything refers to anything.
#[derive(Default)]
struct Read {
    drafts: Vec<Draft>,
    broken: Vec<Broken>,
    refused: Vec<Refused>,
}

impl Read {
    fn refuse(&mut self, file: &File, names: Names, bad: Bad) {
        let (rule, reason) = (names.title.clone(), bad.reason.clone());
        self.refused.push(Refused { file: Arc::clone(&file.name), line: bad.line, rule, reason });
        let (file, origin) = (Arc::clone(&file.name), file.origin);
        self.broken.push(Broken { names, file, origin, reason: bad.reason });
    }
}

/// Reads files of rules.
pub(crate) fn read(files: &[File], mappings: &[File], off: &[String]) -> RuleSet {
    let (mut read, mut regexes) = (Read::default(), Regexes::default());
    let mappings = read_mappings(mappings, &mut read, &mut regexes);
    for file in files {
        // Examples lie beside the rules and are none.
        if file.name.ends_with(".test.yml") || file.name.ends_with(".test.yaml") {
            continue;
        }
        match document::of_file(&file.text) {
            Ok(documents) => {
                for (line, text) in documents {
                    read_document(file, line, text, &mappings, &mut read, &mut regexes);
                }
            }
            Err(bad) => read.refuse(file, Names::default(), bad),
        }
    }
    unite(&mut read);
    resolve::resolve(read, off)
}

/// Mappings of the folder, and ours behind them.
fn read_mappings(files: &[File], read: &mut Read, regexes: &mut Regexes) -> Vec<Arc<Mapping>> {
    let mut mappings = Vec::new();
    for file in files {
        let documents = match document::of_file(&file.text) {
            Ok(documents) => documents,
            Err(bad) => {
                read.refuse(file, Names::default(), bad);
                continue;
            }
        };
        for (line, text) in documents {
            match Mapping::read(text, line, regexes) {
                Ok(mapping) => mappings.push(Arc::new(mapping)),
                Err(bad) => read.refuse(file, Names::default(), bad),
            }
        }
    }
    mappings.extend(builtin().iter().cloned());
    mappings
}

fn read_document(
    file: &File,
    line: usize,
    text: &str,
    mappings: &[Arc<Mapping>],
    read: &mut Read,
    regexes: &mut Regexes,
) {
    let node = match yaml::parse(text, line) {
        Ok(node) => node,
        Err(bad) => {
            let bad = Bad { line: bad.line.or(Some(line)), ..bad };
            return read.refuse(file, Names::default(), bad);
        }
    };
    let names = document::names(&node);
    if read.drafts.len() == RULES_MAX {
        let bad = Bad::at(node.line, format!("a node has at most {RULES_MAX} rules"));
        return read.refuse(file, names, bad);
    }
    match document::read(&node, mappings, regexes) {
        Ok(document) => read.drafts.push(Draft {
            document,
            file: Arc::clone(&file.name),
            origin: file.origin,
            line: node.line,
            text: text.trim().into(),
        }),
        Err(bad) => read.refuse(file, names, bad),
    }
}

/// Leaves one rule of each id, and of each name one of each origin: a rule of the folder takes the place of ours.
fn unite(read: &mut Read) {
    let drafts = std::mem::take(&mut read.drafts);
    let mut kept: Vec<Option<Draft>> = Vec::with_capacity(drafts.len());
    let mut ids: HashMap<Arc<str>, usize> = HashMap::new();
    let mut names: HashMap<(Arc<str>, Origin), usize> = HashMap::new();
    for draft in drafts {
        let Document { id, name, .. } = &draft.document;
        let (id, name) = (Arc::clone(id), name.clone().map(|name| (name, draft.origin)));
        let same_id = ids.get(&id).copied();
        let other = same_id.and_then(|at| kept[at].as_ref());
        let same_origin = other.is_some_and(|other| other.origin == draft.origin);
        if other.is_some() && !same_origin && draft.origin == Origin::Pack {
            continue;
        }
        let same_name = name.as_ref().and_then(|name| kept[*names.get(name)?].as_ref());
        let bad = match (other.filter(|_| same_origin), same_name) {
            (Some(other), _) if draft.document.has_id => {
                Some(taken(&draft, other, "its id is that of"))
            }
            (Some(other), _) => Some(taken(&draft, other, "it has no id, and is called like")),
            (None, Some(other)) => Some(taken(&draft, other, "its name is that of")),
            (None, None) => None,
        };
        if let Some(bad) = bad {
            read.refuse_draft(draft, bad);
            continue;
        }
        if let Some(at) = same_id {
            kept[at] = None;
        }
        ids.insert(id, kept.len());
        names.extend(name.map(|name| (name, kept.len())));
        kept.push(Some(draft));
    }
    read.drafts = kept.into_iter().flatten().collect();
}

fn taken(draft: &Draft, other: &Draft, what: &str) -> Bad {
    let Draft { document, file, line, .. } = other;
    let title = refusal::shown(&document.title);
    Bad::at(draft.line, format!("{what} `{title}` ({file}:{line}); give it one of its own"))
}

impl Read {
    fn refuse_draft(&mut self, draft: Draft, bad: Bad) {
        let Document { id, name, title, body, .. } = draft.document;
        let refers = match body {
            document::Body::Correlation(written) => written.rules,
            document::Body::Event(..) => Vec::new(),
        };
        let names = Names { id: Some(id), name, title: Some(title), refers };
        let file = File { name: draft.file, text: draft.text, origin: draft.origin };
        self.refuse(&file, names, bad);
    }
}

//! A document: what it is called and what it says.

use std::sync::Arc;

use super::correlation::{self, Named, Written};
use super::detection::{Reader, Regexes};
use super::refusal::{Bad, meant, meant_or_known, shown};
use super::yaml::{self, Key, Node, Value};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, DOCUMENTS_MAX, FILE_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX,
};
use crate::mapping::{self, LogSource, Mapping};
use crate::model::{Condition, Level};

/// What rules are called, as far as it could be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Its id, name or title.
    pub id: Option<Arc<str>>,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its title.
    pub title: Option<Arc<str>>,
    /// The rules that it refers to.
    pub refers: Vec<Named>,
}

/// A rule as it is written, before the others are known.
pub(super) struct Document {
    /// Its id.
    pub id: Arc<str>,
    /// Whether it says one.
    pub has_id: bool,
    /// What correlations call it.
    pub name: Option<Arc<str>>,
    /// Its title.
    pub title: Arc<str>,
    /// What it means.
    pub description: Option<Arc<str>>,
    /// What to do.
    pub advice: Option<Arc<str>>,
    /// How bad.
    pub level: Level,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// What it looks for.
    pub body: Body,
}

/// What a document looks for.
pub(super) enum Body {
    /// Something of one event.
    Event(Condition, Arc<Mapping>),
    /// Something of several.
    Correlation(Written),
}

const LEVELS: [(&str, Level); 5] = [
    ("informational", Level::Informational),
    ("low", Level::Low),
    ("medium", Level::Medium),
    ("high", Level::High),
    ("critical", Level::Critical),
];

/// Reads what a document is called, whatever is wrong with the rest.
pub(super) fn names(node: &Node) -> Names {
    let text = |name: &str| -> Option<Arc<str>> {
        let text = node.get(name)?.text(name).ok()?;
        is_name(&text).then(|| text.into())
    };
    let (name, title) = (text("name"), text("title"));
    let refers = node.get("correlation").and_then(|node| node.get("rules")?.texts("").ok());
    let refers = refers.unwrap_or_default();
    Names { id: text("id").or(name.clone()).or(title.clone()), name, title, refers }
}

/// It becomes part of events, which hold only so much of what has to be escaped.
fn is_name(text: &str) -> bool {
    (1..=TITLE_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

/// Reads a document.
pub(super) fn read(
    node: &Node,
    mappings: &[Arc<Mapping>],
    regexes: &mut Regexes,
) -> Result<Document, Bad> {
    let members = node.map("a rule")?;
    refuse_others(node)?;
    for name in ["title", "id", "name"] {
        let Some(node) = node.get(name) else { continue };
        let text = node.text(&format!("`{name}`"))?;
        if !is_name(&text) {
            return Err(Bad::at(
                node.line,
                format!(
                    "`{name}` is empty, longer than {TITLE_BYTES_MAX} bytes or not one line of text"
                ),
            ));
        }
    }
    let Names { id: Some(id), name, title: Some(title), .. } = names(node) else {
        return Err(Bad::at(node.line, "a rule has a `title`, and this one has none"));
    };
    let level = match node.get("level") {
        Some(node) => level(node)?,
        None => Level::default(),
    };
    let tags = match node.get("tags") {
        Some(node) if !matches!(node.value, Value::Null) => node.texts("a tag")?,
        _ => Vec::new(),
    };
    if tags.len() > TAGS_MAX {
        return Err(Bad::at(node.line, format!("more than {TAGS_MAX} tags")));
    }
    let tags = tags.into_iter().map(|(_, tag)| tag.into()).collect();
    let (description, advice) = (long(node, "description")?, long(node, "advice")?);
    let body = body(node, members, mappings, regexes)?;
    let has_id = node.get("id").is_some();
    Ok(Document { id, has_id, name, title, description, advice, level, tags, body })
}

/// Reads what a document looks for.
fn body(
    node: &Node,
    members: &[(Key, Node)],
    mappings: &[Arc<Mapping>],
    regexes: &mut Regexes,
) -> Result<Body, Bad> {
    match (node.get("detection"), node.get("correlation")) {
        (Some(detection), None) => {
            let Some(source) = node.get("logsource") else {
                return Err(Bad::at(
                    node.line,
                    "the rule has no `logsource`; `logsource: { product: indelible }` means the events of this log",
                ));
            };
            let mapping = mapping::find(mappings, &LogSource::read(source)?, source.line)?;
            let condition = Reader::new(&mapping, regexes).detection(detection)?;
            let condition = match &mapping.about {
                Some(about) => Condition::All(vec![about.clone(), condition]),
                None => condition,
            };
            Ok(Body::Event(condition, mapping))
        }
        (None, Some(node_of)) => {
            let mut written = correlation::read(node_of)?;
            if let Some(generate) = node.get("generate") {
                written.generate |= correlation::truth(generate, "`generate`")?;
            }
            Ok(Body::Correlation(written))
        }
        (Some(_), Some(other)) => Err(Bad::at(
            other.line,
            "`detection` and `correlation` in one document; part them by `---` and let the second refer to the first by its `name`",
        )),
        (None, None) => {
            let near = members.iter().find_map(|(key, _)| {
                Some(meant(&key.name, ["detection", "correlation"])).filter(|near| !near.is_empty())
            });
            let near = near.unwrap_or_default();
            Err(Bad::at(
                node.line,
                format!("the rule has neither a `detection` nor a `correlation`{near}"),
            ))
        }
    }
}

/// Documents of Sigma that are no rules.
fn refuse_others(node: &Node) -> Result<(), Bad> {
    if let Some(filter) = node.get("filter") {
        return Err(Bad::at(
            filter.line,
            "Sigma filters are not understood; write what is to be left out into the rule, as `and not filter`",
        ));
    }
    if let Some(action) = node.get("action") {
        let said = action.text("`action`").unwrap_or_default();
        if matches!(&*said, "global" | "repeat" | "reset") {
            return Err(Bad::at(
                action.line,
                format!(
                    "`action: {said}` is of the old Sigma; write each rule out as a document of its own"
                ),
            ));
        }
    }
    Ok(())
}

fn level(node: &Node) -> Result<Level, Bad> {
    let said = node.text("`level`")?;
    let found = LEVELS.iter().find(|(name, _)| said.eq_ignore_ascii_case(name));
    found.map(|(_, level)| *level).ok_or_else(|| {
        let names = LEVELS.map(|(name, _)| name);
        let (said, hint) = (shown(&said), meant_or_known(&said, &names));
        Bad::at(node.line, format!("there is no level `{said}`{hint}"))
    })
}

fn long(node: &Node, name: &str) -> Result<Option<Arc<str>>, Bad> {
    let Some(node) = node.get(name) else { return Ok(None) };
    if let Value::Null = node.value {
        return Ok(None);
    }
    let text = node.text(&format!("`{name}`"))?;
    let text = text.trim();
    if text.len() > DESCRIPTION_BYTES_MAX {
        return Err(Bad::at(
            node.line,
            format!("`{name}` is longer than {DESCRIPTION_BYTES_MAX} bytes"),
        ));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}

/// The documents of a file; a file that is too large is refused as a whole.
pub(super) fn of_file(text: &str) -> Result<Vec<(usize, &str)>, Bad> {
    let bad = |reason| Bad { line: None, reason };
    if text.len() > FILE_BYTES_MAX {
        return Err(bad(format!("the file is longer than {FILE_BYTES_MAX} bytes")));
    }
    let documents = yaml::documents(text);
    match documents.len() <= DOCUMENTS_MAX {
        true => Ok(documents),
        false => Err(bad(format!("the file has more than {DOCUMENTS_MAX} documents"))),
    }
}

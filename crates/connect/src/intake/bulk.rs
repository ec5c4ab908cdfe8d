//! The lines of Elasticsearch's `_bulk`: what is to be done, and the document with which, in turn.
//!
//! `index` and `create` keep a document; what changes or deletes one is refused, since nothing that is kept changes. A
//! document that is an event of ours goes as it is, also with the `@timestamp` that collectors add. Any other is mapped
//! by the names of the Elastic Common Schema, dotted or nested, and all of it goes to `details`, with `_index` and
//! `_id`.

use serde_json::value::RawValue;

use super::json::{Members, put, scalar, text};
use super::names::{Found, time};
use super::{Beside, is_ours, own, wrong};
use crate::draft::{Draft, Unmapped, foreign_id};
use crate::limits::{DOCUMENT_DEPTH_MAX, DOCUMENT_ID_BYTES_MAX, INDEX_NAME_BYTES_MAX};

/// The action of a document that names none.
pub const ACTION: &str = "elasticsearch.document";

/// Where documents say when they happened, the best first.
const TIMES: &[&str] = &["@timestamp", "timereported", "timestamp"];

/// What is to be done with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To keep it.
    Index,
    /// To keep it if there is none of its id.
    Create,
    /// To change one.
    Update,
    /// To delete one.
    Delete,
}

impl Verb {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Index => "index",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        }
    }

    fn of(name: &str) -> Option<Verb> {
        [Verb::Index, Verb::Create, Verb::Update, Verb::Delete]
            .into_iter()
            .find(|verb| verb.name() == name)
    }
}

/// The line before a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// What is to be done.
    pub verb: Verb,
    /// The index, empty where none is named.
    pub index: Box<str>,
    /// The document's id, where it has one.
    pub id: Option<Box<str>>,
}

/// What a line ends: the line before its document, and the event that the document is.
pub type Item = (Op, Result<Vec<u8>, Unmapped>);

/// A body that is no bulk request: none of it can be taken, since one cannot tell which lines are documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Reads line after line.
#[derive(Debug)]
pub struct Lines {
    /// The index of the path.
    index: Box<str>,
    /// The line whose document comes next, and what is wrong with it already.
    before: Option<(Op, Option<Unmapped>)>,
}

impl Lines {
    /// Of a request to this index; empty if its path names none.
    pub fn new(index: &str) -> Lines {
        Lines { index: index.into(), before: None }
    }

    /// Takes a line; `Err` is a line that was too long to be looked at, and why.
    pub fn line(
        &mut self,
        number: u64,
        line: Result<&[u8], String>,
    ) -> Result<Option<Item>, Malformed> {
        if let Some((op, fault)) = self.before.take() {
            let event = match (fault, line) {
                (Some(fault), _) => Err(fault),
                (None, Err(why)) => Err(wrong("", why)),
                (None, Ok(json)) => document(json, &op),
            };
            return Ok(Some((op, event)));
        }
        let malformed =
            |why: String| Malformed(format!("Malformed action/metadata line [{number}]: {why}"));
        let line = line.map_err(malformed)?;
        let (op, fault) = self.op(line).map_err(malformed)?;
        if op.verb == Verb::Delete {
            // It has no document behind it.
            return Ok(Some((op, Err(fault.unwrap_or_else(unchangeable)))));
        }
        self.before = Some((op, fault));
        Ok(None)
    }

    /// Ends the body: the last line must not wait for its document.
    pub fn finish(&self) -> Result<(), Malformed> {
        let said = |_| Err(Malformed("the last action has no document behind it".into()));
        self.before.as_ref().map_or(Ok(()), said)
    }

    fn op(&self, line: &[u8]) -> Result<(Op, Option<Unmapped>), String> {
        let members = Members::read(line).map_err(|e| e.message)?;
        let mut all = members.iter();
        let (Some((name, of)), None) = (all.next(), all.next()) else {
            return Err("expected one of index and create, and nothing beside it".into());
        };
        let verb = Verb::of(name).ok_or("expected index or create")?;
        let of = Members::read(of.get().as_bytes()).map_err(|e| e.message)?;
        let said = |name| of.get(name).filter(|value| value.get() != "null");
        let (mut fault, mut id) = (None, None);
        match said("_id").map(scalar) {
            Some(Some(text)) if text.len() <= DOCUMENT_ID_BYTES_MAX => {
                id = (!text.is_empty()).then(|| text.into());
            }
            Some(_) => {
                fault = Some(wrong(
                    "_id",
                    format!("must be a text of at most {DOCUMENT_ID_BYTES_MAX} bytes"),
                ))
            }
            None => {}
        }
        let index = match said("_index").map(text) {
            Some(Some(name)) if is_index(&name) => name.into(),
            None if is_index(&self.index) => self.index.clone(),
            Some(_) => {
                fault = Some(wrong("_index", "is no name of an index"));
                "".into()
            }
            None => {
                fault = Some(wrong("_index", "is missing, in the line and in the path"));
                "".into()
            }
        };
        if matches!(verb, Verb::Update | Verb::Delete) {
            fault = Some(unchangeable());
        }
        Ok((Op { verb, index, id }, fault))
    }
}

fn unchangeable() -> Unmapped {
    wrong("", "only index and create are taken: what is kept is neither changed nor deleted")
}

/// Whether an index may be called so, by Elasticsearch's own rules.
fn is_index(name: &str) -> bool {
    let wrong = |c: char| c.is_control() || c.is_uppercase() || " \"*\\<|,>/?#:".contains(c);
    (1..=INDEX_NAME_BYTES_MAX).contains(&name.len())
        && !name.contains(wrong)
        && !name.starts_with(['-', '_', '+'])
        && !matches!(name, "." | "..")
}

/// The event that a document is.
fn document(json: &[u8], op: &Op) -> Result<Vec<u8>, Unmapped> {
    if matches!(op.verb, Verb::Update) {
        return Err(unchangeable());
    }
    let members = Members::read(json)?;
    let id = op.id.as_deref().map(|id| foreign_id(&op.index, id));
    let said = |name: &str| members.get(name).filter(|value| value.get() != "null");
    let at = TIMES.iter().find_map(|name| Some((*name, said(name)?)));
    if is_ours(&members, &["@timestamp"]) {
        let at = said("@timestamp").map(|value| occurred_at("@timestamp", value)).transpose()?;
        let beside = Beside { id, occurred_at: at, details: None };
        return Ok(own(&members, &["@timestamp"], beside));
    }
    let mut draft = Draft { id: id.map(Into::into), ..Draft::default() };
    draft.occurred_at = at.map(|(name, value)| occurred_at(name, value)).transpose()?;
    let mut found = Found::default();
    look(&members, "", 0, &mut found);
    found.fill(&mut draft, ACTION);
    let mut details = vec![b'{'];
    put::text(&mut details, "_index", &op.index);
    if let Some(id) = &op.id {
        put::text(&mut details, "_id", id);
    }
    for (name, value) in members.iter() {
        put::json(&mut details, name, value.get().as_bytes());
    }
    details.push(b'}');
    draft.details = Some(String::from_utf8(details).expect("it was made of texts").into());
    Ok(draft.to_json())
}

fn occurred_at(name: &str, value: &RawValue) -> Result<std::borrow::Cow<'static, str>, Unmapped> {
    let read = scalar(value).and_then(|text| time(&text));
    read.ok_or_else(|| wrong(name, "is no time: neither RFC 3339 nor milliseconds since 1970"))
}

/// Looks at all members by their whole names, whether dots are in them or they are nested.
fn look<'a>(members: &Members<'a>, above: &str, depth: usize, found: &mut Found<'a>) {
    for (name, value) in members.iter() {
        let path = if above.is_empty() { name.to_string() } else { format!("{above}.{name}") };
        if value.get().starts_with('{') {
            if depth < DOCUMENT_DEPTH_MAX
                && let Ok(inside) = Members::read(value.get().as_bytes())
            {
                look(&inside, &path, depth + 1, found);
            }
        } else if let Some(said) = scalar(value) {
            found.see(&path, said);
        }
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;

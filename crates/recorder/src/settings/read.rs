//! From the tree of values to settings: what may stand where, and the errors that say so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::tree::{Key, Node, Origin, Value, quoted};
use super::{Secret, SettingsError, VARIABLE_PREFIX};

/// An object whose keys are known.
pub(super) struct Table<'a> {
    file: &'a str,
    /// The keys that lead to it, with points between.
    path: String,
    origin: Origin,
    members: Vec<(Key, Node)>,
}

/// A value, and the key it stands at.
pub(super) struct Field<'a> {
    file: &'a str,
    path: String,
    node: Node,
}

/// Says what is wrong, and where.
pub(super) fn wrong(file: &str, origin: &Origin, said: &str) -> SettingsError {
    SettingsError(match origin {
        Origin::File(line, column) => format!("{file}:{line}:{column}: {said}"),
        Origin::Variable(name) => format!("{name}: {said}"),
    })
}

/// The variable that sets the value at a path.
fn variable(path: &str) -> String {
    let below = path.strip_prefix("audit.").unwrap_or_default();
    format!("{VARIABLE_PREFIX}{}", below.replace('.', "__").to_ascii_uppercase())
}

impl<'a> Table<'a> {
    /// The object at a path; one that is not there is empty. Keys that are unknown or doubled are errors.
    pub(super) fn of(field: Field<'a>, known: &[&str]) -> Result<Table<'a>, SettingsError> {
        let Field { file, path, node } = field;
        let members = match node.value {
            Value::Object(members) => members,
            Value::Null => Vec::new(),
            // What stands here may be anything, also a key that slipped; it is not shown.
            other => {
                let said = match &node.origin {
                    Origin::File(..) => format!(
                        "{path} is {}; allowed is an object with {}",
                        other.kind(),
                        known.join(", ")
                    ),
                    Origin::Variable(name) => {
                        format!(
                            "there are only variables of its members, such as {name}__{}",
                            known[0].to_ascii_uppercase()
                        )
                    }
                };
                return Err(wrong(file, &node.origin, &said));
            }
        };
        let table = Table { file, path, origin: node.origin, members };
        table.check_doubles()?;
        for (key, _) in &table.members {
            if !known.contains(&&*key.name) {
                return Err(table.unknown(key, known));
            }
        }
        Ok(table)
    }

    fn check_doubles(&self) -> Result<(), SettingsError> {
        for (at, (key, _)) in self.members.iter().enumerate() {
            if let Some((first, _)) =
                self.members[..at].iter().find(|(other, _)| other.name == key.name)
            {
                let line = match first.origin {
                    Origin::File(line, _) => line,
                    Origin::Variable(_) => 0,
                };
                let said = format!(
                    "key {} is given twice, first in line {line}; allowed is once",
                    quoted(&key.name)
                );
                return Err(wrong(self.file, &key.origin, &said));
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &Key, known: &[&str]) -> SettingsError {
        let is_variable = matches!(key.origin, Origin::Variable(_));
        let named = |name: &str| match is_variable {
            true => variable(&format!("{}.{name}", self.path)),
            false => name.to_owned(),
        };
        let found = match is_variable {
            true => "unknown variable".to_owned(),
            false => format!("unknown key {}", quoted(&key.name)),
        };
        let near = closest(&key.name, known).map(named);
        let said = match near {
            Some(near) => format!("{found}; did you mean {near}?"),
            None => {
                let all: Vec<_> = known.iter().map(|name| named(name)).collect();
                format!("{found}; allowed are {}", all.join(", "))
            }
        };
        wrong(self.file, &key.origin, &said)
    }

    /// The value of a key, if it has one.
    pub(super) fn field(&mut self, name: &str) -> Option<Field<'a>> {
        let at = self.members.iter().position(|(key, _)| key.name == name)?;
        let (_, node) = self.members.swap_remove(at);
        let path =
            if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        (!matches!(node.value, Value::Null)).then_some(Field { file: self.file, path, node })
    }

    /// What stands at a key, be it nothing.
    pub(super) fn node(mut self, name: &str) -> Option<Node> {
        let at = self.members.iter().position(|(key, _)| key.name == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// The value of a key, unless a variable that others share sets it, too, and the key has none of its own.
    pub(super) fn or_shared(&mut self, name: &str, shared: Option<&Node>) -> Option<Field<'a>> {
        let own = self.field(name);
        match shared {
            Some(node) if !own.as_ref().is_some_and(Field::is_of_environment) => Some(Field {
                file: self.file,
                path: format!("{}.{name}", self.path),
                node: node.clone(),
            }),
            _ => own,
        }
    }

    /// The object at a key, which may be missing.
    pub(super) fn table(&mut self, name: &str, known: &[&str]) -> Result<Table<'a>, SettingsError> {
        let (file, path) = (self.file, format!("{}.{name}", self.path));
        let nothing = Node { origin: self.origin.clone(), value: Value::Null };
        Table::of(self.field(name).unwrap_or(Field { file, path, node: nothing }), known)
    }

    /// The object at a key, whose keys are event types.
    pub(super) fn by_event_type<T>(
        &mut self,
        name: &str,
        read: impl Fn(&Field<'_>) -> Result<T, SettingsError>,
    ) -> Result<BTreeMap<String, T>, SettingsError> {
        let all = self.field(name).map_or_else(|| Ok(Vec::new()), Field::by_event_type)?;
        all.into_iter().map(|(event_type, field)| Ok((event_type, read(&field)?))).collect()
    }

    /// Says that something is wrong with it as a whole.
    pub(super) fn wrong(&self, said: &str) -> SettingsError {
        wrong(self.file, &self.origin, &format!("{} {said}", self.path))
    }
}

/// The known name that is nearest to one that is not.
pub(super) fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let distance = |known: &str| strsim::damerau_levenshtein(known, &name);
    known
        .iter()
        .copied()
        .min_by_key(|known| distance(known))
        .filter(|known| distance(known) <= 1 + known.len() / 4)
}

impl<'a> Field<'a> {
    pub(super) fn new(file: &'a str, path: &str, node: Node) -> Field<'a> {
        Field { file, path: path.to_owned(), node }
    }

    pub(super) fn is_of_environment(&self) -> bool {
        matches!(self.node.origin, Origin::Variable(_))
    }

    /// Says what is allowed here.
    pub(super) fn refused(&self, allowed: &str) -> SettingsError {
        self.wrong(&format!("is {}; allowed {allowed}", self.node.value.shown()))
    }

    /// Like `refused`, for what must not be shown.
    fn refused_unseen(&self, allowed: &str) -> SettingsError {
        self.wrong(&format!("is {}, which is not shown; allowed {allowed}", self.node.value.kind()))
    }

    /// Says something of it.
    pub(super) fn wrong(&self, said: &str) -> SettingsError {
        match &self.node.origin {
            Origin::File(..) => {
                wrong(self.file, &self.node.origin, &format!("{} {said}", self.path))
            }
            Origin::Variable(name) => SettingsError(format!("{name} {said}")),
        }
    }

    pub(super) fn boolean(self) -> Result<bool, SettingsError> {
        match &self.node.value {
            Value::Bool(value) => Ok(*value),
            Value::Raw(text) if text == "true" => Ok(true),
            Value::Raw(text) if text == "false" => Ok(false),
            _ => Err(self.refused("are true and false")),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(self, min: u64, max: u64) -> Result<u64, SettingsError> {
        let number = match &self.node.value {
            Value::Whole(number) => u64::try_from(*number).ok(),
            Value::Raw(text) => text.parse().ok(),
            _ => None,
        };
        number
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| self.refused(&format!("is a whole number from {min} to {max}")))
    }

    /// A number that is checked by the caller.
    #[expect(clippy::cast_precision_loss, reason = "a number so large is refused by every caller")]
    pub(super) fn number(
        &self,
        allowed: &str,
        is_good: impl Fn(f64) -> bool,
    ) -> Result<f64, SettingsError> {
        let number = match &self.node.value {
            Value::Whole(number) => Some(*number as f64),
            Value::Decimal(number) => Some(*number),
            Value::Raw(text) => text.parse().ok(),
            _ => None,
        };
        number.filter(|number| is_good(*number)).ok_or_else(|| self.refused(allowed))
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Result<&str, SettingsError> {
        match &self.node.value {
            Value::Text(text) | Value::Raw(text) if !text.trim().is_empty() => Ok(text),
            Value::Bool(_) | Value::Whole(_) | Value::Decimal(_) => Err(self
                .refused(&format!("is a text: write it in quotes, {:?}", self.node.value.shown()))),
            _ => Err(self.refused("is a text that is not empty")),
        }
    }

    pub(super) fn path(self) -> Result<PathBuf, SettingsError> {
        let text = self.text()?;
        if text.contains('\0') { Err(self.refused("is a path")) } else { Ok(PathBuf::from(text)) }
    }

    /// One of some words.
    pub(super) fn word(&self, all: &[&str]) -> Result<usize, SettingsError> {
        let allowed = format!("are {}", all.join(", "));
        let (Value::Text(text) | Value::Raw(text)) = &self.node.value else {
            return Err(self.refused(&allowed));
        };
        all.iter().position(|word| word == text).ok_or_else(|| match closest(text, all) {
            Some(near) => self.refused(&format!("{allowed}; did you mean {near}?")),
            None => self.refused(&allowed),
        })
    }

    /// A secret: what it says is never repeated.
    pub(super) fn secret(self) -> Result<Secret, SettingsError> {
        match &self.node.value {
            Value::Text(text) | Value::Raw(text) if is_secret(text) => {
                Ok(Secret::new(text.as_str()))
            }
            _ => Err(self.refused_unseen("is a text of visible ASCII characters")),
        }
    }

    /// A list of texts; in a variable, with commas between.
    pub(super) fn texts(self) -> Result<Vec<Field<'a>>, SettingsError> {
        let (file, path) = (self.file, &self.path);
        let nodes = match &self.node.value {
            Value::List(nodes) => nodes.clone(),
            Value::Raw(text) if text.trim().is_empty() => Vec::new(),
            Value::Raw(text) => text
                .split(',')
                .map(|one| Node {
                    origin: self.node.origin.clone(),
                    value: Value::Raw(one.trim().to_owned()),
                })
                .collect(),
            _ => return Err(self.refused("is a list, such as [a, b]")),
        };
        let fields = nodes.into_iter().enumerate();
        Ok(fields.map(|(at, node)| Field { file, path: format!("{path}[{at}]"), node }).collect())
    }

    /// An object whose keys are event types.
    fn by_event_type(self) -> Result<Vec<(String, Field<'a>)>, SettingsError> {
        let Field { file, path, node } = self;
        let Value::Object(members) = node.value else {
            return match &node.origin {
                Origin::File(..) => {
                    Err(Field { file, path, node }
                        .refused("is an object, such as { data_delete: … }"))
                }
                Origin::Variable(name) => Err(wrong(
                    file,
                    &node.origin,
                    &format!(
                        "there are only variables of its members, such as {name}__DATA_DELETE"
                    ),
                )),
            };
        };
        let table = Table { file, path, origin: node.origin, members };
        table.check_doubles()?;
        let mut all = Vec::new();
        for (key, node) in table.members {
            let path = format!("{}.{}", table.path, key.name);
            if !is_event_type(&key.name) {
                let said = format!(
                    "{} has the key {}; allowed {EVENT_TYPE}",
                    table.path,
                    quoted(&key.name)
                );
                return Err(wrong(file, &key.origin, &said));
            }
            all.push((key.name, Field { file, path, node }));
        }
        Ok(all)
    }

    /// The name of an event type.
    pub(super) fn event_type(self) -> Result<String, SettingsError> {
        match &self.node.value {
            Value::Text(text) | Value::Raw(text) if is_event_type(text) => Ok(text.clone()),
            _ => Err(self.refused(EVENT_TYPE)),
        }
    }
}

const EVENT_TYPE: &str = "is an event type: a-z, 0-9 and _, at most 64 characters";

fn is_event_type(name: &str) -> bool {
    (1..=indelible_event::limits::CATEGORY_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

pub(super) fn is_secret(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

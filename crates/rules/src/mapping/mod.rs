//! What fields of other logs are called here.

mod builtin;
mod own;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use sha2::{Digest as _, Sha256};

use crate::model::{Condition, Field, Path};
use crate::sigma::detection::{Reader, Regexes};
use crate::sigma::refusal::{Bad, meant, shown};
use crate::sigma::yaml::{self, Node, Value};

pub(crate) use builtin::builtin;

/// Whose log a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSource {
    /// `product`.
    pub product: Option<String>,
    /// `service`.
    pub service: Option<String>,
    /// `category`.
    pub category: Option<String>,
}

impl LogSource {
    /// Reads one. What else stands there is for people.
    pub(crate) fn read(node: &Node) -> Result<LogSource, Bad> {
        node.map("`logsource`")?;
        let text = |name: &str| -> Result<Option<String>, Bad> {
            let Some(node) = node.get(name) else { return Ok(None) };
            match node.value {
                Value::Null => Ok(None),
                _ => Ok(Some(node.text(&format!("`{name}`"))?.to_lowercase())),
            }
        };
        Ok(LogSource {
            product: text("product")?,
            service: text("service")?,
            category: text("category")?,
        })
    }

    /// How many of its words a rule's has, if none of them is another.
    fn covers(&self, rule: &LogSource) -> Option<usize> {
        let pairs = [
            (&self.product, &rule.product),
            (&self.service, &rule.service),
            (&self.category, &rule.category),
        ];
        let said = pairs.iter().filter(|(ours, _)| ours.is_some());
        said.clone().all(|(ours, theirs)| ours == theirs).then(|| said.count())
    }

    /// Whether it means our own events.
    fn is_own(&self) -> bool {
        self.product.as_deref().is_none_or(|product| product == "indelible")
            && (self.product.is_some() || (self.service.is_none() && self.category.is_none()))
    }

    fn shown(&self) -> String {
        let words =
            [("product", &self.product), ("service", &self.service), ("category", &self.category)];
        let said = words.iter().filter_map(|(name, word)| Some((name, word.as_deref()?)));
        said.map(|(name, word)| format!("{name}: {}", shown(word))).collect::<Vec<_>>().join(", ")
    }
}

/// What the fields of a log are called here.
#[derive(Debug)]
pub(crate) struct Mapping {
    source: LogSource,
    /// Which events it is about.
    pub about: Option<Condition>,
    fields: HashMap<String, Vec<Path>>,
    /// What lies below these is what lies below those.
    below: HashMap<String, Vec<Path>>,
    /// What becomes of all others: what stands before the name and what behind it.
    rest: Vec<(String, String)>,
    own: bool,
    /// Of its text.
    pub digest: [u8; 32],
}

static OWN: LazyLock<Arc<Mapping>> = LazyLock::new(|| {
    Arc::new(Mapping {
        source: LogSource::default(),
        about: None,
        fields: HashMap::new(),
        below: HashMap::new(),
        rest: Vec::new(),
        own: true,
        digest: [0; 32],
    })
});

impl Mapping {
    /// Our own fields.
    pub(crate) fn own() -> Arc<Mapping> {
        Arc::clone(&OWN)
    }

    /// Reads one document of mappings.
    pub(crate) fn read(text: &str, line: usize, regexes: &mut Regexes) -> Result<Mapping, Bad> {
        let node = yaml::parse(text, line)?;
        let members = node.map("a mapping")?;
        yaml::known(
            members,
            &["logsource", "where", "fields", "rest", "title", "description"],
            "a mapping",
        )?;
        let Some(source) = node.get("logsource") else {
            return Err(Bad::at(node.line, "a mapping has a `logsource`, and this one says none"));
        };
        let source_line = source.line;
        yaml::known(
            source.map("`logsource`")?,
            &["product", "service", "category", "definition"],
            "`logsource`",
        )?;
        let source = LogSource::read(source)?;
        if source == LogSource::default() || source.is_own() {
            return Err(Bad::at(
                source_line,
                "a mapping is for the logs of others; our own fields are what they are",
            ));
        }
        let about = match node.get("where") {
            Some(node) => Some(Reader::new(&OWN, regexes).selection(node, "where")?),
            None => None,
        };
        let (fields, below) = match node.get("fields") {
            Some(node) => fields(node)?,
            None => Default::default(),
        };
        let rest = match node.get("rest") {
            Some(node) => node.texts("`rest`")?.iter().map(template).collect::<Result<_, Bad>>()?,
            None => Vec::new(),
        };
        let digest = Sha256::digest(text.as_bytes()).into();
        Ok(Mapping { source, about, fields, below, rest, own: false, digest })
    }

    /// Where a field's values are.
    pub(crate) fn field(&self, name: &str, line: usize) -> Result<Field, Bad> {
        self.paths(name, line).map(Field::Paths)
    }

    /// Where a field's values are.
    pub(crate) fn paths(&self, name: &str, line: usize) -> Result<Vec<Path>, Bad> {
        if self.own {
            return own::path(name).map(|path| vec![path]).map_err(|why| Bad::at(line, why));
        }
        // Public rules do not agree on the case of names.
        let lower = name.to_lowercase();
        if let Some(paths) = self.fields.get(&lower) {
            return Ok(paths.clone());
        }
        // What lies below something that moved has moved with it.
        let dots = name.char_indices().rev().filter(|(_, letter)| *letter == '.');
        for (at, _) in dots {
            if let Some(paths) = self.below.get(&name[..at].to_lowercase()) {
                let below = own::names(&name[at + 1..]);
                let with = |path: &Path| path.iter().chain(&below).cloned().collect();
                return Ok(paths.iter().map(with).collect());
            }
        }
        if self.rest.is_empty() {
            let near = meant(name, self.fields.keys().map(|name| &**name));
            let (name, source) = (shown(name), self.source.shown());
            return Err(Bad::at(
                line,
                format!(
                    "the mapping for {source} knows no field `{name}`{near}; name it there, or give the mapping a `rest`"
                ),
            ));
        }
        let filled = |(before, behind): &(String, String)| {
            own::path(&format!("{before}{name}{behind}")).map_err(|why| Bad::at(line, why))
        };
        self.rest.iter().map(filled).collect()
    }
}

type Named = HashMap<String, Vec<Path>>;

/// Reads `fields`: those that are named, and those below which all are where others are, as in `a.*: details.b.*`.
fn fields(node: &Node) -> Result<(Named, Named), Bad> {
    let (mut fields, mut below) = (Named::new(), Named::new());
    for (key, value) in node.map("`fields`")? {
        let lower = key.name.to_lowercase();
        let (name, star) = match lower.strip_suffix(".*") {
            Some(name) => (name, ".*"),
            None => (&*lower, ""),
        };
        let path = |(line, said): &(usize, String)| {
            let bad = |why| Bad::at(*line, why);
            let Some(said) = said.strip_suffix(star) else {
                return Err(bad(format!(
                    "`{}` has no `.*` at its end as its name has",
                    shown(said)
                )));
            };
            own::path(said).map_err(bad)
        };
        let paths: Vec<Path> =
            value.texts("a field")?.iter().map(path).collect::<Result<_, Bad>>()?;
        if paths.is_empty() {
            return Err(Bad::at(key.line, format!("`{}` is nothing here", shown(&key.name))));
        }
        let into = if star.is_empty() { &mut fields } else { &mut below };
        if into.insert(name.to_owned(), paths).is_some() {
            let name = shown(&key.name);
            return Err(Bad::at(
                key.line,
                format!("`{name}` is there twice; case does not matter in names of mappings"),
            ));
        }
    }
    Ok((fields, below))
}

fn template((line, said): &(usize, String)) -> Result<(String, String), Bad> {
    let Some((before, behind)) = said.split_once("{field}") else {
        return Err(Bad::at(*line, "`rest` has no `{field}` in it; `details.{field}` would do"));
    };
    own::path(&format!("{before}field{behind}")).map_err(|why| Bad::at(*line, why))?;
    Ok((before.to_owned(), behind.to_owned()))
}

/// The mapping for a log: the one that says most of it; of several, the first.
pub(crate) fn find(
    mappings: &[Arc<Mapping>],
    source: &LogSource,
    line: usize,
) -> Result<Arc<Mapping>, Bad> {
    if source.is_own() {
        return Ok(Mapping::own());
    }
    let mut best: Option<(usize, &Arc<Mapping>)> = None;
    for mapping in mappings {
        let Some(words) = mapping.source.covers(source) else { continue };
        if best.is_none_or(|(most, _)| words > most) {
            best = Some((words, mapping));
        }
    }
    if let Some((_, mapping)) = best {
        return Ok(Arc::clone(mapping));
    }
    let near: Vec<String> = mappings
        .iter()
        .filter(|mapping| source.product.is_some() && mapping.source.product == source.product)
        .map(|mapping| format!("`{}`", mapping.source.shown()))
        .collect();
    let products = mappings.iter().filter_map(|mapping| mapping.source.product.as_deref());
    let hint = match (near.is_empty(), &source.product) {
        (false, _) => format!("; there is one for {}", near.join(" and for ")),
        (true, Some(product)) => meant(product, products.chain(["indelible"])),
        (true, None) => String::new(),
    };
    let source = source.shown();
    Err(Bad::at(
        line,
        format!(
            "there is no mapping for {source}{hint}; write one into `mappings/` that says what its fields are called here"
        ),
    ))
}

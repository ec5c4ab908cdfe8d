//! A validator of OCSF events, by the compiled schema.

use std::collections::{BTreeMap, HashMap};

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The schema, as far as the fixture has it.
#[derive(Deserialize)]
pub struct Schema {
    pub version: String,
    pub classes: BTreeMap<String, Thing>,
    objects: BTreeMap<String, Thing>,
    types: BTreeMap<String, Type>,
    #[serde(skip)]
    patterns: HashMap<String, Regex>,
}

/// A class or an object.
#[derive(Deserialize)]
pub struct Thing {
    pub uid: Option<u64>,
    #[serde(default)]
    constraints: BTreeMap<String, Vec<String>>,
    attributes: BTreeMap<String, Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "type")]
    kind: String,
    requirement: String,
    object_type: Option<String>,
    #[serde(default)]
    is_array: bool,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(rename = "enum")]
    values: Option<BTreeMap<String, String>>,
    sibling: Option<String>,
}

#[derive(Deserialize)]
struct Type {
    #[serde(rename = "type")]
    base: Option<String>,
    regex: Option<String>,
    max_len: Option<usize>,
    range: Option<[i64; 2]>,
}

impl Schema {
    pub fn load() -> Schema {
        let packed = include_bytes!("ocsf-1.8.0.json.zst");
        let json = zstd::decode_all(&packed[..]).unwrap();
        let mut schema: Schema = serde_json::from_slice(&json).unwrap();
        let compiled = |(name, of): (&String, &Type)| {
            Some((name.clone(), Regex::new(of.regex.as_ref()?).unwrap()))
        };
        schema.patterns = schema.types.iter().filter_map(compiled).collect();
        schema
    }

    /// Everything that is wrong with an event.
    pub fn faults(&self, event: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(members) = event.as_object() else { return vec!["no object".into()] };
        let uid = event["class_uid"].as_u64();
        let Some((name, class)) = self.classes.iter().find(|(_, class)| class.uid == uid) else {
            return vec![format!("no class {uid:?}")];
        };
        let profiles: Vec<_> =
            event["metadata"]["profiles"].as_array().into_iter().flatten().collect();
        let profiles: Vec<_> = profiles.into_iter().filter_map(Value::as_str).collect();
        self.thing(class, members, &profiles, name, &mut faults);
        faults
    }

    fn thing(
        &self,
        thing: &Thing,
        members: &Map<String, Value>,
        profiles: &[&str],
        path: &str,
        faults: &mut Vec<String>,
    ) {
        for (name, attribute) in &thing.attributes {
            let applies = attribute.profiles.is_empty()
                || attribute.profiles.iter().any(|one| profiles.contains(&one.as_str()));
            match members.get(name) {
                None if applies && attribute.requirement == "required" => {
                    faults.push(format!("{path}.{name} is missing"));
                }
                Some(_) if !applies => faults.push(format!("{path}.{name} needs a profile")),
                Some(value) => {
                    let here = format!("{path}.{name}");
                    self.attribute(attribute, value, profiles, &here, faults);
                    sibling(attribute, value, members, &here, faults);
                }
                None => {}
            }
        }
        for name in members.keys().filter(|name| !thing.attributes.contains_key(*name)) {
            faults.push(format!("{path}.{name} is unknown"));
        }
        for (rule, names) in &thing.constraints {
            let count = names.iter().filter(|name| members.contains_key(*name)).count();
            if (rule == "at_least_one" && count == 0) || (rule == "just_one" && count != 1) {
                faults.push(format!("{path} has {count} of {names:?}"));
            }
        }
    }

    fn attribute(
        &self,
        attribute: &Attribute,
        value: &Value,
        profiles: &[&str],
        path: &str,
        faults: &mut Vec<String>,
    ) {
        if attribute.is_array {
            let Some(items) = value.as_array() else {
                return faults.push(format!("{path} is no array"));
            };
            for (at, item) in items.iter().enumerate() {
                self.value(attribute, item, profiles, &format!("{path}[{at}]"), faults);
            }
            return;
        }
        self.value(attribute, value, profiles, path, faults);
    }

    fn value(
        &self,
        attribute: &Attribute,
        value: &Value,
        profiles: &[&str],
        path: &str,
        faults: &mut Vec<String>,
    ) {
        if attribute.kind == "object_t" {
            let Some(members) = value.as_object() else {
                return faults.push(format!("{path} is no object"));
            };
            let kind = attribute.object_type.as_deref().unwrap();
            // The one object of free members.
            if kind != "object" {
                self.thing(&self.objects[kind], members, profiles, path, faults);
            }
            return;
        }
        self.scalar(&attribute.kind, value, path, faults);
        let token = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if attribute.values.as_ref().is_some_and(|values| !values.contains_key(&token)) {
            faults.push(format!("{path} is {token}, which is none of its values"));
        }
    }

    fn scalar(&self, kind: &str, value: &Value, path: &str, faults: &mut Vec<String>) {
        let of = &self.types[kind];
        let fits = match kind {
            "string_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_i64() || value.is_u64(),
            "boolean_t" => value.is_boolean(),
            "float_t" => value.is_number(),
            "json_t" => true,
            _ => {
                self.scalar(of.base.as_deref().unwrap(), value, path, faults);
                true
            }
        };
        if !fits {
            faults.push(format!("{path} is no {kind}"));
        }
        if let Some(text) = value.as_str() {
            if of.max_len.is_some_and(|max| text.chars().count() > max) {
                faults.push(format!("{path} is too long"));
            }
            if self.patterns.get(kind).is_some_and(|pattern| !pattern.is_match(text)) {
                faults.push(format!("{path} is {text:?}, no {kind}"));
            }
        }
        if let (Some([min, max]), Some(number)) = (of.range, value.as_i64())
            && !(min..=max).contains(&number)
        {
            faults.push(format!("{path} is out of range"));
        }
    }
}

/// A number's name says what the schema calls it, unless it is another.
fn sibling(
    attribute: &Attribute,
    value: &Value,
    members: &Map<String, Value>,
    path: &str,
    faults: &mut Vec<String>,
) {
    let Some(values) = &attribute.values else { return };
    let name =
        attribute.sibling.as_ref().and_then(|name| members.get(name)).and_then(Value::as_str);
    let caption = values.get(&value.to_string());
    if let (Some(name), Some(caption)) = (name, caption)
        && value != 99
        && name != caption
    {
        faults.push(format!("{path} is called {name}, not {caption}"));
    }
}

//! Free JSON of an event: the text that a value serialises to, kept as it is.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A value as JSON text. Its numbers stay as they were written.
#[derive(Clone, Debug)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of a value. One that cannot be serialised (a map whose keys are no strings, say) becomes an object
    /// that says so: an event must not be lost over a detail of it.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Json {
        serde_json::value::to_raw_value(value).map_or_else(Json::unserializable, Json)
    }

    /// The same, but nothing for what says nothing: `()` and `None`.
    pub(crate) fn some(value: &(impl Serialize + ?Sized)) -> Option<Json> {
        Some(Json::of(value)).filter(|json| json.text() != "null")
    }

    /// The members of an object, in order; a name that comes twice is there twice.
    pub(crate) fn members(&self) -> Option<Vec<(String, Json)>> {
        let Members(members) = serde_json::from_str(self.text()).ok()?;
        Some(members)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    pub(crate) fn len(&self) -> usize {
        self.text().len()
    }

    fn unserializable(error: serde_json::Error) -> Json {
        let said = serde_json::json!({"_not_serializable": error.to_string()});
        Json(serde_json::value::to_raw_value(&said).expect("a map of strings serialises"))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

struct Members(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.push((key, Json(value)));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

//! Free JSON of an event: the text that a value serialises to, kept as it is.

use serde::Serialize;
use serde::ser::Serializer;
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

//! Times as texts, in what is written down and shown.

use std::borrow::Cow;

use indelible_event::Micros;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

pub(crate) fn serialize<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Micros, D::Error> {
    let text = <Cow<'de, str>>::deserialize(from)?;
    Micros::parse(&text).map_err(D::Error::custom)
}

/// Those that need not be there.
pub(crate) mod maybe {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Micros>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Micros>, D::Error> {
        let text = <Option<Cow<'de, str>>>::deserialize(from)?;
        text.map(|text| Micros::parse(&text).map_err(D::Error::custom)).transpose()
    }
}

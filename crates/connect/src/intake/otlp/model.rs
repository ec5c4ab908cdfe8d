//! The messages of `opentelemetry/proto/logs/v1`, as far as they are read one by one, in both encodings. What holds
//! them is walked through by [`super::walk`], so that a request never stands in memory as a tree.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::json::put;

/// A log record.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(deserialize_with = "number")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "11")]
    #[serde(deserialize_with = "number")]
    pub observed_time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    #[serde(deserialize_with = "number")]
    pub severity_number: i32,
    #[prost(string, tag = "3")]
    #[serde(deserialize_with = "or_default")]
    pub severity_text: String,
    #[prost(message, optional, tag = "5")]
    pub body: Option<Any>,
    #[prost(message, repeated, tag = "6")]
    #[serde(deserialize_with = "or_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "7")]
    #[serde(deserialize_with = "number")]
    pub dropped_attributes_count: u32,
    #[prost(fixed32, tag = "8")]
    #[serde(deserialize_with = "number")]
    pub flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    #[serde(deserialize_with = "hex")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    #[serde(deserialize_with = "hex")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "12")]
    #[serde(deserialize_with = "or_default")]
    pub event_name: String,
}

/// What sent the records.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "2")]
    #[serde(deserialize_with = "number")]
    pub dropped_attributes_count: u32,
}

/// What in it made them.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Scope {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_default")]
    pub version: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(deserialize_with = "or_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    #[serde(deserialize_with = "number")]
    pub dropped_attributes_count: u32,
}

/// An attribute.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub key: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<Any>,
}

/// A value, or none.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(from = "AnyJson")]
pub(super) struct Any {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<Value>,
}

/// What a value can be.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    List(List),
    #[prost(message, tag = "6")]
    Object(Object),
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct List {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<Any>,
}

/// Values by name.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
pub(super) struct Object {
    #[prost(message, repeated, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<KeyValue>,
}

/// What became of a request's records: nothing but defaults where all were kept.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// What was refused.
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

/// What was refused of a request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PartialSuccess {
    /// How many records.
    #[prost(int64, tag = "1")]
    pub rejected_log_records: i64,
    /// Why.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// Why a whole request was refused: `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// gRPC's number for it.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What is wrong.
    #[prost(string, tag = "2")]
    pub message: String,
}

impl Response {
    /// Its bytes.
    pub fn protobuf(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }

    /// Its JSON.
    pub fn json(&self) -> Vec<u8> {
        let Some(partial) = &self.partial_success else { return b"{}".to_vec() };
        let mut out = br#"{"partialSuccess":{"#.to_vec();
        // A number of 64 bits is a text in the JSON of protobuf.
        put::text(&mut out, "rejectedLogRecords", &partial.rejected_log_records.to_string());
        put::text(&mut out, "errorMessage", &partial.error_message);
        out.extend_from_slice(b"}}");
        out
    }
}

impl Status {
    /// Its bytes.
    pub fn protobuf(&self) -> Vec<u8> {
        prost::Message::encode_to_vec(self)
    }

    /// Its JSON.
    pub fn json(&self) -> Vec<u8> {
        let mut out = vec![b'{'];
        put::number(&mut out, "code", self.code);
        put::text(&mut out, "message", &self.message);
        out.push(b'}');
        out
    }
}

impl Any {
    /// Writes it as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.value {
            None => out.extend_from_slice(b"null"),
            Some(Value::Text(text)) => put::string(out, text),
            Some(Value::Bool(is)) => out.extend_from_slice(is.to_string().as_bytes()),
            Some(Value::Int(number)) => out.extend_from_slice(number.to_string().as_bytes()),
            Some(Value::Double(number)) => double(*number, out),
            Some(Value::Bytes(bytes)) => put::string(out, &BASE64_STANDARD.encode(bytes)),
            Some(Value::Object(of)) => object(&of.values, out),
            Some(Value::List(of)) => {
                out.push(b'[');
                for (at, value) in of.values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    value.write(out);
                }
                out.push(b']');
            }
        }
    }
}

/// Writes attributes as a JSON object.
pub(super) fn object(of: &[KeyValue], out: &mut Vec<u8>) {
    out.push(b'{');
    for KeyValue { key, value } in of {
        put::key(out, key);
        match value {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
}

/// What JSON has no number for is a word, as in the JSON of protobuf.
fn double(number: f64, out: &mut Vec<u8>) {
    match number {
        _ if number.is_nan() => put::string(out, "NaN"),
        f64::INFINITY => put::string(out, "Infinity"),
        f64::NEG_INFINITY => put::string(out, "-Infinity"),
        _ => serde_json::to_writer(out, &number).expect("a number is written to memory"),
    }
}

/// A value in JSON: one member, whose name is its type.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct AnyJson {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Number<i64>>,
    double_value: Option<Double>,
    array_value: Option<List>,
    kvlist_value: Option<Object>,
    bytes_value: Option<Base64>,
}

impl From<AnyJson> for Any {
    fn from(of: AnyJson) -> Any {
        let value = of.string_value.map(Value::Text);
        let value = value.or(of.bool_value.map(Value::Bool));
        let value = value.or(of.int_value.map(|Number(number)| Value::Int(number)));
        let value = value.or(of.double_value.map(|Double(number)| Value::Double(number)));
        let value = value.or(of.array_value.map(Value::List));
        let value = value.or(of.kvlist_value.map(Value::Object));
        Any { value: value.or(of.bytes_value.map(|Base64(bytes)| Value::Bytes(bytes))) }
    }
}

/// A whole number, also as a text: 64 bits are texts in the JSON of protobuf.
struct Number<T>(T);

impl<'de, T: std::str::FromStr + Default> Deserialize<'de> for Number<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        if raw == "null" {
            return Ok(Number(T::default()));
        }
        let digits = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
        let bad = |_| serde::de::Error::custom("must be a whole number, or one as a text");
        digits.parse().map(Number).map_err(bad)
    }
}

struct Double(f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?.get();
        let text = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
        let number = match text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
        };
        number.map(Double).ok_or_else(|| serde::de::Error::custom("must be a number"))
    }
}

struct Base64(Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map(Base64).map_err(serde::de::Error::custom)
    }
}

fn number<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr + Default,
{
    Number::deserialize(from).map(|Number(number)| number)
}

/// `null` is how the JSON of protobuf may say that something is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Ids of traces are in hexadecimal, not in base64 as other bytes are.
fn hex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text: String = or_default(from)?;
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
    bytes.ok_or_else(|| serde::de::Error::custom("must be hexadecimal"))
}

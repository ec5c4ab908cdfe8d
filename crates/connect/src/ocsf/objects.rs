//! The objects of OCSF that a line is made of, as far as we fill them. Members follow the schema's names; a `None` is
//! not written.

use serde::Serialize;
use serde_json::value::RawValue;

/// Where it came from, and where it is in our trail.
#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub version: &'static str,
    pub product: Product,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profiles: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub uid: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub event_code: &'a str,
    pub sequence: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub log_name: &'a str,
    pub log_provider: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub tenant_uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged_time: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Product {
    pub name: &'static str,
    pub vendor_name: &'static str,
    pub version: &'static str,
}

#[derive(Serialize)]
pub(super) struct Actor<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct User<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_addr: Option<&'a str>,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub type_id: u32,
}

#[derive(Serialize)]
pub(super) struct Session<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_uid: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Entity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub type_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a RawValue>,
}

#[derive(Serialize)]
pub(super) struct Resource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Endpoint<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Device<'a> {
    pub hostname: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub type_id: u32,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
pub(super) struct Api<'a> {
    pub operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Uid<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ApiResponse<'a>>,
}

#[derive(Serialize)]
pub(super) struct Uid<'a> {
    pub uid: &'a str,
}

#[derive(Serialize)]
pub(super) struct ApiResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct HttpRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Url<'a> {
    pub path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_string: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct HttpResponse {
    pub code: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<u64>,
}

/// What can be searched for across all events, and where it stands in this one.
#[derive(Serialize)]
pub(super) struct Observable<'a> {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub type_id: u32,
    pub value: &'a str,
}

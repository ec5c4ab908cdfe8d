//! The members that events have: names, kinds, and the slot in which each value is kept. Both forms
//! of a member share a slot.

use crate::limits::*;

/// What a member holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A string of at most so many bytes.
    Text(usize),
    /// A string, or a number whose token becomes one, of at most so many bytes.
    Id(usize),
    /// One of the few types of an actor.
    ActorType,
    /// A number, kept as it stands.
    Number,
    /// An HTTP status.
    Status,
    /// Any JSON, also null.
    Free,
    /// A JSON object of the caller's own.
    FreeObject,
    /// A known object.
    Object(&'static [Member]),
    /// An actor within an actor.
    Actor,
    /// The list of targets.
    Targets,
    /// The list of subjects.
    Subjects,
    /// A field of the entry.
    Head(Head),
}

/// The fields of the entry, each with its own form.
#[derive(Clone, Copy)]
pub(super) enum Head {
    Id,
    Trail,
    OccurredAt,
    Action,
    Category,
    Outcome,
    Phase,
    Ref,
    SourceId,
    SourceSeq,
}

pub(super) struct Member {
    pub name: &'static str,
    pub kind: Kind,
    pub slot: usize,
    /// The other member that means the same, where there is one.
    pub other: &'static str,
}

pub(super) const ACTOR_TYPE: usize = 0;
pub(super) const ACTOR_ID: usize = 1;
pub(super) const ACTOR_NAME: usize = 2;
pub(super) const ACTOR_EMAIL: usize = 3;
pub(super) const AUTH_METHOD: usize = 4;
pub(super) const AUTH_TOKEN_ID: usize = 5;
pub(super) const ON_BEHALF_OF: usize = 6;
/// An actor's slots come first, so that an actor within an actor needs only these.
pub(super) const ACTOR_SLOTS: usize = 7;
pub(super) const IP: usize = 7;
pub(super) const USER_AGENT: usize = 8;
pub(super) const REQUEST_ID: usize = 9;
pub(super) const CORRELATION_ID: usize = 10;
pub(super) const SESSION_ID: usize = 11;
pub(super) const TRACE_ID: usize = 12;
pub(super) const SPAN_ID: usize = 13;
pub(super) const SERVICE: usize = 14;
pub(super) const HOST: usize = 15;
pub(super) const HTTP_METHOD: usize = 16;
pub(super) const HTTP_PATH: usize = 17;
pub(super) const HTTP_ROUTE: usize = 18;
pub(super) const HTTP_STATUS: usize = 19;
pub(super) const HTTP_DURATION: usize = 20;
pub(super) const BEFORE: usize = 21;
pub(super) const AFTER: usize = 22;
pub(super) const DETAILS: usize = 23;
pub(super) const ERROR_CODE: usize = 24;
pub(super) const ERROR_MESSAGE: usize = 25;
pub(super) const RESOURCE_TYPE: usize = 26;
pub(super) const RESOURCE_ID: usize = 27;
pub(super) const SLOTS: usize = 28;

/// A target or subject: its own three slots.
pub(super) const ITEM_TYPE: usize = 0;
pub(super) const ITEM_ID: usize = 1;
pub(super) const ITEM_NAME: usize = 2;
pub(super) const ITEM_SLOTS: usize = 3;

/// The slot of a member that has none.
const NONE: usize = usize::MAX;

const TEXT: Kind = Kind::Text(TEXT_BYTES_MAX);
const ID: Kind = Kind::Id(TEXT_BYTES_MAX);
const KIND: Kind = Kind::Text(KIND_BYTES_MAX);

const fn one(name: &'static str, kind: Kind, slot: usize) -> Member {
    Member { name, kind, slot, other: "" }
}

const fn both(name: &'static str, kind: Kind, slot: usize, other: &'static str) -> Member {
    Member { name, kind, slot, other }
}

const fn head(name: &'static str, field: Head, other: &'static str) -> Member {
    Member { name, kind: Kind::Head(field), slot: NONE, other }
}

pub(super) static EVENT: [Member; 33] = [
    head("id", Head::Id, ""),
    head("trail", Head::Trail, "tenant_id"),
    head("occurred_at", Head::OccurredAt, "timestamp"),
    head("action", Head::Action, ""),
    head("category", Head::Category, "event_type"),
    head("outcome", Head::Outcome, "status"),
    head("phase", Head::Phase, ""),
    head("ref", Head::Ref, ""),
    one("actor", Kind::Object(&ACTOR), NONE),
    one("targets", Kind::Targets, NONE),
    one("subjects", Kind::Subjects, NONE),
    one("changes", Kind::Object(&CHANGES), NONE),
    both("details", Kind::FreeObject, DETAILS, "metadata"),
    one("error", Kind::Object(&ERROR), NONE),
    one("context", Kind::Object(&CONTEXT), NONE),
    one("source", Kind::Object(&SOURCE), NONE),
    // The short form.
    both("user_id", ID, ACTOR_ID, "actor.id"),
    both("user_email", TEXT, ACTOR_EMAIL, "actor.email"),
    head("event_type", Head::Category, "category"),
    one("resource_type", KIND, RESOURCE_TYPE),
    one("resource_id", ID, RESOURCE_ID),
    head("status", Head::Outcome, "outcome"),
    both("old_value", Kind::Free, BEFORE, "changes.before"),
    both("new_value", Kind::Free, AFTER, "changes.after"),
    both("metadata", Kind::FreeObject, DETAILS, "details"),
    both("ip_address", TEXT, IP, "context.ip"),
    both("user_agent", TEXT, USER_AGENT, "context.user_agent"),
    head("timestamp", Head::OccurredAt, "occurred_at"),
    both("request_id", ID, REQUEST_ID, "context.request_id"),
    both("correlation_id", ID, CORRELATION_ID, "context.correlation_id"),
    both("session_id", ID, SESSION_ID, "context.session_id"),
    both("error_message", Kind::Text(MESSAGE_BYTES_MAX), ERROR_MESSAGE, "error.message"),
    head("tenant_id", Head::Trail, "trail"),
];

pub(super) static ACTOR: [Member; 6] = [
    one("type", Kind::ActorType, ACTOR_TYPE),
    both("id", ID, ACTOR_ID, "user_id"),
    one("name", TEXT, ACTOR_NAME),
    both("email", TEXT, ACTOR_EMAIL, "user_email"),
    one("auth", Kind::Object(&AUTH), NONE),
    one("on_behalf_of", Kind::Actor, ON_BEHALF_OF),
];

static AUTH: [Member; 2] = [one("method", KIND, AUTH_METHOD), one("token_id", ID, AUTH_TOKEN_ID)];

static CHANGES: [Member; 2] = [
    both("before", Kind::Free, BEFORE, "old_value"),
    both("after", Kind::Free, AFTER, "new_value"),
];

static ERROR: [Member; 2] = [
    one("code", Kind::Id(KIND_BYTES_MAX), ERROR_CODE),
    both("message", Kind::Text(MESSAGE_BYTES_MAX), ERROR_MESSAGE, "error_message"),
];

static CONTEXT: [Member; 10] = [
    both("ip", TEXT, IP, "ip_address"),
    both("user_agent", TEXT, USER_AGENT, "user_agent"),
    both("request_id", ID, REQUEST_ID, "request_id"),
    both("correlation_id", ID, CORRELATION_ID, "correlation_id"),
    both("session_id", ID, SESSION_ID, "session_id"),
    one("trace_id", ID, TRACE_ID),
    one("span_id", ID, SPAN_ID),
    one("service", TEXT, SERVICE),
    one("host", TEXT, HOST),
    one("http", Kind::Object(&HTTP), NONE),
];

static HTTP: [Member; 5] = [
    one("method", KIND, HTTP_METHOD),
    one("path", Kind::Text(PATH_BYTES_MAX), HTTP_PATH),
    one("route", Kind::Text(PATH_BYTES_MAX), HTTP_ROUTE),
    one("status", Kind::Status, HTTP_STATUS),
    one("duration_ms", Kind::Number, HTTP_DURATION),
];

static SOURCE: [Member; 2] = [head("id", Head::SourceId, ""), head("seq", Head::SourceSeq, "")];

pub(super) static TARGET: [Member; 3] =
    [one("type", KIND, ITEM_TYPE), one("id", ID, ITEM_ID), one("name", TEXT, ITEM_NAME)];

pub(super) static SUBJECT: [Member; 2] = [one("type", KIND, ITEM_TYPE), one("id", ID, ITEM_ID)];

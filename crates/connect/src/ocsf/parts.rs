//! From the members of an event to the objects of OCSF.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::class::{Deed, is_privilege};
use super::objects::{
    Actor, Api, ApiResponse, Endpoint, Entity, HttpRequest, HttpResponse, Named, Resource, Session,
    Uid, Url, User,
};
use crate::{Changes, Event, Target};

/// What a required name is, where the event does not have it.
pub(super) const UNKNOWN: &str = "unknown";

/// The text, unless it is empty.
pub(super) fn some(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// A member of the event's context.
pub(super) fn context(
    event: &Event,
    member: fn(&crate::Context) -> &Option<String>,
) -> Option<&str> {
    some(member(event.context.as_ref()?))
}

/// An actor as a user. The schema wants an id or a name, so that what has neither gets what else is known.
pub(super) fn user(actor: &crate::Actor) -> User<'_> {
    let (kind, type_id) = match some(&actor.kind) {
        Some("user") => ("User", 1),
        Some("system") => ("System", 3),
        Some("service") => ("Service", 4),
        Some(other) => (other, 99),
        None => ("Unknown", 0),
    };
    let (uid, email) = (some(&actor.id), some(&actor.email));
    let name = some(&actor.name);
    let name =
        name.or_else(|| uid.is_none().then(|| email.or(some(&actor.kind)).unwrap_or(UNKNOWN)));
    User { uid, name, email_addr: email.filter(|email| is_email(email)), kind, type_id }
}

/// A target that is a user.
pub(super) fn target_user(target: &Target) -> User<'_> {
    let (uid, name) = (some(&target.id), some(&target.name));
    let name = name.or_else(|| uid.is_none().then_some(UNKNOWN));
    User { uid, name, email_addr: None, kind: "User", type_id: 1 }
}

/// Somebody of whom nothing is known.
pub(super) const NOBODY: User<'static> =
    User { uid: None, name: Some(UNKNOWN), email_addr: None, kind: "Unknown", type_id: 0 };

/// Whether the schema takes it for an address of mail: its pattern is stricter than mail is.
pub(super) fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    plain(name, "!#$%&'*+-/=?^_`{|}~.")
        && plain(host, "-.")
        && host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty())
}

/// Who did it.
pub(super) fn actor(event: &Event) -> Option<Actor<'_>> {
    let auth = event.actor.as_ref().and_then(|actor| actor.auth.as_ref());
    let session = Session {
        uid: context(event, |context| &context.session_id),
        credential_uid: auth.and_then(|auth| some(&auth.token_id)),
    };
    let session = Some(session).filter(|s| s.uid.is_some() || s.credential_uid.is_some());
    let user = event.actor.as_ref().map(user);
    (user.is_some() || session.is_some()).then_some(Actor { user, session, app_name: None })
}

/// From where. What is no address stands there as a name.
pub(super) fn source(event: &Event) -> Option<Endpoint<'_>> {
    let ip = context(event, |context| &context.ip)?;
    if ip.parse::<IpAddr>().is_ok() {
        Some(Endpoint { ip: Some(ip), name: None })
    } else {
        Some(Endpoint { ip: None, name: Some(ip) })
    }
}

/// What the schema knows as an entity's type.
fn entity_type(kind: &str) -> (&str, u32) {
    match kind {
        "device" => ("Device", 1),
        "user" => ("User", 2),
        "group" => ("Group", 3),
        "organization" | "organisation" => ("Organization", 4),
        "policy" => ("Policy", 5),
        "email" => ("Email", 6),
        "" => ("Unknown", 0),
        other => (other, 99),
    }
}

/// The first target with what it was. Where there is none, the action's own noun.
pub(super) fn entity<'a>(event: &'a Event, data: Option<&'a RawValue>) -> Entity<'a> {
    let Some(target) = event.targets.first() else {
        let noun = event.action.split('.').next().filter(|noun| !noun.is_empty());
        return Entity {
            uid: None,
            name: noun.or(Some(UNKNOWN)),
            kind: "Unknown",
            type_id: 0,
            data,
        };
    };
    let (kind, type_id) = entity_type(some(&target.kind).unwrap_or_default());
    let (uid, name) = (some(&target.id), some(&target.name));
    // The schema wants one of the two.
    let name = name.or_else(|| uid.is_none().then(|| some(&target.kind).unwrap_or(UNKNOWN)));
    Entity { uid, name, kind, type_id, data }
}

/// All targets.
pub(super) fn resources<'a>(event: &'a Event) -> Option<Vec<Resource<'a>>> {
    let resource = |target: &'a Target| {
        let Target { kind, id, name } = target;
        let (uid, name) = (some(id), some(name));
        let name = name.or_else(|| uid.is_none().then(|| some(kind).unwrap_or(UNKNOWN)));
        Resource { uid, name, kind: some(kind) }
    };
    (!event.targets.is_empty()).then(|| event.targets.iter().map(resource).collect())
}

/// The call.
pub(super) fn api(event: &Event) -> Api<'_> {
    let error = event.error.as_ref();
    let http = event.context.as_ref().and_then(|context| context.http.as_ref());
    let response = ApiResponse {
        code: http.and_then(|http| http.status),
        error: error.and_then(|error| some(&error.code)),
        error_message: error.and_then(|error| some(&error.message)),
    };
    let told =
        response.code.is_some() || response.error.is_some() || response.error_message.is_some();
    Api {
        operation: if event.action.is_empty() { UNKNOWN } else { &event.action },
        service: context(event, |context| &context.service).map(|name| Named { name }),
        request: context(event, |context| &context.request_id).map(|uid| Uid { uid }),
        response: told.then_some(response),
    }
}

/// The request, as far as it is one of HTTP.
pub(super) fn http_request(event: &Event) -> Option<HttpRequest<'_>> {
    const METHODS: [&str; 9] =
        ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    let http = event.context.as_ref().and_then(|context| context.http.as_ref());
    let path = http.and_then(|http| some(&http.path).or_else(|| some(&http.route)));
    let url = path.map(|whole| match whole.split_once('?') {
        Some((path, query)) if !path.is_empty() => Url { path, query_string: Some(query) },
        _ => Url { path: whole, query_string: None },
    });
    let user_agent = context(event, |context| &context.user_agent);
    let uid = context(event, |context| &context.request_id);
    let http_method =
        http.and_then(|http| some(&http.method)).filter(|method| METHODS.contains(method));
    let told = url.is_some() || user_agent.is_some() || http_method.is_some();
    told.then_some(HttpRequest { http_method, url, user_agent, uid })
}

/// The answer.
pub(super) fn http_response(event: &Event) -> Option<HttpResponse> {
    let http = event.context.as_ref()?.http.as_ref()?;
    let latency = http.duration_ms.as_deref().and_then(|raw| {
        let whole = raw.get().split('.').next().unwrap_or_default();
        whole.parse().ok()
    });
    Some(HttpResponse { code: http.status?, latency })
}

/// What was given or taken: the targets that are privileges, else what the change shows, else what the action calls it.
pub(super) fn privileges(event: &Event, deed: &Deed<'_>, given: bool) -> Vec<String> {
    let targets = event.targets.iter().filter(|target| is_privilege(target));
    let named =
        |target: &Target| some(&target.name).or_else(|| some(&target.id)).map(str::to_owned);
    let named: Vec<_> = targets.filter_map(named).collect();
    if !named.is_empty() {
        return named;
    }
    let changed = event.changes.as_ref().map(|changes| changed(changes, given)).unwrap_or_default();
    if changed.is_empty() { vec![deed.privilege().unwrap_or(UNKNOWN).to_owned()] } else { changed }
}

/// The lists in which applications keep what a user may do.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Lists {
    roles: Vec<String>,
    permissions: Vec<String>,
    privileges: Vec<String>,
    scopes: Vec<String>,
}

fn changed(changes: &Changes, given: bool) -> Vec<String> {
    let read = |raw: &Option<Box<RawValue>>| -> Vec<String> {
        let lists = raw.as_ref().and_then(|raw| serde_json::from_str::<Lists>(raw.get()).ok());
        let Lists { roles, permissions, privileges, scopes } = lists.unwrap_or_default();
        [roles, permissions, privileges, scopes].concat()
    };
    let (before, after) = (read(&changes.before), read(&changes.after));
    let (more, less) = if given { (after, before) } else { (before, after) };
    more.into_iter().filter(|one| !less.contains(one)).collect()
}

//! Events as OCSF, the Open Cybersecurity Schema Framework, version 1.8.0: one JSON object a line, for a SIEM.
//!
//! What a class requires is always there; what the event does not have of it is called `unknown`. Nothing is lost:
//! members that have no place, or not all of which has one, stand in `unmapped` as they were written.
//!
//! [The schema](https://schema.ocsf.io/1.8.0) has a class for each kind of event; `class` says which we take.

mod class;
mod objects;
mod parts;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{Event, sentence, time};

use class::{Class, Deed};
use objects::{
    Actor, Api, Device, Endpoint, Entity, HttpRequest, HttpResponse, Metadata, Named, Observable,
    Product, Resource, Session, User,
};
use parts::{NOBODY, UNKNOWN, context, some};

/// The version of the schema.
pub const VERSION: &str = "1.8.0";

/// The members of an event that are wholly told by others of OCSF.
const MAPPED: [&str; 7] = ["trail", "seq", "id", "recorded_at", "occurred_at", "action", "error"];

#[derive(Serialize)]
struct Line<'a> {
    activity_id: u32,
    activity_name: &'a str,
    category_uid: u32,
    category_name: &'static str,
    class_uid: u32,
    class_name: &'static str,
    type_uid: u32,
    type_name: String,
    time: i64,
    severity_id: u32,
    severity: &'static str,
    status_id: u32,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<&'a str>,
    message: String,
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Actor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<Device<'a>>,
    #[serde(flatten)]
    own: Own<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observables: Vec<Observable<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unmapped: BTreeMap<String, &'a RawValue>,
}

/// What only some classes have.
#[derive(Default, Serialize)]
struct Own<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_protocol: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_protocol_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_result: Option<Entity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    privileges: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<Api<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<Resource<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_endpoint: Option<Endpoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_request: Option<HttpRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_response: Option<HttpResponse>,
}

/// Writes an event as a line, with its end. `json` is the event as the API shows it, from which what has no place is
/// copied.
///
/// ```
/// use indelible_connect::{Event, ocsf};
///
/// let json = r#"{"trail":"shop","seq":7,"id":"0190","recorded_at":"2026-01-31T10:00:00.000000Z","action":"user.login",
///     "category":"login","outcome":"success","actor":{"type":"user","id":"alice"},"context":{"ip":"192.0.2.7"}}"#;
/// let event = Event::read(json).ok_or("no event")?;
/// let mut out = Vec::new();
/// ocsf::line(&event, json, &mut out);
/// let line: serde_json::Value = serde_json::from_slice(&out)?;
/// assert_eq!(line["class_name"], "Authentication");
/// assert_eq!(line["type_uid"], 300_201);
/// assert_eq!(line["src_endpoint"]["ip"], "192.0.2.7");
/// assert_eq!(line["time"], 1_769_853_600_000_i64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn line(event: &Event, json: &str, out: &mut Vec<u8>) {
    let deed = Deed::of(event);
    let (class, (activity_id, activity)) = class::classify(event, &deed);
    let (class_uid, class_name, category_uid, category_name) = class.named();
    let activity_name = if activity_id == class::OTHER.0 && !event.action.is_empty() {
        &event.action
    } else {
        activity
    };
    let (status_id, status) = status(event);
    let (severity_id, severity) = severity(event);
    let error = event.error.as_ref();
    let denied = event.outcome.as_deref() == Some("denied");
    let own = own(event, class, activity_id, &deed);
    let actor = actor(event, class);
    let device = context(event, |context| &context.host).map(|hostname| Device {
        hostname,
        kind: "Unknown",
        type_id: 0,
    });
    // The schema knows an actor of the base event, and a device of any, by its profile of hosts only.
    let host = device.is_some() || (class == Class::Base && actor.is_some());
    let line = Line {
        activity_id,
        activity_name,
        category_uid,
        category_name,
        class_uid,
        class_name,
        type_uid: class_uid * 100 + activity_id,
        type_name: format!("{class_name}: {activity}"),
        time: time::millis(event.at()).or_else(|| time::millis(&event.recorded_at)).unwrap_or(0),
        severity_id,
        severity,
        status_id,
        status,
        status_code: error.and_then(|error| some(&error.code)),
        status_detail: error
            .and_then(|error| some(&error.message))
            .or_else(|| denied.then_some("denied")),
        message: sentence(event).to_string(),
        metadata: metadata(event, host),
        observables: observables(actor.as_ref(), &own),
        unmapped: unmapped(event, json, class),
        actor,
        device,
        own,
    };
    let start = out.len();
    serde_json::to_writer(&mut *out, &line).expect("plain data goes into memory");
    // Free JSON may have been written over several lines; within strings, line breaks are always escaped.
    for byte in &mut out[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
}

fn status(event: &Event) -> (u32, &str) {
    match some(&event.outcome) {
        Some("success") => (1, "Success"),
        Some("failure" | "denied" | "error") => (2, "Failure"),
        Some("unknown") | None => (0, "Unknown"),
        Some(other) => (99, other),
    }
}

/// An audit trail tells what happened, not how bad it is: only what did not succeed stands out.
fn severity(event: &Event) -> (u32, &'static str) {
    match event.outcome.as_deref() {
        Some("denied") => (3, "Medium"),
        Some("failure" | "error") => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn metadata(event: &Event, host: bool) -> Metadata<'_> {
    Metadata {
        version: VERSION,
        product: Product {
            name: "Indelible",
            vendor_name: "Indelible",
            version: env!("CARGO_PKG_VERSION"),
        },
        profiles: host.then_some(["host"]),
        uid: &event.id,
        event_code: &event.action,
        sequence: event.seq,
        log_name: &event.trail,
        log_provider: "indelible",
        tenant_uid: &event.trail,
        correlation_uid: context(event, |context| &context.correlation_id),
        original_time: some(&event.occurred_at),
        logged_time: time::millis(&event.recorded_at),
    }
}

fn actor(event: &Event, class: Class) -> Option<Actor<'_>> {
    let required = || Actor {
        user: None,
        session: None,
        app_name: Some(context(event, |context| &context.service).unwrap_or(UNKNOWN)),
    };
    parts::actor(event).or_else(|| (class == Class::Api).then(required))
}

fn own<'a>(event: &'a Event, class: Class, activity_id: u32, deed: &Deed<'_>) -> Own<'a> {
    if class == Class::Base {
        return Own::default();
    }
    let category = event.category.as_deref().unwrap_or_default();
    let users = || event.targets.iter().find(|target| class::is_user(target, category));
    let user = || users().map(parts::target_user);
    let source = parts::source(event);
    let all = Own {
        src_endpoint: source,
        http_request: parts::http_request(event),
        http_response: parts::http_response(event),
        ..Own::default()
    };
    match class {
        Class::Base => all,
        Class::Account => Own { user: Some(user().unwrap_or(NOBODY)), ..all },
        Class::Authentication => authentication(event, user(), all),
        Class::Access => Own {
            user: Some(user().unwrap_or(NOBODY)),
            privileges: Some(parts::privileges(event, deed, activity_id == 1)),
            ..all
        },
        Class::Entity => {
            let changes = event.changes.as_ref();
            let after = changes.and_then(|changes| changes.after.as_deref());
            Own {
                entity: Some(parts::entity(
                    event,
                    changes.and_then(|changes| changes.before.as_deref()),
                )),
                entity_result: after.map(|after| parts::entity(event, Some(after))),
                comment: comment(event),
                ..all
            }
        }
        Class::Api => Own {
            api: Some(parts::api(event)),
            resources: parts::resources(event),
            src_endpoint: all.src_endpoint.or(Some(Endpoint { ip: None, name: Some(UNKNOWN) })),
            ..all
        },
    }
}

fn authentication<'a>(event: &'a Event, target: Option<User<'a>>, all: Own<'a>) -> Own<'a> {
    let auth = event.actor.as_ref().and_then(|actor| actor.auth.as_ref());
    let method = auth.and_then(|auth| some(&auth.method));
    let (protocol, protocol_id) = match method.map(str::to_ascii_lowercase).as_deref() {
        Some("kerberos") => (Some("Kerberos"), Some(2)),
        Some("digest") => (Some("Digest"), Some(3)),
        Some("oidc" | "openid") => (Some("OpenID"), Some(4)),
        Some("saml") => (Some("SAML"), Some(5)),
        Some("oauth" | "oauth2") => (Some("OAUTH 2.0"), Some(6)),
        Some("basic") => (Some("Basic Authentication"), Some(11)),
        Some("ldap") => (Some("LDAP"), Some(12)),
        _ => (method, method.map(|_| 99)),
    };
    let service = context(event, |context| &context.service);
    let service = service.or(Some(&*event.trail)).filter(|name| !name.is_empty());
    let session = context(event, |context| &context.session_id);
    Own {
        // Who signs in is the one who acts, unless it is done for another.
        user: target.or_else(|| event.actor.as_ref().map(parts::user)).or(Some(NOBODY)),
        service: Some(Named { name: service.unwrap_or(UNKNOWN) }),
        session: session.map(|uid| Session { uid: Some(uid), credential_uid: None }),
        auth_protocol: protocol,
        auth_protocol_id: protocol_id,
        ..all
    }
}

/// Why, where the application says so in a member of that name.
fn comment(event: &Event) -> Option<String> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Comment {
        comment: Option<String>,
        reason: Option<String>,
        note: Option<String>,
    }
    let details = event.details.as_ref()?;
    let Comment { comment, reason, note } = serde_json::from_str(details.get()).ok()?;
    comment.or(reason).or(note)
}

fn observables<'a>(actor: Option<&Actor<'a>>, own: &Own<'a>) -> Vec<Observable<'a>> {
    let user = actor.and_then(|actor| actor.user.as_ref());
    let source = own.src_endpoint.as_ref();
    let request = own.http_request.as_ref();
    let entity = own.entity.as_ref();
    let seen = [
        ("src_endpoint.ip", "IP Address", 2, source.and_then(|source| source.ip)),
        ("actor.user.uid", "User Object: uid", 31, user.and_then(|user| user.uid)),
        ("actor.user.name", "User Name", 4, user.and_then(|user| user.name)),
        ("actor.user.email_addr", "Email Address", 5, user.and_then(|user| user.email_addr)),
        ("user.uid", "User Object: uid", 31, own.user.as_ref().and_then(|user| user.uid)),
        ("entity.uid", "Resource UID", 10, entity.and_then(|entity| entity.uid)),
        (
            "http_request.user_agent",
            "HTTP User-Agent",
            16,
            request.and_then(|request| request.user_agent),
        ),
    ];
    seen.into_iter()
        .filter_map(|(name, kind, type_id, value)| {
            Some(Observable { name, kind, type_id, value: value? })
        })
        .collect()
}

/// The members that are not wholly told, by their own names.
fn unmapped<'a>(event: &Event, json: &'a str, class: Class) -> BTreeMap<String, &'a RawValue> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(json).unwrap_or_default();
    members.retain(|name, _| !MAPPED.contains(&name.as_str()));
    let plain_actor = |actor: &crate::Actor| {
        let named = some(&actor.id).is_some() || some(&actor.name).is_some();
        let mail = actor.email.as_deref().is_none_or(parts::is_email);
        named && mail && actor.auth.is_none() && actor.on_behalf_of.is_none()
    };
    if event.actor.as_ref().is_some_and(plain_actor) {
        members.remove("actor");
    }
    match class {
        Class::Api => drop(members.remove("targets")),
        Class::Entity => {
            if event.targets.len() == 1 {
                members.remove("targets");
            }
            members.remove("changes");
        }
        _ => {}
    }
    members
}

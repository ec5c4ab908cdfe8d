//! Audit events of the Kubernetes API server, `audit.k8s.io/v1`.

use std::borrow::Cow;

use indelible_event::Micros;
use indelible_event::limits::{KIND_BYTES_MAX, PATH_BYTES_MAX, TEXT_BYTES_MAX};

use super::fields::{At, Fields, Slot, Table, text};
use crate::draft::{Draft, Text, Thing, Unmapped, Who, action, foreign_id};

#[derive(Clone, Copy)]
enum Place {
    Id,
    Stage,
    Uri,
    Verb,
    User,
    Impersonated,
    Ips,
    Agent,
    Resource,
    Subresource,
    Namespace,
    Name,
    Group,
    Code,
    Reason,
    Message,
    Response,
    StageTime,
    Received,
}

const PLACES: usize = Place::Received as usize + 1;

impl Slot for Place {
    fn index(self) -> usize {
        self as usize
    }
}

static RECORD: [(&str, At<Place>); 13] = [
    ("auditID", At::Move(Place::Id, TEXT_BYTES_MAX)),
    ("stage", At::Read(Place::Stage)),
    ("requestURI", At::Read(Place::Uri)),
    ("verb", At::Read(Place::Verb)),
    ("user", At::Into(&USER)),
    ("impersonatedUser", At::Into(&IMPERSONATED)),
    ("sourceIPs", At::Read(Place::Ips)),
    ("userAgent", At::Move(Place::Agent, TEXT_BYTES_MAX)),
    ("objectRef", At::Into(&OBJECT)),
    ("responseStatus", At::Into(&STATUS)),
    ("responseObject", At::MoveJson(Place::Response)),
    ("requestReceivedTimestamp", At::Read(Place::Received)),
    ("stageTimestamp", At::Move(Place::StageTime, TEXT_BYTES_MAX)),
];

static USER: [(&str, At<Place>); 1] = [("username", At::Move(Place::User, TEXT_BYTES_MAX))];

static IMPERSONATED: [(&str, At<Place>); 1] =
    [("username", At::Move(Place::Impersonated, TEXT_BYTES_MAX))];

static OBJECT: [(&str, At<Place>); 5] = [
    ("resource", At::Read(Place::Resource)),
    ("namespace", At::Read(Place::Namespace)),
    ("name", At::Read(Place::Name)),
    ("apiGroup", At::Read(Place::Group)),
    ("subresource", At::Read(Place::Subresource)),
];

static STATUS: [(&str, At<Place>); 3] = [
    ("code", At::Read(Place::Code)),
    ("reason", At::Read(Place::Reason)),
    ("message", At::Read(Place::Message)),
];

type Found<'a> = Fields<'a, PLACES>;

pub(super) fn map(record: &str) -> Result<Draft<'_>, Unmapped> {
    let table: &'static Table<Place> = &RECORD;
    let mut found: Found<'_> = Fields::read(record, table)?;
    let need = |slot, name: &str| found.text(slot).ok_or_else(|| Unmapped::new(name, "is missing"));
    let id = need(Place::Id, "auditID")?;
    let verb = need(Place::Verb, "verb")?;
    let stage = found.text(Place::Stage).unwrap_or_default();
    let (at, name) = match found.text(Place::StageTime) {
        Some(at) => (at, "stageTimestamp"),
        None => (need(Place::Received, "requestReceivedTimestamp")?, "requestReceivedTimestamp"),
    };
    Micros::parse(&at).map_err(|error| Unmapped::new(name, error.to_string()))?;
    // Each stage of a request is an event of its own.
    let id_text = foreign_id("kubernetes", &format!("{id}\u{1f}{stage}"));
    let outcome = outcome(&stage, &found);
    let mut draft = Draft {
        id: Some(id_text.into()),
        occurred_at: Some(at.clone()),
        action: what(&verb, &found).into(),
        category: Some(Cow::Borrowed(category(&verb, outcome, &found))),
        outcome: Some(Cow::Borrowed(outcome)),
        actor: actor(&found),
        targets: targets(&found),
        ..Draft::default()
    };
    if matches!(outcome, "denied" | "failure" | "error") {
        draft.error_code = short(found.text(Place::Reason), KIND_BYTES_MAX);
        draft.error_message =
            short(found.text(Place::Message), indelible_event::limits::MESSAGE_BYTES_MAX);
    }
    context(&mut draft, &mut found, id);
    if !at.ends_with('Z') {
        found.stays(Place::StageTime, "stageTimestamp");
    }
    // What the server answered to a change is the state after it, unless it is the answer that it failed.
    let changed = matches!(&*verb, "create" | "update" | "patch") && outcome == "success";
    match found.raw(Place::Response) {
        Some(after) if changed && after.starts_with('{') => {
            draft.after = Some(Cow::Borrowed(after))
        }
        _ => found.stays(Place::Response, "responseObject"),
    }
    draft.details = found.details();
    Ok(draft)
}

fn short(text: Option<Text<'_>>, bytes_max: usize) -> Option<Text<'_>> {
    text.filter(|text| text.len() <= bytes_max)
}

fn what(verb: &str, found: &Found<'_>) -> String {
    let mut what =
        found.text(Place::Resource).map_or_else(|| "url".into(), |resource| action(&resource));
    if let Some(sub) = found.text(Place::Subresource) {
        what = format!("{what}.{}", action(&sub));
    }
    what.truncate(crate::limits::ACTION_BYTES_MAX / 2);
    let what = what.trim_end_matches(['.', '_']);
    let mut verb = action(verb);
    verb.truncate(crate::limits::ACTION_BYTES_MAX / 2 - 1);
    let verb = verb.trim_end_matches(['.', '_']);
    match (what, verb) {
        ("", verb) => verb.to_owned(),
        (what, "") => what.to_owned(),
        (what, verb) => format!("{what}.{verb}"),
    }
}

fn outcome(stage: &str, found: &Found<'_>) -> &'static str {
    match (stage, found.raw(Place::Code).and_then(|code| code.parse::<u16>().ok())) {
        ("Panic", _) => "error",
        ("RequestReceived" | "ResponseStarted", _) => "pending",
        (_, Some(401 | 403)) => "denied",
        (_, Some(100..=399)) => "success",
        (_, Some(400..=499)) => "failure",
        (_, Some(_)) => "error",
        (_, None) => "unknown",
    }
}

fn category(verb: &str, outcome: &str, found: &Found<'_>) -> &'static str {
    let resource = found.text(Place::Resource).unwrap_or_default();
    let group = found.text(Place::Group).unwrap_or_default();
    let subresource = found.text(Place::Subresource).unwrap_or_default();
    match (verb, &*resource) {
        _ if outcome == "denied" => "permission_denied",
        (_, "tokenreviews" | "selfsubjectreviews") => "authentication",
        (
            _,
            "subjectaccessreviews"
            | "selfsubjectaccessreviews"
            | "selfsubjectrulesreviews"
            | "localsubjectaccessreviews",
        ) => "authorization",
        _ if matches!(
            &*subresource,
            "exec" | "attach" | "portforward" | "proxy" | "token" | "approval"
        ) =>
        {
            "admin_action"
        }
        ("get" | "list" | "watch" | "head" | "options", _) => "data_access",
        _ if group.ends_with("rbac.authorization.k8s.io") => "admin_action",
        ("create" | "post", _) => "data_create",
        ("delete" | "deletecollection", _) => "data_delete",
        _ => "data_modify",
    }
}

fn who(name: Text<'_>) -> Who<'_> {
    let kind = match &*name {
        "system:anonymous" => "anonymous",
        name if name.starts_with("system:serviceaccount:") => "service",
        name if name.starts_with("system:") => "system",
        _ => "user",
    };
    Who { kind: Some(Cow::Borrowed(kind)), id: Some(name), ..Who::default() }
}

/// Whoever impersonates somebody is the actor, and acts on behalf of that one.
fn actor<'a>(found: &Found<'a>) -> Option<Who<'a>> {
    let mut actor = who(found.text(Place::User)?);
    actor.on_behalf_of = found.text(Place::Impersonated).map(|name| Box::new(who(name)));
    Some(actor)
}

fn targets<'a>(found: &Found<'a>) -> Vec<Thing<'a>> {
    let short = |slot| short(found.text(slot), TEXT_BYTES_MAX / 2);
    let (namespace, name) = (short(Place::Namespace), short(Place::Name));
    let kind = found.text(Place::Resource).filter(|kind| kind.len() <= KIND_BYTES_MAX);
    let mut targets = Vec::new();
    if kind.is_some() {
        let id = match (&namespace, &name) {
            (Some(namespace), Some(name)) => Some(Cow::Owned(format!("{namespace}/{name}"))),
            (None, Some(name)) => Some(name.clone()),
            (_, None) => None,
        };
        targets.push(Thing { kind, id, name });
    }
    if let Some(namespace) = namespace {
        targets.push(Thing {
            kind: Some(Cow::Borrowed("namespace")),
            id: Some(namespace),
            name: None,
        });
    }
    targets
}

fn context<'a>(draft: &mut Draft<'a>, found: &mut Found<'a>, id: Text<'a>) {
    let ips = found.raw(Place::Ips).unwrap_or_default();
    let first: Option<Vec<Cow<'a, str>>> = serde_json::from_str(ips).ok();
    draft.context.ip = short(first.and_then(|ips| ips.into_iter().next()), TEXT_BYTES_MAX);
    draft.context.user_agent = found.text(Place::Agent);
    draft.context.request_id = Some(id);
    let uri = found.raw(Place::Uri).and_then(text);
    let path = uri.map(|uri| match uri.find('?') {
        Some(at) => Cow::Owned(uri[..at].to_owned()),
        None => uri,
    });
    draft.context.http_path = short(path, PATH_BYTES_MAX);
    let code = found.raw(Place::Code).and_then(|code| code.parse().ok());
    draft.context.http_status = code.filter(|code| (100..=599).contains(code));
}

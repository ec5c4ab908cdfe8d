//! The audit log of GitHub.

use std::borrow::Cow;

use indelible_event::Micros;
use indelible_event::limits::{KIND_BYTES_MAX, TEXT_BYTES_MAX};

use super::fields::{At, Fields, Slot, Table};
use crate::draft::{Draft, Text, Thing, Unmapped, Who, action, foreign_id};

#[derive(Clone, Copy)]
enum Place {
    Id,
    Time,
    Created,
    Action,
    Actor,
    IsBot,
    Ip,
    Agent,
    Request,
    User,
    Team,
    Repo,
    Org,
    Business,
    Operation,
    Access,
    Token,
    Email,
}

const PLACES: usize = Place::Email as usize + 1;

impl Slot for Place {
    fn index(self) -> usize {
        self as usize
    }
}

static RECORD: [(&str, At<Place>); 18] = [
    ("@timestamp", At::Move(Place::Time, TEXT_BYTES_MAX)),
    ("_document_id", At::Read(Place::Id)),
    ("action", At::Read(Place::Action)),
    ("actor", At::Move(Place::Actor, TEXT_BYTES_MAX)),
    ("actor_ip", At::Move(Place::Ip, TEXT_BYTES_MAX)),
    ("actor_is_bot", At::Read(Place::IsBot)),
    ("business", At::Read(Place::Business)),
    ("created_at", At::Move(Place::Created, TEXT_BYTES_MAX)),
    ("external_identity_nameid", At::Read(Place::Email)),
    ("operation_type", At::Read(Place::Operation)),
    ("org", At::Read(Place::Org)),
    ("programmatic_access_type", At::Read(Place::Access)),
    ("repo", At::Read(Place::Repo)),
    ("request_id", At::Move(Place::Request, TEXT_BYTES_MAX)),
    ("team", At::Read(Place::Team)),
    ("token_id", At::Move(Place::Token, TEXT_BYTES_MAX)),
    ("user", At::Read(Place::User)),
    ("user_agent", At::Move(Place::Agent, TEXT_BYTES_MAX)),
];

type Found<'a> = Fields<'a, PLACES>;

pub(super) fn map(record: &str) -> Result<Draft<'_>, Unmapped> {
    let table: &'static Table<Place> = &RECORD;
    let mut found: Found<'_> = Fields::read(record, table)?;
    let name = found.text(Place::Action).ok_or_else(|| Unmapped::new("action", "is missing"))?;
    let what = action(&name);
    if what.is_empty() {
        return Err(Unmapped::new("action", "has no letter or digit"));
    }
    let at = time(&mut found)?;
    let id = found.text(Place::Id).unwrap_or(Cow::Borrowed(record));
    let operation = found.text(Place::Operation).unwrap_or_default();
    let outcome = outcome(&what);
    let mut draft = Draft {
        id: Some(foreign_id("github", &id).into()),
        occurred_at: Some(at.to_string().into()),
        category: Some(Cow::Borrowed(category(&what, &operation))),
        outcome: Some(Cow::Borrowed(outcome)),
        actor: actor(&found),
        targets: targets(&found),
        action: what.into(),
        ..Draft::default()
    };
    if draft.actor.is_none() {
        found.stays(Place::Token, "token_id");
    }
    draft.context.ip = found.text(Place::Ip);
    draft.context.user_agent = found.text(Place::Agent);
    draft.context.request_id = found.text(Place::Request);
    draft.details = found.details();
    Ok(draft)
}

/// When it was done; the other time stays where it is another.
fn time(found: &mut Found<'_>) -> Result<Micros, Unmapped> {
    let (slot, name) = match found.raw(Place::Created) {
        Some(_) => (Place::Created, "created_at"),
        None => (Place::Time, "@timestamp"),
    };
    let text = found.text(slot).ok_or_else(|| Unmapped::new("@timestamp", "is missing"))?;
    let at = match text.parse::<i64>() {
        Ok(millis) => millis.checked_mul(1000).map(Micros).filter(Micros::in_years),
        Err(_) => Micros::parse(&text).ok(),
    };
    let at =
        at.ok_or_else(|| Unmapped::new(name, "is neither milliseconds since 1970 nor RFC 3339"))?;
    if name == "created_at" && found.raw(Place::Time) != found.raw(Place::Created) {
        found.stays(Place::Time, "@timestamp");
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) && !text.ends_with('Z') {
        found.stays(slot, name);
    }
    Ok(at)
}

fn outcome(what: &str) -> &'static str {
    match what {
        _ if what.contains("fail") => "failure",
        _ if what.contains("denied") || what.contains("reject") => "denied",
        _ => "success",
    }
}

fn category(what: &str, operation: &str) -> &'static str {
    let of = |names: &[&str]| names.contains(&what.split('.').next().unwrap_or(what));
    match what {
        "user.login" => return "login",
        "user.failed_login" => return "login_failed",
        "user.logout" => return "logout",
        "git.clone" | "git.fetch" => return "data_access",
        "git.push" => return "data_modify",
        _ => {}
    }
    match operation {
        "authentication" => "authentication",
        "access" => "data_access",
        _ if of(&[
            "org",
            "business",
            "enterprise",
            "team",
            "role",
            "integration",
            "integration_installation",
            "oauth_application",
            "org_credential_authorization",
            "personal_access_token",
            "protected_branch",
            "repository_ruleset",
            "hook",
            "ip_allow_list",
        ]) =>
        {
            "admin_action"
        }
        "create" => "data_create",
        "remove" => "data_delete",
        _ => "data_modify",
    }
}

fn actor<'a>(found: &Found<'a>) -> Option<Who<'a>> {
    let id = found.text(Place::Actor)?;
    let bot = found.raw(Place::IsBot) == Some("true") || id.ends_with("[bot]");
    let fits = |text: &Text<'_>| text.len() <= KIND_BYTES_MAX;
    Some(Who {
        kind: Some(Cow::Borrowed(if bot { "service" } else { "user" })),
        id: Some(id),
        email: found.text(Place::Email).filter(|email| email.contains('@')).filter(fits),
        auth_method: found.text(Place::Access).filter(fits),
        token_id: found.text(Place::Token),
        ..Who::default()
    })
}

/// From what is nearest to what holds it.
fn targets<'a>(found: &Found<'a>) -> Vec<Thing<'a>> {
    const OF: [(Place, &str); 5] = [
        (Place::User, "user"),
        (Place::Team, "team"),
        (Place::Repo, "repository"),
        (Place::Org, "organization"),
        (Place::Business, "enterprise"),
    ];
    let actor = found.text(Place::Actor);
    let thing = |(place, kind): (Place, &'static str)| {
        let id = found.text(place).filter(|id| id.len() <= TEXT_BYTES_MAX)?;
        // What somebody did in their own name was not done to them.
        let own = kind == "user" && actor.as_deref() == Some(&*id);
        (!own).then_some(Thing { kind: Some(Cow::Borrowed(kind)), id: Some(id), name: None })
    };
    OF.into_iter().filter_map(thing).collect()
}

//! The keys of the language, and what each is looked up as.

use crate::doc::Field;

/// A key, for help and completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHelp {
    /// How it is written.
    pub name: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// What it finds.
    pub what: &'static str,
    /// One use of it.
    pub example: &'static str,
}

impl KeyHelp {
    /// All its values, where no others can be.
    pub fn values(&self) -> &'static [&'static str] {
        match resolve(self.name) {
            Some(Target::Closed(_, values)) => values,
            Some(Target::Has) => HAS,
            _ => &[],
        }
    }
}

/// How a key is written first of all, whichever way it is written.
pub(super) fn usual<'w>(written: &'w str, target: &Target) -> &'w str {
    let same = |key: &&KeyHelp| resolve(key.name).as_ref() == Some(target);
    HELP.iter().find(same).map_or(written, |key| key.name)
}

/// What a key is looked up as.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// A field's value.
    Text(Field),
    /// A field that has only these values.
    Closed(Field, &'static [&'static str]),
    /// A target: its `type/id`, or either.
    Resource,
    Ip,
    Trail,
    Has,
    Ref,
    Id,
    Recorded,
    Occurred,
    /// A value in the parts.
    Path(String),
    /// A member that has members, and is there or not.
    Whole(&'static str),
}

pub(super) const OUTCOMES: &[&str] =
    &["success", "failure", "denied", "error", "pending", "unknown"];
pub(super) const PHASES: &[&str] = &["intent", "outcome", "correction"];
pub(super) const ACTOR_TYPES: &[&str] = &["user", "service", "system", "agent", "anonymous"];
/// What `has:` asks for, as [`Field::Has`] has it.
pub(super) const HAS: &[&str] =
    &["changes", "before", "after", "details", "error", "targets", "subjects", "on_behalf_of"];

const fn key(
    name: &'static str,
    aliases: &'static [&'static str],
    what: &'static str,
    example: &'static str,
) -> KeyHelp {
    KeyHelp { name, aliases, what, example }
}

pub(super) const HELP: &[KeyHelp] = &[
    key(
        "actor",
        &["user", "user_id", "actor.id"],
        "id of who did it, or on whose behalf",
        "actor:alice",
    ),
    key(
        "actor_type",
        &["actor.type"],
        "user, service, system, agent, anonymous",
        "actor_type:agent",
    ),
    key(
        "email",
        &["user_email", "actor.email"],
        "address of the actor, or of whom they acted for",
        "email:*@example.com",
    ),
    key("on_behalf_of", &[], "id of whom the actor acted for", "on_behalf_of:carol"),
    key(
        "name",
        &["actor.name", "targets.name"],
        "name of the actor or of a target",
        "name:\"Ada Example\"",
    ),
    key("action", &[], "what was done", "action:backup.*"),
    key("category", &["event_type"], "kind of event", "category:login_failed"),
    key(
        "outcome",
        &["status"],
        "success, failure, denied, error, pending, unknown",
        "-outcome:success",
    ),
    key(
        "target",
        &["resource"],
        "type/id of any target; without a slash its id or its type",
        "target:file/9",
    ),
    key(
        "resource_type",
        &["target_type", "targets.type"],
        "type of any target",
        "resource_type:bucket",
    ),
    key("resource_id", &["target_id", "targets.id"], "id of any target", "resource_id:f-99*"),
    key("ip", &["ip_address", "context.ip"], "address, network, or range", "ip:10.0.0.0/8"),
    key(
        "correlation",
        &["correlation_id", "context.correlation_id"],
        "correlation id",
        "correlation:0192aa",
    ),
    key("request", &["request_id", "context.request_id"], "request id", "request:req-7f31"),
    key("session", &["session_id", "context.session_id"], "session id", "session:s-55120"),
    key("trace", &["trace_id", "context.trace_id"], "trace id", "trace:4bf92f35"),
    key("trail", &["tenant", "tenant_id"], "the trail", "trail:acme"),
    key("service", &["context.service"], "the service that recorded it", "service:files"),
    key("host", &["context.host"], "the machine it ran on", "host:web-*"),
    key("source", &["source.id"], "id of the recorder process", "source:00ff*"),
    key("key", &["recorded_by"], "the credential that wrote it", "key:key-1"),
    key("subject", &[], "whose data was touched: id or type/id", "subject:person/7"),
    key(
        "has",
        &[],
        "what the record has: changes, before, after, details, error, targets, subjects, on_behalf_of",
        "has:changes",
    ),
    key("phase", &[], "intent, outcome, correction", "phase:correction"),
    key("ref", &[], "what refers to this event", "ref:0190b1a0-0000-7000-8000-000000000000"),
    key("id", &[], "one event", "id:0190b1a0-0000-7000-8000-000000000000"),
    key("created", &["recorded_at"], "when it was recorded", "created:2026-01-01..2026-01-31"),
    key("occurred", &["occurred_at", "timestamp"], "when it happened", "occurred:>-7d"),
    key("user_agent", &["context.user_agent"], "the client program", "user_agent:*Firefox*"),
    key("error_code", &["error.code"], "code of the error", "error_code:upstream_timeout"),
    key("error_message", &["error.message"], "text of the error, whole", "error_message:*timeout*"),
    key("details.…", &["metadata.…"], "a value of the details by its path", "details.store_id:7"),
    key(
        "before.…",
        &["old_value.…", "changes.before.…"],
        "a value before the change",
        "before.price:<100",
    ),
    key(
        "after.…",
        &["new_value.…", "changes.after.…"],
        "a value after the change",
        "after.price:10..20",
    ),
    key(
        "context.…",
        &["http.… (context.http.…)"],
        "a value of the context by its path",
        "context.http.status:>=500",
    ),
    key("actor.…", &[], "a value of the actor by its path", "actor.auth.method:api_key"),
];

/// The members that have paths below them, other spellings, and what stands for those in a path.
const ROOTS: &[(&str, &str)] = &[
    ("details", "details"),
    ("metadata", "details"),
    ("before", "before"),
    ("old_value", "before"),
    ("after", "after"),
    ("new_value", "after"),
    ("error", "error"),
    ("context", "context"),
    ("http", "context.http"),
    ("actor", "actor"),
    ("targets", "targets"),
    ("subjects", "subjects"),
];

/// What a key as written is looked up as; `None` if there is no such key.
pub(super) fn resolve(written: &str) -> Option<Target> {
    let name = written.to_ascii_lowercase();
    if let Some(found) = known(&name) {
        return Some(found);
    }
    let written = match name.strip_prefix("changes.") {
        Some(rest) => &written[written.len() - rest.len()..],
        None => written,
    };
    let (root, rest) = match written.split_once('.') {
        Some((root, rest)) => (root, Some(rest)),
        None => (written, None),
    };
    let root = root.to_ascii_lowercase();
    let (_, stands_for) = ROOTS.iter().find(|(spelling, _)| *spelling == root)?;
    match (rest, *stands_for) {
        // A change may be from one plain value to another.
        (None, plain @ ("before" | "after")) => Some(Target::Path(plain.to_owned())),
        (None, "actor" | "context" | "context.http") => None,
        (None, whole) => Some(Target::Whole(whole)),
        (Some(rest), stands_for) => Some(Target::Path(format!("{stands_for}.{rest}"))),
    }
}

fn known(name: &str) -> Option<Target> {
    Some(match name {
        "actor" | "user" | "user_id" | "actor.id" => Target::Text(Field::Actor),
        "actor_type" | "actor.type" => Target::Closed(Field::ActorType, ACTOR_TYPES),
        "email" | "user_email" | "actor.email" => Target::Text(Field::Email),
        "on_behalf_of" => Target::Text(Field::OnBehalfOf),
        "name" | "actor.name" | "targets.name" => Target::Text(Field::Name),
        "action" => Target::Text(Field::Action),
        "category" | "event_type" => Target::Text(Field::Category),
        "outcome" | "status" => Target::Closed(Field::Outcome, OUTCOMES),
        "phase" => Target::Closed(Field::Phase, PHASES),
        "target" | "resource" => Target::Resource,
        "resource_type" | "target_type" | "targets.type" => Target::Text(Field::ResourceType),
        "resource_id" | "target_id" | "targets.id" => Target::Text(Field::ResourceId),
        "ip" | "ip_address" | "context.ip" => Target::Ip,
        "correlation" | "correlation_id" | "context.correlation_id" => {
            Target::Text(Field::Correlation)
        }
        "request" | "request_id" | "context.request_id" => Target::Text(Field::Request),
        "session" | "session_id" | "context.session_id" => Target::Text(Field::Session),
        "trace" | "trace_id" | "context.trace_id" => Target::Text(Field::Trace),
        "trail" | "tenant" | "tenant_id" => Target::Trail,
        "service" | "context.service" => Target::Text(Field::Service),
        "host" | "context.host" => Target::Text(Field::Host),
        "source" | "source.id" => Target::Text(Field::Source),
        "key" | "recorded_by" => Target::Text(Field::Key),
        "subject" => Target::Text(Field::Subject),
        "has" => Target::Has,
        "ref" => Target::Ref,
        "id" => Target::Id,
        "created" | "recorded_at" => Target::Recorded,
        "occurred" | "occurred_at" | "timestamp" => Target::Occurred,
        "user_agent" | "context.user_agent" => Target::Path("context.user_agent".to_owned()),
        "error_code" | "error.code" => Target::Path("error.code".to_owned()),
        "error_message" | "error.message" => Target::Path("error.message".to_owned()),
        "credential_subject" => Target::Path("credential_subject".to_owned()),
        "changes" => Target::Whole("changes"),
        _ => return None,
    })
}

/// The key that was probably meant.
pub(super) fn nearest(written: &str) -> Option<&'static str> {
    let written = written.to_ascii_lowercase();
    if let Some((root, _)) = written.split_once('.') {
        let roots = ROOTS.iter().map(|(spelling, _)| *spelling);
        return closest(root, roots);
    }
    let names = HELP.iter().flat_map(|key| std::iter::once(&key.name).chain(key.aliases).copied());
    closest(&written, names.filter(|name| !name.contains('.')))
}

/// The name that takes the fewest slips of the pen.
pub(super) fn closest(
    written: &str,
    names: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let letters = written.chars().count();
    // Nothing that long is a slip of the pen, and comparing it would take its time.
    if letters > 32 {
        return None;
    }
    let allowed = if letters <= 4 { 1 } else { 2 };
    let distances = names.map(|name| (distance(written, name), name));
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(d, _)| *d).map(|(_, n)| n)
}

/// How many letters have to be changed, put in, left out, or swapped with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

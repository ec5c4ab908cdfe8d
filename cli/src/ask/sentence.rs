//! An event as a sentence: who did what to what, and how it ended.

use indelible_event::TrailName;

use super::answers::{Actor, Event, Target};
use crate::look::{Paint, clean};

/// Verbs whose past is not made by the rule.
const IRREGULAR: &[(&str, &str)] = &[
    ("begin", "began"),
    ("bind", "bound"),
    ("build", "built"),
    ("buy", "bought"),
    ("choose", "chose"),
    ("cut", "cut"),
    ("deny", "denied"),
    ("find", "found"),
    ("forget", "forgot"),
    ("freeze", "froze"),
    ("get", "got"),
    ("give", "gave"),
    ("hide", "hid"),
    ("hold", "held"),
    ("keep", "kept"),
    ("leave", "left"),
    ("login", "logged in"),
    ("logout", "logged out"),
    ("lose", "lost"),
    ("make", "made"),
    ("pay", "paid"),
    ("put", "put"),
    ("read", "read"),
    ("rollback", "rolled back"),
    ("run", "ran"),
    ("see", "saw"),
    ("sell", "sold"),
    ("send", "sent"),
    ("set", "set"),
    ("signin", "signed in"),
    ("signout", "signed out"),
    ("spend", "spent"),
    ("split", "split"),
    ("take", "took"),
    ("unbind", "unbound"),
    ("withdraw", "withdrew"),
    ("write", "wrote"),
];
/// Verbs of one word written in two.
const APART: &[(&str, &str)] = &[
    ("login", "log in"),
    ("logout", "log out"),
    ("rollback", "roll back"),
    ("signin", "sign in"),
    ("signout", "sign out"),
];
/// Verbs whose past is made by the rule. A word that is no verb we know is not bent into one.
const REGULAR: &[&str] = &[
    "accept",
    "access",
    "acknowledge",
    "activate",
    "add",
    "alert",
    "allow",
    "append",
    "apply",
    "approve",
    "archive",
    "assign",
    "attach",
    "authenticate",
    "authorize",
    "back",
    "block",
    "boot",
    "call",
    "cancel",
    "change",
    "check",
    "clean",
    "clear",
    "clone",
    "close",
    "collect",
    "commit",
    "compact",
    "complete",
    "configure",
    "confirm",
    "connect",
    "copy",
    "create",
    "deactivate",
    "decrypt",
    "delete",
    "deliver",
    "deploy",
    "destroy",
    "detach",
    "detect",
    "disable",
    "disconnect",
    "download",
    "drain",
    "drop",
    "edit",
    "enable",
    "encrypt",
    "enter",
    "erase",
    "evict",
    "execute",
    "expire",
    "export",
    "extend",
    "fail",
    "fetch",
    "finish",
    "flag",
    "flush",
    "follow",
    "grant",
    "import",
    "insert",
    "inspect",
    "install",
    "invite",
    "invoke",
    "issue",
    "join",
    "kill",
    "launch",
    "link",
    "list",
    "load",
    "lock",
    "log",
    "merge",
    "migrate",
    "modify",
    "mount",
    "move",
    "open",
    "order",
    "pause",
    "pin",
    "place",
    "plan",
    "post",
    "prune",
    "publish",
    "pull",
    "purge",
    "push",
    "query",
    "reboot",
    "receive",
    "recover",
    "refresh",
    "refund",
    "register",
    "reject",
    "release",
    "reload",
    "remove",
    "rename",
    "renew",
    "replace",
    "replay",
    "replicate",
    "request",
    "reset",
    "resize",
    "resolve",
    "restart",
    "restore",
    "resume",
    "retry",
    "return",
    "revert",
    "revoke",
    "rotate",
    "save",
    "scan",
    "schedule",
    "search",
    "share",
    "ship",
    "sign",
    "start",
    "stop",
    "store",
    "submit",
    "suspend",
    "sync",
    "tag",
    "terminate",
    "test",
    "track",
    "transfer",
    "truncate",
    "unlock",
    "unmount",
    "unpin",
    "unshare",
    "update",
    "upgrade",
    "upload",
    "use",
    "validate",
    "verify",
    "view",
    "wipe",
];
/// Those that double their last letter.
const DOUBLED: &[&str] = &[
    "commit", "drop", "flag", "log", "pin", "plan", "ship", "stop", "submit", "tag", "transfer",
    "unpin",
];

/// What the node tells of those who read it, which no rule makes a sentence of.
const OWN: &[(&str, &str)] = &[
    ("audit.search", "searched the trail"),
    ("audit.read", "read an event"),
    ("audit.proof", "fetched a proof"),
    ("audit.stats", "looked at statistics"),
    ("audit.stream", "followed the live stream"),
    ("audit.export", "exported events"),
    ("login.refused", "was refused"),
];

/// The event as a sentence without a full stop, clean for a terminal.
pub fn sentence(event: &Event) -> String {
    let who = event.actor.as_ref().map_or_else(|| "somebody".to_owned(), actor);
    if let Some(own) = own(event) {
        return clean(&format!("{who} {own}"));
    }
    let what = act(event);
    let mut text = match &what {
        Some(act) => format!("{who} {}", act.told(event)),
        None => format!("{who}: {} {}", event.action, ending(event)),
    };
    // Who logs in to the account of the same name needs it told once.
    let own = event.actor.as_ref().and_then(|actor| actor.id.as_deref());
    let is_own = |target: &&Target| {
        what.as_ref().is_some_and(Act::is_login)
            && target.id.is_some()
            && target.id.as_deref() == own
    };
    if let Some(target) = event.targets.first().filter(|target| !is_own(target)) {
        let joint = what.as_ref().map_or(" ", Act::joint);
        text.push_str(joint);
        text.push_str(&name_of(target));
    }
    if let Some(why) = reason(event) {
        text.push_str(": ");
        text.push_str(&why);
    }
    clean(&text)
}

/// What the node itself recorded of a caller, and why where something was refused.
fn own(event: &Event) -> Option<String> {
    if event.trail != TrailName::system().as_str() {
        return None;
    }
    let (_, told) = OWN.iter().find(|(action, _)| *action == event.action)?;
    Some(reason(event).map_or_else(|| (*told).to_owned(), |why| format!("{told}: {why}")))
}

/// How an outcome is painted.
pub fn paint(event: &Event) -> Paint {
    match event.outcome.as_deref() {
        Some("failure" | "error" | "denied") => Paint::Bad,
        Some("pending") => Paint::Odd,
        _ if event.phase.as_deref() == Some("intent") => Paint::Odd,
        _ => Paint::Plain,
    }
}

fn actor(actor: &Actor) -> String {
    let named = match (actor.id.as_deref(), actor.name.as_deref()) {
        // A key's id tells nobody whose it is.
        (Some(id), Some(name)) if id.starts_with("key:") => Some(format!("{name} ({id})")),
        (id, name) => id.or(name).map(str::to_owned),
    };
    let own = named.or_else(|| actor.kind.clone()).unwrap_or_else(|| "somebody".into());
    match &actor.on_behalf_of {
        Some(other) => format!("{own} for {}", self::actor(other)),
        None => own,
    }
}

fn name_of(target: &Target) -> String {
    let id = target.id.as_deref().or(target.name.as_deref()).unwrap_or_default();
    match target.kind.as_deref() {
        Some(kind) if !id.is_empty() => format!("{} {id}", kind.replace('_', " ")),
        Some(kind) => kind.replace('_', " "),
        None => id.to_owned(),
    }
}

/// What was wrong, where something was.
fn reason(event: &Event) -> Option<String> {
    let error = event.error.as_ref()?;
    error.message.clone().or_else(|| error.code.clone())
}

/// How it ended, of an action that is no verb.
fn ending(event: &Event) -> &'static str {
    match event.outcome.as_deref() {
        Some("failure" | "error") => "failed",
        Some("denied") => "was denied",
        Some("pending") => "began",
        _ => "done",
    }
}

/// A verb and what else the action names.
struct Act<'a> {
    verb: &'a str,
    /// What it is done with, if that is not the target itself: the policy of a bucket.
    object: Option<String>,
}

/// Reads `backup.delete` and `bucket.policy_update`.
fn act(event: &Event) -> Option<Act<'_>> {
    let (prefix, last) = event.action.rsplit_once('.').unwrap_or(("", &event.action));
    let known =
        |word: &str| REGULAR.contains(&word) || IRREGULAR.iter().any(|(verb, _)| *verb == word);
    let (object, verb) = match last.rsplit_once('_') {
        Some((object, verb)) if known(verb) => (Some(object), verb),
        // `read_secret`, the other way round.
        Some((verb, object)) if known(verb) => (Some(object), verb),
        _ if known(last) => (None, last),
        _ => return None,
    };
    let kind = event.targets.first().and_then(|target| target.kind.as_deref());
    let scope = prefix.rsplit('.').next().filter(|scope| !scope.is_empty());
    let object = object.or_else(|| match (scope, kind) {
        // The user who logs in, and the session that it makes, are told by the verb.
        _ if APART.iter().any(|(word, _)| *word == verb) && verb.starts_with(['l', 's']) => None,
        (Some(scope), Some(kind)) if scope != kind => Some(scope),
        (Some(scope), None) => Some(scope),
        _ => None,
    });
    Some(Act { verb, object: object.map(|object| object.replace('_', " ")) })
}

impl Act<'_> {
    fn told(&self, event: &Event) -> String {
        let base = apart(self.verb);
        let verb = match (event.phase.as_deref(), event.outcome.as_deref()) {
            (Some("intent"), _) => format!("set out to {base}"),
            (_, Some("failure" | "error")) => format!("failed to {base}"),
            (_, Some("denied")) => format!("was not allowed to {base}"),
            (_, Some("pending")) => format!("began to {base}"),
            _ => past(self.verb),
        };
        match &self.object {
            Some(object) => format!("{verb} {object}"),
            None => verb,
        }
    }

    fn is_login(&self) -> bool {
        matches!(self.verb, "login" | "logout" | "signin" | "signout")
    }

    /// What stands between the verb and its object, and the target.
    fn joint(&self) -> &'static str {
        match self.verb {
            "login" | "signin" => " to ",
            "grant" | "assign" | "add" if self.object.is_some() => " to ",
            "logout" | "signout" => " of ",
            "revoke" | "remove" if self.object.is_some() => " from ",
            _ if self.object.is_some() => " of ",
            _ => " ",
        }
    }
}

fn apart(verb: &str) -> &str {
    APART.iter().find(|(one, _)| *one == verb).map_or(verb, |(_, two)| two)
}

fn past(verb: &str) -> String {
    if let Some((_, past)) = IRREGULAR.iter().find(|(base, _)| *base == verb) {
        return (*past).to_owned();
    }
    if DOUBLED.contains(&verb) {
        let last = verb.chars().last().unwrap_or_default();
        return format!("{verb}{last}ed");
    }
    let before_y = |stem: &str| !stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match verb.strip_suffix('y') {
        Some(stem) if before_y(stem) => format!("{stem}ied"),
        _ if verb.ends_with('e') => format!("{verb}d"),
        _ => format!("{verb}ed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_who_did_what() {
        let told = |json: &str| sentence(&serde_json::from_str(json).expect("an event"));
        let cases = [
            (
                r#"{"action":"backup.delete","outcome":"success","actor":{"id":"maria"},"targets":[{"type":"backup","id":"db-0417"}]}"#,
                "maria deleted backup db-0417",
            ),
            (
                r#"{"action":"user.login","outcome":"failure","actor":{"id":"jonas"},"error":{"message":"wrong password"}}"#,
                "jonas failed to log in: wrong password",
            ),
            (
                r#"{"action":"bucket.policy_update","actor":{"id":"li"},"targets":[{"type":"bucket","id":"b"}]}"#,
                "li updated policy of bucket b",
            ),
            (
                r#"{"action":"role.grant","actor":{"id":"li"},"targets":[{"type":"user","id":"u-7"}]}"#,
                "li granted role to user u-7",
            ),
            (
                r#"{"action":"config.change","outcome":"denied","actor":{"type":"service"},"targets":[{"type":"device","id":"fw"}]}"#,
                "service was not allowed to change config of device fw",
            ),
            (
                r#"{"action":"backup.restore","phase":"intent","outcome":"pending","actor":{"id":"bot","on_behalf_of":{"id":"maria"}},"targets":[{"type":"backup","id":"x"}]}"#,
                "bot for maria set out to restore backup x",
            ),
            (
                r#"{"action":"billing.nightly","outcome":"error","targets":[{"id":"n\u001b1"}]}"#,
                "somebody: billing.nightly failed n\\u{1b}1",
            ),
            (
                r#"{"action":"order.ship","actor":{"id":"a"},"targets":[{"type":"order","id":"7"}]}"#,
                "a shipped order 7",
            ),
            (
                r#"{"action":"session.login","actor":{"id":"li"},"targets":[{"type":"account","id":"li"}]}"#,
                "li logged in",
            ),
            (
                r#"{"trail":"_system","action":"audit.stats","actor":{"id":"key:0f","name":"ops"},"targets":[{"type":"audit"}]}"#,
                "ops (key:0f) looked at statistics",
            ),
            (r#"{"action":"key.copy","actor":{"id":"a"}}"#, "a copied key"),
        ];
        for (json, text) in cases {
            assert_eq!(told(json), text);
        }
    }
}

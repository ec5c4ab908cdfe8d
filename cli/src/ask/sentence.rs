//! An event as a sentence: who did what to what, and how it ended.

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

/// The event as a sentence without a full stop, clean for a terminal.
pub fn sentence(event: &Event) -> String {
    let who = event.actor.as_ref().map_or_else(|| "somebody".to_owned(), actor);
    let what = act(event);
    let mut text = match &what {
        Some(act) => format!("{who} {}", act.told(event)),
        None => format!("{who}: {} {}", event.action, ending(event)),
    };
    if let Some(target) = event.targets.first() {
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
    let own = actor.id.as_deref().or(actor.name.as_deref());
    let own = own.or(actor.kind.as_deref()).unwrap_or("somebody");
    match &actor.on_behalf_of {
        Some(other) => format!("{own} for {}", self::actor(other)),
        None => own.to_owned(),
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
            (r#"{"action":"key.copy","actor":{"id":"a"}}"#, "a copied key"),
        ];
        for (json, text) in cases {
            assert_eq!(told(json), text);
        }
    }
}

//! Which class and activity of OCSF an event is.
//!
//! | event | class |
//! |---|---|
//! | `login`, `login_failed`, `logout`, `authentication`, or an action that says so | 3002 Authentication |
//! | a role or permission given to a user or taken away | 3005 User Access Management |
//! | a user made, deleted, locked, or a password or factor changed | 3001 Account Change |
//! | `api_request`, `api_request_error`, and what only read or was not allowed, over HTTP | 6003 API Activity |
//! | `data_…`, `admin_action`, `config_change` | 3004 Entity Management |
//! | all else | 0 Base Event |

use crate::text::is_in;
use crate::verbs::Verb;
use crate::{Event, Target};

/// A class of OCSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Base,
    Account,
    Authentication,
    Entity,
    Access,
    Api,
}

impl Class {
    /// Its number, its name, and the number and name of its category.
    pub fn named(self) -> (u32, &'static str, u32, &'static str) {
        const IAM: &str = "Identity & Access Management";
        match self {
            Class::Base => (0, "Base Event", 0, "Uncategorized"),
            Class::Account => (3001, "Account Change", 3, IAM),
            Class::Authentication => (3002, "Authentication", 3, IAM),
            Class::Entity => (3004, "Entity Management", 3, IAM),
            Class::Access => (3005, "User Access Management", 3, IAM),
            Class::Api => (6003, "API Activity", 6, "Application Activity"),
        }
    }
}

/// An activity of a class: its number, and its name there.
pub(super) type Activity = (u32, &'static str);

/// What is not among the activities of a class; the action says what it is.
pub(super) const OTHER: Activity = (99, "Other");

const CREATE: &str = "add create generate import ingest initialize insert install issue make onboard provision publish record \
                      register submit upload";
const READ: &str = "access audit compare describe download export fetch find get inspect list lookup monitor ping poll preview \
                    print query read report retrieve reveal scan search see stat stream validate verify view visit";
const DELETE: &str = "clear decommission delete deprovision destroy drop erase expire offboard prune purge remove retire terminate \
                      truncate uninstall unregister vacuum wipe";
const UPDATE: &str = "adjust amend append apply assign attach change configure convert correct detach edit extend grant label lock \
                      merge modify overwrite patch pin put release rename renew replace reset resize revise revoke rotate \
                      rollback set tag unlock unpin untag update upgrade upsert write";

/// The kinds of targets that are people or what acts like them.
const USERS: &str = "person principal service_account user";

/// What can be given to a user.
const PRIVILEGES: &str =
    "access permission permissions privilege privileges right rights role roles scope";

/// What was done, by the verb at the end of the action.
pub(super) struct Deed<'a> {
    verb: Option<&'static Verb>,
    /// What stands before the verb: `password` of `user.password_reset`, `role` of `role.grant`.
    noun: &'a str,
}

impl<'a> Deed<'a> {
    pub fn of(event: &'a Event) -> Deed<'a> {
        let parts = event.action.rsplit_once(['.', '_']);
        let (before, word) = parts.unwrap_or(("", &event.action));
        let noun = before.rsplit('.').next().unwrap_or_default();
        Deed { verb: Verb::of(word), noun }
    }

    fn is(&self, words: &str) -> bool {
        self.verb.is_some_and(|verb| is_in(words, verb.word))
    }

    fn gives(&self) -> Option<Activity> {
        if self.is("add assign attach give grant") {
            Some((1, "Assign Privileges"))
        } else if self.is("detach remove revoke unassign withdraw") {
            Some((2, "Revoke Privileges"))
        } else {
            None
        }
    }

    /// The noun, where it is something that can be given.
    pub fn privilege(&self) -> Option<&'a str> {
        is_in(PRIVILEGES, self.noun).then_some(self.noun)
    }
}

/// Whether a target is somebody.
pub(super) fn is_user(target: &Target, category: &str) -> bool {
    let kind = target.kind.as_deref().unwrap_or_default();
    // An account may be one of money, unless it is clear that users are administrated.
    is_in(USERS, kind) || (kind == "account" && is_in("admin_action user_created", category))
}

/// Whether a target is something that can be given to a user.
pub(super) fn is_privilege(target: &Target) -> bool {
    is_in(PRIVILEGES, target.kind.as_deref().unwrap_or_default())
}

/// The class and the activity.
pub(super) fn classify(event: &Event, deed: &Deed<'_>) -> (Class, Activity) {
    let category = event.category.as_deref().unwrap_or_default();
    if let Some(activity) = authentication(category, deed) {
        return (Class::Authentication, activity);
    }
    let user = event.targets.iter().any(|target| is_user(target, category));
    let privilege = deed.privilege().is_some() || event.targets.iter().any(is_privilege);
    if let Some(activity) = deed.gives().filter(|_| user && privilege) {
        return (Class::Access, activity);
    }
    let first = event.targets.first().is_some_and(|target| is_user(target, category));
    if let Some(activity) = account(category, deed).filter(|_| first || category == "user_created")
    {
        return (Class::Account, activity);
    }
    let http = event.context.as_ref().and_then(|context| context.http.as_ref());
    match category {
        "api_request" | "api_request_error" => (Class::Api, api(event, deed)),
        "data_access" | "permission_denied" | "authorization" if http.is_some() => {
            (Class::Api, api(event, deed))
        }
        "data_access" => (Class::Entity, entity(deed).unwrap_or((2, "Read"))),
        "data_create" => (Class::Entity, entity(deed).unwrap_or((1, "Create"))),
        "data_modify" | "config_change" => (Class::Entity, entity(deed).unwrap_or((3, "Update"))),
        "data_delete" => (Class::Entity, entity(deed).unwrap_or((4, "Delete"))),
        "admin_action" => (Class::Entity, entity(deed).unwrap_or(OTHER)),
        _ => (Class::Base, OTHER),
    }
}

fn authentication(category: &str, deed: &Deed<'_>) -> Option<Activity> {
    const ON: Activity = (1, "Logon");
    const OFF: Activity = (2, "Logoff");
    let by_verb = match deed.verb.map(|verb| verb.base) {
        Some("sign in") => Some(ON),
        Some("sign out") => Some(OFF),
        _ => None,
    };
    match category {
        "login" | "login_failed" => Some(ON),
        "logout" => Some(OFF),
        "authentication" => Some(by_verb.unwrap_or(OTHER)),
        _ => by_verb,
    }
}

fn account(category: &str, deed: &Deed<'_>) -> Option<Activity> {
    let about = |word: &str| deed.noun.split('_').any(|part| part == word);
    let factor = about("mfa") || about("2fa") || about("otp") || about("totp");
    let known = match deed.verb?.word {
        "change" | "update" | "set" if about("password") => (3, "Password Change"),
        "reset" if about("password") => (4, "Password Reset"),
        "enable" | "add" | "enroll" if factor => (10, "MFA Factor Enable"),
        "disable" | "remove" | "unenroll" if factor => (11, "MFA Factor Disable"),
        _ if !is_in("account user users", deed.noun) => {
            return (category == "user_created").then_some((1, "Create"));
        }
        "create" | "register" | "invite" | "provision" | "signup" => (1, "Create"),
        "enable" | "activate" | "reactivate" | "unsuspend" => (2, "Enable"),
        "disable" | "deactivate" | "suspend" => (5, "Disable"),
        "delete" | "remove" | "deprovision" => (6, "Delete"),
        "lock" => (9, "Lock"),
        "unlock" => (12, "Unlock"),
        _ => return (category == "user_created").then_some((1, "Create")),
    };
    Some(known)
}

fn entity(deed: &Deed<'_>) -> Option<Activity> {
    let known = match deed.verb?.word {
        "move" => (5, "Move"),
        "enroll" => (6, "Enroll"),
        "unenroll" => (7, "Unenroll"),
        "enable" => (8, "Enable"),
        "disable" => (9, "Disable"),
        "activate" | "reactivate" => (10, "Activate"),
        "deactivate" => (11, "Deactivate"),
        "suspend" => (12, "Suspend"),
        "resume" | "unsuspend" => (13, "Resume"),
        _ => return crud(deed),
    };
    Some(known)
}

fn crud(deed: &Deed<'_>) -> Option<Activity> {
    [(CREATE, (1, "Create")), (READ, (2, "Read")), (UPDATE, (3, "Update")), (DELETE, (4, "Delete"))]
        .into_iter()
        .find_map(|(words, activity)| deed.is(words).then_some(activity))
}

fn api(event: &Event, deed: &Deed<'_>) -> Activity {
    let http = event.context.as_ref().and_then(|context| context.http.as_ref());
    let by_method = || match http.and_then(|http| http.method.as_deref())? {
        "GET" | "HEAD" | "OPTIONS" | "TRACE" => Some((2, "Read")),
        "POST" => Some((1, "Create")),
        "PUT" | "PATCH" => Some((3, "Update")),
        "DELETE" => Some((4, "Delete")),
        _ => None,
    };
    crud(deed).or_else(by_method).unwrap_or(OTHER)
}

//! From how a request was answered to what the event says: category, action, outcome, targets.

use super::pattern::Pattern;
use super::route::{self, Deed};
use super::settings::Settings;
use crate::event::{Target, Text};
use crate::{Outcome, actions};

/// A method of HTTP, as far as it matters what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Head,
    Options,
    Trace,
    Post,
    Put,
    Patch,
    Delete,
    Other,
}

impl Verb {
    pub(super) fn of(method: &str) -> Verb {
        match method {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "OPTIONS" => Verb::Options,
            "TRACE" => Verb::Trace,
            "POST" => Verb::Post,
            "PUT" => Verb::Put,
            "PATCH" => Verb::Patch,
            "DELETE" => Verb::Delete,
            _ => Verb::Other,
        }
    }

    /// The method's name, where it is a known one.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Verb::Get => "GET",
            Verb::Head => "HEAD",
            Verb::Options => "OPTIONS",
            Verb::Trace => "TRACE",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
            Verb::Other => return None,
        })
    }

    pub(super) fn reads(self) -> bool {
        matches!(self, Verb::Get | Verb::Head | Verb::Options | Verb::Trace)
    }

    /// What it does to one thing, or to a collection of them.
    pub(super) fn deed(self, collection: bool) -> Option<&'static str> {
        match self {
            Verb::Get | Verb::Head if collection => Some("list"),
            Verb::Get | Verb::Head => Some("read"),
            Verb::Post => Some("create"),
            Verb::Put | Verb::Patch => Some("update"),
            Verb::Delete => Some("delete"),
            Verb::Options | Verb::Trace | Verb::Other => None,
        }
    }

    fn category(self) -> &'static str {
        match self {
            Verb::Get | Verb::Head | Verb::Options | Verb::Trace => "data_access",
            Verb::Post => "data_create",
            Verb::Put | Verb::Patch => "data_modify",
            Verb::Delete => "data_delete",
            Verb::Other => "api_request",
        }
    }

    fn action(self) -> &'static str {
        match self {
            Verb::Get => "http.get",
            Verb::Head => "http.head",
            Verb::Options => "http.options",
            Verb::Trace => "http.trace",
            Verb::Post => "http.post",
            Verb::Put => "http.put",
            Verb::Patch => "http.patch",
            Verb::Delete => "http.delete",
            Verb::Other => "http.other",
        }
    }
}

/// How it ended, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// The code of `grpc-status`; the status of HTTP says nothing then.
    Grpc(u16),
    /// There is none: the client went away, the service failed or panicked.
    None(Outcome),
}

impl Answer {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Answer::Status(..400) | Answer::Grpc(0) => Outcome::Success,
            Answer::Status(401 | 403) | Answer::Grpc(7 | 16) => Outcome::Denied,
            Answer::Status(400..500) => Outcome::Failure,
            // Unknown, deadline exceeded, unimplemented, internal, unavailable, data loss.
            Answer::Grpc(2 | 4 | 12..=15) | Answer::Status(_) => Outcome::Error,
            Answer::Grpc(_) => Outcome::Failure,
            Answer::None(outcome) => outcome,
        }
    }
}

/// What is known of a request when it ends.
pub(super) struct Asked<'a> {
    pub(super) settings: &'a Settings,
    pub(super) method: &'a str,
    pub(super) verb: Verb,
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
    /// Whether it is told as a call of gRPC.
    pub(super) grpc: bool,
    pub(super) answer: Answer,
}

/// What the event says.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) category: Text,
    pub(super) action: Text,
    pub(super) targets: Vec<Target>,
    /// What was tried, where it was denied.
    pub(super) attempted: Option<Text>,
}

/// The routes that are about users themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    Login,
    Logout,
    SignUp(&'static str),
}

impl Asked<'_> {
    /// Whether this request is recorded although it only read, and well.
    pub(super) fn is_always_recorded(&self) -> bool {
        !self.reads()
            || self.answer == Answer::Status(101)
            || self.special() == Some(Special::Logout)
            || self.settings.rule(self.method, self.route, self.path).is_some()
    }

    fn reads(&self) -> bool {
        if matches!(self.answer, Answer::Grpc(_)) {
            return route::grpc(self.path).is_some_and(|(_, first)| grpc_verb(&first).reads());
        }
        self.verb.reads()
    }

    pub(super) fn classify(&self) -> Class {
        let outcome = self.answer.outcome();
        let special = self.special();
        if let Some((category, action)) = special.and_then(|special| self.as_special(special)) {
            let targets = self.deed().targets;
            return Class {
                category: category.into(),
                action: action.into(),
                targets,
                attempted: None,
            };
        }
        let Deed { action, targets } = self.deed();
        let rule = self.settings.rule(self.method, self.route, self.path);
        let action = rule.map(|rule| rule.action.clone()).or(action.map(Text::Owned));
        let action = match self.answer {
            Answer::Status(101) if rule.is_none() => Text::Borrowed("http.upgrade"),
            _ => action.unwrap_or(Text::Borrowed(self.verb.action())),
        };
        if outcome == Outcome::Denied {
            let (category, denied) = ("permission_denied", actions::PERMISSION_DENIED);
            let attempted = Some(action);
            return Class { category: category.into(), action: denied.into(), targets, attempted };
        }
        Class {
            category: self.category(rule.map(|rule| &rule.category)),
            action,
            targets,
            attempted: None,
        }
    }

    fn category(&self, ruled: Option<&Text>) -> Text {
        let outcome = self.answer.outcome();
        let fine = matches!(outcome, Outcome::Success | Outcome::Unknown);
        match ruled {
            Some(category) if fine => category.clone(),
            _ if self.settings.is_admin(self.path) => Text::Borrowed("admin_action"),
            _ if !fine => Text::Borrowed("api_request_error"),
            _ if self.answer == Answer::Status(101) => Text::Borrowed("api_request"),
            _ if matches!(self.answer, Answer::Grpc(_)) => {
                let verb = route::grpc(self.path).map(|(_, first)| grpc_verb(&first));
                Text::Borrowed(verb.unwrap_or(Verb::Other).category())
            }
            _ => Text::Borrowed(self.verb.category()),
        }
    }

    fn deed(&self) -> Deed {
        if self.grpc {
            let action = route::grpc(self.path).map(|(action, _)| action.into_owned());
            return Deed { action, targets: Vec::new() };
        }
        // What no route takes is a path of the caller's own making.
        let unrouted = matches!(self.answer, Answer::Status(404 | 405));
        if self.route.is_none() && unrouted {
            return Deed::default();
        }
        route::deed(self.verb, self.route, self.path)
    }

    fn special(&self) -> Option<Special> {
        let place = self.route.unwrap_or(self.path);
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(place));
        let settings = self.settings;
        match self.verb {
            Verb::Post if any(&settings.login) => Some(Special::Login),
            Verb::Post if any(&settings.sign_up) => Some(Special::SignUp(actions::USER_REGISTER)),
            Verb::Post if any(&settings.users) => Some(Special::SignUp(actions::USER_CREATE)),
            Verb::Delete if any(&settings.sessions) => Some(Special::Logout),
            Verb::Get | Verb::Post | Verb::Delete if any(&settings.logout) => Some(Special::Logout),
            _ => None,
        }
    }

    /// Category and action, if this is how such a thing ends.
    fn as_special(&self, special: Special) -> Option<(&'static str, &'static str)> {
        let fine = matches!(self.answer.outcome(), Outcome::Success | Outcome::Unknown);
        match (special, self.answer) {
            (Special::Login, Answer::Status(400 | 401 | 403 | 422 | 429)) => {
                Some(("login_failed", actions::USER_LOGIN_FAILED))
            }
            (Special::Login, _) if fine => Some(("login", actions::USER_LOGIN)),
            (Special::Logout, _) if fine => Some(("logout", actions::USER_LOGOUT)),
            (Special::SignUp(action), _) if fine => Some(("user_created", action)),
            _ => None,
        }
    }
}

/// What a method of gRPC does, by the first word of its name (<https://google.aip.dev/130>).
fn grpc_verb(word: &str) -> Verb {
    match word {
        "get" | "list" | "search" | "find" | "read" | "watch" | "query" | "count" | "describe"
        | "check" | "lookup" => Verb::Get,
        "create" | "add" | "insert" | "register" => Verb::Post,
        "update" | "set" | "patch" | "modify" | "rename" => Verb::Put,
        "delete" | "remove" | "purge" => Verb::Delete,
        _ => Verb::Other,
    }
}

//! The verb of an action, and what it is done with: `bucket.policy_update`, `password_changed`, `role.grant`.

use super::{Ending, Told};
use crate::limits::ACTION_BYTES_MAX;
use crate::text::{self, is_in, some, words};
use crate::verbs::Verb;
use crate::{Event, Target};

/// Verbs that are nouns as well, so that of `export_report` and `report_export` the other word is the verb.
const NOUNS: &str = "access alert audit backup call change charge check checkout claim comment copy document email export \
                     filter import index invite label link list lock log login mount order patch pin plan post process \
                     query queue record release report request review scan schedule search setup share snapshot stage \
                     stream tag test track transfer trigger view vote watch";

/// The last word of an action that says how it ended.
const FAILED: &str = "error failed failure";
const DENIED: &str = "blocked denied refused";
const WELL: &str = "completed finished ok success succeeded";

/// Scopes that are a quality of the thing done to: a role of a user, the config of a device.
const QUALITIES: &str = "access acl address alert attachment certificate comment config configuration console content \
                         contract cookie credential credentials description device email factor firmware hold key legal_hold label \
                         license limit limits lock log logs member members membership metadata mfa 2fa name note \
                         notification owner ownership password permission permissions plan policy preference preferences \
                         privilege privileges profile quota retention right rights role roles rule rules schedule scope \
                         secret setting settings share status subscription tag tags token version visibility webhook";

/// Scopes that name a part of a program, not a thing.
const PROGRAMS: &str = "admin api app application auth authentication authorization backend client db event fs generic grpc \
                        http iam object operation resource rpc server service session storage store system task ui vfs web";

/// Verbs that are done with the scope, to the target.
const APART: &str = "assign disable enable enroll grant place post revoke send unenroll";

/// Words before a verb that say how: `soft_delete`.
const MANNERS: &str = "auto batch bulk force hard mass partial pre self soft";

/// People, under other names than their type.
const PEOPLE: &str = "collaborator guest member participant person reviewer user";

/// What an action says.
struct Deed<'a> {
    verb: &'static Verb,
    noun: Option<&'a str>,
    ending: Option<Ending>,
}

/// The event's words, if there is a verb in the action.
pub(super) fn told(event: &Event, action: &str) -> Option<Told> {
    // Longer ones are no actions, and their words would have to be tried one by one.
    if action.len() > ACTION_BYTES_MAX {
        return None;
    }
    let kind = event.targets.first().and_then(|target| target.kind.as_deref());
    let Deed { verb, noun, ending } = read(action, kind)?;
    if verb.is_sign_in() {
        return Some(sign_in(event, verb, ending));
    }
    let manner = noun.filter(|noun| is_in(MANNERS, noun));
    let noun = noun.filter(|_| manner.is_none());
    let noun = noun.filter(|noun| !kind.is_some_and(|kind| is_same(noun, kind))).or_else(|| {
        let prefix = action.rsplit_once('.')?.0;
        let scope =
            prefix.rsplit('.').next().filter(|scope| noun.is_none() && *scope != verb.word)?;
        match kind {
            // What is switched on, or sent, is not what it is switched on for, or sent to.
            Some(kind) => ((is_in(QUALITIES, scope)
                || (is_in(APART, verb.word) && !is_in(PROGRAMS, scope)))
                && !is_same(scope, kind))
            .then_some(scope),
            None => (!is_in(PROGRAMS, scope)).then_some(scope),
        }
    });
    let mut told =
        Told { ending, around: verb.joint(), ..Told::new(verb.base, verb.past.as_ref()) };
    if let Some(manner) = manner {
        told.base.insert_str(0, &format!("{manner}-"));
        told.past.insert_str(0, &format!("{manner}-"));
    }
    if let Some(noun) = noun.and_then(text::kind) {
        let joint = verb.joint_of_quality(&noun);
        let with = match (joint, event.targets.is_empty()) {
            ("of", false) if !verb.makes() => format!(" the {}", words(&noun)),
            _ => format!(" {}", some(&noun)),
        };
        told.base.push_str(&with);
        told.past.push_str(&with);
        (told.joint, told.around) = (Some(spaced(joint)), None);
    }
    if matches!(verb.word, "list" | "search" | "query") {
        list(event, &mut told);
    }
    Some(told)
}

/// Several of a kind, where only the kind is known: "listed orders".
fn list(event: &Event, told: &mut Told) {
    let [Target { kind: Some(kind), id: None, name: None }, around @ ..] = &*event.targets else {
        return;
    };
    let Some(kind) = text::kind(kind).filter(|_| around.is_empty()) else { return };
    let mut kinds = words(&kind);
    match kinds
        .strip_suffix('y')
        .map(|stem| (stem.len(), stem.ends_with(['a', 'e', 'i', 'o', 'u'])))
    {
        Some((stem, false)) => {
            kinds.truncate(stem);
            kinds.push_str("ies");
        }
        _ if kinds.ends_with('s') => {}
        _ => kinds.push('s'),
    }
    told.joint = None;
    told.base.push_str(&format!(" {kinds}"));
    told.past.push_str(&format!(" {kinds}"));
}

fn spaced(joint: &str) -> &'static str {
    match joint {
        "to" => " to ",
        "from" => " from ",
        "for" => " for ",
        "into" => " into ",
        "as" => " as ",
        "on" => " on ",
        _ => " of ",
    }
}

/// Whether a word of the action is only the target's type again: `key` of an `api_key`.
fn is_same(noun: &str, kind: &str) -> bool {
    let one = |word: &str| word.strip_suffix('s').unwrap_or(word).to_ascii_lowercase();
    let (noun, kind) = (one(noun), one(kind));
    noun == kind
        || (is_in(PEOPLE, &noun) && is_in(PEOPLE, &kind))
        || kind.ends_with(&format!("_{noun}"))
        || noun.ends_with(&format!("_{kind}"))
        // An abbreviation: the dir of a directory.
        || (noun.len() > 2 && kind.starts_with(&noun) && !kind.contains('_'))
}

/// Who signs in to the account of the same name needs it told once; a session is what it makes.
fn sign_in(event: &Event, verb: &Verb, ending: Option<Ending>) -> Told {
    let own = event.actor.as_ref().and_then(|actor| actor.id.as_deref());
    let first = event.targets.first();
    let kind = first.and_then(|target| target.kind.as_deref());
    let is_own = first.is_some_and(|target| target.id.is_some() && target.id.as_deref() == own);
    let joint = match kind {
        Some("session" | "token") => None,
        _ if is_own => None,
        Some("user" | "person" | "role") => Some(" as "),
        _ if verb.base == "sign out" => Some(" of "),
        _ if verb.base == "sign up" => Some(" for "),
        _ => Some(" to "),
    };
    Told { joint, ending, ..Told::new(verb.base, verb.past.as_ref()) }
}

fn read<'a>(action: &'a str, kind: Option<&str>) -> Option<Deed<'a>> {
    let (prefix, last) = action.rsplit_once('.').unwrap_or(("", action));
    let ended = |word: &str| {
        let of = |list, ending| is_in(list, word).then_some(ending);
        of(FAILED, Ending::Failed).or(of(DENIED, Ending::Denied)).or(of(WELL, Ending::Done))
    };
    // `login.failed` and `login_failed`, but not `job.failed`, where only the end is a verb.
    let (scope, end) =
        last.rsplit_once('_').unwrap_or((prefix.rsplit('.').next().unwrap_or(""), last));
    if let Some(ending) = ended(end)
        && let Some(deed) = segment(scope, kind)
        && !is_in(NOUNS_ONLY_HERE, scope)
    {
        return Some(Deed { ending: Some(ending), ..deed });
    }
    segment(last, kind)
}

/// Before a word of ending these are nouns: a request was denied, a backup failed.
const NOUNS_ONLY_HERE: &str = "access call charge change claim document invite order plan post process record report request \
                               review stage task test";

/// The verb of one segment. The longest that is one counts, at its end before at its start.
fn segment<'a>(segment: &'a str, kind: Option<&str>) -> Option<Deed<'a>> {
    // To mark something deleted is not to delete it.
    if segment.starts_with("mark") && segment.contains('_') {
        return None;
    }
    let deed = |verb, noun| Deed { verb, noun, ending: None };
    if let Some(verb) = Verb::of(segment) {
        return Some(deed(verb, None));
    }
    let splits = || segment.match_indices('_').map(|(at, _)| (&segment[..at], &segment[at + 1..]));
    let at_end = splits().find_map(|(noun, verb)| Some((Verb::of(verb)?, verb, noun)));
    let at_start =
        splits().filter_map(|(verb, noun)| Some((Verb::of(verb)?, verb, noun))).next_back();
    match (at_end, at_start) {
        (Some((verb, word, noun)), Some((other, first, rest))) => {
            let is_noun = kind.is_some_and(|kind| is_same(rest, kind))
                || (is_in(NOUNS, word) && word != "request" && !is_in(NOUNS, first));
            Some(if is_noun { deed(other, Some(rest)) } else { deed(verb, Some(noun)) })
        }
        (Some((verb, _, noun)), None) => Some(deed(verb, Some(noun))),
        (None, Some((verb, _, rest))) => Some(deed(verb, Some(rest))),
        (None, None) => None,
    }
}

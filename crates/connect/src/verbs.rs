//! The verbs that audit trails use, and how they are bent. A word that is not here is not bent into a verb.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::text::is_in;

/// Verbs whose past is made by the rule.
const REGULAR: &str = "
    abort accept access acknowledge acquire activate add adjust alert allocate allow allowlist amend analyze
    annotate anonymize append apply approve archive assign attach attest audit authenticate authorize ban
    blacklist block boot bump call capture change charge check checkpoint claim classify clean clear clone close
    collect comment commit compact compare complete compose compress configure confirm connect convert copy
    correct countersign create deactivate debug decline decommission decrypt dedupe delegate delete deliver
    demote deny denylist deploy deprecate deprovision derive describe destroy detach detect disable disconnect
    discover dismiss dispatch dissociate download drain drop dump duplicate edit elevate email embed enable
    encrypt end enforce enqueue enroll enter erase escalate evaluate evict exchange exclude execute exempt expand
    expire export extend extract fetch filter finish flag flush follow force format forward fulfil
    generate grant handle ignore impersonate import include increase index ingest initialize insert inspect
    install invalidate invite invoke issue join kill label launch link list load lock log map mask merge
    migrate mirror modify monitor mount move mute notarize notify offboard onboard open optimize order pair
    park pass patch pause perform pin ping place plan poll post prepare preview print prioritize process
    promote propose protect provision prune publish pull purge push quarantine query queue reactivate reassign
    rebalance reboot receive reconcile record recover redact redeem redirect reduce refresh refund refuse
    regenerate register reindex reinstate reject rekey relabel release reload remediate remove rename renew
    reopen reorder repair replace replay replicate reply report reprocess request requeue require reroute
    reschedule resize resolve respond restart restore restrict resume retain retire retrieve retry
    return reveal reverse revert review revise revoke rotate route save scale scan schedule seal search seed
    select share ship sign simulate skip snapshot sort stage start stop store stream submit subscribe suspend
    switch sync synchronize tag terminate test throttle toggle track train transcode transfer transform
    translate trigger trim truncate unarchive unassign unban unblock unenroll unfollow uninstall unlink unlock
    unmask unmount unmute unpin unplug unpublish unregister unseal unshare unsubscribe unsuspend untag unwrap
    update upgrade upload upsert use vacuum validate verify view visit vote warn watch wipe witness wrap";

/// Those that double their last letter.
const DOUBLED: &str = "ban commit drop embed flag log map pin plan scan ship skip stop submit tag transfer trim unban \
                       unpin unplug untag unwrap wrap";

/// As an action has it, as it is said, and its past.
const IRREGULAR: &[(&str, &str, &str)] = &[
    ("backup", "back up", "backed up"),
    ("begin", "begin", "began"),
    ("bind", "bind", "bound"),
    ("break", "break", "broke"),
    ("build", "build", "built"),
    ("buy", "buy", "bought"),
    ("cancel", "cancel", "cancelled"),
    ("checkin", "check in", "checked in"),
    ("checkout", "check out", "checked out"),
    ("choose", "choose", "chose"),
    ("cut", "cut", "cut"),
    ("fail", "report a failure of", "reported a failure of"),
    ("failover", "fail over", "failed over"),
    ("find", "find", "found"),
    ("forget", "forget", "forgot"),
    ("freeze", "freeze", "froze"),
    ("get", "get", "got"),
    ("give", "give", "gave"),
    ("hide", "hide", "hid"),
    ("hold", "hold", "held"),
    ("init", "initialise", "initialised"),
    ("keep", "keep", "kept"),
    ("leave", "leave", "left"),
    ("lend", "lend", "lent"),
    ("log_in", "sign in", "signed in"),
    ("log_out", "sign out", "signed out"),
    ("logged_in", "sign in", "signed in"),
    ("logged_out", "sign out", "signed out"),
    ("login", "sign in", "signed in"),
    ("logoff", "sign out", "signed out"),
    ("logon", "sign in", "signed in"),
    ("logout", "sign out", "signed out"),
    ("lookup", "look up", "looked up"),
    ("lose", "lose", "lost"),
    ("make", "make", "made"),
    ("opt_in", "opt in", "opted in"),
    ("opt_out", "opt out", "opted out"),
    ("override", "override", "overrode"),
    ("overwrite", "overwrite", "overwrote"),
    ("pay", "pay", "paid"),
    ("power_off", "power off", "powered off"),
    ("power_on", "power on", "powered on"),
    ("presign", "sign an address of", "signed an address of"),
    ("put", "put", "put"),
    ("read", "read", "read"),
    ("rebuild", "rebuild", "rebuilt"),
    ("rerun", "rerun", "reran"),
    ("resend", "resend", "resent"),
    ("reset", "reset", "reset"),
    ("roll_back", "roll back", "rolled back"),
    ("rollback", "roll back", "rolled back"),
    ("rollout", "roll out", "rolled out"),
    ("run", "run", "ran"),
    ("see", "see", "saw"),
    ("sell", "sell", "sold"),
    ("send", "send", "sent"),
    ("set", "set", "set"),
    ("setup", "set up", "set up"),
    ("shut_down", "shut down", "shut down"),
    ("shutdown", "shut down", "shut down"),
    ("sign_in", "sign in", "signed in"),
    ("sign_out", "sign out", "signed out"),
    ("sign_up", "sign up", "signed up"),
    ("signin", "sign in", "signed in"),
    ("signoff", "sign off", "signed off"),
    ("signout", "sign out", "signed out"),
    ("signup", "sign up", "signed up"),
    ("spend", "spend", "spent"),
    ("split", "split", "split"),
    ("stat", "look at", "looked at"),
    ("take", "take", "took"),
    ("turn_off", "turn off", "turned off"),
    ("turn_on", "turn on", "turned on"),
    ("unbind", "unbind", "unbound"),
    ("undo", "undo", "undid"),
    ("unfreeze", "unfreeze", "unfroze"),
    ("withdraw", "withdraw", "withdrew"),
    ("write", "write", "wrote"),
];

/// Pasts that are not those of [`IRREGULAR`], or that people write where the verb is meant.
const PARTICIPLES: &[(&str, &str)] = &[
    ("broken", "break"),
    ("canceled", "cancel"),
    ("overridden", "override"),
    ("chosen", "choose"),
    ("failed", "fail"),
    ("frozen", "freeze"),
    ("given", "give"),
    ("hidden", "hide"),
    ("overwritten", "overwrite"),
    ("seen", "see"),
    ("taken", "take"),
    ("undone", "undo"),
    ("withdrawn", "withdraw"),
    ("written", "write"),
];

/// What stands between what was done and the thing around it.
const TO: &str = "add apply append assign attach bind connect copy delegate deliver email forward give grant \
                  invite join lend link mirror move notify promote publish push redirect rename replicate resend \
                  respond route send share submit subscribe sync transfer upload";
const FROM: &str = "collect detach disconnect dissociate download evict exclude exempt extract fetch leave release \
                    remove retrieve revoke take unassign unbind unenroll uninstall unlink unregister unshare unsubscribe \
                    withdraw";
const FOR: &str = "allow approve deny disable enable enforce enroll order require schedule setup";

/// A verb, ready to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verb {
    /// As an action has it.
    pub word: &'static str,
    /// After "tried to".
    pub base: &'static str,
    /// After the name.
    pub past: Cow<'static, str>,
}

/// Every form of every verb, as an action may have it. Made once: each event asks for several words.
static FORMS: LazyLock<HashMap<Cow<'static, str>, Verb>> = LazyLock::new(|| {
    let regular = REGULAR.split_ascii_whitespace().map(|word| Verb {
        word,
        base: word,
        past: Cow::Owned(past(word)),
    });
    let irregular =
        IRREGULAR.iter().map(|(word, base, past)| Verb { word, base, past: Cow::Borrowed(past) });
    let verbs: Vec<Verb> = regular.chain(irregular).collect();
    let written = |verb: &Verb| Cow::Owned(verb.past.replace(' ', "_"));
    let mut forms: HashMap<_, _> = verbs.iter().map(|verb| (written(verb), verb.clone())).collect();
    for (participle, base) in PARTICIPLES {
        let verb = verbs.iter().find(|verb| verb.word == *base);
        forms.extend(verb.map(|verb| (Cow::Borrowed(*participle), verb.clone())));
    }
    // Last, so that no verb is hidden by another's past.
    forms.extend(verbs.into_iter().map(|verb| (Cow::Borrowed(verb.word), verb)));
    forms
});

impl Verb {
    /// The verb that a word of an action is, in its base form or its past.
    pub fn of(word: &str) -> Option<&'static Verb> {
        FORMS.get(word)
    }

    /// Whether somebody comes in or goes.
    pub fn is_sign_in(&self) -> bool {
        matches!(self.base, "sign in" | "sign out" | "sign up")
    }

    /// What stands between it with what it is done with, and whom or what it is done to.
    pub fn joint(&self) -> Option<&'static str> {
        let word = self.word;
        if is_in(TO, word) {
            return Some("to");
        }
        if is_in(FROM, word) {
            return Some("from");
        }
        match word {
            "merge" | "import" | "load" | "convert" => Some("into"),
            "impersonate" => Some("as"),
            "place" => Some("on"),
            _ => None,
        }
    }

    /// Whether it makes what was not there: a share, not the share.
    pub fn makes(&self) -> bool {
        is_in("create generate issue make place register request", self.word)
    }

    /// The same where what it is done with is a quality of the thing: MFA for a user.
    pub fn joint_of_quality(&self, quality: &str) -> &'static str {
        match self.joint() {
            Some(joint) => joint,
            None if quality == "access" => "to",
            None if is_in(FOR, self.word) => "for",
            None => "of",
        }
    }
}

fn past(verb: &str) -> String {
    if is_in(DOUBLED, verb) {
        let last = verb.chars().last().unwrap_or_default();
        return format!("{verb}{last}ed");
    }
    match verb.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ied"),
        _ if verb.ends_with('e') => format!("{verb}d"),
        _ => format!("{verb}ed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_known_in_both_forms() {
        let cases = [
            ("delete", "delete", "deleted"),
            ("deleted", "delete", "deleted"),
            ("copied", "copy", "copied"),
            ("deploy", "deploy", "deployed"),
            ("dropped", "drop", "dropped"),
            ("added", "add", "added"),
            ("written", "write", "wrote"),
            ("wrote", "write", "wrote"),
            ("login", "sign in", "signed in"),
            ("rolled_back", "roll back", "rolled back"),
            ("passed", "pass", "passed"),
            ("transferred", "transfer", "transferred"),
            ("stat", "look at", "looked at"),
        ];
        for (word, base, past) in cases {
            let verb = Verb::of(word).unwrap_or_else(|| panic!("{word} is no verb"));
            assert_eq!((verb.base, &*verb.past), (base, past), "{word}");
        }
        for word in ["", "frobnicate", "ed", "d", "ied", "é", "nightly", "user", "éd"] {
            assert_eq!(Verb::of(word), None, "{word}");
        }
    }

    #[test]
    fn no_verb_is_listed_twice_with_two_pasts() {
        for word in REGULAR.split_ascii_whitespace() {
            assert_eq!(Verb::of(word).map(|verb| verb.word), Some(word), "{word}");
        }
    }
}

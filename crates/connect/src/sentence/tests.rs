use proptest::prelude::*;

use super::*;
use crate::limits::SENTENCE_BYTES_MAX;

/// Says an event that is written without the outer braces.
fn say(members: &str) -> String {
    let event = Event::read(&format!("{{{members}}}"));
    sentence(&event.unwrap_or_else(|| panic!("no event: {members}"))).to_string()
}

/// Says what alice did to the targets, each `type id` or `type`.
fn alice(action: &str, outcome: &str, targets: &[&str]) -> String {
    let targets: Vec<_> = targets
        .iter()
        .map(|target| match target.split_once(' ') {
            Some((kind, id)) => format!(r#"{{"type":"{kind}","id":"{id}"}}"#),
            None => format!(r#"{{"type":"{target}"}}"#),
        })
        .collect();
    say(&format!(
        r#""action":"{action}","outcome":"{outcome}","actor":{{"type":"user","id":"alice"}},"targets":[{}]"#,
        targets.join(",")
    ))
}

#[test]
fn actions_are_said_as_people_say_them() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("backup.delete", &["backup b-17"], "deleted backup b-17"),
        ("backup.delete", &["backup b-17", "store 7"], "deleted backup b-17 of store 7"),
        ("vfs.write", &["file a/b.txt", "bucket docs"], "wrote file a/b.txt in bucket docs"),
        ("vfs.copy", &["file a", "file b"], "copied file a to file b"),
        ("vfs.rename", &["file a", "file b"], "renamed file a to file b"),
        ("vfs.stat", &["file a"], "looked at file a"),
        ("vfs.create_dir", &["directory a"], "created directory a"),
        ("file.delete", &["file a", "file b"], "deleted file a and file b"),
        ("file.delete", &["file a", "file b", "file c", "file d"], "deleted file a and 3 more"),
        (
            "file.delete",
            &["file a", "folder f", "user u", "user v", "user w"],
            "deleted file a in folder f and 3 more",
        ),
        ("user.created", &["user u-7"], "created user u-7"),
        ("user_created", &["user u-7"], "created user u-7"),
        ("user.password_changed", &["user u-7"], "changed the password of user u-7"),
        ("password_changed", &[], "changed a password"),
        ("config.change", &["device fw-7"], "changed the config of device fw-7"),
        ("config.rollback", &["device fw-7"], "rolled back the config of device fw-7"),
        ("config.update", &[], "updated config"),
        ("role.grant", &["user u-7"], "granted a role to user u-7"),
        ("role.grant", &["role admin", "user u-7"], "granted role admin to user u-7"),
        ("role.revoke", &["user u-7"], "revoked a role from user u-7"),
        ("role.revoke", &["role admin", "user u-7"], "revoked role admin from user u-7"),
        ("permission.grant", &["group g"], "granted a permission to group g"),
        ("user.mfa_enable", &["user u-7"], "enabled MFA for user u-7"),
        ("user.password_reset", &["user u-7"], "reset the password of user u-7"),
        ("bucket.policy_update", &["bucket b"], "updated the policy of bucket b"),
        ("vm.console_open", &["vm db-1"], "opened the console of VM db-1"),
        ("vm.create", &["vm web-1"], "created VM web-1"),
        ("api_key.create", &["api_key k1"], "created API key k1"),
        ("key.revoke", &["api_key k1"], "revoked API key k1"),
        ("secret.read_secret", &["secret s-1"], "read secret s-1"),
        ("report.export_report", &["report r-1"], "exported report r-1"),
        ("data.export", &["report r-1"], "exported report r-1"),
        ("data.export", &[], "exported data"),
        ("backup.create", &[], "created a backup"),
        ("order.list", &["order"], "listed orders"),
        ("policy.list", &["policy"], "listed policies"),
        ("order.read", &["order"], "read an order"),
        ("member.add", &["group g"], "added a member to group g"),
        ("file.upload", &["file a", "bucket b"], "uploaded file a to bucket b"),
        ("file.download", &["file a", "bucket b"], "downloaded file a from bucket b"),
        ("invoice.approve", &["invoice 7"], "approved invoice 7"),
        ("invoice.reject", &["invoice 7"], "rejected invoice 7"),
        ("account.disable", &["account 7"], "disabled account 7"),
        ("order.ship", &["order 7"], "shipped order 7"),
        ("job.stop", &["job 7"], "stopped job 7"),
        ("db.backup", &["database orders"], "backed up database orders"),
        ("key.rotate", &["key 7"], "rotated key 7"),
        ("user.impersonate", &["user bob"], "impersonated user bob"),
        ("user.delete_request", &["user bob"], "requested a delete of user bob"),
        ("session.revoke", &["session s"], "revoked session s"),
        ("user.login", &["user alice"], "signed in"),
        ("session.login", &["account acct-7"], "signed in to account acct-7"),
        ("user.login", &["session s-1"], "signed in"),
        ("user.logged_in", &[], "signed in"),
        ("session.logout", &["account acct-7"], "signed out of account acct-7"),
        ("login", &[], "signed in"),
        ("job.failed", &["job 7"], "reported a failure of job 7"),
        ("vault.frobnicate", &["secret s-1"], "did `vault.frobnicate` to secret s-1"),
        ("billing.nightly", &[], "did `billing.nightly`"),
        ("user.created", &[], "created a user"),
        ("pin.release", &["pin snapshot-1"], "released pin snapshot-1"),
        ("wal.checkpoint", &["wal segment-7"], "checkpointed wal segment-7"),
        ("share.create", &["file hr.csv"], "created a share of file hr.csv"),
        ("token.revoke", &["token t"], "revoked token t"),
        (
            "secret_scanning.enable",
            &["repository api"],
            "enabled secret scanning for repository api",
        ),
        ("message.send", &["channel c"], "sent a message to channel c"),
        ("legal_hold.place", &["backup b"], "placed a legal hold on backup b"),
        (
            "org.invite_member",
            &["user bob", "organization acme"],
            "invited user bob to organization acme",
        ),
        ("file.soft_delete", &["file a"], "soft-deleted file a"),
        ("backup.mark_deleted", &["backup b"], "did `backup.mark_deleted` to backup b"),
        ("deployment.rolled_back", &["deployment 7"], "rolled back deployment 7"),
        ("order.canceled", &["order 7"], "cancelled order 7"),
        ("mfa.enroll", &["user bob"], "enrolled MFA for user bob"),
        ("__get", &["_"], "got something"),
        ("access.request", &["vault v"], "requested access to vault v"),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(action, targets, said)| (alice(action, "success", targets), format!("alice {said}")))
        .filter(|(is, should)| is != should)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_end_that_is_none_is_told() {
    let with = |outcome: &str, more: &str| {
        say(&format!(
            r#""action":"backup.delete","outcome":"{outcome}","actor":{{"id":"alice"}},"targets":[{{"type":"backup","id":"b-17"}}]{more}"#
        ))
    };
    let cases = [
        ("denied", "", "alice tried to delete backup b-17, and was denied"),
        ("failure", "", "alice tried to delete backup b-17, and failed"),
        (
            "error",
            r#","error":{"code":"E7"}"#,
            "alice tried to delete backup b-17, and failed (E7)",
        ),
        (
            "denied",
            r#","error":{"code":"hold","message":"legal\nhold"}"#,
            "alice tried to delete backup b-17, and was denied (legal hold)",
        ),
        ("pending", "", "alice began to delete backup b-17"),
        ("pending", r#","phase":"intent""#, "alice is about to delete backup b-17"),
        ("success", r#","phase":"outcome","ref":"x""#, "alice deleted backup b-17"),
        ("unknown", "", "alice deleted backup b-17"),
        (
            "unknown",
            r#","phase":"outcome","ref":"x""#,
            "alice tried to delete backup b-17, and how it ended is not known",
        ),
        (
            "unknown",
            r#","error":{"code":"cancelled"}"#,
            "alice tried to delete backup b-17, and how it ended is not known (cancelled)",
        ),
        (
            "success",
            r#","phase":"correction","ref":"x""#,
            "alice corrected `backup.delete` of backup b-17",
        ),
    ];
    for (outcome, more, said) in cases {
        assert_eq!(with(outcome, more), said);
    }
    assert_eq!(alice("user.login_failed", "failure", &[]), "alice tried to sign in, and failed");
    assert_eq!(alice("login.failed", "unknown", &[]), "alice tried to sign in, and failed");
    assert_eq!(
        alice("file.delete_denied", "denied", &["file a"]),
        "alice tried to delete file a, and was denied"
    );
    assert_eq!(
        alice("permission.denied", "denied", &["file a"]),
        "alice was denied access to file a"
    );
    assert_eq!(
        say(
            r#""action":"permission.denied","outcome":"denied","actor":{"id":"al"},"targets":[{"type":"file","id":"a"}],"details":{"attempted":"file.delete"}"#
        ),
        "al tried to delete file a, and was denied"
    );
}

#[test]
fn who_did_it_is_named_as_far_as_it_is_known() {
    let cases = [
        (r#""action":"file.read""#, "somebody read a file"),
        (r#""action":"file.read","actor":{"type":"anonymous"}"#, "somebody read a file"),
        (
            r#""action":"user.login","outcome":"denied","actor":{"type":"anonymous","id":"bob"}"#,
            "somebody (bob) tried to sign in, and was denied",
        ),
        (r#""action":"file.read","actor":{"type":"service"}"#, "a service read a file"),
        (r#""action":"file.read","actor":{"id":"u-1","name":"Alice A."}"#, "Alice A. read a file"),
        (r#""action":"file.read","actor":{"email":"a@example.com"}"#, "a@example.com read a file"),
        (r#""action":"file.read","actor":{"id":"u-1","name":" \n"}"#, "u-1 read a file"),
        (
            r#""action":"report.export","actor":{"id":"nightly-job","on_behalf_of":{"id":"alice"}},"targets":[{"type":"report","id":"r-1"}]"#,
            "nightly-job, on behalf of alice, exported report r-1",
        ),
        (
            r#""action":"report.export","actor":{"id":"a","on_behalf_of":{"id":"b","on_behalf_of":{"id":"c","on_behalf_of":{"id":"d"}}}}"#,
            "a, on behalf of b, on behalf of c and others, exported a report",
        ),
    ];
    for (members, said) in cases {
        assert_eq!(say(members), said);
    }
}

#[test]
fn what_the_node_says_of_itself_reads_well() {
    let system = |action: &str, more: &str| {
        say(&format!(
            r#""trail":"_system","action":"{action}","outcome":"success","actor":{{"type":"service","id":"key:0f","name":"ops"}}{more}"#
        ))
    };
    let cases = [
        (
            "audit.search",
            r#","details":{"trails":["backup"],"query":"x","results":3}"#,
            "ops searched trail backup",
        ),
        (
            "audit.search",
            r#","details":{"trails":["a","b"],"since_last":12}"#,
            "ops searched 2 trails, and 12 more times",
        ),
        (
            "audit.read",
            r#","targets":[{"type":"event","id":"0190"}],"details":{"trails":["backup"]}"#,
            "ops read event 0190 of trail backup",
        ),
        ("audit.read", r#","details":{"trails":["backup"]}"#, "ops read events of trail backup"),
        (
            "audit.proof",
            r#","targets":[{"type":"event","id":"0190"}],"details":{"trails":["backup"]}"#,
            "ops fetched a proof of event 0190 of trail backup",
        ),
        ("audit.stats", r#","details":{"trails":["b"]}"#, "ops looked at statistics of trail b"),
        ("audit.stream", r#","details":{}"#, "ops followed the live stream"),
        (
            "audit.export",
            r#","targets":[{"type":"export","id":"e-1"}],"details":{"trails":["b"]}"#,
            "ops exported events as export e-1 of trail b",
        ),
        (
            "key.create",
            r#","targets":[{"type":"api_key","id":"key:1","name":"ci"}]"#,
            "ops created API key ci",
        ),
        (
            "key.revoke",
            r#","targets":[{"type":"api_key","id":"key:1"}]"#,
            "ops revoked API key key:1",
        ),
        ("trail.publish", r#","targets":[{"type":"trail","id":"b"}]"#, "ops published trail b"),
        ("trail.unpublish", r#","targets":[{"type":"trail","id":"b"}]"#, "ops unpublished trail b"),
        ("record.erase", r#","targets":[{"type":"record","id":"7"}]"#, "ops erased record 7"),
    ];
    for (action, more, said) in cases {
        assert_eq!(system(action, more), said);
    }
    let node = |action: &str, more: &str| {
        say(&format!(
            r#""trail":"_system","action":"{action}","outcome":"success","actor":{{"type":"system","id":"indelible"}}{more}"#
        ))
    };
    let cases = [
        ("node.start", r#","details":{"version":"1"}"#, "the node started"),
        ("node.stop", "", "the node stopped"),
        (
            "node.create",
            r#","targets":[{"type":"node","id":"logs.example.com"}]"#,
            "the node was set up as node logs.example.com",
        ),
        (
            "trail.create",
            r#","targets":[{"type":"trail","id":"x1","name":"backup"}]"#,
            "the node created trail backup",
        ),
        (
            "trail.checkpoint",
            r#","targets":[{"type":"trail","id":"x1","name":"backup"}]"#,
            "the node recorded a checkpoint of trail backup",
        ),
        (
            "log.rollback_accept",
            r#","targets":[{"type":"log","id":"log"}]"#,
            "the node went on after a rollback of log log",
        ),
        (
            "segment.expire",
            r#","targets":[{"type":"segment","id":"7"}]"#,
            "the node expired segment 7",
        ),
        ("login.refused", r#","details":{"suppressed":940}"#, "the node refused 940 more sign-ins"),
        ("system.loss", r#","details":{"lost":5}"#, "the node could not record 5 events"),
    ];
    for (action, more, said) in cases {
        assert_eq!(node(action, more), said);
    }
    assert_eq!(
        say(
            r#""trail":"_system","action":"login.refused","category":"login_failed","outcome":"denied","actor":{"type":"anonymous","id":"key:9"},"error":{"message":"no such key"}"#
        ),
        "somebody (key:9) tried to sign in, and was denied (no such key)"
    );
    assert_eq!(
        say(
            r#""trail":"shop","action":"audit.loss","outcome":"failure","actor":{"type":"system","id":"indelible-recorder"}"#
        ),
        "indelible-recorder lost or cut events"
    );
}

#[test]
fn requests_say_method_and_path() {
    let web = |action: &str, outcome: &str, http: &str, more: &str| {
        say(&format!(
            r#""action":"{action}","outcome":"{outcome}","actor":{{"id":"alice"}},"context":{{"http":{http}}}{more}"#
        ))
    };
    let get = r#"{"method":"GET","path":"/orders/7","route":"/orders/{id}","status":200}"#;
    assert_eq!(web("http.get", "success", get, ""), "alice requested GET /orders/7 (200)");
    let missing = get.replace("200", "404");
    assert_eq!(
        web("http.get", "failure", &missing, ""),
        "alice requested GET /orders/7, and failed (404)"
    );
    let forbidden = get.replace("200", "403");
    assert_eq!(
        web("permission.denied", "denied", &forbidden, r#","details":{"attempted":"http.get"}"#),
        "alice tried to request GET /orders/7, and was denied (403)"
    );
    assert_eq!(
        web("http.upgrade", "success", r#"{"method":"GET","path":"/live","status":101}"#, ""),
        "alice opened a connection to /live (101)"
    );
    assert_eq!(web("http.other", "success", r#"{"method":"PURGE"}"#, ""), "alice requested PURGE");
    assert_eq!(say(r#""action":"http.get""#), "somebody requested GET");
}

#[test]
fn pieces_tell_names_from_words() {
    let event = r#"{"action":"file.delete","actor":{"id":"job","on_behalf_of":{"id":"alice"}},
        "targets":[{"type":"file","id":"a"},{"type":"bucket","id":"b"}]}"#;
    let words = |text: &str| Piece::Words(text.into());
    assert_eq!(
        sentence(&Event::read(event).unwrap()).0,
        [
            Piece::Actor("job".into()),
            words(", on behalf of "),
            Piece::Behalf(1, "alice".into()),
            words(", deleted file "),
            Piece::Target(0, "a".into()),
            words(" in bucket "),
            Piece::Target(1, "b".into()),
        ]
    );
}

#[test]
fn hostile_text_neither_hides_nor_grows() {
    let hostile = [
        "\u{202e}gnp.exe\u{202c}",
        "\u{0}\u{1b}[2J",
        "a\r\nb",
        "\u{200b}\u{feff}",
        "`x` (and 3 more)",
        &"x".repeat(200_000),
        &"\u{10ffff}".repeat(50_000),
        &"\u{301}".repeat(100_000),
        &"_".repeat(200_000),
        &"é_é".repeat(60_000),
        &"read_".repeat(40_000),
    ];
    for text in hostile {
        let text = serde_json::to_string(text).unwrap();
        let json = format!(
            r#"{{"trail":"_system","action":{text},"category":{text},"outcome":"failure",
            "actor":{{"type":{text},"id":{text},"name":{text},"on_behalf_of":{{"name":{text},"on_behalf_of":{{"id":{text}}}}}}},
            "targets":[{{"type":{text},"id":{text}}},{{"type":{text},"name":{text}}},{{"type":"y"}}],
            "error":{{"message":{text},"code":{text}}},"details":{{"attempted":{text},"trails":[{text}]}},
            "context":{{"http":{{"method":{text},"path":{text},"status":500}}}}}}"#
        );
        let event = Event::read(&json).unwrap();
        for action in [None, Some("http.get"), Some("audit.search"), Some("permission.denied")] {
            let mut event = event.clone();
            event.action = action.map_or(event.action, str::to_owned);
            let said = sentence(&event).to_string();
            assert!(said.len() <= SENTENCE_BYTES_MAX, "{} bytes", said.len());
            assert!(!said.chars().any(text::is_harmful), "{said:?}");
        }
    }
    let said = alice("file.read", "success", &["file \\u202egnp.exe"]);
    assert_eq!(said, "alice read file \\u{202e}gnp.exe");
    let long = alice("file.read", "success", &[&format!("file {}", "x".repeat(200))]);
    assert_eq!(long, format!("alice read file {}…", "x".repeat(NAME_CHARS_MAX - 1)));
}

/// The words that decide how a sentence is made, in any order, and what is none of them.
fn word() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "audit",
        "http",
        "login",
        "user",
        "role",
        "failed",
        "denied",
        "delete",
        "deleted",
        "read",
        "request",
        "list",
        "correction",
        "intent",
        "pending",
        "success",
        "failure",
        "unknown",
        "permission",
        "anonymous",
        "system",
        "_system",
        "indelible",
        "get",
        "upgrade",
        "loss",
        "search",
        "file",
        "bucket",
        "_",
        ".",
        "",
    ];
    prop_oneof![
        3 => prop::sample::select(KNOWN).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z_]{1,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn any_event_is_said_on_one_short_line(
        words in prop::collection::vec(word(), 16),
        joins in prop::collection::vec(prop::sample::select(&[".", "_", ""][..]), 3),
        targets in 0..5_usize,
    ) {
        let [a, b, c, d, trail, phase, outcome, kind, id, name, .., last] = &*words else { unreachable!() };
        let some = |text: &String| Some(text.clone()).filter(|text| text != "_");
        let target = |at: usize| Target { kind: some(&words[10 + at]), id: some(id), name: some(&words[9 + at]) };
        let actor = Actor { kind: some(kind), id: some(id), name: some(name), ..Actor::default() };
        let event = Event {
            action: [a, joins[0], b, joins[1], c, joins[2], d].map(|part: &str| part).concat(),
            trail: trail.clone(),
            phase: some(phase),
            outcome: some(outcome),
            targets: (0..targets).map(target).collect(),
            actor: Some(Actor { on_behalf_of: some(last).map(|_| Box::new(actor.clone())), ..actor }),
            ..Event::default()
        };
        let Sentence(pieces) = sentence(&event);
        let said = Sentence(pieces.clone()).to_string();
        prop_assert!(said.len() <= SENTENCE_BYTES_MAX);
        prop_assert!(!said.chars().any(text::is_harmful), "{said:?}");
        prop_assert!(said.trim() == said && !said.contains("\n"), "{said:?}");
        for piece in pieces {
            let (empty, at) = match piece {
                Piece::Words(text) | Piece::Actor(text) | Piece::Behalf(_, text) => (text.is_empty(), 0),
                Piece::Target(at, text) => (text.is_empty(), at),
            };
            prop_assert!(!empty, "an empty piece of {said:?}");
            prop_assert!(at == 0 || at < targets);
        }
    }
}

use serde_json::{Value, json};

use super::*;
use crate::Event;
use crate::limits::{SYSLOG_FRAME_BYTES_MAX, SYSLOG_RAW_BYTES_MAX};

fn frame(bytes: &[u8]) -> Frame {
    Frame { bytes: bytes.to_vec(), cut_from: None }
}

fn sent(bytes: &[u8]) -> Value {
    let sender = Sender { address: "192.0.2.1", certificate: None, trails: &["shop".to_owned()] };
    let event = event(&frame(bytes), &sender);
    indelible_event::check(&event)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&event)));
    serde_json::from_slice(&event).unwrap()
}

fn all(frames: &mut Frames) -> Vec<String> {
    std::iter::from_fn(|| frames.next()).map(|f| String::from_utf8(f.bytes).unwrap()).collect()
}

#[test]
fn examples_of_rfc_5424_are_read() {
    let text = "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8";
    let message = Message::parse(text).unwrap();
    assert_eq!((message.facility, message.severity, message.old), (4, 2, false));
    assert_eq!(message.msg, "'su root' failed for lonvick on /dev/pts/8");
    assert_eq!((message.procid, message.msgid), (None, Some("ID47")));
    let text = "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.";
    let message = Message::parse(text).unwrap();
    assert_eq!(message.timestamp, Some("2003-08-24T05:14:15.000003-07:00"));
    assert_eq!((message.hostname, message.procid), (Some("192.0.2.1"), Some("8710")));
    let text = r#"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]"#;
    let message = Message::parse(text).unwrap();
    assert_eq!(message.structured_data.len(), 2);
    assert_eq!(message.structured_data[0].params[1], ("eventSource", "Application".into()));
    assert_eq!(message.msg, "");
    let message = Message::parse(r#"<0>1 - - - - - [a b="\"\\\]\n" b="" b="ü"] x"#).unwrap();
    let values: Vec<&str> = message.structured_data[0].params.iter().map(|(_, v)| &**v).collect();
    assert_eq!(values, ["\"\\]\\n", "", "ü"]);
}

#[test]
fn what_rfc_5424_forbids_is_said() {
    for (text, why) in [
        ("", "priority"),
        ("<192>1 - - - - - -", "priority"),
        ("<1921>1 - - - - - -", "priority"),
        ("<>1 - - - - - -", "priority"),
        ("<+3>1 - - - - - -", "priority"),
        ("<13>2 - - - - - -", "version"),
        ("<13>1 2003-08-24T05:14:15.000000003-07:00 - - - - -", "time"),
        ("<13>1 2003-08-24t05:14:15z - - - - -", "time"),
        ("<13>1 2003-08-24T05:14:60Z - - - - -", "time"),
        ("<13>1 - - - -", "ends too soon"),
        ("<13>1 -  - - - - -", "empty"),
        ("<13>1 - hôst - - - -", "ASCII"),
        ("<13>1 - - - - - ", "no structured data"),
        ("<13>1 - - - - - x", "no structured data"),
        ("<13>1 - - - - - -x", "a space"),
        ("<13>1 - - - - - [a b=\"c\"]x", "a space"),
        ("<13>1 - - - - - [a b=c]", "in quotes"),
        ("<13>1 - - - - - [a b=\"]\"]", "without a backslash"),
        ("<13>1 - - - - - [a b=\"c", "does not end"),
        ("<13>1 - - - - - [a b=\"c\" ]", "name"),
        ("<13>1 - - - - - [a", "does not end"),
        ("<13>1 - - - - - []", "name"),
    ] {
        let bad = Message::parse(text).expect_err(text);
        assert!(bad.why.contains(why), "{text}: {}", bad.why);
        assert!(bad.at <= text.len());
        let event = sent(text.as_bytes());
        assert_eq!(event["action"], "syslog.unreadable");
        assert_eq!(event["details"]["raw"], text);
        assert!(event["details"]["why"].as_str().unwrap().contains(why));
    }
}

#[test]
fn the_older_form_is_read_as_far_as_it_goes() {
    let read = |text| {
        let m = Message::parse(text).unwrap();
        assert!(m.old, "{text}");
        (m.timestamp, m.hostname, m.app_name, m.procid, m.msg)
    };
    let host = Some("mymachine");
    for (text, parts) in [
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            (Some("Oct 11 22:14:15"), host, Some("su"), None, "'su root' failed"),
        ),
        (
            "<38>Feb  5 17:32:18 mymachine sshd[4711]: Accepted",
            (Some("Feb  5 17:32:18"), host, Some("sshd"), Some("4711"), "Accepted"),
        ),
        (
            "<38>2026-01-31T10:00:00.000001+01:00 mymachine a/b[1]: c",
            (Some("2026-01-31T10:00:00.000001+01:00"), host, Some("a/b"), Some("1"), "c"),
        ),
        ("<13>Feb  5 17:32:18 su: x", (Some("Feb  5 17:32:18"), None, Some("su"), None, "x")),
        ("<13>Use the BFG!", (None, None, None, None, "Use the BFG!")),
        ("<13>tag: x", (None, None, Some("tag"), None, "x")),
        ("<13>", (None, None, None, None, "")),
        ("<13>Feb 55 1", (None, None, None, None, "Feb 55 1")),
        ("<13>Fébruar 5 17:32:18", (None, None, None, None, "Fébruar 5 17:32:18")),
    ] {
        assert_eq!(read(text), parts, "{text}");
    }
    let event = sent(b"<34>Oct 11 22:14:15 mymachine su: x");
    assert_eq!(event.get("occurred_at"), None, "a time without a year is no time");
    assert_eq!(event["details"]["syslog"]["timestamp"], "Oct 11 22:14:15");
    assert_eq!(
        (&event["details"]["syslog"]["rfc"], &event["action"]),
        (&3164.into(), &"syslog.su".into())
    );
}

#[test]
fn a_message_becomes_an_event_of_which_nothing_is_lost() {
    let text = "<131>1 2026-01-31T10:00:00.123Z fw1.example.com CfgMon 77 TUNNEL [x@32473 a=\"1\" a=\"2\" b=\"3\"][o ip=\"192.0.2.9\"] tunnel down";
    assert_eq!(
        sent(text.as_bytes()),
        json!({
            "occurred_at": "2026-01-31T10:00:00.123Z", "action": "syslog.cfg_mon.tunnel", "outcome": "error",
            "details": {
                "message": "tunnel down",
                "syslog": {
                    "rfc": 5424, "facility": "local0", "severity": "err", "procid": "77", "msgid": "TUNNEL",
                    "structured_data": {"o": {"ip": "192.0.2.9"}, "x@32473": {"a": ["1", "2"], "b": "3"}},
                },
                "sender": {"address": "192.0.2.1"},
            },
            "context": {"service": "CfgMon", "host": "fw1.example.com"},
        })
    );
    assert_eq!(sent(b"<14>1 - - - - vpn.tunnel_up - x")["action"], "vpn.tunnel_up");
    assert_eq!(sent(b"<14>1 - - - - - -")["action"], "syslog.message");
    let long = format!("<14>1 - - {} - {} - x", "Ab".repeat(200), "Cd".repeat(200));
    assert!(sent(long.as_bytes())["action"].as_str().unwrap().starts_with("syslog.ab_ab_"));
    // A JSON object is one, so that its members can be searched for.
    let event = sent(b"<14>1 - - app - - - @cee: {\"user\":{\"name\":\"alice\"}}");
    assert_eq!(event["details"]["data"]["user"]["name"], "alice");
    assert_eq!(event["details"].get("message"), None);
    assert_eq!(sent(b"<14>1 - - app - - - {\"a\":")["details"]["message"], "{\"a\":");
}

#[test]
fn only_a_message_that_names_its_microsecond_is_known_again() {
    let id = |text: &str| sent(text.as_bytes()).get("id").cloned();
    let exact = "<14>1 2026-01-31T10:00:00.123456Z h a 1 - - x";
    assert!(id(exact).is_some());
    assert_eq!(id(exact), id(exact));
    assert_ne!(id(exact), id("<14>1 2026-01-31T10:00:00.123456Z h a 1 - - y"));
    assert_eq!(id("<14>1 2026-01-31T10:00:00.123Z h a 1 - - x"), None);
    assert_eq!(id("<14>1 - h a 1 - - x"), None);
}

#[test]
fn what_is_not_utf_8_is_replaced_and_kept_besides() {
    let event = sent(b"<14>1 - - app - - - caf\xe9");
    assert_eq!(event["details"]["message"], "caf\u{fffd}");
    assert_eq!(event["details"]["raw_base64"], "PDE0PjEgLSAtIGFwcCAtIC0gLSBjYWbp");
    let event = sent(b"\xff\xfe");
    assert_eq!(
        (&event["details"]["raw_base64"], &event["action"]),
        (&"//4=".into(), &"syslog.unreadable".into())
    );
}

#[test]
fn an_event_of_ours_is_taken_as_it_is() {
    let json = r#"{"action":"user.login","id":"0190b1a0-0000-7000-8000-000000000000","trail":"shop","details":{"n":1.00}}"#;
    for before in ["", "@cee:", "@cee: ", " "] {
        let text = format!("<14>1 - - app - - - {before}{json}");
        let sender = Sender { trails: &["shop".to_owned()], ..Sender::default() };
        assert_eq!(event(&frame(text.as_bytes()), &sender), json.as_bytes());
        // A trail that its sender may not name is told of, and nothing else.
        let other = event(&frame(text.as_bytes()), &Sender::default());
        let told = r#"{"action":"user.login","id":"0190b1a0-0000-7000-8000-000000000000","details":{"copy_of":{"trail":"shop"},"n":1.00}}"#;
        assert_eq!(String::from_utf8(other).unwrap(), told);
    }
    // What a node says of it is kept as what it is: where it stands there.
    let json = r#"{"trail":"shop","seq":7,"recorded_at":"2026-01-31T10:00:00.000000Z","action":"a.b","details":{},"leaf":"ab"}"#;
    let event = sent(format!("<14>1 - - app - - - {json}").as_bytes());
    let copy_of = json!({"seq": 7, "recorded_at": "2026-01-31T10:00:00.000000Z", "leaf": "ab"});
    assert_eq!(event, json!({"trail": "shop", "action": "a.b", "details": {"copy_of": copy_of}}));
    // What others call an action is theirs.
    let event = sent(br#"<14>1 - - fw - - - {"action":"deny","src":"192.0.2.1"}"#);
    assert_eq!(
        (&event["action"], &event["details"]["data"]["action"]),
        (&"syslog.fw".into(), &"deny".into())
    );
    let event = sent(br#"<14>1 - - app - - - {"action":"a.b","seq":1}"#);
    assert_eq!(event, json!({"action": "a.b", "details": {"copy_of": {"seq": 1}}}));
}

#[test]
fn logins_and_sudo_tell_who_did_it() {
    let event = sent(b"<38>Feb  5 17:32:18 h sshd[1]: Accepted publickey for alice from 192.0.2.7 port 50222 ssh2: RSA SHA256:x");
    assert_eq!((&event["action"], &event["category"]), (&"ssh.login".into(), &"login".into()));
    assert_eq!(
        event["actor"],
        json!({"type": "user", "id": "alice", "auth": {"method": "publickey"}})
    );
    assert_eq!(
        (&event["outcome"], &event["context"]["ip"]),
        (&"success".into(), &"192.0.2.7".into())
    );
    assert!(event["details"]["message"].as_str().unwrap().starts_with("Accepted publickey"));
    // Whoever types a name must not choose the address with it.
    let event = sent(b"<38>Feb  5 17:32:18 h sshd[1]: Failed password for invalid user x from 198.51.100.1 port 1 from 2001:db8::1 port 2 ssh2");
    assert_eq!(event["actor"]["id"], "x from 198.51.100.1 port 1");
    assert_eq!(
        (&event["actor"]["type"], &event["context"]["ip"]),
        (&"anonymous".into(), &"2001:db8::1".into())
    );
    assert_eq!(
        (&event["category"], &event["outcome"]),
        (&"login_failed".into(), &"failure".into())
    );
    let event = sent(b"<38>1 - h sudo 1 - -    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/id -u");
    assert_eq!((&event["action"], &event["outcome"]), (&"sudo.run".into(), &"success".into()));
    assert_eq!(
        event["targets"],
        json!([{"type": "command", "id": "/usr/bin/id"}, {"type": "account", "id": "root"}])
    );
    let event = sent(b"<38>1 - h sudo 1 - - bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh");
    assert_eq!((&event["actor"]["id"], &event["outcome"]), (&"bob".into(), &"denied".into()));
    for other in [
        "Accepted ",
        "Failed password for ",
        "Accepted a for b from c port d",
        "session opened for user x",
    ] {
        assert_eq!(
            sent(format!("<38>1 - h sshd 1 - - {other}").as_bytes())["action"],
            "syslog.sshd"
        );
    }
}

#[test]
fn messages_are_told_apart_however_they_are_framed() {
    let bytes = b"12 <13>counted!<13>a line\n11 <13>with\nLF\n<13>crlf\r\n\n 20 x\n7 <13>7 x123456789 <13>many digits\n5 <13>\x00<13>\x00\n";
    let told = [
        "<13>counted!",
        "<13>a line",
        "<13>with\nLF",
        "<13>crlf",
        " 20 x",
        "<13>7 x",
        "123456789 <13>many digits",
        "<13>",
        "<13>",
    ];
    let mut whole = Frames::default();
    whole.push(bytes);
    assert_eq!(all(&mut whole), told);
    assert_eq!(whole.finish(), None);
    // The same, byte by byte.
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for byte in bytes {
        frames.push(&[*byte]);
        found.extend(all(&mut frames));
    }
    assert_eq!(found, told);
    assert_eq!(frames.waiting(), 0);
}

#[test]
fn what_is_too_long_is_cut_and_the_next_is_in_step() {
    let long = SYSLOG_FRAME_BYTES_MAX + 10;
    for counted in [true, false] {
        let text = format!("<13>{}", "x".repeat(long - 4));
        let stream = if counted {
            format!("{long} {text}<13>next\n")
        } else {
            format!("{text}\n<13>next\n")
        };
        for step in [1000, 65_536, stream.len()] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in stream.as_bytes().chunks(step) {
                frames.push(piece);
                found.extend(std::iter::from_fn(|| frames.next()));
                assert!(frames.waiting() <= SYSLOG_FRAME_BYTES_MAX + step);
            }
            assert_eq!(found.len(), 2);
            assert_eq!(
                (found[0].bytes.len(), found[0].cut_from),
                (SYSLOG_FRAME_BYTES_MAX, Some(long as u64))
            );
            assert_eq!((&*found[1].bytes, found[1].cut_from), (&b"<13>next"[..], None));
        }
    }
    // What a connection leaves behind is a message too, and says that it is not whole.
    let mut frames = Frames::default();
    frames.push(b"20 <13>half");
    assert_eq!(frames.next(), None);
    assert_eq!(frames.finish(), Some(Frame { bytes: b"<13>half".to_vec(), cut_from: Some(20) }));
    let mut frames = Frames::default();
    frames.push(b"<13>no break");
    assert_eq!(frames.next(), None);
    assert_eq!(frames.finish(), Some(frame(b"<13>no break")));
}

#[test]
fn the_worst_that_cannot_be_read_fits_into_an_event() {
    for byte in [0x01, 0xff, b'"'] {
        let frame = Frame { bytes: vec![byte; SYSLOG_FRAME_BYTES_MAX], cut_from: Some(1 << 40) };
        let event = unreadable(&frame, &Sender::default(), &"w".repeat(500));
        indelible_event::check(&event).unwrap();
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(event["details"]["raw"].as_str().unwrap().chars().count(), SYSLOG_RAW_BYTES_MAX);
        assert_eq!(event["details"]["cut_from_bytes"], 1_u64 << 40);
    }
}

fn shown(json: &str) -> Event {
    Event::read(json).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let json = r#"{"trail":"shop","seq":7,"id":"0190b1a0-0000-7000-8000-000000000000","recorded_at":"2026-01-31T10:00:00.000001Z",
        "action":"a_very_long_action.that_goes_on_and_on","outcome":"denied","context":{"host":"h ö"},"leaf":"ab"}"#;
    let header = Header { facility: 13, host: Some("node"), form: Form::Json, bytes_max: 8192 };
    let mut out = Vec::new();
    write(&shown(json), json, "ab", &header, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\n'));
    let message = Message::parse(&text).unwrap();
    assert_eq!((message.facility, message.severity), (13, 4));
    assert_eq!(
        (message.hostname, message.msgid),
        (Some("h__"), Some("a_very_long_action.that_goes_on_"))
    );
    assert_eq!(message.structured_data[0].params[3], ("leaf", "ab".into()));
    let back: Value = serde_json::from_str(message.msg).unwrap();
    assert_eq!(back, serde_json::from_str::<Value>(json).unwrap());
    assert_eq!(sent(text.as_bytes())["id"], "0190b1a0-0000-7000-8000-000000000000");
    let mut counted = Vec::new();
    count(text.as_bytes(), &mut counted);
    let mut frames = Frames::default();
    frames.push(&counted);
    assert_eq!(all(&mut frames), [text]);
}

#[test]
fn an_event_that_is_too_large_goes_without_its_free_members() {
    let long = "x".repeat(9000);
    let json = format!(
        r#"{{"trail":"t","seq":7,"id":"i","recorded_at":"2026-01-31T10:00:00.000001Z","action":"a.b","changes":{{"after":"{long}"}},"details":{{"n":1}},"leaf":"ab"}}"#
    );
    for (form, bytes_max) in [(Form::Json, 8192), (Form::Cef, 2048), (Form::Json, 150)] {
        let header = Header { facility: 13, host: None, form, bytes_max };
        let mut out = Vec::new();
        write(&shown(&json), &json, "ab", &header, &mut out);
        let text = String::from_utf8(out).unwrap();
        if form == Form::Cef {
            assert!(text.len() < 2048 && text.contains(" cn1=7 cn1Label=seq"), "{text}");
            continue;
        }
        let message = Message::parse(&text).unwrap();
        let back: Value = serde_json::from_str(message.msg).unwrap();
        assert_eq!((&back["seq"], back.get("changes")), (&7.into(), None));
        if bytes_max == 8192 {
            assert_eq!((&back["cut"], &back["details"]["n"]), (&json!(["changes"]), &1.into()));
        } else {
            assert_eq!(back["cut"], json!(["changes", "details"]));
        }
    }
}

/// A generator that needs no crate: the same numbers each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

fn mutate(dice: &mut Dice, seeds: &[&[u8]]) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes.insert(at, b"<>[]\"\\= \n\0-{}1"[dice.roll(14)]),
            3 => {
                let other = seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
            4 if at < bytes.len() => drop(bytes.drain(at..(at + dice.roll(9)).min(bytes.len()))),
            _ => {
                let part = bytes[..at].to_vec();
                bytes.extend(part);
            }
        }
    }
    bytes
}

#[test]
fn a_hundred_thousand_mutated_messages_become_events() {
    let seeds: [&[u8]; 8] = [
        b"<165>1 2003-10-11T22:14:15.003004Z host app 12 ID47 [a@1 b=\"c\\]\" d=\"\"][e f=\"g\"] \xef\xbb\xbfmessage",
        b"<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed for lonvick on /dev/pts/8",
        b"<38>Feb  5 17:32:18 h sshd[1]: Failed password for invalid user bob from 192.0.2.7 port 50222 ssh2",
        b"<38>1 - h sudo 1 - - alice : TTY=pts/0 ; PWD=/home ; USER=root ; COMMAND=/usr/bin/id",
        br#"<14>1 - - app - - - @cee: {"action":"a.b","trail":"shop","seq":1,"details":{"a":[1,{"b":null}]}}"#,
        br#"<14>1 - - app - - - {"k":{"deep":[[[[1e999]]]]},"k":2,"\u0000":"\ud800"}"#,
        b"\xff\xfe\x00",
        b"17 <13>1 - - - - - -",
    ];
    let mut dice = Dice(7);
    let sender = Sender { address: "192.0.2.1", certificate: Some("CN"), trails: &[] };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let frame = frame(&mutate(&mut dice, &seeds));
        let made = event(&frame, &sender);
        // What the check refuses goes in once more as a text.
        match indelible_event::check(&made) {
            Ok(_) => taken += 1,
            Err(refusal) => {
                refused += 1;
                let again = unreadable(&frame, &sender, &refusal.to_string());
                indelible_event::check(&again).unwrap();
            }
        }
    }
    assert!(taken > 80_000 && refused > 100, "{taken} {refused}");
}

#[test]
fn a_hundred_thousand_mutated_streams_leave_what_comes_behind_them_alone() {
    let seeds: [&[u8]; 5] =
        [b"12 <13>counted!", b"<13>a line\n", b"300 <13>short\n", b"\n\r\0 12", b"99999999 <13>"];
    let mut dice = Dice(11);
    for _ in 0..100_000 {
        let bytes = mutate(&mut dice, &seeds);
        let (mut one, mut many) = (Frames::default(), Frames::default());
        one.push(&bytes);
        let mut found: Vec<Frame> = std::iter::from_fn(|| one.next()).collect();
        let mut split = Vec::new();
        let at = dice.roll(bytes.len() + 1);
        for piece in [&bytes[..at], &bytes[at..]] {
            many.push(piece);
            split.extend(std::iter::from_fn(|| many.next()));
        }
        found.extend(one.finish());
        split.extend(many.finish());
        assert_eq!(found, split, "{:?} {at}", String::from_utf8_lossy(&bytes));
        let kept: usize = found.iter().map(|frame| frame.bytes.len()).sum();
        assert!(kept <= bytes.len());
    }
}

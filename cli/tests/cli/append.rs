//! Appending: what is kept, what is refused and how that is said.

use std::io::{BufRead, BufReader, Write};

use crate::harness::{self, Log, Ran};

#[test]
fn receipts_say_where_each_event_is() {
    let log = Log::new();
    let receipts = log.append(
        "{\"action\":\"a.b\"}\n\n{\"action\":\"c.d\",\"trail\":\"other\"}\n{\"action\":\"e.f\"}",
    );
    let place =
        |i: usize| (receipts[i]["trail"].as_str().unwrap(), receipts[i]["seq"].as_u64().unwrap());
    assert_eq!([place(0), place(1), place(2)], [("default", 0), ("other", 0), ("default", 1)]);
    for receipt in &receipts {
        let keys: Vec<_> = receipt.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!(receipt["leaf"].as_str().unwrap().len(), 64, "hexadecimal, as of a node");
        assert_eq!(receipt["recorded_at"].as_str().unwrap().len(), 27);
        assert_eq!(receipt["known"], false);
    }
}

#[test]
fn an_array_will_do_and_so_will_a_file() {
    let log = Log::new();
    harness::write(&log.path("in.json"), " [ {\"action\":\"a.b\"} , {\"action\":\"c.d\"} , 7 ]\n");
    let ran = log.run(["append", "in.json", "--receipts"]).status(1).says("element 2: event: ");
    assert_eq!(ran.json().len(), 2);
    log.run(["append", "nowhere.json"]).status(3).says("nowhere.json");
    log.feed(["append"], b"[{\"action\":\"a.b\"}")
        .status(1)
        .says("element 0: event: the JSON ends too early");
    assert_eq!(log.run(["cat"]).ok().json().len(), 2);
    log.feed(["append"], b"").ok().says("0 kept");
}

#[test]
fn refused_lines_are_named_and_the_others_kept() {
    let log = Log::new();
    let input =
        "{\"action\":\"a.b\"}\n{\"action\":\"a.b\",\"actor\":{\"id\":[]}}\n{\"action\":\"c.d\"}\n";
    log.feed(["append"], input.as_bytes())
        .status(1)
        .says("line 2: actor.id: must be")
        .says("2 kept, 0 known already, 1 refused");
    let told = harness::objects(&log.feed(["append", "--json"], input.as_bytes()).status(1).stderr);
    assert_eq!((&told[0]["line"], &told[0]["field"]), (&2.into(), &"actor.id".into()));
    assert!(told[0]["reason"].as_str().unwrap().starts_with("must be") && told[0]["byte"].is_u64());
    assert_eq!((&told[1]["kept"], &told[1]["refused"]), (&2.into(), &1.into()));
    assert_eq!(log.run(["cat"]).ok().json().len(), 4);
}

#[test]
fn the_event_and_the_option_must_agree_about_the_trail() {
    let log = Log::new();
    let input = b"{\"action\":\"a.b\",\"tenant_id\":\"acme\"}\n{\"action\":\"a.b\",\"trail\":\"zeta\"}\n{\"action\":\"a.b\"}\n";
    log.feed(["append", "--trail", "acme"], input)
        .status(1)
        .says("line 2: trail: is zeta")
        .says("2 kept");
    assert_eq!(log.run(["cat", "--trail", "acme"]).ok().json().len(), 2);
    log.feed(["append"], b"{\"action\":\"a.b\",\"trail\":\"_system\"}").status(1).says("reserved");
}

#[test]
fn the_same_id_twice_is_the_first_receipt_or_a_refusal() {
    let log = Log::new();
    let event = |id: u8, reason: &str| {
        format!(
            "{{\"id\":\"0190b1a0-0000-7000-8000-0000000000{id:02}\",\"action\":\"a.b\",\"details\":{{\"why\":\"{reason}\"}}}}\n"
        )
    };
    let input = event(1, "x") + &event(2, "y");
    let first = log.append(&input);
    for seal in [false, true] {
        if seal {
            log.run(["seal"]).ok();
        }
        let again = log
            .feed(["append", "--receipts"], input.as_bytes())
            .ok()
            .says("0 kept, 2 known already")
            .json();
        for (a, b) in first.iter().zip(&again) {
            assert_eq!(
                (&a["seq"], &a["leaf"], &a["recorded_at"]),
                (&b["seq"], &b["leaf"], &b["recorded_at"])
            );
            assert_eq!(b["known"], true);
        }
        let other = event(2, "z") + &event(3, "new") + &event(3, "new");
        let ran = log.feed(["append", "--receipts"], other.as_bytes()).status(1);
        let ran = ran.says("line 1: id: 0190b1a0-0000-7000-8000-000000000002 is kept already, as seq 1 with another what");
        assert_eq!(ran.json().len(), 2);
    }
    assert_eq!(log.run(["cat"]).ok().json().len(), 3);
}

/// Every kind of bad input, each between two good lines: it is refused with its reason, and they stay.
#[test]
fn bad_input_is_refused_by_name() {
    let deep = format!(
        "{{\"action\":\"a.b\",\"details\":{{\"x\":{}{}}}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let large =
        format!("{{\"action\":\"a.b\",\"details\":{{\"x\":\"{}\"}}}}", "x".repeat(257 << 10));
    let cases: &[(&[u8], &str)] = &[
        (b"{\"action\":\"a.b\"", "the JSON ends too early"),
        (deep.as_bytes(), "nested deeper than 32"),
        (b"{\"action\":\"a.b\",\"action\":\"a.b\"}", "action: is given twice"),
        (b"{\"action\":\"a.b\",\"details\":{\"x\":1,\"x\":1}}", "is given twice"),
        (b"{\"action\":\"a.b\",\"details\":{\"x\":\"\\ud800\"}}", "lone surrogate"),
        (b"{\"action\":\"a.b\",\"details\":{\"x\":\"\0\"}}", "control character"),
        (b"{\"action\":\"a.b\",\"details\":{\"x\\u0000\":1}}", "U+0000 in a key"),
        (b"\0", "event: "),
        (b"{\"action\":\"a.\xff\"}", "not UTF-8"),
        (large.as_bytes(), "longer than 262144 bytes"),
        (b"{\"action\":\"a.b\",\"occurred_at\":\"300000-01-01T00:00:00Z\"}", "occurred_at: "),
        (b"{\"action\":\"a.b\",\"occurred_at\":\"2026-01-01T00:00:60Z\"}", "occurred_at: "),
        (b"{\"action\":\"a.b\",\"details\":{\"x\":NaN}}", "/details/x: "),
        (b"{}", "action: is missing"),
    ];
    let log = Log::new();
    for (bad, reason) in cases {
        let input =
            [b"{\"action\":\"good.one\"}\n".as_slice(), bad, b"\n{\"action\":\"good.two\"}\n"]
                .concat();
        log.feed(["append"], &input)
            .status(1)
            .says("line 2: ")
            .says(reason)
            .says("2 kept, 0 known already, 1 refused");
    }
    assert_eq!(log.run(["cat"]).ok().json().len(), 2 * cases.len());
    log.run(["verify", "log"]).ok();
}

#[test]
fn unusual_input_is_kept_exactly() {
    let log = Log::new();
    log.append(
        "{\"action\":\"a.b\",\"details\":{\"n\":[9007199254740993,1e400,-0.0,123456789012345678901234567890]}}\n\
         {\"action\":\"a.b\",\"occurred_at\":\"2026-06-01T14:00:00+14:00\"}\n\
         {\"action\":\"a.b\",\"timestamp\":\"2026-06-01T00:00:00.123456789Z\"}\n\
         {\"action\":\"a.b\",\"details\":{\"zero\":\"\\u0000\",\"pair\":\"\\ud83d\\ude00\"}}\n",
    );
    let lines = log.run(["cat"]).ok().stdout;
    let lines: Vec<_> = lines.lines().collect();
    assert!(lines[0].contains("[9007199254740993,1e400,-0.0,123456789012345678901234567890]"));
    assert!(lines[1].contains("\"occurred_at\":\"2026-06-01T00:00:00.000000Z\""));
    assert!(lines[2].contains("\"occurred_at\":\"2026-06-01T00:00:00.123456Z\""));
    assert!(lines[3].contains("{\"zero\":\"\\u0000\",\"pair\":\"😀\"}"));
}

#[test]
fn a_second_writer_is_refused_while_readers_go_on() {
    let log = Log::new();
    let mut writer = log.start(["append", "--receipts"]);
    let mut to = writer.stdin.take().unwrap();
    let mut from = BufReader::new(writer.stdout.take().unwrap());
    let mut receipt = String::new();
    to.write_all(b"{\"action\":\"a.b\"}\n").unwrap();
    // The receipt comes although the input has not ended.
    from.read_line(&mut receipt).unwrap();
    assert!(receipt.contains("\"seq\":0"));
    for line in ["append", "seal", "drill"] {
        log.run([line]).status(3).says("another process is writing").says("hint: ");
    }
    assert_eq!(log.run(["cat"]).ok().json().len(), 1);
    assert!(log.run(["trails"]).ok().stdout.contains("default"));
    to.write_all(b"{\"action\":\"c.d\"}\n").unwrap();
    drop(to);
    Ran::of(writer.wait_with_output().unwrap()).ok().says("2 kept");
    assert_eq!(log.run(["cat"]).ok().json().len(), 2);
}

#[test]
fn the_guard_may_live_elsewhere() {
    let log = Log::none();
    log.run(["init", "--origin", "test.example", "--guard", "elsewhere"]).ok();
    let event = b"{\"action\":\"a.b\"}";
    log.feed(["append"], event).status(3).says("the sign guard is missing").says("--guard DIR");
    log.feed(["append", "--guard", "elsewhere"], event).ok();
    // An older copy comes back, and the guard remembers more.
    harness::copy(&log.data(), &log.path("old"));
    log.feed(["append", "--guard", "elsewhere"], event).ok();
    harness::remove_dir(&log.data());
    harness::copy(&log.path("old"), &log.data());
    log.feed(["append", "--guard", "elsewhere"], event).status(3).says("alarm: trail default");
    log.run(["verify", "log", "--guard", "elsewhere"])
        .status(1)
        .says("ALARM")
        .says("size 2 was signed");
    log.feed(["append", "--guard", "elsewhere", "--accept-rollback"], event).ok();
    assert!(log.run(["cat", "--trail", "_system"]).ok().stdout.contains("log.rollback_accept"));
    log.run(["verify", "log", "--guard", "elsewhere"]).ok();
}

#[test]
fn init_refuses_what_is_there_and_what_is_no_name() {
    let log = Log::new();
    log.run(["init"]).status(3).says("there is a log here already");
    let other = Log::none();
    other.run(["init", "--origin", "not a name"]).status(3).says("origin");
    let made = other.run(["init", "--json"]).ok().json();
    assert!(made[0]["system_vkey"].as_str().unwrap().contains('+'));
}

#[test]
fn what_was_mended_at_opening_is_said() {
    let log = Log::new();
    log.append("{\"action\":\"a.b\"}");
    let dir = log.data().join("log");
    let active =
        harness::files(&dir).into_iter().find(|f| f.extension().is_some_and(|e| e == "log"));
    let path = dir.join(active.unwrap());
    let mut bytes = harness::read(&path);
    bytes.extend_from_slice(b"torn");
    harness::write(&path, bytes);
    log.feed(["append"], b"{\"action\":\"c.d\"}")
        .ok()
        .says("recovered: 4 bytes of a torn write were cut off log/");
    assert_eq!(log.run(["cat"]).ok().json().len(), 2);
    log.run(["verify", "log"]).ok();
}

#[test]
fn receipts_that_nobody_reads_are_an_error() {
    let log = Log::new();
    let mut append = log.start(["append", "--receipts"]);
    drop(append.stdout.take());
    let mut to = append.stdin.take().unwrap();
    // It stops reading then, and the rest of this goes nowhere.
    for _ in 0..50_000 {
        if to.write_all(b"{\"action\":\"a.b\"}\n").is_err() {
            break;
        }
    }
    drop(to);
    Ran::of(append.wait_with_output().unwrap()).status(3).says("standard output was closed");
}

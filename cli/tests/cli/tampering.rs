//! Verifying the whole log, the drill and the demo.

use crate::harness::{self, Log};

#[test]
fn verify_log_holds_and_names_what_does_not() {
    let log = Log::new();
    log.fill("t", 50);
    let note = log.run(["checkpoint", "--trail", "t"]).ok().stdout;
    harness::write(&log.path("kept.note"), &note);
    log.run(["seal"]).ok();
    log.fill("t", 50);
    let said = log.run(["verify", "log", "--kept", "kept.note", "--threads", "1"]).ok().stdout;
    // The node's making and the trail's are records of `_system`.
    assert!(said.contains("102 records of 2 trails"), "{said}");
    assert_eq!(log.run(["verify", "log", "--json"]).ok().json()[0]["holds"], true);

    let other = Log::new();
    other.fill("t", 50);
    harness::write(&log.path("other.note"), other.run(["checkpoint", "--trail", "t"]).ok().stdout);
    log.run(["verify", "log", "--kept", "other.note"])
        .status(1)
        .says("ALARM")
        .says("no trail with origin");

    let active = harness::files(&log.data().join("log"))
        .into_iter()
        .rfind(|f| f.extension().is_some_and(|e| e == "log"));
    let path = log.data().join("log").join(active.expect("an active file"));
    let mut bytes = harness::read(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    harness::write(&path, bytes);
    log.run(["verify", "log"]).status(1).says("ALARM").says("log/");
    let report = &log.run(["verify", "log", "--json"]).status(1).json()[0];
    assert_eq!(report["holds"], false);
    assert!(
        report["findings"][0]["path"].as_str().unwrap().starts_with("log/")
            && report["findings"][0]["offset"].is_u64()
    );
    log.feed(["append"], b"{\"action\":\"a.b\"}").status(3).says("corrupt: log/");
}

#[test]
fn the_drill_is_caught_as_it_should_be() {
    let log = Log::new();
    log.fill("t", 20);
    let before: Vec<_> = harness::files(&log.data())
        .into_iter()
        .map(|f| harness::read(&log.data().join(f)))
        .collect();
    let rows = log.run(["drill", "--json", "--scratch", "."]).ok().json();
    assert!(rows.len() >= 12);
    assert!(rows.iter().all(|row| row["as_expected"] == true && row["caught_by"] != "NOT CAUGHT"));
    assert!(rows.iter().any(|row| row["caught_by"] == "outside witness only"));
    let after: Vec<_> = harness::files(&log.data())
        .into_iter()
        .map(|f| harness::read(&log.data().join(f)))
        .collect();
    assert_eq!(before, after);
    assert_eq!(harness::files(&log.path("")).iter().filter(|f| !f.starts_with("data")).count(), 0);
}

#[test]
fn the_demo_goes_as_it_should_and_its_log_can_be_used() {
    let log = Log::none();
    let said = log.run(["demo", "--keep", "data"]).ok().stdout;
    for text in [
        "1. ",
        "2. ",
        "3. ",
        "4. ",
        "only an outside witness",
        "verify log",
        "The log stays in data",
    ] {
        assert!(said.contains(text), "{text:?} is not in:\n{said}");
    }
    log.run(["verify", "log"]).ok();
    assert_eq!(log.run(["cat", "--trail", "users"]).ok().json().len(), 111);
    let key = harness::read_text(&log.data().join("network.vkey"));
    log.run(["verify", "proof", "data/event.proof", "--key", key.trim()]).ok();
    log.run(["demo", "--keep", "data"]).status(3).says("not empty");
    let told = log.run(["demo", "--keep", "again", "--json"]).ok().json();
    assert_eq!((told.len(), &told[0]["as_it_should"]), (1, &true.into()));
}

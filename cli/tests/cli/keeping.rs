//! Retention, holds, purges and erasures, on files and on a node, with two people.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use indelible_event::{TrailName, check};
use indelible_keep::retention::SetRetention;
use indelible_keep::{Keep, Who};
use indelible_log::storage::FileStorage;
use indelible_log::{Clock as _, Seams, SystemClock, SystemEntropy};
use indelible_sim::ManualClock;
use indelible_store::{InitOptions, Item, OpenOptions, Store};
use serde_json::Value;

use crate::harness::{self, Log, Node, Ran};

const DAY: i64 = 86_400_000_000;

/// An admin's key.
pub fn admin(log: &Log, name: &str) -> String {
    let made = log.run(["key", "create", "--role", "admin", "--name", name]).ok();
    made.stdout.trim().to_owned()
}

/// A log whose records are forty days old: half of them reads, by two people.
fn old() -> Log {
    let log = Log::none();
    let clock = Arc::new(ManualClock::at(SystemClock.now().0 - 40 * DAY));
    let storage = Arc::new(FileStorage::new(log.data()));
    let seams = Seams { storage, clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
    Store::init(&seams, &InitOptions { origin: "test.example".into() }).unwrap();
    let store = Arc::new(Store::open(seams.clone(), OpenOptions::default()).unwrap());
    let keep = Keep::new(store.clone(), seams);
    let set = SetRetention {
        rules: "reads 3d, everything else forever".into(),
        bytes_max: None,
        floor_days: 0,
        existing: false,
    };
    keep.set_retention(&Who::node(), &set).unwrap();
    let item = |n: usize| {
        let category = if n.is_multiple_of(2) { "data_access" } else { "data_modify" };
        let who = if n.is_multiple_of(4) { "maria" } else { "jonas" };
        let json = format!(r#"{{"action":"thing.do","category":"{category}","user_id":"{who}"}}"#);
        let event = check(json.as_bytes()).unwrap();
        Item { trail: TrailName::parse("shop").unwrap(), event, recorded_by: None }
    };
    for day in 0..2 {
        let items: Vec<Item> = (0..100).map(|n| item(n + day)).collect();
        assert!(store.append(&items).iter().all(Result::is_ok));
        store.log().seal().unwrap();
        clock.advance(DAY / 2);
    }
    drop(keep);
    Arc::into_inner(store).unwrap().close().unwrap();
    log
}

/// How many events of a trail are more than a stub.
fn whole(log: &Log, trail: &str) -> usize {
    let events = log.run(["cat", "--trail", trail]).ok().json();
    events.iter().filter(|e| e["actor"].is_object() || e["details"].is_object()).count()
}

#[test]
fn what_is_due_goes_once_the_clock_is_confirmed_and_what_is_held_stays() {
    let log = old();
    let preview = log.run(["retention", "preview"]).ok().json();
    assert_eq!(preview[0]["records"], 100);
    let shown = log.run(["retention", "preview", "--text", "--utc"]).ok().stdout;
    assert!(shown.contains("now 100 events would go"), "{shown}");

    let reason = ["--reason", "case 2026-117", "--name", "117"];
    let hold = [&["hold", "create", "actor:maria", "--json"], &reason[..]].concat();
    let held = log.run(hold).ok().json();
    let id = held[0]["id"].as_str().unwrap();
    assert_eq!((&held[0]["query"], &held[0]["owner"]), (&"actor:maria".into(), &"local".into()));
    // Whatever else was recorded meanwhile.
    log.fill("shop", 1);
    log.run(["retention", "run"]).status(1).says("clock").says("confirm-clock");
    log.run(["retention", "preview", "--text"]).ok().says("confirm-clock");
    log.run(["retention", "confirm-clock"]).ok();
    let ran = log.run(["retention", "run"]).ok().stdout;
    assert!(ran.contains("50 events expired"), "{ran}");
    assert!(log.run(["retention", "run"]).ok().stdout.contains("nothing was due"));
    log.run(["verify", "log"]).ok();

    let list = log.run(["hold", "list", "--text"]).ok().stdout;
    assert!(list.contains("actor:maria") && list.contains("case 2026-117"), "{list}");
    log.run(["hold", "release", id]).ok();
    log.run(["hold", "release", id]).status(1).says("released already");
    assert!(log.run(["retention", "run"]).ok().stdout.contains("50 events expired"));
    assert_eq!(
        (whole(&log, "shop"), log.run(["cat", "--trail", "shop"]).ok().json().len()),
        (101, 201)
    );
    let proof = log.run(["prove", "--trail", "shop", "--seq", "0", "--out", "p"]).ok();
    assert!(proof.stdout.is_empty());
    log.run(["verify", "proof", "p", "--key", &log.key("shop")]).ok();
    log.run(["verify", "log"]).ok();
    log.run(["verify", "index"]).ok();
}

#[test]
fn policies_are_set_shown_and_shortened_by_two() {
    let log = Log::new();
    log.fill("shop", 20);
    let said = log.run(["retention", "set", "secrity 7y, everything else 1y"]).status(2);
    said.says("security");
    let policy = "security 7y, reads 30d, everything else 90d";
    let set = ["retention", "set", policy, "--max-size-mb", "50", "--floor", "8w"];
    let set = log.run(set).ok().says("--existing");
    assert!(set.stdout.contains("policy #2 is in force"), "{}", set.stdout);
    let shown = log.run(["retention", "--json"]).ok().json();
    let current = &shown[0]["current"];
    assert_eq!((&current["rules"], &current["floor_days"]), (&policy.into(), &56.into()));
    assert_eq!(current["bytes_max"], 50_000_000);
    let shown = log.run(["retention", "show", "--text"]).ok().stdout;
    assert!(shown.contains(policy) && shown.contains("everything else forever"), "{shown}");
    let presets = log.run(["retention", "presets"]).ok().json();
    assert!(presets.iter().any(|preset| preset["name"] == "hipaa"));
    log.run(["retention", "set", "--preset", "hippo"]).status(2).says("hipaa");
    log.run(["retention", "set", "--preset", "hipaa"]).ok();

    let second = admin(&log, "jonas");
    let asked = log.run(["retention", "set", "everything else 1d", "--existing"]).ok();
    assert!(asked.stdout.contains("nothing has been done yet"), "{}", asked.stdout);
    let request = &log.run(["requests"]).ok().json()[0];
    let id = request["id"].as_str().unwrap();
    assert_eq!((&request["kind"], &request["state"]), (&"retention".into(), &"waiting".into()));
    // Neither whoever asked, nor somebody who was made for it, nor somebody who may not.
    log.run(["confirm", id]).status(1);
    log.run(["confirm", id, "--key", &admin(&log, "late")]).status(1);
    log.run(["confirm", id, "--key", "idl_nonsense"]).status(3).says("key");
    log.run(["confirm", id, "--key", &second]).ok();
    log.run(["confirm", id, "--key", &second]).status(1);
    let current = &log.run(["retention", "--json"]).ok().json()[0]["current"];
    assert_eq!(
        (&current["rules"], &current["existing"]),
        (&"everything else 1d".into(), &true.into())
    );
    let asked = log.run(["retention", "set", "everything else 2d", "--existing", "--json"]).ok();
    let id = asked.json()[0]["request"].as_str().unwrap().to_owned();
    log.run(["withdraw", &id]).ok();
    log.run(["confirm", &id, "--key", &second]).status(1);
    let list = log.run(["requests", "--text"]).ok().stdout;
    assert!(list.contains("withdrawn") && list.contains("confirmed"), "{list}");
    log.run(["verify", "log"]).ok();
}

#[test]
fn a_purge_takes_two_and_spares_what_is_held() {
    let log = Log::new();
    log.fill("staging", 30);
    log.fill("shop", 10);
    let second = admin(&log, "jonas");
    log.run(["hold", "create", "trail:staging", "details.n:7", "--reason", "r"]).ok();
    let until = ["--until", &today(), "--reason", "test data", "--json"];
    let asked = log.run([&["purge", "--query", "trail:staging"], &until[..]].concat()).ok().json();
    let id = asked[0]["request"].as_str().unwrap();
    log.run(["confirm", id]).status(1);
    log.run(["confirm", id, "--key", &second]).ok();
    assert_eq!((whole(&log, "staging"), whole(&log, "shop")), (1, 10));
    log.run(["verify", "log"]).ok();
    let bad = [&["purge", "--query", "trail:(x"], &until[..]].concat();
    log.run(bad).status(2);
}

fn today() -> String {
    SystemClock.now().to_string()[..10].to_owned()
}

/// Sixty events, a third of them of somebody with a name that is nowhere else.
fn with_subject() -> Log {
    let log = Log::new();
    let lines: String = (0..60)
        .map(|n| {
            let who = if n % 3 == 0 { "zacharias.q" } else { "jonas" };
            format!("{{\"action\":\"a.b\",\"user_id\":\"{who}\",\"details\":{{\"n\":{n}}}}}\n")
        })
        .collect();
    log.feed(["append", "--trail", "users"], lines.as_bytes()).ok();
    log
}

/// The files under the data directory that have this in them.
pub fn grep(log: &Log, text: &str) -> Vec<std::path::PathBuf> {
    let has = |file: &std::path::PathBuf| {
        let bytes = harness::read(&log.data().join(file));
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    harness::files(&log.data()).into_iter().filter(has).collect()
}

#[test]
fn an_erasure_takes_two_and_leaves_no_byte() {
    let log = with_subject();
    let second = admin(&log, "second");
    log.run(["seal"]).ok();
    let what = ["erase", "--trail", "users", "--subject", "zacharias.q", "--authority", "GDPR 17"];
    let run = |more: &[&str]| log.run([&what[..], more].concat());
    let named = ["erase", "--subject", "zacharias.q", "--authority", "for zacharias.q"];
    log.run(named).status(2).says("authority");
    let preview = run(&["--dry-run"]).ok().json();
    assert_eq!(
        (&preview[0]["records"], &preview[0]["trails"][0]["trail"]),
        (&20.into(), &"users".into())
    );
    let shown = run(&["--dry-run", "--text"]).ok().stdout;
    assert!(shown.contains("this was a dry run") && shown.contains("users"), "{shown}");
    assert!(log.run(["requests"]).ok().json().is_empty());

    let held = log.run(["hold", "create", "actor:zacharias.q", "--reason", "case", "--json"]).ok();
    let hold = held.json()[0]["id"].as_str().unwrap().to_owned();
    run(&[]).status(1).says(&hold);
    log.run(["hold", "release", &hold]).ok();

    let asked = run(&["--text"]).ok().says("--subject");
    assert!(asked.stdout.contains("nothing has been done yet"), "{}", asked.stdout);
    let id = log.run(["requests"]).ok().json()[0]["id"].as_str().unwrap().to_owned();
    log.run(["confirm", &id, "--key", &second]).status(2).says("subject");
    assert_ne!(log.run(["confirm", &id, "--subject", "jonas", "--key", &second]).code, 0);
    log.run(["confirm", &id, "--subject", "zacharias.q"]).status(1);
    let confirm = ["confirm", &id, "--subject", "-", "--key", &second];
    log.feed(confirm, b"zacharias.q\n").ok();

    let erasures = log.run(["erase", "list"]).ok().json();
    assert_eq!(
        (erasures.len(), &erasures[0]["records"], &erasures[0]["done"]),
        (1, &20.into(), &true.into())
    );
    let id = erasures[0]["erasure"].as_str().unwrap();
    let told = log.run(["erase", "certificate", id, "--out", "c.json"]);
    let certificate: Value = serde_json::from_slice(&harness::read(&log.path("c.json"))).unwrap();
    assert_eq!(told.code == 0, certificate["still_to_do"].as_array().unwrap().is_empty());
    log.run(["verify", "log"]).ok();
    log.run(["verify", "index"]).ok();
    assert_eq!(log.run(["search", "actor:zacharias.q", "--all"]).ok().json().len(), 0);
    assert_eq!(
        log.run(["search", "actor:jonas", "--trail", "users", "--all"]).ok().json().len(),
        40
    );
    // The hold's query names it: it is recorded for ever, as a query.
    let left = grep(&log, "zacharias.q");
    assert!(
        left.is_empty()
            || log.run(["cat", "--trail", "_system"]).ok().stdout.contains("zacharias.q"),
        "{left:?}"
    );
}

#[test]
fn a_node_does_the_same() {
    let log = with_subject();
    let (first, second) = (admin(&log, "first"), admin(&log, "second"));
    let node = Node::start(&log, &[]);
    let at = |key: &str, args: &[&str]| -> Ran {
        log.run([args, &["--url", node.url(), "--key", key]].concat())
    };
    // Beside it the files are not to be had.
    log.run(["retention"]).status(3).says("--url");
    at(&first, &["retention", "set", "everything else 90d"]).ok();
    assert_eq!(at(&first, &["retention"]).ok().json()[0]["current"]["number"], 2);
    assert!(at(&first, &["retention", "run"]).ok().stdout.contains("nothing was due"));
    let made = at(&first, &["hold", "create", "trail:shop", "--reason", "r", "--json"]).ok().json();
    assert_eq!(made[0]["owner"], "first");
    let erase = ["erase", "--subject", "zacharias.q", "--authority", "GDPR 17", "--json"];
    let id = at(&first, &erase).ok().json()[0]["request"].as_str().unwrap().to_owned();
    let confirm = ["confirm", &id, "--subject", "zacharias.q"];
    at(&first, &confirm).status(1);
    at(&second, &confirm).ok();
    assert_eq!(at(&first, &["erase", "list"]).ok().json()[0]["records"], 20);
    let reader = at(&first, &["key", "create", "--role", "reader", "--name", "r"]).ok().stdout;
    at(reader.trim(), &["retention"]).status(3);
    node.stop().ok();
    log.run(["verify", "log"]).ok();
    assert_eq!(grep(&log, "zacharias.q"), Vec::<std::path::PathBuf>::new());
}

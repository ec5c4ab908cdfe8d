use std::io::Cursor;

use indelible_event::TrailName;
use indelible_keep::retention::{Reason, SetOutcome, SetRetention};
use indelible_keep::{KeepError, Silent, Who};
use indelible_log::LogError;
use indelible_log::record::Seq;
use indelible_merkle::TreeSize;
use indelible_store::verify_consistency_proof;
use indelible_store::{Bundle, BundleAbout, MadeBy, verify_bundle, verify_proof};

use super::world::{World, policy, who};

#[test]
fn two_days_later_the_reads_are_gone_and_security_is_there() {
    let world = World::served();
    world.set("reads 1d, security 7y, everything else 30d");
    world.append("shop", "login", 20, 3);
    world.append("shop", "data_access", 30, 3);
    world.append("shop", "data_create", 10, 3);
    world.seal();
    assert_eq!(world.run().expired, 0);
    world.days(1);
    // The day itself does not count.
    assert_eq!(world.run().expired, 0);
    let next = world.keep.retention().unwrap().next;
    assert_eq!((next[0].class.as_str(), next[0].records), ("reads", 30));
    world.days(1);

    let preview = world.keep.preview_retention(None).unwrap();
    assert_eq!((preview.records, preview.going.len()), (30, 1));
    assert_eq!((preview.going[0].class.as_str(), preview.going[0].reason), ("reads", Reason::Age));
    assert!(preview.bytes > 0 && preview.bytes < preview.bytes_all);
    // A preview does nothing.
    assert_eq!(world.left("shop"), (60, 0));

    let run = world.run();
    assert_eq!((run.expired, run.gone.len()), (30, 1));
    assert_eq!(world.left("shop"), (30, 30));
    for seq in [0, 19, 50, 59] {
        assert!(super::world::is_whole(&world.read("shop", seq).unwrap()));
    }
    let stub = world.read("shop", 20).unwrap();
    assert_eq!((stub.entry().action, stub.entry().category), ("a.b", Some("data_access")));
    let notes = world.verify();
    assert_eq!(notes.iter().filter(|note| note.contains("expired by policy #2")).count(), 1);
    // Nothing is due any more, and the node's own runs say nothing of that.
    let runs = world.told("retention.run").len();
    let again = world.keep.run_retention(&Who::node(), &Silent).unwrap();
    assert_eq!((again.expired, again.event), (0, None));
    assert_eq!(world.told("retention.run").len(), runs);
}

#[test]
fn each_expiry_is_told_before_and_after() {
    let world = World::bare();
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 5, 1);
    world.seal();
    world.days(2);
    let run = world.run();
    let told = world.told("segment.expire");
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].0, "intent");
    let intent = &told[0].1;
    assert_eq!(intent["class"], "reads");
    assert_eq!((intent["policy"].as_u64(), intent["records"].as_u64()), (Some(2), Some(5)));
    assert_eq!((&intent["reason"], &intent["run"]), (&"age".into(), &run.event.unwrap().into()));
    assert_eq!((&*told[1].0, told[1].1["records"].as_u64()), ("outcome", Some(5)));
    let told = world.told("retention.run");
    let phases: Vec<&str> = told.iter().map(|(phase, _)| phase.as_str()).collect();
    assert_eq!(phases, ["intent", "outcome"]);
    assert_eq!(told[1].1["expired"], 5);
}

#[test]
fn what_no_stub_is_needed_of_is_told_with_its_expiry_and_never_becomes_one() {
    let world = World::bare();
    world.set("reads 1d, everything else forever");
    for _ in 0..2 {
        world.append("shop", "data_access", 256, 3);
        world.append("bank", "data_access", 512, 3);
        world.append("mint", "data_access", 5, 3);
        world.seal();
    }
    world.append("shop", "login", 10, 3);
    world.seal();
    world.days(2);
    let run = world.run();
    assert_eq!((run.expired, run.pruned), (1546, 512 + 1024));
    let left = ["shop", "bank", "mint"].map(|trail| world.left(trail));
    assert_eq!(left, [(10, 0), (0, 0), (0, 10)]);
    // One expiry, and all that is pruned by it between its two events.
    let told = world.keep.told(&["segment.expire", "trail.prune"]).unwrap();
    let names: Vec<(&str, &str)> = told
        .iter()
        .map(|record| (record.entry().action, record.entry().phase.unwrap()))
        .map(|(action, phase)| (action, phase.name()))
        .collect();
    let (expire, prune) = ("segment.expire", "trail.prune");
    assert_eq!(names[..3], [(expire, "intent"), (prune, "intent"), (prune, "intent")]);
    assert_eq!(names[3..], [(prune, "outcome"), (prune, "outcome"), (expire, "outcome")]);
    let pruned = world.told(prune);
    let expiry = told[0].entry().id.to_string();
    assert!(pruned[..2].iter().all(|(_, told)| told["expiry"] == expiry.as_str()));
    let records: Vec<_> = pruned[2..].iter().map(|(_, told)| told["records"].as_u64()).collect();
    assert_eq!(records, [Some(512), Some(1024)]);
    let outcome = &world.told(expire)[1].1;
    assert_eq!((outcome["records"].as_u64(), outcome["stubs"].as_u64()), (Some(1546), Some(10)));
    world.verify();
    assert_eq!((world.run().expired, world.told(prune).len()), (0, 4));
    let world = world.restart();
    world.append("bank", "login", 3, 3);
    world.seal();
    assert_eq!(world.left("bank"), (3, 0));
    world.verify();
}

#[test]
fn old_proofs_bundles_and_new_consistency_proofs_verify_after_pruning() {
    let world = World::served();
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 600, 3);
    world.append("shop", "login", 10, 3);
    let (store, name) = (world.keep.store(), TrailName::parse("shop").unwrap());
    store.publish().unwrap();
    world.seal();
    let trail = store.reader().trail(&name).unwrap();
    let vkey = store.reader().vkey(&trail).unwrap();
    let old = store.reader().prove(&trail, Seq(3), &[]).unwrap();
    let mut zip = Vec::new();
    let about = BundleAbout {
        made_at: "2026-11-15T12:00:00.000000Z".into(),
        made_by: MadeBy { credential: "local".into(), name: None },
        recorded_as: None,
        query: String::new(),
        order: "asc".into(),
    };
    let places = (0..5).map(|seq| (trail.info.no, Seq(seq))).collect();
    let mut bundle = Bundle::new(store.reader(), &mut zip, about, places, Vec::new()).unwrap();
    while bundle.step(store.reader()).unwrap().is_some() {}
    bundle.finish(store.reader()).unwrap();

    world.days(2);
    let run = world.run();
    // 600 lies in the third bundle of 256: what is in the first two goes without a stub.
    assert_eq!((run.expired, run.pruned), (600, 512));
    assert!(run.bytes_before > 0 && run.bytes_after > 0);
    assert_eq!(world.left("shop"), (10, 88));
    assert_eq!(store.reader().trail(&name).unwrap().min, 600);
    assert!(matches!(world.read("shop", 0), Err(LogError::Expired { seq: 0, min: 600, .. })));
    world.verify();

    world.append("shop", "login", 5, 3);
    store.publish().unwrap();
    let trail = store.reader().trail(&name).unwrap();
    assert_eq!(verify_proof(old.as_bytes(), &vkey).unwrap().index, 3);
    verify_bundle(Cursor::new(&zip), std::slice::from_ref(&vkey)).unwrap();
    for from in [1, 300, 600, 610] {
        let text = store.reader().prove_consistency(&trail, TreeSize(from), None).unwrap();
        let proven = verify_consistency_proof(text.as_bytes(), &vkey).unwrap();
        assert_eq!(proven.checkpoint.size, TreeSize(615));
    }
    // What is left is proved as ever.
    let text = store.reader().prove(&trail, Seq(612), &[]).unwrap();
    assert_eq!(verify_proof(text.as_bytes(), &vkey).unwrap().index, 612);
    // Once more finds nothing.
    assert_eq!((world.run().expired, world.told("trail.prune").len()), (0, 2));
}

#[test]
fn the_node_keeps_what_explains_the_rest_and_lets_its_records_of_reading_go() {
    let world = World::bare();
    let rules = policy("reads+trail:_system 1d, everything else 1d");
    // They say who looked: one administrator alone does not let them go.
    let asked = world.keep.set_retention(&who("alice"), &rules).unwrap();
    let SetOutcome::Asked(request) = asked else { panic!("{asked:?}") };
    world.keep.confirm_retention(&who("bob"), &request.id).unwrap();
    let read = serde_json::json!({
        "action": "event.search", "category": "data_access", "outcome": "success",
        "actor": {"type": "user", "id": "alice"},
    });
    let read = indelible_event::check(read.to_string().as_bytes()).unwrap();
    for _ in 0..3 {
        world.keep.store().append_system(&read).unwrap();
    }
    world.append("shop", "login", 4, 1);
    world.seal();
    world.days(2);
    assert_eq!(world.run().expired, 7);
    assert_eq!(world.told("node.create").len(), 1);
    assert_eq!(world.told("retention.set")[0].1["number"], 2);
    world.verify();
}

#[test]
fn beyond_its_size_the_oldest_goes_first_and_never_below_the_floor() {
    let world = World::bare();
    let bounded = |bytes_max, floor_days| SetRetention {
        bytes_max: Some(bytes_max),
        floor_days,
        ..policy("everything else forever")
    };
    world.keep.set_retention(&who("alice"), &bounded(1, 3)).unwrap();
    for _ in 0..5 {
        world.append("shop", "login", 100, 3);
        world.seal();
        world.days(1);
    }
    // Five days, of which the last three are not to be cut.
    let run = world.run();
    assert_eq!(run.gone.iter().map(|gone| gone.reason).collect::<Vec<_>>(), [Reason::Size; 2]);
    assert!(run.gone[0].day < run.gone[1].day);
    assert_eq!(world.left("shop"), (300, 200));
    world.days(1);
    assert_eq!(world.keep.preview_retention(None).unwrap().records, 100);
    world.run();
    // Of the first 256 not even stubs are needed.
    assert_eq!(world.left("shop"), (200, 44));
    // A larger bound counts at once.
    world.days(1);
    world.keep.set_retention(&who("alice"), &bounded(u64::MAX, 3)).unwrap();
    assert_eq!(world.run().expired, 0);
    world.verify();
}

#[test]
fn what_is_no_policy_is_refused() {
    let world = World::bare();
    let refused = |set: &SetRetention| match world.keep.set_retention(&who("alice"), set) {
        Err(KeepError::Bad(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(&policy("secrity 7y, everything else 1y")).contains("perhaps security"));
    assert!(
        refused(&SetRetention { floor_days: 3, ..policy("everything else 1y") }).contains("floor")
    );
    assert!(
        refused(&SetRetention { bytes_max: Some(0), ..policy("everything else 1y") })
            .contains("no bytes")
    );
    assert_eq!(world.keep.retention().unwrap().current.rules, "everything else forever");
    world.set("reads 30d, everything else 1y");
    let current = world.keep.retention().unwrap().current;
    assert_eq!((current.number, current.rules.as_str()), (2, "reads 30d, everything else 1y"));
    assert_eq!(current.set_by.unwrap()["id"], "alice");
    let world = world.restart();
    assert_eq!(world.keep.policies().unwrap().len(), 2);
}

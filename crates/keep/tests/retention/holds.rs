use indelible_keep::KeepError;
use indelible_keep::holds::NewHold;
use indelible_log::rewrite::{Change, Fate};
use indelible_store::{VerifyOptions, verify};

use super::world::{World, is_whole, who};

fn hold(query: &str) -> NewHold {
    NewHold {
        name: "case 17".into(),
        query: query.into(),
        reason: "a claim is expected".into(),
        owner: "legal".into(),
    }
}

fn held_survive_and_go_after_release(world: &World) {
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 30, 3);
    world.append("bank", "data_access", 30, 3);
    world.seal();
    let put = world.keep.hold(&who("alice"), &hold("trail:shop actor.id:u1")).unwrap();
    world.days(2);
    let preview = world.keep.preview_retention(None).unwrap();
    assert_eq!((preview.records, preview.held.len()), (50, 1));
    assert_eq!((&preview.held[0].id, preview.held[0].records), (&put.id, 10));
    assert_eq!(preview.going[0].held[&put.id], 10);

    let run = world.run();
    assert_eq!((run.expired, run.held[&put.id]), (50, 10));
    assert_eq!((world.left("shop"), world.left("bank")), ((10, 20), (0, 30)));
    assert!(is_whole(&world.read("shop", 1).unwrap()));
    world.verify();
    // What is held is looked at each time, and stays.
    assert_eq!((world.run().expired, world.told("segment.expire").len()), (0, 2));

    let released = world.keep.release(&who("bob"), &put.id).unwrap();
    assert_eq!(released.released_by.unwrap()["id"], "bob");
    assert_eq!(world.run().expired, 10);
    assert_eq!(world.left("shop"), (0, 30));
    world.verify();
    assert!(matches!(world.keep.release(&who("bob"), &put.id), Err(KeepError::Refused(_))));
}

#[test]
fn what_is_held_survives_and_goes_after_release() {
    held_survive_and_go_after_release(&World::served());
}

/// Whoever has the files makes stubs of what was held, and names the event of the others.
#[test]
fn more_stubs_than_expired_are_not_explained() {
    let world = World::bare();
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 30, 3);
    world.seal();
    world.keep.hold(&who("alice"), &hold("trail:shop actor.id:u1")).unwrap();
    world.days(2);
    assert_eq!(world.run().expired, 20);
    world.verify();
    let by = world.keep.told(&["segment.expire"]).unwrap()[0].entry().id;
    let log = world.keep.store().log();
    let segments = log.view().segments();
    let held = segments.iter().find(|s| !s.is_stub() && s.class() == "reads").unwrap();
    let fate = Fate::Expire { by, keep: Default::default() };
    log.rewrite(&[Change { file: held.file_no(), fate }], &[], &|_| {}).unwrap();
    let report = verify(&world.seams.storage, &VerifyOptions::default()).unwrap();
    let found: Vec<&str> = report.log.findings.iter().map(|f| &*f.what).collect();
    assert!(found.iter().any(|what| what.contains("30 records have expired")), "{found:?}");
}

/// What went without a stub leaves no room for stubs of what was held then.
#[test]
fn what_lies_below_something_held_goes_at_once_and_excuses_nothing() {
    let world = World::bare();
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 300, 3);
    world.seal();
    world.append("shop", "data_access", 300, 9);
    world.seal();
    world.keep.hold(&who("alice"), &hold("trail:shop actor.id:u8")).unwrap();
    world.days(2);
    let run = world.run();
    assert_eq!((run.expired, run.pruned, run.gone.len()), (600 - 33, 256, 1));
    assert_eq!(world.left("shop"), (33, 300 - 33 + 44));
    let outcome = &world.told("segment.expire")[1].1;
    assert_eq!((outcome["records"].as_u64(), outcome["stubs"].as_u64()), (Some(567), Some(311)));
    let pruned = world.told("trail.prune");
    assert_eq!(
        (pruned[0].1["min"].as_u64(), pruned[1].1["records"].as_u64()),
        (Some(300), Some(256))
    );
    world.verify();

    let by = world.keep.told(&["segment.expire"]).unwrap()[0].entry().id;
    let log = world.keep.store().log();
    let segments = log.view().segments();
    let held = segments.iter().find(|s| !s.is_stub() && s.class() == "reads").unwrap();
    let fate = Fate::Expire { by, keep: Default::default() };
    log.rewrite(&[Change { file: held.file_no(), fate }], &[], &|_| {}).unwrap();
    let report = verify(&world.seams.storage, &VerifyOptions::default()).unwrap();
    let found: Vec<&str> = report.log.findings.iter().map(|f| &*f.what).collect();
    assert!(found.iter().any(|what| what.contains("344 records have expired")), "{found:?}");
}

#[test]
fn without_an_index_the_records_tell_what_is_held() {
    held_survive_and_go_after_release(&World::bare());
}

#[test]
fn a_hold_has_a_query_a_reason_and_an_owner() {
    let world = World::bare();
    let refused = |new: &NewHold| match world.keep.hold(&who("alice"), new) {
        Err(KeepError::Bad(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(&NewHold { reason: " ".into(), ..hold("trail:shop") }).contains("reason"));
    assert!(refused(&NewHold { owner: String::new(), ..hold("trail:shop") }).contains("owner"));
    assert!(refused(&hold(" ")).contains("what is held"));
    assert!(!refused(&hold("(")).is_empty());
    assert!(matches!(world.keep.release(&who("alice"), "0"), Err(KeepError::NotFound(_))));
    assert_eq!(world.keep.holds().unwrap(), []);
    world.keep.hold(&who("alice"), &hold("trail:shop")).unwrap();
    let world = world.restart();
    let holds = world.keep.holds().unwrap();
    assert_eq!((holds.len(), holds[0].owner.as_str(), holds[0].holds()), (1, "legal", true));
}

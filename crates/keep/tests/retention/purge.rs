use indelible_keep::holds::NewHold;
use indelible_keep::purge::Purge;
use indelible_keep::retention::Reason;
use indelible_keep::{KeepError, Silent};
use indelible_log::Clock as _;

use super::world::{World, who};

fn purge(query: Option<&str>, class: Option<&str>, until: &str) -> Purge {
    let (query, class) = (query.map(str::to_owned), class.map(str::to_owned));
    Purge { query, class, until: until.into(), reason: "moved to another system".into() }
}

#[test]
fn two_people_let_records_go_before_their_time_and_what_is_held_stays() {
    let world = World::served();
    world.set("reads 1y, everything else forever");
    let today = world.clock.now().day().to_string();
    world.append("shop", "data_access", 30, 3);
    world.append("shop", "login", 30, 3);
    world.seal();
    world.days(1);
    // Of the next day, so it stays; not sealed either.
    world.append("shop", "data_access", 5, 1);
    let held = NewHold {
        name: "case".into(),
        query: "actor.id:u2".into(),
        reason: "a claim".into(),
        owner: "legal".into(),
    };
    let held = world.keep.hold(&who("alice"), &held).unwrap();
    let wanted = purge(Some("trail:shop actor.id:u1 OR actor.id:u2"), None, &today);
    let preview = world.keep.preview_purge(&wanted).unwrap();
    assert_eq!((preview.records, preview.held[0].records), (20, 20));
    assert!(preview.going.iter().all(|going| going.reason == Reason::Purge));

    let request = world.keep.request_purge(&who("alice"), &wanted).unwrap();
    let own = world.keep.confirm_purge(&who("alice"), &request.id, &Silent);
    assert!(matches!(own, Err(KeepError::Refused(_))));
    assert_eq!(world.left("shop"), (65, 0));
    let run = world.keep.confirm_purge(&who("bob"), &request.id, &Silent).unwrap();
    assert_eq!((run.expired, run.held[&held.id]), (20, 20));
    assert_eq!(world.left("shop"), (45, 20));
    let told = world.told("segment.expire");
    assert_eq!(
        (&told[0].1["reason"], &told[0].1["confirmed_by"]),
        (&"purge".into(), &"bob".into())
    );
    assert_eq!(world.told("purge.run").len(), 2);
    world.verify();

    // A class, all of it up to a day.
    let request =
        world.keep.request_purge(&who("bob"), &purge(None, Some("reads"), &today)).unwrap();
    let run = world.keep.confirm_purge(&who("alice"), &request.id, &Silent).unwrap();
    assert_eq!(run.expired, 10);
    assert_eq!(world.left("shop"), (35, 30));
    world.verify();
}

#[test]
fn a_purge_says_what_until_when_and_why() {
    let world = World::bare();
    let refused = |purge: &Purge| match world.keep.request_purge(&who("alice"), purge) {
        Err(KeepError::Bad(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(&purge(None, None, "2026-11-15")).contains("what goes"));
    assert!(refused(&purge(None, Some("system"), "2026-11-15")).contains("never purged"));
    assert!(refused(&purge(None, Some("reads"), "tomorrow")).contains("until"));
    assert!(!refused(&purge(Some("("), None, "2026-11-15")).is_empty());
    let unreasoned = Purge { reason: String::new(), ..purge(None, Some("reads"), "2026-11-15") };
    assert!(refused(&unreasoned).contains("reason"));
}

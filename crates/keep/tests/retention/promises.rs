use indelible_keep::Silent;
use indelible_keep::retention::{SetOutcome, SetRetention};

use super::world::{World, policy, who};

#[test]
fn longer_counts_at_once_and_shorter_not_for_what_was_promised() {
    let world = World::bare();
    world.set("everything else 3d");
    world.append("shop", "login", 10, 1);
    world.seal();
    world.set("everything else 5d");
    world.set("everything else 1d");
    world.append("shop", "login", 7, 1);
    world.seal();
    world.days(4);
    let preview = world.keep.preview_retention(None).unwrap();
    assert_eq!((preview.records, preview.promised), (7, 10));
    assert_eq!(world.run().expired, 7);
    world.days(2);
    assert_eq!(world.run().expired, 10);
    world.verify();
}

#[test]
fn what_was_promised_is_shortened_by_two_people() {
    let world = World::bare();
    world.append("shop", "login", 10, 1);
    world.append("shop", "data_access", 4, 1);
    world.seal();
    world.set("everything else 1d");
    world.days(3);
    // The first policy keeps for ever.
    assert_eq!(world.run().expired, 0);
    let set = SetRetention { existing: true, ..policy("reads 1d, everything else 30d") };
    let preview = world.keep.preview_retention(Some(&set)).unwrap();
    assert_eq!((preview.records, preview.policy.number), (4, 3));
    let SetOutcome::Asked(request) = world.keep.set_retention(&who("alice"), &set).unwrap() else {
        panic!("it takes a second person");
    };
    assert_eq!(world.keep.retention().unwrap().current.number, 2);
    assert_eq!(world.run().expired, 0);
    assert!(world.keep.confirm_retention(&who("alice"), &request.id).is_err());
    let view = world.keep.confirm_retention(&who("bob"), &request.id).unwrap();
    assert_eq!((view.number, view.existing), (3, true));
    let told = world.told("retention.set");
    let details = &told[told.len() - 2].1;
    assert_eq!(
        (&details["requested_by"], &details["confirmed_by"]),
        (&"alice".into(), &"bob".into())
    );
    // Records of one class then, of two by the policy that counts now.
    assert_eq!(world.run().expired, 4);
    assert_eq!(world.left("shop"), (10, 4));
    world.verify();
    assert_eq!(world.keep.run_retention(&who("alice"), &Silent).unwrap().expired, 0);
}

#[test]
fn what_was_recorded_before_a_policy_is_kept_as_it_was_promised() {
    let world = World::bare();
    world.append("shop", "other", 10, 1);
    // Nothing has sealed them yet.
    world.set("everything else 1d");
    world.append("shop", "other", 5, 1);
    world.seal();
    world.days(3);
    assert_eq!(world.run().expired, 5);
    assert_eq!(world.left("shop"), (10, 5));
}

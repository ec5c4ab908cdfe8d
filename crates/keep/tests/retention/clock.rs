use indelible_keep::{KeepError, Silent};
use indelible_log::Clock as _;

use super::world::{HOUR, World, who};

fn stopped(world: &World) -> bool {
    match world.keep.run_retention(&who("alice"), &Silent) {
        Err(KeepError::Refused(why)) => why.contains("clock"),
        Ok(_) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_jump_of_more_than_a_day_stops_expiry_until_it_is_confirmed() {
    let world = World::bare();
    world.set("everything else 0d");
    world.append("shop", "login", 10, 1);
    world.seal();
    world.clock.advance(24 * HOUR);
    assert!(!stopped(&world), "a day is no jump");
    world.append("shop", "login", 10, 1);
    world.seal();
    world.clock.advance(25 * HOUR);
    assert!(world.keep.preview_retention(None).unwrap().stopped.is_some());
    assert!(stopped(&world));
    // Told once, however often it is looked at.
    world.keep.tick(world.clock.now()).unwrap();
    assert!(stopped(&world));
    assert_eq!(world.told("retention.stopped").len(), 1);
    // Neither a clock that comes back nor a new process makes it right.
    world.clock.advance(-25 * HOUR);
    assert!(stopped(&world));
    world.clock.advance(25 * HOUR);
    let world = world.restart();
    assert!(stopped(&world));
    assert_eq!(world.left("shop").0, 10);
    world.keep.confirm_clock(&who("bob")).unwrap();
    assert_eq!(world.run().expired, 10);
    world.days(3);
    assert!(!stopped(&world));
}

#[test]
fn a_process_that_begins_a_day_after_the_last_record_asks() {
    let world = World::bare();
    world.clock.advance(25 * HOUR);
    let world = world.restart();
    assert!(stopped(&world));
    // Backwards as well.
    world.keep.confirm_clock(&who("bob")).unwrap();
    assert!(!stopped(&world));
    world.clock.advance(-30 * HOUR);
    assert!(stopped(&world));
    world.keep.confirm_clock(&who("bob")).unwrap();
    // The log's own time does not go back; that it was confirmed counts all the same.
    let world = world.restart();
    assert!(!stopped(&world));
}

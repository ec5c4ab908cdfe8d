use indelible_event::Micros;
use indelible_keep::requests::{Kind, RequestState};
use indelible_keep::{KeepError, Who};
use indelible_log::Clock as _;
use serde_json::json;

use super::world::{HOUR, World, who};

#[test]
fn it_takes_another_person_with_an_older_credential_within_a_week() {
    let world = World::bare();
    let ask = || world.keep.ask_second(&who("alice"), Kind::Purge, json!({"n": 1})).unwrap();
    let agree = |who: &Who, id: &str| world.keep.agree(who, id, Kind::Purge);
    let refused = |result: Result<_, KeepError>| match result {
        Err(KeepError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let first = ask();
    assert_eq!((first.state, &first.body), (RequestState::Waiting, &json!({"n": 1})));
    assert!(refused(agree(&who("alice"), &first.id)).contains("another"));
    let since = Some(Micros(world.clock.now().0 + 1));
    world.clock.advance(HOUR);
    assert!(refused(agree(&Who { since, ..who("mallory") }, &first.id)).contains("younger"));
    assert!(matches!(
        world.keep.agree(&who("bob"), &first.id, Kind::Erasure),
        Err(KeepError::Bad(_))
    ));
    assert!(matches!(agree(&who("bob"), "0"), Err(KeepError::NotFound(_))));
    // Who has no credential that began, as whoever holds the files, may.
    let agreed = agree(&Who { since: None, ..who("local") }, &first.id).unwrap();
    assert_eq!(agreed.both()["confirmed_by"], "local");
    assert!(refused(agree(&who("bob"), &first.id)).contains("already"));

    let second = ask();
    assert_eq!(
        world.keep.withdraw(&who("bob"), &second.id).unwrap().state,
        RequestState::Withdrawn
    );
    assert!(refused(agree(&who("bob"), &second.id)).contains("withdrawn"));
    assert!(refused(world.keep.withdraw(&who("bob"), &second.id)).contains("no more"));

    let third = ask();
    world.days(7);
    assert_eq!(world.keep.request(&third.id).unwrap().state, RequestState::Expired);
    assert!(refused(agree(&who("bob"), &third.id)).contains("expired"));
    // All of it is in the log.
    let world = world.restart();
    let states: Vec<RequestState> =
        world.keep.requests().unwrap().iter().map(|request| request.state).collect();
    assert_eq!(states, [RequestState::Confirmed, RequestState::Withdrawn, RequestState::Expired]);
}

//! Nobody takes all turns of searches.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{Turn, Turns};

/// Whether a turn is there without waiting.
fn now(turns: &Arc<Turns>, credential: &Arc<str>) -> Option<Turn> {
    let mut asked = pin!(turns.clone().take(credential));
    match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    }
}

#[test]
fn a_credential_has_half_of_the_turns_and_others_find_the_rest() {
    let turns = Arc::new(Turns::new(4));
    let (greedy, modest): (Arc<str>, Arc<str>) = ("key:1".into(), "key:2".into());
    let held = [now(&turns, &greedy).unwrap(), now(&turns, &greedy).unwrap()];
    // Hundreds more wait in line, and none of them before anybody else.
    let mut waiting: Vec<_> = (0..200).map(|_| Box::pin(turns.clone().take(&greedy))).collect();
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.iter_mut().all(|turn| turn.as_mut().poll(&mut context).is_pending()));
    let others = [now(&turns, &modest).unwrap(), now(&turns, &modest).unwrap()];
    assert!(now(&turns, &modest).is_none(), "all turns are taken");
    drop(others);
    // A turn that ends is the next one's of the same credential.
    let [ended, kept] = held;
    drop(ended);
    let next = match waiting[0].as_mut().poll(&mut context) {
        Poll::Ready(turn) => turn,
        Poll::Pending => panic!("the first in line has its turn"),
    };
    assert!(waiting[1].as_mut().poll(&mut context).is_pending());
    assert!(now(&turns, &modest).is_some());
    assert_eq!(turns.shares.lock().unwrap().len(), 1, "only one credential is left");
    // Whoever gives up leaves nothing behind.
    drop(waiting.remove(0));
    drop(waiting);
    drop((next, kept));
    assert_eq!(turns.all.available_permits(), 4);
    assert!(turns.shares.lock().unwrap().is_empty());
}

#[test]
fn a_single_turn_is_shared_by_waiting() {
    let turns = Arc::new(Turns::new(1));
    let (one, other): (Arc<str>, Arc<str>) = ("key:1".into(), "key:2".into());
    let held = now(&turns, &one).unwrap();
    assert!(now(&turns, &one).is_none() && now(&turns, &other).is_none());
    drop(held);
    drop(now(&turns, &other).unwrap());
    assert!(turns.shares.lock().unwrap().is_empty());
}

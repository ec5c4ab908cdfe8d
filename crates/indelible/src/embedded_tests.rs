#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests move real directories")]

use super::*;

#[test]
fn what_was_closed_stays_closed() {
    let dir = tempfile::tempdir().unwrap();
    let trail = Embedded::open(dir.path()).unwrap();
    trail.close();
    let event: &[u8] = br#"{"action":"a.b","outcome":"success"}"#;
    for _ in 0..2 {
        assert!(!trail.send(&[event]).unwrap_err().rejected);
    }
    // Nothing holds the directory.
    Embedded::open(dir.path()).unwrap();
}

#[test]
fn a_directory_that_is_moved_is_still_the_one_that_events_are_for() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let trail = Embedded::open(&one).unwrap();
    let destination = trail.destination();
    drop(trail);
    std::fs::rename(&one, &other).unwrap();
    assert_eq!(Embedded::open(&other).unwrap().destination(), destination);
    assert_ne!(Embedded::open(&one).unwrap().destination(), destination);
}

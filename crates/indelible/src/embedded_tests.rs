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

mod keeping {
    use indelible_log::SystemEntropy;
    use indelible_log::record::Seq;
    use indelible_log::storage::FileStorage;
    use indelible_sim::ManualClock;
    use indelible_store::Reader;

    use super::*;
    use crate::keeping::Rounds;

    const DAY: i64 = 86_400_000_000;

    struct Dir {
        dir: tempfile::TempDir,
        clock: Arc<ManualClock>,
    }

    impl Dir {
        fn new() -> Dir {
            let clock = Arc::new(ManualClock::at(1_780_000_000_000_000));
            Dir { dir: tempfile::tempdir().unwrap(), clock }
        }

        fn seams(&self) -> Seams {
            let storage = Arc::new(FileStorage::new(self.dir.path()));
            Seams { storage, clock: self.clock.clone(), entropy: Arc::new(SystemEntropy) }
        }

        fn open(&self, days: Option<u32>, mb: Option<u64>) -> Embedded {
            let keeping = Keeping { retention_days: days, max_size_mb: mb };
            Embedded::on(self.dir.path().into(), self.seams(), keeping).unwrap()
        }

        /// Events that are still more than a stub, by what they were called.
        fn whole(&self) -> Vec<String> {
            let reader = Reader::open(self.seams().storage).unwrap();
            let Some(trail) =
                reader.trails().into_iter().find(|t| t.info.name.as_str() == "default")
            else {
                return Vec::new();
            };
            let seqs: Vec<Seq> = (0..trail.size.0).map(Seq).collect();
            let records = reader.read(trail.info.no, &seqs).unwrap();
            let whole = records.iter().filter(|r| r.part(indelible_event::Part::Who).is_some());
            whole.map(|r| r.entry().action.to_owned()).collect()
        }
    }

    fn say(trail: &Embedded, action: &str) {
        let event = format!(r#"{{"action":"{action}","user_id":"maria"}}"#);
        assert!(matches!(trail.send(&[event.as_bytes()]).unwrap()[0], Sent::Kept(_)));
        let store = trail.trail.keep(|keep| keep.store().clone()).unwrap();
        store.log().seal().unwrap();
    }

    fn policies(trail: &Embedded) -> Vec<String> {
        let policies = trail.trail.keep(|keep| keep.policies().unwrap()).unwrap();
        policies.into_iter().map(|policy| policy.rules).collect()
    }

    #[test]
    fn what_was_recorded_so_many_days_ago_goes() {
        let dir = Dir::new();
        let trail = dir.open(Some(30), None);
        assert_eq!(policies(&trail), ["everything else forever", "everything else 30d"]);
        say(&trail, "old.thing");
        let mut rounds = Rounds::default();
        for _ in 0..40 {
            dir.clock.advance(DAY);
            rounds.next(&trail.trail);
        }
        say(&trail, "new.thing");
        assert_eq!(dir.whole(), ["new.thing"]);
        drop(trail);
        // The same again sets nothing again, and what was set stays where nothing is said.
        assert_eq!(policies(&dir.open(Some(30), None)).len(), 2);
        assert_eq!(policies(&dir.open(None, None)).len(), 2);
        assert_eq!(policies(&dir.open(Some(30), Some(5))).len(), 3);
    }

    #[test]
    fn what_was_there_before_keeps_what_it_was_promised() {
        let dir = Dir::new();
        let trail = dir.open(None, None);
        say(&trail, "first.thing");
        drop(trail);
        let trail = dir.open(Some(1), None);
        say(&trail, "second.thing");
        let mut rounds = Rounds::default();
        for _ in 0..5 {
            dir.clock.advance(DAY);
            rounds.next(&trail.trail);
        }
        assert_eq!(dir.whole(), ["first.thing"]);
        trail.close();
    }

    #[test]
    fn a_program_that_ends_at_once_lets_go_what_is_due() {
        let dir = Dir::new();
        for action in ["old.thing", "x.y", "x.y", "x.y", "x.y"] {
            let trail = dir.open(Some(1), None);
            say(&trail, action);
            trail.close();
            // More than a day without a record, and the clock would not be believed.
            dir.clock.advance(DAY / 6 * 5);
        }
        dir.open(Some(1), None).close();
        let whole = dir.whole();
        assert!(!whole.is_empty() && !whole.contains(&"old.thing".to_owned()), "{whole:?}");
    }
}

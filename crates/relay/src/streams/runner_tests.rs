//! The runner over a log in memory, a receiver that fails at will, a clock that is moved by hand, and storage that
//! loses what was not synced.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use indelible_event::{EventId, Micros};
use indelible_log::{Clock as _, Seams};
use indelible_sim::{ManualClock, PowerStorage, Rng, SeededEntropy};

use super::super::running::Streams;
use super::*;
use crate::config::Begin;
use crate::status::StreamStatus;

/// A log of records that all match, of which some cannot be read.
#[derive(Default)]
struct Log {
    leaves: Mutex<Vec<[u8; 32]>>,
    damaged: Mutex<Vec<u64>>,
}

impl Log {
    fn grow(&self, records: u64) {
        let mut leaves = self.leaves.lock().unwrap();
        for _ in 0..records {
            let mut leaf = [7; 32];
            leaf[..8].copy_from_slice(&(leaves.len() as u64).to_be_bytes());
            leaves.push(leaf);
        }
    }
}

impl Source for Log {
    fn check(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn read(&self, _: &str, from: u64, max: usize, _: usize) -> Result<Page, SourceError> {
        let leaves = self.leaves.lock().unwrap();
        // As many as one page has at most, and few enough for many pages.
        let mut to = (from + (max as u64).min(7)).min(leaves.len() as u64);
        let damaged = self.damaged.lock().unwrap();
        if let Some(pos) = damaged.iter().copied().find(|pos| (from..to).contains(pos)) {
            if pos == from {
                return Err(SourceError::Alarm { pos, why: "its leaf is another".into() });
            }
            to = pos;
        }
        let events = (from..to).map(|pos| Outgoing {
            pos,
            trail: "default".into(),
            seq: pos,
            id: EventId::foreign("test", &pos.to_string()),
            leaf: leaves[pos as usize],
            recorded_at: Micros(pos as i64),
            json: Bytes::from(format!("{{\"seq\":{pos}}}")),
        });
        Ok(Page { events: events.collect(), next: to })
    }

    fn end(&self) -> u64 {
        self.leaves.lock().unwrap().len() as u64
    }

    fn place_at(&self, _: Micros) -> Result<u64, SourceError> {
        Ok(0)
    }

    fn leaf_at(&self, pos: u64) -> Result<Option<[u8; 32]>, SourceError> {
        let page = self.read("", pos, 1, usize::MAX)?;
        Ok(page.events.first().filter(|event| event.pos == pos).map(|event| event.leaf))
    }

    fn place_of(&self, _: &str, seq: u64) -> Result<Option<u64>, SourceError> {
        Ok(Some(seq))
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Notice>>);

impl Told {
    fn of(&self, action: &str) -> Vec<Notice> {
        self.0.lock().unwrap().iter().filter(|notice| notice.action == action).cloned().collect()
    }
}

impl Notices for Told {
    fn tell(&self, notice: Notice) -> Result<(), String> {
        self.0.lock().unwrap().push(notice);
        Ok(())
    }
}

/// What a receiver does with what it is sent.
type Behaviour = Box<dyn FnMut(&[Outgoing]) -> Result<usize, (usize, SinkError)> + Send>;

/// A receiver: how it behaves, and the places of all that it has.
struct Receiver {
    behaves: Mutex<Behaviour>,
    has: Mutex<Vec<u64>>,
    asked: AtomicU64,
}

impl Receiver {
    fn new() -> Arc<Receiver> {
        let behaves: Behaviour = Box::new(|events| Ok(events.len()));
        let (behaves, has) = (Mutex::new(behaves), Mutex::default());
        Arc::new(Receiver { behaves, has, asked: AtomicU64::new(0) })
    }

    fn behave(
        &self,
        behaves: impl FnMut(&[Outgoing]) -> Result<usize, (usize, SinkError)> + Send + 'static,
    ) {
        *self.behaves.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(behaves);
    }

    fn has(&self) -> Vec<u64> {
        self.has.lock().unwrap().clone()
    }
}

struct ToReceiver(Arc<Receiver>);

impl Sink for ToReceiver {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let answer = (self.0.behaves.lock().unwrap_or_else(PoisonError::into_inner))(events);
        let (taken, answer) = match answer {
            Ok(taken) => (taken, Ok(())),
            Err((taken, error)) => (taken, Err(error)),
        };
        let mut has = self.0.has.lock().unwrap();
        has.extend(events[..taken].iter().map(|event| event.pos));
        answer
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

struct World {
    log: Arc<Log>,
    told: Arc<Told>,
    receiver: Arc<Receiver>,
    clock: Arc<ManualClock>,
    storage: Arc<PowerStorage>,
    runtime: tokio::runtime::Runtime,
    streams: Option<Streams>,
}

impl World {
    fn new(records: u64) -> World {
        let log = Arc::new(Log::default());
        log.grow(records);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut world = World {
            log,
            told: Arc::default(),
            receiver: Receiver::new(),
            clock: Arc::new(ManualClock::default()),
            storage: Arc::new(PowerStorage::new()),
            runtime,
            streams: None,
        };
        world.start(Begin::Beginning);
        world
    }

    fn start(&mut self, begin: Begin) {
        let seams = Seams {
            storage: self.storage.clone(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let outlet = Outlet {
            source: self.log.clone(),
            notices: self.told.clone(),
            seams,
            runtime: self.runtime.handle().clone(),
        };
        let mut streams = Streams::default();
        let receiver = self.receiver.clone();
        let opener: Opener = Box::new(move |_| Ok(Box::new(ToReceiver(receiver.clone()))));
        let about = ("test", "nowhere".to_owned(), String::new());
        streams.add("siem", about, begin, opener, &outlet).unwrap();
        self.streams = Some(streams);
    }

    fn stop(&mut self) {
        assert!(self.streams.take().unwrap().stop(Duration::from_secs(20)));
    }

    /// The process is gone from one moment to the next, and with it what was not synced.
    fn kill(&mut self) {
        let left = Arc::new(self.storage.kill());
        // The old thread writes to what nobody reads any more.
        let old = std::mem::replace(&mut self.storage, left);
        self.receiver.behave(|_| Err((0, down("killed"))));
        self.stop();
        drop(old);
    }

    fn shared(&self) -> Arc<Shared> {
        self.streams.as_ref().unwrap().all().remove(0)
    }

    fn status(&self) -> StreamStatus {
        self.shared().status(self.log.end())
    }

    /// Waits until that is so; the thread looks by itself.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&StreamStatus) -> bool) -> StreamStatus {
        for _ in 0..4000 {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("{what} does not come: {:?}", self.status());
    }

    #[track_caller]
    fn until_sent(&self) -> StreamStatus {
        self.until("the end", |status| status.lag == 0 && status.state == State::Running)
    }
}

fn down(why: &str) -> SinkError {
    SinkError::Later { why: why.into(), wait: None }
}

fn without_repeats(has: &[u64]) -> Vec<u64> {
    let mut seen = std::collections::BTreeSet::new();
    has.iter().copied().filter(|pos| seen.insert(*pos)).collect()
}

#[test]
fn everything_is_sent_in_order_and_a_restart_goes_on_where_it_was() {
    let mut world = World::new(30);
    world.until_sent();
    assert_eq!(world.receiver.has(), (0..30).collect::<Vec<_>>());
    world.log.grow(5);
    world.until_sent();
    world.stop();
    world.log.grow(5);
    world.start(Begin::Now);
    world.until_sent();
    // A place that there is counts, not where a new one would begin; after a stop in good order nothing comes twice.
    assert_eq!(world.receiver.has(), (0..40).collect::<Vec<_>>());
    assert_eq!(world.told.of("stream.start").len(), 2, "each start of the process");
}

#[test]
fn a_new_stream_may_begin_with_now_and_that_holds_over_a_crash() {
    let mut world = World::new(0);
    world.stop();
    world.storage.put("streams/siem.json", None);
    world.log.grow(10);
    world.receiver.behave(|_| Err((0, down("not there"))));
    world.start(Begin::Now);
    world.log.grow(3);
    world.until("a failure", |status| status.state == State::Failing);
    world.kill();
    world.log.grow(2);
    world.receiver.behave(|events| Ok(events.len()));
    world.start(Begin::Now);
    world.until_sent();
    assert_eq!(world.receiver.has(), (10..15).collect::<Vec<_>>());
}

#[test]
fn a_receiver_that_is_down_for_ten_minutes_gets_everything_in_order_and_it_is_told_once() {
    let world = World::new(20);
    world.until_sent();
    world.receiver.behave(|_| Err((0, down("connection refused"))));
    world.log.grow(100);
    let failing = world.until("a failure", |status| status.state == State::Failing);
    assert_eq!(failing.trouble.unwrap().message, "connection refused");
    assert!(world.told.of("stream.fail").is_empty(), "not at once");
    for _ in 0..10 {
        let asked = world.receiver.asked.load(Ordering::SeqCst);
        world.clock.advance(60_000_000);
        world.until("another try", |_| world.receiver.asked.load(Ordering::SeqCst) > asked);
    }
    world.until("the notice", |_| world.told.of("stream.fail").len() == 1);
    let failing = world.status();
    assert_eq!((failing.lag, failing.oldest_unsent_at), (100, Some(Micros(20))));
    assert_eq!(failing.trouble.unwrap().failures, 11, "one look a minute, and no more");
    world.receiver.behave(|events| Ok(events.len()));
    world.clock.advance(RETRY_MICROS_MAX);
    world.until_sent();
    assert_eq!(world.receiver.has(), (0..120).collect::<Vec<_>>());
    assert_eq!((world.told.of("stream.fail").len(), world.told.of("stream.recover").len()), (1, 1));
}

#[test]
fn what_people_must_put_right_is_told_at_once_and_the_receivers_wait_is_kept() {
    let world = World::new(5);
    world.until_sent();
    let wrong = || SinkError::Wrong { why: "certificate expired".into(), hint: "renew it".into() };
    world.receiver.behave(move |_| Err((0, wrong())));
    world.log.grow(1);
    world.until("the notice", |_| world.told.of("stream.fail").len() == 1);
    let notice = world.told.of("stream.fail").remove(0);
    assert_eq!(
        (&notice.details["why"], &notice.details["hint"]),
        (&"certificate expired".into(), &"renew it".into())
    );
    assert_eq!(world.status().trouble.unwrap().hint.as_deref(), Some("renew it"));
    let wait = Some(Duration::from_secs(300));
    world.receiver.behave(move |_| Err((0, SinkError::Later { why: "429".into(), wait })));
    world.clock.advance(RETRY_MICROS);
    world.until("the other failure", |status| status.trouble.as_ref().unwrap().message == "429");
    let asked = world.receiver.asked.load(Ordering::SeqCst);
    world.clock.advance(299_000_000);
    std::thread::park_timeout(LOOK_EVERY * 3);
    assert_eq!(world.receiver.asked.load(Ordering::SeqCst), asked, "it did not wait");
    world.receiver.behave(|events| Ok(events.len()));
    world.clock.advance(1_000_000);
    world.until_sent();
}

#[test]
fn one_that_the_receiver_never_takes_is_set_aside_with_a_notice_and_many_are_not() {
    let world = World::new(0);
    world.receiver.behave(|events| {
        let bad = events.iter().position(|event| event.pos == 11);
        bad.map_or(Ok(events.len()), |at| {
            Err((at, SinkError::Poison { at, why: "too \u{1}large".into() }))
        })
    });
    world.log.grow(30);
    let status = world.until_sent();
    assert_eq!(status.set_aside, 1);
    assert_eq!(world.receiver.has(), (0..30).filter(|pos| *pos != 11).collect::<Vec<_>>());
    let notice = world.told.of("stream.set_aside").remove(0);
    assert_eq!(
        (&notice.details["seq"], &notice.details["why"]),
        (&11.into(), &"too  large".into())
    );
    world.receiver.behave(|_| Err((0, SinkError::Poison { at: 0, why: "no".into() })));
    world.log.grow(u64::from(SET_ASIDE_RUN_MAX) + 5);
    let failing = world.until("the stop", |status| status.state == State::Failing);
    assert_eq!(failing.set_aside, 1 + u64::from(SET_ASIDE_RUN_MAX));
    world.receiver.behave(|events| Ok(events.len()));
    world.shared().resume().unwrap();
    assert_eq!(world.until_sent().set_aside, 1 + u64::from(SET_ASIDE_RUN_MAX));
    assert_eq!(world.receiver.has().len(), 29 + 5);
}

#[test]
fn a_damaged_record_is_red_and_then_left_out_with_a_notice() {
    let world = World::new(0);
    world.log.damaged.lock().unwrap().push(4);
    world.log.grow(10);
    let failing = world.until("the alarm", |status| status.state == State::Failing);
    assert!(failing.trouble.unwrap().message.starts_with("ALARM"));
    assert_eq!(world.receiver.has(), [0, 1, 2, 3]);
    while world.status().state == State::Failing {
        world.clock.advance(RETRY_MICROS_MAX);
        std::thread::park_timeout(LOOK_EVERY / 4);
    }
    world.until_sent();
    assert_eq!(world.receiver.has(), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    assert_eq!(world.told.of("stream.set_aside").remove(0).details["pos"], 4);
}

#[test]
fn a_pause_holds_over_a_restart_and_a_replay_goes_through_to_the_present() {
    let mut world = World::new(10);
    world.until_sent();
    world.shared().pause().unwrap();
    world.log.grow(5);
    assert_eq!(world.status().state, State::Paused);
    world.kill();
    world.receiver.behave(|events| Ok(events.len()));
    world.start(Begin::Beginning);
    std::thread::park_timeout(LOOK_EVERY * 2);
    assert_eq!((world.status().state, world.receiver.has().len()), (State::Paused, 10));
    world.shared().resume().unwrap();
    world.until_sent();
    world.shared().replay(3).unwrap();
    world.until_sent();
    let has = world.receiver.has();
    assert_eq!(has[has.len() - 12..], (3..15).collect::<Vec<_>>());
    assert_eq!(without_repeats(&has), (0..15).collect::<Vec<_>>());
}

#[test]
fn a_replay_during_a_send_is_not_undone_by_its_end() {
    let world = World::new(5);
    world.until_sent();
    let shared = world.shared();
    world.receiver.behave(move |events| {
        if events[0].pos == 5 {
            shared.replay(2).unwrap();
        }
        Ok(events.len())
    });
    world.log.grow(2);
    world.until("the replay", |_| world.receiver.has().len() == 5 + 2 + 5);
    world.receiver.behave(|events| Ok(events.len()));
    world.until_sent();
    assert_eq!(world.receiver.has(), [0, 1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6]);
}

#[test]
fn a_log_that_is_another_one_stops_the_stream_until_somebody_says_where_to_go_on() {
    let mut world = World::new(20);
    world.until_sent();
    world.stop();
    // Restored to an earlier state.
    world.log.leaves.lock().unwrap().truncate(12);
    world.start(Begin::Beginning);
    let stopped = world.until("the stop", |status| status.state == State::Stopped);
    let hint = stopped.trouble.unwrap().hint.unwrap();
    assert!(hint.contains("indelible stream replay siem --from"), "{hint}");
    assert!(world.shared().resume().is_err() && world.shared().pause().is_err());
    world.until("the notice", |_| world.told.of("stream.fail").len() == 1);
    world.stop();
    // And grown again since: as long as it was, but not the same.
    for _ in 0..20 {
        world.log.leaves.lock().unwrap().push([9; 32]);
    }
    world.start(Begin::Beginning);
    world.until("the stop", |status| status.state == State::Stopped);
    world.shared().replay(12).unwrap();
    world.until_sent();
    assert_eq!(without_repeats(&world.receiver.has()), (0..32).collect::<Vec<_>>());
    world.stop();
    world.storage.put("streams/siem.json", Some(b"{}\nsha256 00\n"));
    world.start(Begin::Beginning);
    let stopped = world.until("the stop", |status| status.state == State::Stopped);
    assert!(stopped.trouble.unwrap().message.contains("checksum"));
    world.stop();
    assert_eq!(world.storage.image()["streams/siem.json"], b"{}\nsha256 00\n", "nobody guesses");
}

#[test]
fn over_failures_and_kills_everything_arrives_in_order_and_nothing_is_missing() {
    for seed in 0..indelible_sim::scale("INDELIBLE_STREAM_SEEDS", 12) {
        let mut rng = Rng::new(seed);
        let mut world = World::new(rng.below(0..20));
        for _ in 0..rng.below(0..6) + 1 {
            let mut dice = Rng::new(rng.bits());
            world.receiver.behave(move |events| {
                let some = usize::try_from(dice.below(0..events.len() as u64 + 1)).unwrap();
                match dice.below(0..8) {
                    // It has some of them, and cannot say so.
                    0 | 1 => Err((some, down("broken off"))),
                    2 => Err((0, SinkError::Wrong { why: "w".into(), hint: "h".into() })),
                    3 => panic!("a fault of the sink's own"),
                    _ => Ok(events.len()),
                }
            });
            world.log.grow(rng.below(0..60));
            for _ in 0..rng.below(0..12) {
                world.clock.advance(RETRY_MICROS_MAX);
                world.shared().resume().unwrap();
                std::thread::park_timeout(Duration::from_millis(2));
            }
            match rng.below(0..3) {
                0 => world.kill(),
                _ => world.stop(),
            }
            world.start(Begin::Beginning);
        }
        world.receiver.behave(|events| Ok(events.len()));
        while world.status().lag > 0 {
            world.clock.advance(RETRY_MICROS_MAX);
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let all: Vec<u64> = (0..world.log.end()).collect();
        assert_eq!(without_repeats(&world.receiver.has()), all, "seed {seed}");
        assert!(world.clock.now().0 > 0);
    }
}

//! Flush, close and drop: everybody is answered, in time.

use std::thread;
use std::time::{Duration, Instant};

use indelible_recorder::Cause;

use crate::harness::{Node, numbered, until};

#[test]
fn close_keeps_its_deadline_with_a_stuck_transport_and_says_how_many_are_left() {
    let node = Node::default();
    let recorder = node.recorder();
    node.hang(true);
    for n in 0..250 {
        recorder.record(numbered(n));
    }
    until("it is stuck", || !node.calls().is_empty());
    let begun = Instant::now();
    let left = recorder.close_within(Duration::from_millis(200)).wait().unwrap_err();
    assert_eq!(left.events, 250);
    assert!(!left.spooled);
    assert!((200..2_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    // What only memory held is counted.
    let unsent = |loss: &&indelible_recorder::Loss| loss.cause == Cause::Unsent;
    until("it is counted", || recorder.losses().iter().find(unsent).map(|l| l.count) == Some(250));
    // Closing again, flushing and recording neither wait nor fail.
    assert_eq!(recorder.close().wait().unwrap_err().events, 250);
    assert_eq!(recorder.flush().wait().unwrap_err().events, 250);
    recorder.record(numbered(0));
    assert!(recorder.losses().iter().any(|l| l.cause == Cause::Dropped && l.count == 1));
    drop(recorder);
    assert!(begun.elapsed() < Duration::from_secs(3));
    node.hang(false);
}

#[test]
fn close_sends_what_there_is_closes_the_transport_once_and_may_be_said_twice() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.flush_interval(Duration::MAX));
    for n in 0..50 {
        recorder.record(numbered(n));
    }
    let (first, second) = (recorder.close(), recorder.close_within(Duration::MAX));
    first.wait().unwrap();
    second.wait().unwrap();
    recorder.flush().wait().unwrap();
    recorder.close().wait().unwrap();
    assert_eq!(node.numbers(), (0..50).collect::<Vec<_>>());
    recorder.record(numbered(50));
    assert!(recorder.record_durable(numbered(51)).wait().is_err());
    assert_eq!(recorder.losses().iter().map(|loss| loss.count).sum::<u64>(), 2);
    drop(recorder);
    assert_eq!(node.closed(), 1);
    assert_eq!(node.arrived().len(), 50);
}

#[test]
fn each_close_is_answered_within_its_own_time() {
    let node = Node::default();
    let recorder = node.recorder();
    node.hang(true);
    recorder.record(numbered(1));
    let begun = Instant::now();
    let long = recorder.close_within(Duration::from_secs(20));
    assert_eq!(recorder.close_within(Duration::from_millis(50)).wait().unwrap_err().events, 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
    // The other one still has time.
    node.hang(false);
    long.wait().unwrap();
    assert_eq!(node.numbers(), [1]);
}

#[test]
fn the_last_clone_sends_what_there_is() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.flush_interval(Duration::from_secs(60)));
    let clone = recorder.clone();
    recorder.record(numbered(1));
    drop(recorder);
    clone.record(numbered(2));
    drop(clone);
    assert_eq!(node.numbers(), [1, 2]);
}

#[test]
fn what_comes_back_while_it_closes_is_used() {
    let node = Node::default();
    let recorder = node.recorder();
    node.down();
    recorder.record(numbered(1));
    // Its pauses have become long by then.
    until("it was tried often", || node.calls().len() >= 4);
    let closing = recorder.close();
    node.up();
    let begun = Instant::now();
    closing.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(node.numbers(), [1]);
}

#[test]
fn nothing_is_lost_without_a_count_while_others_record_and_it_closes() {
    for round in 0..40 {
        let node = Node::default();
        let recorder = node.recorder();
        let recorded: u64 = thread::scope(|scope| {
            let record = |thread: u64| {
                let recorder = &recorder;
                scope.spawn(move || {
                    for n in 0..500 {
                        recorder.record(numbered(thread * 1_000 + n));
                    }
                    500
                })
            };
            let threads: Vec<_> = (0..3).map(record).collect();
            for _ in 0..round {
                thread::yield_now();
            }
            recorder.close().wait().unwrap();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let lost: u64 = recorder.losses().iter().map(|loss| loss.count).sum();
        assert_eq!(node.numbers().len() as u64 + lost, recorded);
    }
}

#[test]
fn flush_is_about_what_was_recorded_before_it() {
    let node = Node::default();
    let recorder = node.recorder();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (recorder, node) = (&recorder, &node);
            scope.spawn(move || {
                for n in 0..30 {
                    let number = thread * 1_000 + n;
                    recorder.record(numbered(number));
                    recorder.flush().wait().unwrap();
                    assert!(node.numbers().contains(&number), "{number}");
                }
            });
        }
    });
    assert_eq!(node.arrived().len(), 120);
    recorder.flush().wait().unwrap();
}

#[test]
fn closing_needs_no_other_thread_of_an_async_program() {
    // One thread that runs everything: as long as the answer is awaited nothing else moves on it.
    let node = Node::default();
    let recorder = node.recorder();
    let answer = block_on(async {
        recorder.record(numbered(1));
        recorder.flush().await.unwrap();
        recorder.record(numbered(2));
        drop(recorder);
        7
    });
    assert_eq!(answer, 7);
    assert_eq!(node.numbers(), [1, 2]);
}

/// The smallest of executors.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        let mut context = std::task::Context::from_waker(&waker);
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// A waker that drops the recorder on the very thread that wakes it.
#[test]
fn a_recorder_may_be_dropped_by_its_own_thread() {
    struct Last(std::sync::Mutex<Option<indelible_recorder::Recorder>>);
    impl std::task::Wake for Last {
        fn wake(self: std::sync::Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let node = Node::default();
    let recorder = node.recorder();
    let mut ticket = recorder.flush();
    node.hang(true);
    recorder.record(numbered(1));
    let last = std::sync::Arc::new(Last(std::sync::Mutex::new(None)));
    let mut second = recorder.flush();
    *last.0.lock().unwrap() = Some(recorder);
    let waker = last.clone().into();
    let mut context = std::task::Context::from_waker(&waker);
    let _ = std::pin::Pin::new(&mut ticket).poll(&mut context);
    let _ = std::pin::Pin::new(&mut second).poll(&mut context);
    node.hang(false);
    until("it arrived", || node.numbers() == [1]);
    until("it is closed", || node.closed() == 1);
}

//! Many threads at once.

use std::thread;

use indelible_recorder::{SendError, Sent, Transport};

use crate::harness::{Node, numbered, seqs, until};

#[test]
fn eight_threads_arrive_whole_once_and_in_order() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.memory_bytes(1 << 30).batch_size(1_000));
    let (threads, each) = (8, 50_000);
    thread::scope(|scope| {
        for thread in 0..threads {
            let recorder = &recorder;
            scope.spawn(move || {
                for n in 0..each {
                    recorder.record(numbered(thread * each + n));
                }
            });
        }
    });
    recorder.close_within(std::time::Duration::from_secs(120)).wait().unwrap();
    let events = node.arrived();
    assert_eq!(events.len() as u64, threads * each);
    assert_eq!(node.twice(), 0);
    let seqs = seqs(&events);
    let [numbers] = seqs.values().collect::<Vec<_>>()[..] else { panic!("one source") };
    assert!(numbers.iter().copied().eq(0..threads * each), "every number once, in order");
    // And each thread's in its own order.
    let mut last = vec![None; threads as usize];
    for n in node.numbers() {
        let last = &mut last[(n / each) as usize];
        assert!(*last < Some(n));
        *last = Some(n);
    }
}

/// Keeps nothing, so that what is measured is the recorder.
struct Nowhere;

impl Transport for Nowhere {
    fn destination(&self) -> String {
        "nowhere".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        Ok(events.iter().map(|_| Sent::Refused("nowhere".into())).collect())
    }
}

#[test]
fn awaited_events_that_were_answered_are_forgotten() {
    let node = Node::default();
    let recorder = node.recorder();
    thread::scope(|scope| {
        for thread in 0..4 {
            let recorder = &recorder;
            scope.spawn(move || {
                for n in 0..500 {
                    recorder.record_durable(numbered(thread * 500 + n)).wait().unwrap();
                }
            });
        }
    });
    assert_eq!(node.arrived().len(), 2_000);
    recorder.close().wait().unwrap();
    drop(recorder);
    let nowhere = indelible_recorder::Recorder::builder(Nowhere).build().unwrap();
    nowhere.record(numbered(1));
    until("it was refused", || !nowhere.losses().is_empty());
}

//! Many threads at once; `INDELIBLE_LOAD` is how many events each of them records.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use indelible_recorder::{EventId, Receipt, Recorder, SendError, Sent, Transport};

use crate::harness::{Node, numbered};

/// Keeps two numbers of each event, as more would take longer than the recorder does.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<(u64, u64)>>>);

impl Transport for Numbers {
    fn destination(&self) -> String {
        "numbers".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let mut numbers = self.0.lock().unwrap();
        let keep = |event: &&[u8]| {
            let event = std::str::from_utf8(event).unwrap();
            let after = |key: &str| {
                let rest = &event[event.rfind(key).unwrap() + key.len()..];
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
                rest[..end].parse().unwrap()
            };
            numbers.push((after("\"seq\":"), after("\"n\":")));
            let id = EventId::default();
            Sent::Kept(Receipt { id, trail: "t".into(), seq: None, leaf: None })
        };
        Ok(events.iter().map(keep).collect())
    }
}

#[test]
fn eight_threads_arrive_whole_once_and_in_order() {
    let node = Numbers::default();
    let builder = Recorder::builder(node.clone()).memory_bytes(1 << 30).batch_size(1_000);
    let recorder = builder.build().unwrap();
    let threads = 8;
    let each = std::env::var("INDELIBLE_LOAD").map_or(15_000, |each| each.parse().unwrap());
    thread::scope(|scope| {
        for thread in 0..threads {
            let recorder = &recorder;
            scope.spawn(move || {
                for n in 0..each {
                    recorder.record(numbered(thread * each + n));
                }
            });
        }
        // Whoever waits meanwhile is answered.
        for _ in 0..5 {
            let begun = Instant::now();
            let _ = recorder.flush().wait();
            assert!(begun.elapsed() < Duration::from_secs(11));
        }
    });
    recorder.close_within(Duration::from_secs(120)).wait().unwrap();
    let arrived = node.0.lock().unwrap().clone();
    assert!(arrived.iter().map(|(seq, _)| *seq).eq(0..threads * each), "every number, in order");
    // And each thread's in its own order.
    let mut last = vec![None; threads as usize];
    for (_, n) in arrived {
        let last = &mut last[(n / each) as usize];
        assert!(*last < Some(n));
        *last = Some(n);
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
}

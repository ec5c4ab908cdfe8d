use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::super::{Settings, WhenFull};
use super::*;
use crate::buffer::{Encoded, Full};
use crate::encode::Encoder;
use crate::event::Event;
use crate::policy::Policy;
use crate::redact::Redaction;
use crate::transport::{SendError, Sent, Transport};

/// A buffer with a bug.
struct Buggy;

impl Buffer for Buggy {
    fn push(&mut self, _: Encoded) -> Result<(), Full> {
        panic!("on purpose")
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn front(&mut self, _: usize, _: usize) -> io::Result<Vec<Encoded>> {
        Ok(Vec::new())
    }

    fn advance(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> u64 {
        0
    }

    fn survives(&self) -> bool {
        false
    }

    fn take_mortal(&mut self) -> Vec<Encoded> {
        Vec::new()
    }
}

struct Nowhere;

impl Transport for Nowhere {
    fn destination(&self) -> String {
        "nowhere".into()
    }

    fn send(&self, _: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        Err(SendError::passing("nowhere"))
    }
}

fn broken() -> Arc<Engine> {
    let settings = Settings {
        batch_size: 10,
        flush_interval: Duration::ZERO,
        queue_bytes_max: 1 << 20,
        when_full: WhenFull::Wait,
        durable_max: Duration::from_secs(60),
    };
    let encoder = Encoder::new(Policy::default(), Redaction::default());
    Engine::start(encoder, Box::new(Nowhere), Box::new(Buggy), settings).unwrap()
}

#[test]
fn a_thread_that_panics_leaves_nobody_waiting() {
    let engine = broken();
    let awaited = engine.push_durable(Event::new("a.b"));
    engine.push(Event::new("a.b"));
    assert!(engine.flush().wait().is_err());
    // By then it takes nothing more.
    assert!(engine.is_closed());
    assert!(awaited.wait().is_err());
    assert!(engine.push_durable(Event::new("a.b")).wait().is_err());
    engine.push(Event::new("a.b"));
    assert!(engine.close(Duration::from_secs(60)).wait().is_err());
    let losses = engine.encoder.ledger.all();
    assert_eq!(losses.iter().map(|loss| loss.count).sum::<u64>(), 4, "{losses:?}");
}

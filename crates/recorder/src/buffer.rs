//! Where encoded events wait for their sending, in order.

use std::collections::VecDeque;
use std::io;

use crate::limits::ENCODED_OVERHEAD_BYTES;

/// An event as it will be sent, and what is counted if it is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) event_type: Box<str>,
    /// The event's JSON.
    pub(crate) json: Vec<u8>,
}

impl Encoded {
    /// About how many bytes of memory it holds.
    pub(crate) fn weight(&self) -> usize {
        ENCODED_OVERHEAD_BYTES + self.event_type.len() + self.json.len()
    }
}

/// There is no room. The event is given back.
#[derive(Debug)]
pub(crate) struct Full(pub(crate) Encoded);

/// A queue of encoded events: in memory, or on disk.
pub(crate) trait Buffer: Send {
    /// Adds an event at the end.
    fn push(&mut self, event: Encoded) -> Result<(), Full>;

    /// Hands over what was pushed to whatever survives the process, if this buffer does.
    fn commit(&mut self) -> io::Result<()>;

    /// The first events, at most so many and so many bytes, but one if there is one.
    fn front(&mut self, events_max: usize, bytes_max: usize) -> io::Result<Vec<Encoded>>;

    /// The first so many are settled.
    fn advance(&mut self, events: usize) -> io::Result<()>;

    /// How many wait.
    fn len(&self) -> u64;

    /// Whether they survive the process.
    fn survives(&self) -> bool;

    /// Takes out those that would go with the process.
    fn take_mortal(&mut self) -> Vec<Encoded>;

    /// Keeps an event that nobody takes for whoever wants to look, if this buffer keeps anything.
    fn set_aside(&mut self, _event: &Encoded, _why: &str) {}

    /// How many events turned out to be unreadable since this was last asked. They are not waiting any more.
    fn take_damaged(&mut self) -> u64 {
        0
    }
}

/// A buffer that goes with the process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    events: VecDeque<Encoded>,
    bytes: usize,
    bytes_max: usize,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Memory {
        Memory { bytes_max, ..Memory::default() }
    }
}

impl Buffer for Memory {
    fn push(&mut self, event: Encoded) -> Result<(), Full> {
        // One that is larger than everything must not wait for ever.
        if self.bytes + event.weight() > self.bytes_max && !self.events.is_empty() {
            return Err(Full(event));
        }
        self.bytes += event.weight();
        self.events.push_back(event);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn front(&mut self, events_max: usize, bytes_max: usize) -> io::Result<Vec<Encoded>> {
        let mut bytes = 0;
        let mut fits = |event: &&Encoded| {
            let first = bytes == 0;
            bytes += event.json.len();
            first || bytes <= bytes_max
        };
        Ok(self.events.iter().take(events_max).take_while(|event| fits(event)).cloned().collect())
    }

    fn advance(&mut self, events: usize) -> io::Result<()> {
        for event in self.events.drain(..events) {
            self.bytes -= event.weight();
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.events.len() as u64
    }

    fn survives(&self) -> bool {
        false
    }

    fn take_mortal(&mut self) -> Vec<Encoded> {
        self.bytes = 0;
        std::mem::take(&mut self.events).into()
    }
}

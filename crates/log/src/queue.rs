//! The way to the sequencer: first in, first out, bounded by bytes, closable.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use crate::limits;

/// Something that weighs some bytes while it waits.
pub(crate) trait Weigh {
    fn weight(&self) -> usize;
}

/// A bounded queue with one consumer.
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    /// The consumer waits here for work.
    work: Condvar,
    /// Producers wait here for room.
    room: Condvar,
}

struct Inner<T> {
    items: VecDeque<T>,
    bytes: usize,
    closed: bool,
    consumer_waits: bool,
}

impl<T: Weigh> Queue<T> {
    pub fn new() -> Self {
        let inner =
            Inner { items: VecDeque::new(), bytes: 0, closed: false, consumer_waits: false };
        Queue { inner: Mutex::new(inner), work: Condvar::new(), room: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().expect("nothing panics while holding the queue")
    }

    /// Waits for room and appends; gives the item back if the queue is closed.
    pub fn push(&self, item: T) -> Result<(), T> {
        let mut inner = self.lock();
        // One item is let in whatever it weighs, or a large one would wait for ever.
        while !inner.closed
            && inner.bytes > 0
            && inner.bytes + item.weight() > limits::QUEUE_BYTES_MAX
        {
            inner = self.room.wait(inner).expect("nothing panics while holding the queue");
        }
        if inner.closed {
            return Err(item);
        }
        inner.bytes += item.weight();
        inner.items.push_back(item);
        if inner.consumer_waits {
            inner.consumer_waits = false;
            drop(inner);
            self.work.notify_one();
        }
        Ok(())
    }

    /// Waits for work and takes as many items from the front as `fits` accepts, at least one. `None`
    /// once the queue is closed and empty.
    pub fn take(&self, into: &mut Vec<T>, mut fits: impl FnMut(&T) -> bool) -> Option<()> {
        let mut inner = self.lock();
        while inner.items.is_empty() {
            if inner.closed {
                return None;
            }
            inner.consumer_waits = true;
            inner = self.work.wait(inner).expect("nothing panics while holding the queue");
        }
        while let Some(item) = inner.items.front() {
            if !fits(item) && !into.is_empty() {
                break;
            }
            let item = inner.items.pop_front().expect("front gave it");
            inner.bytes -= item.weight();
            into.push(item);
        }
        drop(inner);
        self.room.notify_all();
        Some(())
    }

    /// Lets nobody in any more and drops what is inside, so that whoever waits for an answer hears that
    /// none will come.
    pub fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().items);
        drop(left);
    }

    /// Lets nobody in any more; what is inside is still taken out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }
}

//! Sends the buffer's events in order, a batch at a time, until each is answered for.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Engine, State, lock};
use crate::buffer::Encoded;
use crate::clock;
use crate::ledger::Cause;
use crate::limits::{BATCH_BYTES_MAX, RETRY_MAX, RETRY_MIN};
use crate::transport::{SendError, Sent};

impl Engine {
    pub(super) fn run_sender(&self) {
        let mut failures = 0;
        while let Some(batch) = self.next_batch() {
            let Err(error) = self.send_batch(&batch) else {
                failures = 0;
                lock(&self.state).trouble = None;
                self.settle(batch.len());
                continue;
            };
            failures += 1;
            if failures == 1 {
                tracing::warn!(to = self.transport.destination(), %error, "audit events cannot be sent; trying again");
            }
            self.pause_sending(&error, failures);
        }
        let mut state = lock(&self.state);
        state.sender_done = true;
        drop(state);
        self.wake_drainer();
    }

    /// The next events to send, once there is reason to; `None` at the end.
    fn next_batch(&self) -> Option<Vec<Encoded>> {
        let mut state = lock(&self.state);
        loop {
            if state.abandoned() || state.no_more && state.buffer.len() == 0 {
                return None;
            }
            let wait = self.wait_before_sending(&state);
            if wait.is_some_and(|wait| wait.is_zero()) {
                match state.buffer.front(self.settings.batch_size, BATCH_BYTES_MAX) {
                    Ok(batch) if !batch.is_empty() => return Some(batch),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(%error, "the spool cannot be read");
                        state.trouble = Some(error.to_string());
                    }
                }
            }
            // Without a reason of its own it is woken by whoever makes one; the bound is against a missed call.
            let wait = wait.filter(|wait| !wait.is_zero()).unwrap_or(RETRY_MAX);
            let waited = self.sender_wakes.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How long the first event may still wait for others; `None` if there is none.
    fn wait_before_sending(&self, state: &State) -> Option<Duration> {
        let since = state.since?;
        let full = state.buffer.len() >= self.settings.batch_size as u64;
        if full || state.closing.is_some() || !state.waiters.is_empty() {
            return Some(Duration::ZERO);
        }
        Some((since + self.settings.flush_interval).saturating_duration_since(clock::instant()))
    }

    /// Sends until each event of the batch is kept or refused for good.
    fn send_batch(&self, batch: &[Encoded]) -> Result<(), SendError> {
        let mut open: Vec<&Encoded> = batch.iter().collect();
        while !open.is_empty() {
            let events: Vec<&[u8]> = open.iter().map(|event| &*event.json).collect();
            let results = match self.transport.send(&events) {
                Ok(results) => results,
                Err(error) if error.rejected => return self.send_apart(&open, &error),
                Err(error) => return Err(error),
            };
            if results.len() != open.len() {
                return Err(SendError::passing("the answer was about another number of events"));
            }
            let mut failed = Vec::new();
            let mut why = None;
            for (event, result) in open.iter().zip(results) {
                match result {
                    Sent::Kept(_) => {}
                    Sent::Refused(why) => self.refused(event, &why),
                    Sent::Failed(said) => {
                        why = Some(said);
                        failed.push(*event);
                    }
                }
            }
            if let Some(why) = why
                && failed.len() == open.len()
            {
                return Err(SendError::passing(why));
            }
            open = failed;
        }
        Ok(())
    }

    /// A batch that was turned away as a whole: halves of it, until those that cannot be sent are alone.
    fn send_apart(&self, events: &[&Encoded], error: &SendError) -> Result<(), SendError> {
        if let [event] = events {
            self.refused(event, &error.why);
            return Ok(());
        }
        let (front, back) = events.split_at(events.len() / 2);
        for half in [front, back] {
            let half: Vec<Encoded> = half.iter().map(|event| (*event).clone()).collect();
            self.send_batch(&half)?;
        }
        Ok(())
    }

    fn refused(&self, event: &Encoded, why: &str) {
        tracing::error!(why, event = %String::from_utf8_lossy(&event.json), "an audit event was refused");
        self.encoder.ledger.count(&event.event_type, Cause::Refused, 1);
    }

    fn settle(&self, events: usize) {
        let mut state = lock(&self.state);
        if let Err(error) = state.buffer.advance(events) {
            // They would be sent again, which is harmless.
            tracing::warn!(%error, "the spool cannot forget what was sent");
            state.trouble = Some(error.to_string());
        }
        state.since = (state.buffer.len() > 0).then(clock::instant);
        state.answer_waiters();
        drop(state);
        // There is room in the buffer again.
        self.wake_drainer();
    }

    fn pause_sending(&self, error: &SendError, failures: u32) {
        let backoff =
            RETRY_MIN.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(RETRY_MAX);
        let until = clock::instant()
            + error.retry_after.map_or(backoff, |wait| wait.max(backoff).min(RETRY_MAX));
        let mut state = lock(&self.state);
        state.trouble = Some(error.why.clone());
        loop {
            let left = until.saturating_duration_since(clock::instant());
            if left.is_zero() || state.abandoned() {
                return;
            }
            let waited = self.sender_wakes.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

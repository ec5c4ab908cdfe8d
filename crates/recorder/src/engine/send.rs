//! Sends the buffer's events in order, a batch at a time, until each is answered for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Engine, State, give, lock};
use crate::buffer::Encoded;
use crate::clock;
use crate::limits::{
    BATCH_BYTES_MAX, FOREVER, RETRY_AFTER_MAX, RETRY_AWAITED_MAX, RETRY_MAX, RETRY_MIN,
};
use crate::transport::{SendError, Sent};

/// How long to wait after so many failures in a row.
pub(super) fn pause(failures: u32, longest: Duration, error: &SendError) -> Duration {
    let backoff = RETRY_MIN.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(longest);
    // What the other side asks for is heeded, but not without bound.
    error.retry_after.map_or(backoff, |wait| wait.min(RETRY_AFTER_MAX).max(backoff))
}

impl Engine {
    pub(super) fn run_sender(&self) {
        while let Some(batch) = self.next_batch() {
            if !self.send_batch(&batch) {
                break;
            }
            self.settle(batch.len());
        }
        if catch_unwind(AssertUnwindSafe(|| self.transport.close())).is_err() {
            tracing::error!(
                to = self.transport.destination(),
                "the transport panicked when closed"
            );
        }
        lock(&self.state).sender_done = true;
        self.wake_drainer();
    }

    /// The next events to send, once there is reason to; `None` at the end.
    fn next_batch(&self) -> Option<Vec<Encoded>> {
        let mut failures = 0;
        let mut state = lock(&self.state);
        loop {
            if state.abandoned() || state.no_more && state.buffer.len() == 0 {
                return None;
            }
            let mut wait = self.wait_before_sending(&state);
            if wait.is_some_and(|wait| wait.is_zero()) {
                match state.buffer.front(self.settings.batch_size, BATCH_BYTES_MAX) {
                    Ok(batch) if !batch.is_empty() => return Some(batch),
                    // All that waited turned out to be damaged.
                    Ok(_) => state.since = None,
                    Err(error) => {
                        tracing::error!(%error, "the spool cannot be read");
                        state.trouble = Some(error.to_string());
                        failures += 1;
                        wait = Some(pause(failures, RETRY_MAX, &SendError::passing("")));
                    }
                }
            }
            let until = wait.filter(|wait| !wait.is_zero()).map(clock::after);
            // Woken for nothing it must not read again before its pause is over.
            loop {
                // Without a reason of its own it is woken by whoever makes one; the bound is against a missed call.
                let left =
                    until.map_or(RETRY_MAX, |at| at.saturating_duration_since(clock::instant()));
                let waited = self.sender_wakes.wait_timeout(state, left.min(RETRY_MAX));
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                let over = until.is_none_or(|at| at <= clock::instant());
                if failures == 0 || over || state.abandoned() {
                    break;
                }
            }
        }
    }

    /// How long the first event may still wait for others; `None` if there is none.
    fn wait_before_sending(&self, state: &State) -> Option<Duration> {
        let since = state.since?;
        let full = state.buffer.len() >= self.settings.batch_size as u64;
        if full || state.closing.is_some() || !state.waiters.is_empty() {
            return Some(Duration::ZERO);
        }
        let until = since + self.settings.flush_interval.min(FOREVER);
        Some(until.saturating_duration_since(clock::instant()))
    }

    /// Sends until each event of the batch is kept or refused for good; false if it was given up before.
    fn send_batch(&self, batch: &[Encoded]) -> bool {
        let mut open: Vec<&Encoded> = batch.iter().collect();
        let mut failures = 0;
        loop {
            let events: Vec<&[u8]> = open.iter().map(|event| &*event.json).collect();
            let delivered = self.deliver(&events);
            let mut failed = Vec::new();
            let mut trouble = delivered.trouble;
            for (event, result) in open.iter().zip(delivered.results) {
                match result {
                    Sent::Kept(_) => {}
                    Sent::Refused(why) => self.refused(event, &why),
                    Sent::Failed(why) => {
                        failed.push(*event);
                        // Where some were kept the others are tried again at once.
                        if failed.len() == open.len() {
                            trouble.get_or_insert_with(|| SendError::passing(why));
                        }
                    }
                }
            }
            open = failed;
            if open.is_empty() {
                lock(&self.state).trouble = None;
                if failures > 0 {
                    tracing::info!(
                        to = self.transport.destination(),
                        "audit events are sent again"
                    );
                }
                return true;
            }
            let Some(error) = trouble else { continue };
            failures += 1;
            if failures == 1 {
                tracing::warn!(to = self.transport.destination(), %error, "audit events cannot be sent; trying again");
            }
            if !self.pause_sending(&error, failures) {
                return false;
            }
        }
    }

    fn settle(&self, events: usize) {
        let mut state = lock(&self.state);
        if state.ended.is_some() {
            // The buffer is gone; whoever has it next sends them again, which is harmless.
            return;
        }
        let advanced = state.buffer.advance(events);
        if let Err(error) = &advanced {
            state.trouble = Some(error.to_string());
        }
        state.since = (state.buffer.len() > 0).then(clock::instant);
        let reached = state.reached();
        let wake = state.wants_room || state.closing.is_some();
        drop(state);
        if let Err(error) = advanced {
            // They would be sent again, which is harmless.
            tracing::warn!(%error, "the spool cannot forget what was sent");
        }
        give(reached);
        if wake {
            self.wake_drainer();
        }
    }

    /// Waits before the next try; false if there will be none.
    fn pause_sending(&self, error: &SendError, failures: u32) -> bool {
        let from = clock::instant();
        let mut state = lock(&self.state);
        state.trouble = Some(error.why.clone());
        loop {
            if state.abandoned() {
                return false;
            }
            // Where somebody waits for the end, what comes back in time should be used.
            let longest = if state.closing.is_some() { RETRY_AWAITED_MAX } else { RETRY_MAX };
            let until: Instant = from + pause(failures, longest, error);
            let left = until.saturating_duration_since(clock::instant());
            if left.is_zero() {
                return true;
            }
            let waited = self.sender_wakes.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

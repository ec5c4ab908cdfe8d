//! How long to wait before something is tried again.

use std::time::Duration;

use crate::limits::{BACKOFF_FIRST, BACKOFF_MAX, TRIES_MAX};

/// Waits that double, up to a longest one.
///
/// There is no randomness in them: a client retries one request at a time, and a node that comes back is
/// met by as many clients as it had before.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How often something is tried in all.
    pub tries: u32,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { first: BACKOFF_FIRST, longest: BACKOFF_MAX, tries: TRIES_MAX }
    }
}

impl Backoff {
    /// The wait after so many failures in a row, or what the node asks for if that is longer; nothing once
    /// it is to be given up.
    pub fn wait(&self, failures: u32, asked: Option<Duration>) -> Option<Duration> {
        if failures >= self.tries {
            return None;
        }
        let factor = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = self.first.saturating_mul(factor);
        Some(wait.max(asked.unwrap_or_default()).min(self.longest))
    }
}

/// Lets time pass: the one place of the client that does.
#[expect(
    clippy::disallowed_methods,
    reason = "a node that cannot be reached tells nothing that could be waited for"
)]
pub(crate) fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_millis(350),
            tries: 5,
        };
        let waits: Vec<_> =
            (1..=5).map(|n| backoff.wait(n, None).map(|wait| wait.as_millis())).collect();
        assert_eq!(waits, [Some(100), Some(200), Some(350), Some(350), None]);
        let asked = Some(Duration::from_millis(300));
        assert_eq!(backoff.wait(1, asked), asked);
    }
}

//! A matcher and its windows.

use std::sync::Arc;

use indelible_event::Micros;

use crate::matching::{Matcher, Scratch};
use crate::model::{Firing, Seen};
use crate::set::RuleSet;
use crate::windows::{Windows, WindowsError};

/// Judges a history, event by event.
pub struct Engine {
    matcher: Matcher,
    windows: Windows,
    scratch: Scratch,
}

impl Engine {
    /// One that has seen nothing.
    pub fn new(rules: &Arc<RuleSet>, lateness: Micros) -> Engine {
        let (matcher, windows) = (Matcher::new(rules), Windows::new(rules, lateness));
        Engine { matcher, windows, scratch: Scratch::default() }
    }

    /// One that goes on from what another had saved; also which rules' state was taken over.
    pub fn restore(
        rules: &Arc<RuleSet>,
        lateness: Micros,
        saved: &[u8],
    ) -> Result<(Engine, Vec<bool>), WindowsError> {
        let (windows, taken) = Windows::restore(rules, lateness, saved)?;
        let engine = Engine { matcher: Matcher::new(rules), windows, scratch: Scratch::default() };
        Ok((engine, taken))
    }

    /// All state.
    pub fn save(&self) -> Vec<u8> {
        self.windows.save()
    }

    /// Looks at the next event of the log. An event that cannot be read is passed over.
    pub fn see(&mut self, seen: &Seen<'_>, firings: &mut Vec<Firing>) {
        if let Ok(looked) = self.matcher.look(seen, &mut self.scratch) {
            self.windows.take(&looked, firings);
        }
    }

    /// No record that comes later was recorded before this moment.
    pub fn tick(&mut self, now: Micros, firings: &mut Vec<Firing>) {
        self.windows.tick(now, firings);
    }
}

//! `first_seen`: a value that is new for a group that is not.

use super::WindowsError;
use super::codec::{self, NUMBER, Reader, Writer};
use super::latest::Values;
use super::window::{Around, Entry, Found, Mark, Window};

/// The values that are known.
#[derive(Debug, Default)]
pub(super) struct FirstSeen {
    values: Values,
    /// Since when the group is known.
    since: Option<i64>,
}

impl FirstSeen {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<FirstSeen, WindowsError> {
        let since = Some(from.time()?);
        let values = Values::read(from)?;
        if values.len() == 0 {
            return Err(codec::damaged("a group is known by nothing"));
        }
        Ok(FirstSeen { values, since })
    }
}

impl Window for FirstSeen {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        let (need, value) = (around.need, entry.value?);
        let latest = self.values.latest(value);
        let since = self.since.replace(self.since.map_or(entry.at, |since| since.min(entry.at)));
        if latest.is_none() {
            self.values.forget(entry.now, around);
        }
        self.values.put(Mark { event: None, ..Mark::of(entry) }, value);
        let is_known = latest.is_some_and(|latest| entry.at.saturating_sub(latest) <= need.span);
        let learned = since.is_some_and(|since| (entry.at - since).max(0) >= need.learn);
        if is_known || !learned {
            return None;
        }
        let (at, events) = (entry.at, entry.events.to_vec());
        let note = Some(format!("{} {value} is new", need.field));
        Some(Found { count: 1, first: at, last: at, at, note, events })
    }

    fn items(&self) -> usize {
        self.values.len()
    }

    fn weight(&self) -> usize {
        NUMBER + self.values.weight()
    }

    fn write(&self, to: &mut Writer) {
        to.i64(self.since.unwrap_or_default());
        self.values.write(to);
    }
}

//! The numbers of one source.

use roaring::RoaringTreemap;

use crate::limits::MISSING_RANGES_MAX;

/// Which numbers of a source there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Different numbers that were received in the time asked for.
    pub received: u64,
    /// Numbers between that were not received at all.
    pub missing: u64,
    /// The first ranges of them, both ends included.
    pub ranges: Vec<(u64, u64)>,
    /// How many ranges more.
    pub more_ranges: u64,
    /// Numbers that were not received yet, just before one that was a moment ago.
    pub in_flight: u64,
}

/// Numbers as they come in.
pub(super) struct Kept {
    lowest: u64,
    highest: u64,
    /// `None` once there were too many that are too scattered.
    all: Option<RoaringTreemap>,
    recent: RoaringTreemap,
    /// Numbers that followed each other and are not in `all` yet: most do, and so cost next to nothing.
    run: Option<(u64, u64)>,
    received: u64,
}

impl Kept {
    pub fn new(first: u64) -> Kept {
        let (all, recent) = (Some(RoaringTreemap::new()), RoaringTreemap::new());
        Kept { lowest: first, highest: first, all, recent, run: None, received: 0 }
    }

    pub fn lowest(&self) -> u64 {
        self.lowest
    }

    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes a number of the time asked for.
    pub fn take(&mut self, seq: u64, recent: bool) {
        self.lowest = self.lowest.min(seq);
        self.highest = self.highest.max(seq);
        if self.all.is_none() {
            return;
        }
        if recent {
            self.recent.insert(seq);
        }
        self.run = match self.run {
            Some((from, to)) if to.checked_add(1) == Some(seq) => Some((from, seq)),
            Some((from, to)) if (from..=to).contains(&seq) => Some((from, to)),
            _ => {
                self.flush();
                Some((seq, seq))
            }
        };
    }

    fn flush(&mut self) {
        if let (Some(all), Some((from, to))) = (&mut self.all, self.run.take()) {
            all.insert_range(from..=to);
        }
    }

    /// The time asked for is over: what comes now is from before.
    pub fn settle(&mut self) {
        self.flush();
        self.received = self.all.as_ref().map_or(0, RoaringTreemap::len);
    }

    /// Whether a number between the least and the greatest is missing.
    pub fn is_open(&self) -> bool {
        let len = |all: &RoaringTreemap| all.len();
        self.all.as_ref().map(len).is_some_and(|len| self.highest - self.lowest >= len)
    }

    /// Takes a number from before.
    pub fn fill(&mut self, seq: u64) {
        if let Some(all) = self.all.as_mut().filter(|_| (self.lowest..=self.highest).contains(&seq))
        {
            all.insert(seq);
        }
    }

    /// About the memory it takes.
    pub fn bytes(&self) -> usize {
        self.all.as_ref().map_or(0, |all| all.serialized_size() + self.recent.serialized_size())
    }

    /// Holds no more numbers.
    pub fn give_up(&mut self) {
        (self.all, self.recent, self.run) = (None, RoaringTreemap::new(), None);
    }

    /// What is there, and what is missing from 0 on, or from the least number on.
    pub fn numbers(&self, from_zero: bool) -> Option<Numbers> {
        let all = self.all.as_ref()?;
        let mut numbers = Numbers { received: self.received, ..Numbers::default() };
        let mut next = if from_zero { 0 } else { self.lowest };
        for (high, low) in all.bitmaps() {
            let mut runs = low.iter();
            while let Some(run) = runs.next_range() {
                let of = |low: u32| u64::from(high) << 32 | u64::from(low);
                let (from, to) = (of(*run.start()), of(*run.end()));
                if from > next {
                    numbers.lacks((next, from - 1), self.recent.contains(from));
                }
                match to.checked_add(1) {
                    Some(after) => next = after,
                    None => return Some(numbers),
                }
            }
        }
        Some(numbers)
    }
}

impl Numbers {
    fn lacks(&mut self, (from, to): (u64, u64), on_its_way: bool) {
        let count = (to - from).saturating_add(1);
        if on_its_way {
            self.in_flight = self.in_flight.saturating_add(count);
            return;
        }
        self.missing = self.missing.saturating_add(count);
        if self.ranges.len() < MISSING_RANGES_MAX {
            self.ranges.push((from, to));
        } else {
            self.more_ranges += 1;
        }
    }
}

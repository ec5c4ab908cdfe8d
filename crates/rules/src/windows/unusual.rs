//! `unusual`: many more in a span than a group used to have. All in whole numbers, so that every machine agrees.

use std::collections::VecDeque;

use crate::limits::{EXAMPLES_MAX, GROUP_ITEMS_MAX};

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
use super::need::Need;
use super::window::{Around, Entry, Found, Mark, Window, named};

/// One span of time, counted from the epoch.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    number: i64,
    count: u64,
    first: i64,
    last: i64,
    came: i64,
    fired: bool,
}

/// The spans of a group that had something in them.
#[derive(Debug, Default)]
pub(super) struct Unusual {
    /// In order of time.
    buckets: VecDeque<Bucket>,
    /// The bucket in which the group was first seen.
    since: Option<i64>,
    /// The newest few events, in order of time.
    examples: VecDeque<Mark>,
    /// Of the examples.
    weight: usize,
}

impl Unusual {
    const BUCKET: usize = 5 * NUMBER + 1;

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Unusual, WindowsError> {
        let since = Some(from.time()?);
        let mut buckets = VecDeque::new();
        for _ in 0..from.count(Unusual::BUCKET)? {
            buckets.push_back(Bucket {
                number: from.time()?,
                count: from.u64()?,
                first: from.time()?,
                last: from.time()?,
                came: from.time()?,
                fired: from.flag()?,
            });
        }
        codec::in_order(&buckets, |bucket| bucket.number)?;
        let mut unusual = Unusual { buckets, since, ..Unusual::default() };
        for _ in 0..from.count(Mark::WEIGHT)? {
            let mark = Mark::read(from)?;
            unusual.weight += mark.weight();
            unusual.examples.push_back(mark);
        }
        codec::in_order(&unusual.examples, |mark| mark.stamp.key())?;
        Ok(unusual)
    }

    fn note(&mut self, mark: Mark) {
        self.weight += mark.weight();
        let put = self.examples.partition_point(|other| other.stamp.key() <= mark.stamp.key());
        self.examples.insert(put, mark);
        if self.examples.len() > EXAMPLES_MAX {
            self.weight -= self.examples.pop_front().map_or(0, |gone| gone.weight());
        }
    }

    fn forget(&mut self, now: i64, around: &mut Around<'_>) {
        let need = around.need;
        let newest = self.buckets.back().map_or(0, |bucket| bucket.number);
        let matters = need.past.saturating_add(need.lateness / need.span + 2);
        let oldest = newest.saturating_sub(matters);
        let came = now.saturating_sub(need.kept());
        while self.buckets.front().is_some_and(|it| it.number < oldest && it.came < came) {
            self.buckets.pop_front();
        }
        if self.buckets.len() >= GROUP_ITEMS_MAX {
            self.buckets.pop_front();
            *around.lost += 1;
        }
    }

    fn bucket(&mut self, entry: &Entry<'_>, need: &Need) -> usize {
        let number = entry.at.div_euclid(need.span);
        self.since = Some(self.since.map_or(number, |since| since.min(number)));
        let put = self.buckets.partition_point(|bucket| bucket.number < number);
        if self.buckets.get(put).is_none_or(|bucket| bucket.number != number) {
            let (first, last, came) = (entry.at, entry.at, entry.now);
            self.buckets.insert(put, Bucket { number, count: 0, first, last, came, fired: false });
        }
        put
    }

    /// How many there were in all of the past before a bucket, and how many spans of it are known.
    fn past(&self, put: usize, need: &Need) -> (u128, i64) {
        let number = self.buckets[put].number;
        let known = need.past.min(number - self.since.unwrap_or(number));
        let counts = self.buckets.range(..put).rev();
        let past = counts.take_while(|bucket| bucket.number >= number - known);
        (past.map(|bucket| u128::from(bucket.count)).sum(), known)
    }
}

impl Window for Unusual {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        self.forget(entry.now, around);
        let need = around.need;
        let put = self.bucket(entry, need);
        self.note(Mark::of(entry));
        let bucket = &mut self.buckets[put];
        bucket.count = bucket.count.saturating_add(1);
        (bucket.first, bucket.last) = (bucket.first.min(entry.at), bucket.last.max(entry.at));
        bucket.came = entry.now;
        let Bucket { number, count, first, last, fired, .. } = *bucket;
        if fired || count < need.at_least as u64 {
            return None;
        }
        let (sum, known) = self.past(put, need);
        if known <= 0 || known < need.past - known {
            return None;
        }
        let spans = known.unsigned_abs();
        let unusual =
            sum.saturating_mul(u128::from(need.percent)).div_ceil(u128::from(spans) * 100);
        if u128::from(count) < unusual {
            return None;
        }
        self.buckets[put].fired = true;
        let tenths = (sum * 10).div_ceil(u128::from(spans));
        let (whole, tenth) = (tenths / 10, tenths % 10);
        let note = Some(format!("{count} in {}, {whole}.{tenth} are usual", spoken(need.span)));
        let of_span = |mark: &&Mark| mark.stamp.at.div_euclid(need.span) == number;
        let mut events = named(self.examples.iter().filter(of_span));
        if events.is_empty() {
            // All that are kept are newer: a trail is behind the others.
            events = named([&Mark::of(entry)].into_iter());
        }
        Some(Found { count, first, last, at: last, note, events })
    }

    fn items(&self) -> usize {
        self.buckets.len()
    }

    fn weight(&self) -> usize {
        NUMBER + COUNT + self.buckets.len() * Unusual::BUCKET + COUNT + self.weight
    }

    fn write(&self, to: &mut Writer) {
        to.i64(self.since.unwrap_or_default());
        to.count(self.buckets.len());
        for bucket in &self.buckets {
            to.i64(bucket.number);
            to.u64(bucket.count);
            to.i64(bucket.first);
            to.i64(bucket.last);
            to.i64(bucket.came);
            to.u8(u8::from(bucket.fired));
        }
        to.count(self.examples.len());
        self.examples.iter().for_each(|mark| mark.write(to));
    }
}

/// A span as rules say it.
fn spoken(span: i64) -> String {
    let units = [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)];
    match units.iter().find(|(_, micros)| span % micros == 0) {
        Some((unit, micros)) => format!("{}{unit}", span / micros),
        None => format!("{span}µs"),
    }
}

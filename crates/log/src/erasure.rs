//! The set of seqs that an erasure or expiry concerns: a companion file beside the event that records
//! it, whose hash is in the event.
//!
//! Text, so that anybody can read it: a first line naming the format, then one line for each run of
//! seqs, `17` or `20-31`, ascending and never touching, so that a set has one spelling only.

use std::ops::RangeInclusive;

const HEADER: &str = "indelible/seqs@v1\n";

/// The directory of companion files.
pub const DIR: &str = "erasures";
/// The action of the event in `_system` that records an erasure.
pub const ERASED: &str = "record.erase";
/// The action of the event in `_system` that records the expiry of a segment.
pub const EXPIRED: &str = "segment.expire";
/// The action of the event in `_system` that records a trail's new minimum index: nothing but leaves is left
/// of what lies below.
pub const PRUNED: &str = "trail.prune";

/// The companion file of an erasure event.
pub fn path(event: indelible_event::EventId) -> String {
    format!("{DIR}/{event}.seqs")
}

/// A set of seqs as ascending runs that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seqs {
    runs: Vec<RangeInclusive<u64>>,
}

impl Seqs {
    /// The set of these seqs, which must ascend.
    pub fn from_ascending(seqs: impl IntoIterator<Item = u64>) -> Seqs {
        let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
        for seq in seqs {
            match runs.last_mut() {
                Some(last) if last.end().checked_add(1) == Some(seq) => *last = *last.start()..=seq,
                _ => runs.push(seq..=seq),
            }
        }
        Seqs { runs }
    }

    /// Whether a seq is in it.
    pub fn contains(&self, seq: u64) -> bool {
        let after = self.runs.partition_point(|run| *run.end() < seq);
        self.runs.get(after).is_some_and(|run| run.contains(&seq))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.end() - run.start() + 1).sum()
    }

    /// The runs.
    pub fn runs(&self) -> &[RangeInclusive<u64>] {
        &self.runs
    }

    /// The companion file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = String::from(HEADER);
        for run in &self.runs {
            if run.start() == run.end() {
                out.push_str(&format!("{}\n", run.start()));
            } else {
                out.push_str(&format!("{}-{}\n", run.start(), run.end()));
            }
        }
        out.into_bytes()
    }

    /// Reads a companion file; `None` unless it is spelled as [`Seqs::encode`] spells it.
    pub fn decode(bytes: &[u8]) -> Option<Seqs> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
        for line in text.strip_prefix(HEADER)?.lines() {
            let (start, end) = line.split_once('-').unwrap_or((line, line));
            let run = start.parse::<u64>().ok()?..=end.parse::<u64>().ok()?;
            let touches =
                runs.last().is_some_and(|last| last.end().checked_add(1) >= Some(*run.start()));
            if touches || run.is_empty() {
                return None;
            }
            runs.push(run);
        }
        let seqs = Seqs { runs };
        (seqs.encode() == bytes).then_some(seqs)
    }
}

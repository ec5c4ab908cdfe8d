//! One measurement, and the median of several runs of it.

use std::time::Instant;

use anyhow::Result;

/// One row of a result table.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What was measured, as the reader knows it.
    pub name: String,
    /// How many events became durable together.
    pub group_size: usize,
    /// The median of the runs, in events a second.
    pub events_per_s: f64,
    /// How many runs the median is of.
    pub runs: usize,
    /// What else the reader must know to judge the number.
    pub note: String,
}

impl Measurement {
    /// Runs `once` as often as asked, each time a fresh start, and keeps the median of its rates.
    pub fn median(
        name: impl Into<String>,
        group_size: usize,
        runs: usize,
        note: impl Into<String>,
        mut once: impl FnMut() -> Result<f64>,
    ) -> Result<Self> {
        let mut rates = Vec::with_capacity(runs);
        for _ in 0..runs.max(1) {
            rates.push(once()?);
        }
        Ok(Self {
            name: name.into(),
            group_size,
            runs: rates.len(),
            events_per_s: median(&mut rates),
            note: note.into(),
        })
    }
}

/// The middle value; of an even number of them the upper one of the two, so that it was really seen.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The value below which `part` (0 to 1) of the sorted values lie.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or(0.0)
}

/// How many of `count` things a second, since `start`.
pub fn rate_since(start: Instant, count: usize) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 3.0);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn a_failing_run_is_not_left_out() {
        let mut calls = 0;
        let result = Measurement::median("x", 1, 3, "", || {
            calls += 1;
            if calls == 2 { anyhow::bail!("disk full") } else { Ok(1.0) }
        });
        assert!(result.is_err());
    }

    #[test]
    fn quantiles_take_the_nearest_value() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.5), 50.0);
        assert_eq!(quantile(&sorted, 0.99), 99.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}

//! Charts, drawn by the server: bars over time, ranked values, hours of a week. Sizes are attributes in percent and
//! colours are classes, so that nothing needs a script or a style of its own and text keeps its size at any width.
//! Whoever does not see a chart has its numbers in a table.

mod bars;
mod heat;
mod ranked;

pub use bars::{Bar, Layer, stacked};
pub use heat::heat;
pub use ranked::{Ranked, ranked};

/// A number with at most three digits that count, for the edge of a chart.
pub fn compact(number: u64) -> String {
    const UNITS: [(u64, &str); 6] = [
        (1_000_000_000_000_000_000, "E"),
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "B"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    let Some((unit, sign)) = UNITS.iter().find(|(unit, _)| number >= *unit) else {
        return number.to_string();
    };
    let (whole, tenth) = (number / unit, number % unit / (unit / 10));
    if whole >= 10 || tenth == 0 {
        return format!("{whole}{sign}");
    }
    format!("{whole}.{tenth}{sign}")
}

/// Where an axis ends: the least of 2, 4, 6 … 18, 20, 40, 60 … that is not below `most`, so that its half is whole
/// too.
fn axis_end(most: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [2, 4, 6, 8, 10, 12, 14, 16, 18] {
            match power.checked_mul(step) {
                Some(end) if end >= most => return end,
                Some(_) => {}
                None => return u64::MAX,
            }
        }
        let Some(next) = power.checked_mul(10) else { return u64::MAX };
        power = next;
    }
}

/// A part of a whole in percent, as an attribute takes it.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let share = 100.0 * part as f64 / whole as f64;
    (share * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

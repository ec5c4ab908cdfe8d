//! A plain aligned table: text to the left, numbers to the right.

use std::fmt::Write as _;

use crate::measure::Measurement;

/// Rows of text under a heading.
#[derive(Clone, Debug)]
pub struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(heading: &[&str]) -> Self {
        Self { heading: heading.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells that are missing stay empty, those too many are an error of the caller.
    pub fn row(&mut self, cells: &[String]) {
        assert!(
            cells.len() <= self.heading.len(),
            "a row has more cells than the table has columns"
        );
        let mut cells = cells.to_vec();
        cells.resize(self.heading.len(), String::new());
        self.rows.push(cells);
    }

    /// The table of measurements as the benchmark prints it.
    pub fn of(measurements: &[Measurement]) -> Self {
        let mut table = Self::new(&["what", "group", "events/s", "runs", "note"]);
        for m in measurements {
            let group_size = thousands(m.group_size as u64);
            table.row(&[
                m.name.clone(),
                group_size,
                thousands(m.events_per_s as u64),
                m.runs.to_string(),
                m.note.clone(),
            ]);
        }
        table
    }

    /// The table as text, a line a row, without trailing blanks.
    pub fn render(&self) -> String {
        let all: Vec<&Vec<String>> = std::iter::once(&self.heading).chain(&self.rows).collect();
        let widths: Vec<usize> = (0..self.heading.len())
            .map(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let numeric: Vec<bool> = (0..self.heading.len())
            .map(|column| self.rows.iter().any(|row| is_number(&row[column])))
            .zip(
                (0..self.heading.len())
                    .map(|c| self.rows.iter().all(|row| row[c].is_empty() || is_number(&row[c]))),
            )
            .map(|(any, all)| any && all)
            .collect();
        let mut text = String::new();
        for (index, row) in all.iter().enumerate() {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&numeric) {
                // Writing to a String cannot fail.
                let _ = if right {
                    write!(line, "{cell:>width$}  ")
                } else {
                    write!(line, "{cell:<width$}  ")
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
            if index == 0 {
                let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
                text.push_str(rule.join("  ").trim_end());
                text.push('\n');
            }
        }
        text
    }
}

fn is_number(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit())
        && cell.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.')
}

/// A whole number with its thousands set apart: 1,234,567.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn numbers_stand_right_and_text_left() {
        let mut table = Table::new(&["what", "events/s", "note"]);
        table.row(&["a".into(), "1,000".into(), "x".into()]);
        table.row(&["longer".into(), "7".into()]);
        let expected = "what    events/s  note\n------  --------  ----\na          1,000  x\nlonger         7\n";
        assert_eq!(table.render(), expected);
    }
}

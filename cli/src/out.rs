//! Standard output for results, standard error for everything that is said about them.

use std::fmt::{Arguments, Display};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Standard output, buffered.
pub struct Out {
    to: BufWriter<StdoutLock<'static>>,
    json: bool,
}

impl Out {
    /// Takes standard output.
    pub fn new(json: bool) -> Out {
        Out { to: BufWriter::with_capacity(64 << 10, io::stdout().lock()), json }
    }

    /// Whether results are to be JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(failed)
    }

    /// Writes a line.
    pub fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.to, "{line}").map_err(failed)
    }

    /// Writes an object on a line of its own.
    pub fn object(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(object).map_err(Failure::cannot)?;
        self.line(line)
    }

    /// Lets whoever reads have what was written so far.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(failed)
    }

    /// Writes what is still buffered; a full disk behind a redirection shows here.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.flush()
    }
}

fn failed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::io("standard output")(error),
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Says a line on standard error. Where nobody can hear it, nobody is told of that either.
pub fn note(line: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Says an object on standard error.
pub fn note_json(object: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(object) {
        note(format_args!("{line}"));
    }
}

/// Whether a person looks at standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Rows under a heading, columns aligned by spaces only, so that `awk` and `cut` can use them too. The
/// cells are short words, numbers and keys: that needs no library.
pub struct Table {
    rows: Vec<Row>,
    right: Vec<usize>,
}

struct Row {
    cells: Vec<String>,
    below: Option<String>,
}

impl Table {
    /// A table with these headings, or none; the columns in `right` hold numbers.
    pub fn new(headings: &[&str], right: &[usize]) -> Table {
        let mut table = Table { rows: Vec::new(), right: right.to_vec() };
        if !headings.is_empty() {
            table.row(headings.iter().map(|heading| (*heading).to_owned()).collect());
        }
        table
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row { cells, below: None });
    }

    /// Says more about the last row, on a line of its own.
    pub fn below(&mut self, text: String) {
        if let Some(row) = self.rows.last_mut() {
            row.below = Some(text);
        }
    }

    /// Writes it.
    pub fn print(&self, out: &mut Out) -> Result<(), Failure> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.cells.len()), 0);
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.cells.iter().zip(&widths).enumerate() {
                let width = *width;
                line.push_str(if column > 0 { "  " } else { "" });
                line.push_str(&if self.right.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                });
            }
            out.line(line.trim_end())?;
            if let Some(below) = &row.below {
                out.line(format_args!("    {below}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(super::grouped(number), text);
        }
    }
}

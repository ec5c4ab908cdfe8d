//! What is told of each line, and of all of them at the end.

use indelible_event::TrailName;
use indelible_log::{Appended, Receipt, hex};
use serde::Serialize;

use super::input::Refused;
use crate::failure::Failure;
use crate::out::{self, Out, grouped};
use crate::progress::Progress;

/// Tells and counts.
pub struct Teller<'a> {
    pub json: bool,
    pub receipts: bool,
    pub progress: &'a Progress,
    pub tally: Tally,
}

/// How many of what.
#[derive(Default)]
pub struct Tally {
    pub kept: u64,
    pub known: u64,
    pub refused: u64,
}

/// A receipt as it is printed.
#[derive(Serialize)]
pub struct ReceiptLine<'a> {
    pub trail: &'a str,
    pub seq: u64,
    pub id: String,
    pub leaf: String,
    pub recorded_at: String,
    pub known: bool,
}

#[derive(Serialize)]
struct RefusedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<u64>,
    field: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte: Option<usize>,
}

#[derive(Serialize)]
struct Summary {
    kept: u64,
    known: u64,
    refused: u64,
    seconds: f64,
}

impl Teller<'_> {
    /// A line was refused.
    pub fn refused(&mut self, unit: &'static str, number: u64, refused: &Refused) {
        self.tally.refused += 1;
        let Refused { field, reason, byte } = refused;
        if self.json {
            let of = |name| (unit == name).then_some(number);
            let (line, element) = (of("line"), of("element"));
            return out::note_json(&RefusedLine { line, element, field, reason, byte: *byte });
        }
        let field = if field.is_empty() { "event" } else { field };
        let byte = byte.map_or_else(String::new, |byte| format!(" (byte {byte})"));
        self.progress.pause(|| out::note(format_args!("{unit} {number}: {field}: {reason}{byte}")));
    }

    /// Lines that the log stopped at: none of them was acknowledged.
    pub fn missing(&self, unit: &'static str, numbers: &[u64], cause: &impl std::fmt::Display) {
        if self.json {
            let reason = cause.to_string();
            let of = |name, number| (unit == name).then_some(number);
            for number in numbers {
                let (line, element) = (of("line", *number), of("element", *number));
                out::note_json(&RefusedLine {
                    line,
                    element,
                    field: "",
                    reason: &reason,
                    byte: None,
                });
            }
            return;
        }
        // A person wants to know from where to where, not thousands of lines.
        for run in numbers.chunk_by(|a, b| a + 1 == *b) {
            let which = match run {
                [one] => format!("{unit} {one}"),
                [first, .., last] => format!("{unit}s {first} to {last}"),
                [] => continue,
            };
            self.progress.pause(|| out::note(format_args!("{which}: not acknowledged")));
        }
    }

    /// A line came to the log, which kept it, knew it, or has another event under its id.
    pub fn appended(
        &mut self,
        out: &mut Out,
        unit: &'static str,
        number: u64,
        trail: &TrailName,
        result: Appended,
    ) -> Result<(), Failure> {
        match result {
            Appended::Conflict { id, seq, field } => {
                let reason = format!("{id} is kept already, as seq {} with another {field}", seq.0);
                self.refused(unit, number, &Refused { field: "id".into(), reason, byte: None });
                Ok(())
            }
            Appended::Kept(receipt) => self.kept(out, &receipt_line(trail, &receipt)),
        }
    }

    /// A line is kept, now or since earlier.
    pub fn kept(&mut self, out: &mut Out, receipt: &ReceiptLine<'_>) -> Result<(), Failure> {
        *(if receipt.known { &mut self.tally.known } else { &mut self.tally.kept }) += 1;
        if self.receipts { out.object(receipt) } else { Ok(()) }
    }
}

fn receipt_line<'a>(trail: &'a TrailName, receipt: &Receipt) -> ReceiptLine<'a> {
    let mut recorded_at = Vec::with_capacity(27);
    receipt.recorded_at.write_to(&mut recorded_at);
    ReceiptLine {
        trail: trail.as_str(),
        seq: receipt.seq.0,
        id: receipt.id.to_string(),
        leaf: hex::encode(&receipt.leaf.0),
        recorded_at: String::from_utf8_lossy(&recorded_at).into_owned(),
        known: receipt.known,
    }
}

impl Tally {
    /// The summary.
    pub fn tell(&self, micros: i64, json: bool) {
        let Tally { kept, known, refused } = *self;
        let seconds = micros.max(1) as f64 / 1e6;
        if json {
            return out::note_json(&Summary { kept, known, refused, seconds });
        }
        let all = kept + known + refused;
        let rate = match all {
            // The rate of a few events is that of opening the log.
            0..1000 => String::new(),
            _ => format!("; {seconds:.2} s, {} events/s", grouped((all as f64 / seconds) as u64)),
        };
        out::note(format_args!(
            "{} kept, {} known already, {} refused{rate}",
            grouped(kept),
            grouped(known),
            grouped(refused)
        ));
    }
}

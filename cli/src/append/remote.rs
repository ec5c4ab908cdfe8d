//! `indelible append --url`: batches to a node, sent again until they are answered.

use std::sync::mpsc::Receiver;

use indelible_client::{Appended, Backoff, Client};
use indelible_event::{EventId, TrailName};
use indelible_log::{Clock, Entropy, SystemClock, SystemEntropy};

use super::input::{self, Batch, Line, Refused};
use super::told::{ReceiptLine, Tally, Teller};
use super::{gather, invite, unread};
use crate::args::{Append, Global};
use crate::ask::source::refused;
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, Out};
use crate::progress::Progress;

pub fn run(global: &Global, out: &mut Out, args: &Append, client: &Client) -> Result<(), Failure> {
    if args.accept_rollback {
        return Err(Failure::Usage("--accept-rollback is for a directory, not for --url".into()));
    }
    let input = files::open(&args.file)?;
    invite(args);
    let progress = Progress::bytes(input.len, global.json);
    let started = SystemClock.now();
    let (batches, reading) = input::start(input.bytes, args.trail.clone(), true)?;
    let mut teller = Teller {
        json: global.json,
        receipts: args.receipts,
        progress: &progress,
        tally: Tally::default(),
    };
    let mut sending = Sending { client, trail: args.trail.as_ref(), teller: &mut teller, out };
    let sent = sending.all(&batches).and_then(|()| {
        // A reader that gave up in a panic must not look like the end of the input.
        reading.join().map_err(|_| Failure::cannot("reading the events broke off"))
    });
    progress.clear();
    teller.tally.tell(SystemClock.now().0 - started.0, global.json);
    sent.map_err(|failure| unread(failure, &teller.tally))?;
    if teller.tally.refused > 0 { Err(Failure::Told) } else { Ok(()) }
}

struct Sending<'a, 'b> {
    client: &'a Client,
    trail: Option<&'a TrailName>,
    teller: &'a mut Teller<'b>,
    out: &'a mut Out,
}

impl Sending<'_, '_> {
    fn all(&mut self, batches: &Receiver<std::io::Result<Batch>>) -> Result<(), Failure> {
        while let Some(batch) = gather(batches)? {
            self.batch(batch)?;
        }
        Ok(())
    }

    fn batch(&mut self, batch: Batch) -> Result<(), Failure> {
        let Batch { lines, bytes, unit } = batch;
        let (mut body, mut sent) = (Vec::new(), Vec::new());
        for Line { number, event, raw } in lines {
            match event {
                Ok(item) => {
                    let id = item.event.id.unwrap_or_else(new_id);
                    match item.event.id {
                        Some(_) => one_line(&mut body, &raw),
                        None => body_with_id(&mut body, &raw, id),
                    }
                    sent.push((number, id));
                }
                Err(refused) => self.teller.refused(unit, number, &refused),
            }
        }
        if !sent.is_empty() {
            self.send(unit, &body, &sent)?;
        }
        self.teller.progress.advance(bytes);
        if self.teller.receipts {
            self.out.flush()?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        unit: &'static str,
        body: &[u8],
        sent: &[(u64, EventId)],
    ) -> Result<(), Failure> {
        let trail = self.trail.map(|trail| ("trail".to_owned(), trail.to_string()));
        let params: Vec<_> = trail.into_iter().collect();
        let (progress, json) = (self.teller.progress, self.teller.json);
        let told = |error: &indelible_client::Error| {
            if !json {
                progress.pause(|| {
                    out::note(format_args!("{}; trying again", clean(&error.to_string())))
                });
            }
        };
        let results = match self.client.append_surely(body, &params, Backoff::default(), told) {
            Ok(results) if results.len() == sent.len() => results,
            Ok(results) => {
                let why = format!("{} answers to {} events", results.len(), sent.len());
                return Err(Failure::cannot(why));
            }
            Err(error) => {
                let numbers: Vec<u64> = sent.iter().map(|(number, _)| *number).collect();
                self.teller.missing(unit, &numbers, &error);
                return Err(refused(error, &params));
            }
        };
        let mut failed = Vec::new();
        for ((number, id), result) in sent.iter().zip(results) {
            match result {
                Appended::New(receipt) => self.kept(&receipt, false)?,
                Appended::Known(receipt) => self.kept(&receipt, true)?,
                Appended::Conflict { field, .. } => {
                    let reason = format!("{id} is kept already, with another {}", clean(&field));
                    let refused = Refused { field: "id".into(), reason, byte: None };
                    self.teller.refused(unit, *number, &refused);
                }
                Appended::Refused { error } => {
                    let (field, reason) = (clean(&error.field), clean(&error.message));
                    let refused = Refused { field, reason, byte: error.offset };
                    self.teller.refused(unit, *number, &refused);
                }
                Appended::Failed { .. } => failed.push(*number),
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let why = "the node could not keep some events now; send them again";
        self.teller.missing(unit, &failed, &why);
        Err(Failure::cannot(why))
    }

    fn kept(&mut self, receipt: &indelible_client::Receipt, known: bool) -> Result<(), Failure> {
        let line = ReceiptLine {
            trail: &receipt.trail,
            seq: receipt.seq,
            id: receipt.id.clone(),
            leaf: receipt.leaf.clone(),
            recorded_at: receipt.recorded_at.clone(),
            known,
        };
        self.teller.kept(self.out, &line)
    }
}

fn new_id() -> EventId {
    let mut random = [0; 10];
    SystemEntropy.fill(&mut random);
    EventId::v7(SystemClock.now().0.div_euclid(1000).max(0) as u64, random)
}

/// Adds the event with this id as its first member. It was checked, so it is an object that has an action.
fn body_with_id(body: &mut Vec<u8>, raw: &[u8], id: EventId) {
    let members = raw.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    body.extend_from_slice(format!("{{\"id\":\"{id}\",").as_bytes());
    one_line(body, members);
}

/// Adds an event as one line. Line breaks stand only between its tokens: within a string they are escaped.
fn one_line(body: &mut Vec<u8>, raw: &[u8]) {
    body.extend(raw.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    body.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_gets_its_id_and_one_line() {
        let id = EventId::foreign("test", "1");
        let mut body = Vec::new();
        body_with_id(&mut body, b" {\n \"action\":\"a.b\"\r\n}", id);
        assert_eq!(body, format!("{{\"id\":\"{id}\",  \"action\":\"a.b\"  }}\n").as_bytes());
        let checked = indelible_event::check(body.trim_ascii_end()).unwrap();
        assert_eq!(checked.id, Some(id));
    }
}

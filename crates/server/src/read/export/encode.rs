//! Records into bytes.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use indelible_log::export::ExportWriter;
use indelible_log::hex;
use indelible_log::record::TrailNo;
use indelible_merkle::leaf_hash;
use indelible_store::{Bundle, Found};

use super::ask::{Ask, Format};
use crate::problem::Problem;
use crate::read::shown;
use crate::state::AppState;

/// Takes up what a writer writes, until it is fetched.
#[derive(Clone, Default)]
pub(super) struct Spool(Arc<Mutex<Vec<u8>>>);

impl Spool {
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().expect("appending to a vector does not panic"))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("appending to a vector does not panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes an export's bytes.
pub(super) enum Encoder {
    /// With the host part of trails' origins.
    Lines(Format, String),
    Parquet {
        writer: Box<ExportWriter<Spool>>,
        spool: Spool,
        names: HashMap<TrailNo, Arc<str>>,
    },
}

impl Encoder {
    /// Begins, with what stands before all events.
    pub fn new(ask: &Ask, origin: &str) -> Result<(Encoder, Vec<u8>), Problem> {
        if ask.format != Format::Parquet {
            let head =
                if ask.format == Format::Csv { indelible_connect::csv::header() } else { "" };
            return Ok((Encoder::Lines(ask.format, origin.to_owned()), head.as_bytes().to_vec()));
        }
        let spool = Spool::default();
        let writer = ExportWriter::new(spool.clone(), ask.entries).map_err(|e| bad(&e))?;
        let (writer, names) = (Box::new(writer), HashMap::new());
        Ok((Encoder::Parquet { writer, spool, names }, Vec::new()))
    }

    /// The bytes of these records, or those of earlier ones that are due.
    pub fn records(&mut self, records: Vec<Found>) -> Result<Vec<u8>, Problem> {
        match self {
            Encoder::Lines(format, origin) => {
                let mut out = Vec::new();
                records.iter().try_for_each(|found| line(*format, origin, found, &mut out))?;
                Ok(out)
            }
            Encoder::Parquet { writer, spool, names } => {
                for Found { record, trail } in records {
                    let name = names.entry(trail.no).or_insert_with(|| trail.name.as_str().into());
                    writer.push(name, record).map_err(|e| bad(&e))?;
                }
                Ok(spool.take())
            }
        }
    }

    /// What is left.
    pub fn finish(self) -> Result<Vec<u8>, Problem> {
        match self {
            Encoder::Lines(..) => Ok(Vec::new()),
            Encoder::Parquet { writer, spool, .. } => {
                writer.finish().map_err(|e| bad(&e))?;
                Ok(spool.take())
            }
        }
    }
}

fn bad(error: &dyn std::fmt::Display) -> Problem {
    Problem::internal(format!("the export cannot be written: {error}"))
}

/// An event's line, which is spliced from the very bytes that were hashed.
fn line(format: Format, origin: &str, found: &Found, out: &mut Vec<u8>) -> Result<(), Problem> {
    let view = shown::view(found, &serde_json::Value::Null);
    if format == Format::Ndjson {
        out.extend_from_slice(&view);
        out.push(b'\n');
        return Ok(());
    }
    let json = std::str::from_utf8(&view).ok();
    let event = json.and_then(|json| Some((json, indelible_connect::Event::read(json)?)));
    // It hashed to its leaf, so this is what was recorded, and should never have been.
    let bad = || {
        let (trail, seq) = (&found.trail.name, found.record.seq.0);
        Problem::internal(format!("the record {trail}/{seq} is no event"))
    };
    let (json, event) = event.ok_or_else(bad)?;
    // Of the very bytes that are served, which were compared with the tree before.
    let leaf = || hex::encode(&leaf_hash(&found.record.entry).0);
    match format {
        Format::Csv => indelible_connect::csv::row(&event, out),
        Format::Cef => indelible_connect::cef::line(&event, &leaf(), out),
        Format::Cloudevents => {
            let origin = format!("{origin}/{}", found.trail.id);
            indelible_connect::cloudevent::line(&event, json, &leaf(), &origin, out)
                .ok_or_else(bad)?;
        }
        _ => indelible_connect::ocsf::line(&event, json, out),
    }
    Ok(())
}

/// A bundle being made, and its bytes.
pub(super) struct Evidence {
    pub bundle: Bundle<Spool>,
    pub spool: Spool,
}

impl Evidence {
    /// Goes on, and gives how many events are whole by now and what bytes there are; `None` once all are.
    pub fn step(&mut self, state: &AppState) -> Result<Option<(u64, Vec<u8>)>, Problem> {
        let step = self.bundle.step(state.reader())?;
        Ok(step.map(|events| (events, self.spool.take())))
    }

    /// The rest, and the manifest's SHA-256.
    pub fn finish(self, state: &AppState) -> Result<(Vec<u8>, [u8; 32]), Problem> {
        let sum = self.bundle.finish(state.reader())?;
        Ok((self.spool.take(), sum))
    }
}

//! `indelible export`

use std::io::{self, Read, Write};
use std::path::Path;

use indelible_client::path_segment;
use indelible_log::{Entropy, SystemEntropy, hex};
use serde::{Deserialize, Serialize};

use crate::args::{Export, Global};
use crate::ask::Params;
use crate::ask::source::{Download, Source};
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, Out, grouped};
use crate::progress::Progress;

const PATH: &str = "/api/audit/export";
/// Bytes between two looks at how far it is.
const LOOK_BYTES: u64 = 4 << 20;

#[derive(Serialize)]
struct Exported<'a> {
    file: &'a str,
    format: &'a str,
    events: u64,
    bytes: u64,
}

/// How far the export is, as the API says it.
#[derive(Deserialize)]
struct Far {
    state: String,
    events: u64,
    of: Option<u64>,
    message: Option<String>,
}

pub fn run(global: &Global, out: &mut Out, args: &Export) -> Result<(), Failure> {
    let format = format(args)?;
    let params = params(args, format)?;
    let source = args.at.source(global)?;
    let mut made = Making::begin(&source, params, global.json)?;
    let standard = files::is_standard(&args.out);
    let (bytes, events) = if standard {
        made.write_to(out, "standard output")?
    } else {
        to_file(&mut made, &args.out)?
    };
    let file = args.out.display().to_string();
    match (standard, out.is_json()) {
        (true, _) => Ok(()),
        (false, true) => out.object(&Exported { file: &file, format, events, bytes }),
        (false, false) => out.line(format_args!("{} events are in {file}", grouped(events))),
    }
}

/// The form that is asked for, or that the file's name says.
fn format(args: &Export) -> Result<&str, Failure> {
    if let Some(format) = &args.format {
        return Ok(format);
    }
    match args.out.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok("csv"),
        Some("ndjson" | "jsonl") => Ok("ndjson"),
        Some("cef") => Ok("cef"),
        Some("parquet") => Ok("parquet"),
        Some("zip") => Ok("bundle"),
        _ => {
            let why = "the name of the file does not say in which form: --format csv, ndjson, ocsf, cef, cloudevents, parquet or bundle";
            Err(Failure::Usage(why.into()))
        }
    }
}

fn params(args: &Export, format: &str) -> Result<Params, Failure> {
    let mut params = args.which.params()?;
    let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
    add("format", format.to_owned());
    if args.newest_first {
        add("order", "desc".into());
    }
    if args.entries {
        add("entries", "true".into());
    }
    if let Some(from) = args.from {
        add("from_seq", from.to_string());
    }
    if let Some(to) = args.to {
        add("to_seq", to.to_string());
    }
    if !args.redact.is_empty() {
        let names: Vec<&str> = args.redact.iter().map(|part| part.name()).collect();
        add("redact", names.join(","));
    }
    Ok(params)
}

/// Under its own name only when it is whole, so that half a file is never taken for all of it.
fn to_file(made: &mut Making<'_>, path: &Path) -> Result<(u64, u64), Failure> {
    let aside = files::aside(path);
    let failed = || Failure::io(path.display());
    let mut file = files::create(&aside).map_err(failed())?;
    let written = made.write_to(&mut file, path.display()).and_then(|written| {
        file.sync_all().map_err(failed())?;
        files::rename(&aside, path).map_err(failed())?;
        Ok(written)
    });
    if written.is_err() {
        files::remove(&aside);
    }
    written
}

/// An export on its way.
struct Making<'a> {
    source: &'a Source,
    download: Download<'a>,
    ticket: String,
    bar: Progress,
}

impl<'a> Making<'a> {
    fn begin(source: &'a Source, mut params: Params, json: bool) -> Result<Making<'a>, Failure> {
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random);
        let ticket = hex::encode(&random);
        params.push(("ticket".into(), ticket.clone()));
        let bar = Progress::of("events", json);
        let download = source.download(PATH, &params)?;
        Ok(Making { source, download, ticket, bar })
    }

    /// Writes all of it, and gives how many bytes and events that were.
    fn write_to(
        &mut self,
        to: &mut impl Write,
        name: impl std::fmt::Display,
    ) -> Result<(u64, u64), Failure> {
        let mut chunk = vec![0; 64 << 10];
        let (mut bytes, mut looked) = (0, 0);
        loop {
            let len = match self.download.read(&mut chunk) {
                Ok(len) => len,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.broke_off(&e)),
            };
            if len == 0 {
                break;
            }
            to.write_all(&chunk[..len]).map_err(|e| written(e, &name))?;
            bytes += len as u64;
            if out::is_watched() && bytes - looked >= LOOK_BYTES {
                looked = bytes;
                self.look()?;
            }
        }
        to.flush().map_err(|e| written(e, &name))?;
        let far = self.look()?;
        self.bar.clear();
        if far.state == "done" {
            return Ok((bytes, far.events));
        }
        Err(Failure::cannot("the export came to an end, but the node does not say that it was all"))
    }

    fn look(&self) -> Result<Far, Failure> {
        let path = format!("{PATH}/progress/{}", path_segment(&self.ticket));
        let far: Far = self.source.read(&path, &Params::new())?;
        if let Some(of) = far.of {
            self.bar.set_of(far.events, of);
        }
        Ok(far)
    }

    /// What the node says of it, if it still says anything.
    fn broke_off(&self, error: &io::Error) -> Failure {
        self.bar.clear();
        let why = match self.look().map(|far| far.message) {
            Ok(Some(message)) => clean(&message),
            _ => clean(&error.to_string()),
        };
        Failure::cannot(format_args!("the export broke off: {why}"))
    }
}

fn written(error: io::Error, name: impl std::fmt::Display) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::io(name)(error),
    }
}

//! `indelible export`

use indelible_store::{Reader, StoreError};
use serde::Serialize;

use crate::args::{Export, Global};
use crate::failure::Failure;
use crate::files;
use crate::out::{Out, grouped};

#[derive(Serialize)]
struct Exported<'a> {
    trail: &'a str,
    records: u64,
    file: String,
}

pub fn run(global: &Global, out: &mut Out, args: &Export) -> Result<(), Failure> {
    if args.to.is_some_and(|to| to < args.from) {
        return Err(Failure::Usage("--to is before --from".into()));
    }
    let records = global.read(|reader| export(reader, args))?;
    let (trail, file) = (args.trail.trail.as_str(), args.out.display().to_string());
    if out.is_json() {
        return out.object(&Exported { trail, records, file });
    }
    out.line(format_args!("{} records of {trail} are in {file}", grouped(records)))
}

fn export(reader: &Reader, args: &Export) -> Result<u64, StoreError> {
    let trail = reader.trail(&args.trail.trail)?;
    let end = args.to.map_or(trail.size.0, |to| to.saturating_add(1).min(trail.size.0));
    let failed = |e: std::io::Error| StoreError::File {
        path: args.out.display().to_string(),
        reason: e.to_string(),
    };
    // Under its own name only when it is whole, so that half a file is never taken for all of it.
    let aside = files::aside(&args.out);
    let file = files::create(&aside).map_err(failed)?;
    let records = reader.export(&trail, args.from.min(end)..end, args.entries, file)?;
    files::rename(&aside, &args.out).map_err(failed)?;
    Ok(records)
}

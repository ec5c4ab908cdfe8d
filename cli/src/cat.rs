//! `indelible cat`

use indelible_log::record::{KeptRecord, Seq};
use indelible_store::{Reader, StoreError};

use crate::args::{Cat, Global};
use crate::failure::Failure;
use crate::out::Out;

/// Records read at a time, at most and at first.
const RECORDS_MAX: u64 = 1000;
const RECORDS_FIRST: u64 = 100;
/// About how many bytes are read at a time, so that large events do not fill the memory.
const BYTES: u64 = 8 << 20;

pub fn run(global: &Global, out: &mut Out, args: &Cat) -> Result<(), Failure> {
    if args.to.is_some_and(|to| to < args.from) {
        return Err(Failure::Usage("--to is before --from".into()));
    }
    let trail = &args.trail.trail;
    let mut reader = global.reader()?;
    let status = reader.trail(trail)?;
    let end = args.to.map_or(status.size.0, |to| to.saturating_add(1).min(status.size.0));
    let (mut next, mut count) = (args.from, RECORDS_FIRST);
    while next < end {
        let seqs: Vec<Seq> = (next..end.min(next + count)).map(Seq).collect();
        let records = match reader.read(status.info.no, &seqs) {
            Ok(records) => records,
            Err(_) => {
                // A writer may have merged a file away since we opened; a fresh view knows where it went.
                let (fresh, records) = global.read(|_| anew(global, trail, &seqs))?;
                reader = fresh;
                records
            }
        };
        let mut bytes = 0;
        for record in &records {
            let mut line = record.view(trail.as_str());
            line.push(b'\n');
            bytes += line.len() as u64;
            out.bytes(&line)?;
        }
        next += records.len() as u64;
        count = (BYTES / (bytes / records.len().max(1) as u64).max(1)).clamp(1, RECORDS_MAX);
    }
    Ok(())
}

fn anew(
    global: &Global,
    trail: &indelible_event::TrailName,
    seqs: &[Seq],
) -> Result<(Reader, Vec<KeptRecord>), StoreError> {
    let reader = global.open_reader()?;
    let status = reader.trail(trail)?;
    let records = reader.read(status.info.no, seqs)?;
    Ok((reader, records))
}

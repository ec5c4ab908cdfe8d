//! `indelible tiles`

use std::io;
use std::path::Path;

use indelible_merkle::{Checkpoint, Note};
use indelible_store::{StoreError, TileStats};
use serde::Serialize;

use crate::args::{Global, Tiles};
use crate::failure::Failure;
use crate::files;
use crate::out::{Out, grouped};

/// The file that says what the others are, written last.
const CHECKPOINT: &str = "checkpoint";

#[derive(Serialize)]
struct Exported {
    origin: String,
    size: u64,
    tiles: u64,
    bundles: u64,
    written: u64,
}

pub fn run(global: &Global, out: &mut Out, args: &Tiles) -> Result<(), Failure> {
    let dir = &args.out;
    let origin = global.read(|reader| {
        let trail = reader.trail(&args.trail.trail)?;
        Ok(reader.node().origin_of(trail.info.id))
    })?;
    let earlier = earlier_export(dir, &origin)?;
    let (stats, written) = global.read(|reader| export(reader, args, earlier))?;
    let TileStats { size, tiles, bundles } = stats;
    if out.is_json() {
        return out.object(&Exported { origin, size: size.0, tiles, bundles, written });
    }
    out.line(format_args!(
        "{}: {} records in {tiles} tiles and {bundles} entry bundles; {} files were new",
        dir.display(),
        grouped(size.0),
        grouped(written),
    ))
}

fn export(
    reader: &indelible_store::Reader,
    args: &Tiles,
    earlier: u64,
) -> Result<(TileStats, u64), StoreError> {
    let trail = reader.trail(&args.trail.trail)?;
    let (_, checkpoint) = reader.checkpoint(&trail)?;
    if checkpoint.size.0 < earlier {
        let reason =
            format!("alarm: it was exported at size {earlier}, and is {} now", checkpoint.size);
        return Err(StoreError::File {
            path: args.out.join(CHECKPOINT).display().to_string(),
            reason,
        });
    }
    let mut written = 0;
    let stats = reader.tiles(&trail, &mut |path, bytes| {
        written += u64::from(emit(&args.out, path, bytes)?);
        Ok(())
    })?;
    Ok((stats, written))
}

/// The size of the earlier export in the directory, 0 if it is free. Anything else there is refused.
fn earlier_export(dir: &Path, origin: &str) -> Result<u64, Failure> {
    let io = || Failure::io(dir.display());
    if files::is_free(dir).map_err(io())? {
        return Ok(0);
    }
    let refused = |what: &str| Failure::Cannot {
        why: format!("{}: not empty, and {what}", dir.display()),
        hint: Some(
            "name a new or empty directory, or that of an earlier export of this trail".into(),
        ),
    };
    let Some(note) = files::read_if_there(&dir.join(CHECKPOINT)).map_err(io())? else {
        return Err(refused("there is no checkpoint in it"));
    };
    let earlier =
        Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.unverified_text()).ok());
    match earlier {
        Some(earlier) if earlier.origin == origin => Ok(earlier.size.0),
        Some(earlier) => Err(refused(&format!("the checkpoint in it is of {}", earlier.origin))),
        None => Err(refused("what is called checkpoint in it is none")),
    }
}

/// Writes a file of the tree; whether it was new. A tile never changes, so one that is there with other
/// bytes means that the history was rewritten since.
fn emit(dir: &Path, path: &str, bytes: &[u8]) -> io::Result<bool> {
    let to = dir.join(path);
    if path != CHECKPOINT
        && let Some(there) = files::read_if_there(&to)?
    {
        if there == bytes {
            return Ok(false);
        }
        let why = "alarm: this file was exported before with other bytes, so the log's history was changed";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    files::make_dir(to.parent().unwrap_or(dir))?;
    files::replace(&to, bytes)?;
    Ok(true)
}

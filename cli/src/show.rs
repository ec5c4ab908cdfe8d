//! `indelible trails`, `checkpoint` and `key show`: what can be seen of the trails from outside.

use indelible_event::TrailName;
use indelible_log::TrailStatus;
use indelible_store::{Reader, StoreError};
use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::out::{Out, Table};

#[derive(Serialize)]
struct TrailRow {
    name: String,
    records: u64,
    checkpoint_size: Option<u64>,
    origin: String,
}

#[derive(Serialize)]
struct Signed {
    trail: String,
    origin: String,
    size: u64,
    root: String,
    note: String,
}

#[derive(Serialize)]
struct Key {
    trail: String,
    origin: String,
    vkey: String,
}

pub fn trails(global: &Global, out: &mut Out) -> Result<(), Failure> {
    let rows = global.read(|reader| {
        reader.trails().iter().map(|t| trail_row(reader, t)).collect::<Result<Vec<_>, _>>()
    })?;
    if out.is_json() {
        return rows.iter().try_for_each(|row| out.object(row));
    }
    let mut table = Table::new(&["TRAIL", "RECORDS", "SIGNED", "ORIGIN"], &[1, 2]);
    for row in rows {
        let signed = row.checkpoint_size.map_or_else(|| "-".into(), |size| size.to_string());
        table.row(vec![row.name, row.records.to_string(), signed, row.origin]);
    }
    table.print(out)
}

fn trail_row(reader: &Reader, trail: &TrailStatus) -> Result<TrailRow, StoreError> {
    let checkpoint_size = match reader.checkpoint(trail) {
        Ok((_, checkpoint)) => Some(checkpoint.size.0),
        Err(StoreError::NotFound(_)) => None,
        Err(e) => return Err(e),
    };
    Ok(TrailRow {
        name: trail.info.name.to_string(),
        records: trail.size.0,
        checkpoint_size,
        origin: reader.node().origin_of(trail.info.id),
    })
}

pub fn checkpoint(global: &Global, out: &mut Out, trail: &TrailName) -> Result<(), Failure> {
    let (note, checkpoint) = global.read(|reader| reader.checkpoint(&reader.trail(trail)?))?;
    if !out.is_json() {
        return out.bytes(note.as_bytes());
    }
    out.object(&Signed {
        trail: trail.to_string(),
        origin: checkpoint.origin,
        size: checkpoint.size.0,
        root: checkpoint.root.to_base64(),
        note,
    })
}

pub fn key(global: &Global, out: &mut Out, trail: Option<&TrailName>) -> Result<(), Failure> {
    let keys = global.read(|reader| {
        let trails = match trail {
            Some(name) => vec![reader.trail(name)?],
            None => reader.trails(),
        };
        let key = |t: &TrailStatus| {
            let vkey = reader.vkey(t)?;
            Ok(Key {
                trail: t.info.name.to_string(),
                origin: vkey.name().to_owned(),
                vkey: vkey.to_string(),
            })
        };
        trails.iter().map(key).collect::<Result<Vec<_>, StoreError>>()
    })?;
    if out.is_json() {
        return keys.iter().try_for_each(|key| out.object(key));
    }
    if trail.is_some() {
        return keys.iter().try_for_each(|key| out.line(&key.vkey));
    }
    let mut table = Table::new(&["TRAIL", "VERIFIER KEY"], &[]);
    keys.into_iter().for_each(|key| table.row(vec![key.trail, key.vkey]));
    table.print(out)
}

//! `indelible trails`, `checkpoint` and `key show`: what can be seen of the trails from outside.

use indelible_client::path_segment;
use indelible_event::TrailName;
use indelible_log::TrailStatus;
use indelible_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::args::{At, Global, TrailAt, Trails, TrailsCommand};
use crate::ask::Params;
use crate::ask::change::Change;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::look::clean;
use crate::out::{Out, Table};

const TRAILS: &str = "/api/trails";

#[derive(Serialize)]
struct TrailRow {
    name: String,
    records: u64,
    checkpoint_size: Option<u64>,
    origin: String,
    public: bool,
}

/// A trail as the API shows it.
#[derive(Deserialize)]
struct Listed {
    name: String,
    size: u64,
    published: u64,
    origin: String,
    public: bool,
}

#[derive(Deserialize)]
struct ListedTrails {
    trails: Vec<Listed>,
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

pub fn trails(global: &Global, out: &mut Out, args: &Trails) -> Result<(), Failure> {
    let (TrailAt { trail, at }, public) = match &args.command {
        None => return list(global, out, &args.at),
        Some(TrailsCommand::Publish(which)) => (which, true),
        Some(TrailsCommand::Unpublish(which)) => (which, false),
    };
    let path = format!("{TRAILS}/{}", path_segment(trail.as_str()));
    let body = serde_json::json!({ "public": public }).to_string().into_bytes();
    let answer: Listed = read(&Change::Put(&path, body).make(global, at)?)?;
    if out.is_json() {
        return out.object(&TrailRow::from(answer));
    }
    let told = match answer.public {
        true => "is public: everybody may fetch entries and hashes, nobody the sealed parts",
        false => "is for credentials that read the trail",
    };
    out.line(format_args!("the tree of {trail} {told}"))
}

fn list(global: &Global, out: &mut Out, at: &At) -> Result<(), Failure> {
    let answer: ListedTrails = at.source(global)?.read(TRAILS, &Params::new())?;
    let mut rows = answer.trails.into_iter().map(TrailRow::from);
    if out.is_json() {
        return rows.try_for_each(|row| out.object(&row));
    }
    let mut table = Table::new(&["TRAIL", "RECORDS", "SIGNED", "PUBLIC", "ORIGIN"], &[1, 2]);
    for row in rows {
        let signed = row.checkpoint_size.map_or_else(|| "-".into(), |size| size.to_string());
        let public = if row.public { "yes" } else { "no" };
        let cells = [row.name, row.records.to_string(), signed, public.into(), row.origin];
        table.row(cells.map(|cell| clean(&cell)).into());
    }
    table.print(out)
}

impl From<Listed> for TrailRow {
    fn from(trail: Listed) -> TrailRow {
        let Listed { name, size, published, origin, public } = trail;
        let checkpoint_size = (published > 0).then_some(published);
        TrailRow { name, records: size, checkpoint_size, origin, public }
    }
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

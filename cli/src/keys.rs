//! `indelible key create`, `list` and `revoke`.

use indelible_client::path_segment;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::args::{Global, KeyCreate, KeyList, KeyRevoke};
use crate::ask::change::Change;
use crate::ask::source::read;
use crate::ask::when::{End, ahead, moment};
use crate::ask::{Params, now};
use crate::failure::Failure;
use crate::look::{Look, clean};
use crate::out::{self, Out, Table};

const PATH: &str = "/api/keys";

#[derive(Serialize)]
struct New<'a> {
    role: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trails: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    key: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Key {
    id: String,
    role: String,
    name: String,
    trails: Option<Vec<String>>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

pub fn create(global: &Global, out: &mut Out, args: &KeyCreate) -> Result<(), Failure> {
    let expires_at = args.expires.as_deref().map(end_of).transpose()?;
    let trails = args.trails.iter().map(|trail| trail.as_str()).collect();
    let new = New { role: args.role.name(), name: &args.name, trails, expires_at };
    let body = serde_json::to_vec(&new).map_err(Failure::cannot)?;
    let made = Change::Post(PATH, body).make(global, &args.at)?;
    if out.is_json() {
        out.bytes(made.trim_ascii_end())?;
        return out.line("");
    }
    let made: Made = read(&made)?;
    out.line(made.key)?;
    out.flush()?;
    out::note(format_args!("shown this once: only its hash is kept"));
    Ok(())
}

pub fn list(global: &Global, out: &mut Out, args: &KeyList) -> Result<(), Failure> {
    let keys: Keys = args.at.source(global)?.read(PATH, &Params::new())?;
    if out.is_json() {
        return keys.keys.iter().try_for_each(|key| out.line(key.get()));
    }
    let look = Look::new(false, true, false);
    let mut table = Table::new(&["ID", "ROLE", "NAME", "TRAILS", "MADE", "STATE"], &[]);
    for key in &keys.keys {
        let key: Key = read(key.get().as_bytes())?;
        let state = state(&key, &look);
        let trails = key.trails.map_or_else(|| "all".into(), |trails| trails.join(","));
        let made = look.time(&key.created_at);
        table
            .row([key.id, key.role, key.name, trails, made, state].map(|cell| clean(&cell)).into());
    }
    table.print(out)
}

pub fn revoke(global: &Global, out: &mut Out, args: &KeyRevoke) -> Result<(), Failure> {
    let path = format!("{PATH}/{}", path_segment(&args.id));
    Change::Delete(&path).make(global, &args.at)?;
    if out.is_json() {
        return out.object(&serde_json::json!({"id": args.id, "revoked": true}));
    }
    out.line(format_args!("key {} is revoked", clean(&args.id)))
}

fn state(key: &Key, look: &Look) -> String {
    if let Some(at) = &key.revoked_at {
        return format!("revoked {}", look.time(at));
    }
    match &key.expires_at {
        Some(at) if at.parse().is_ok_and(|at: jiff::Timestamp| at <= now()) => {
            format!("expired {}", look.time(at))
        }
        Some(at) => format!("good until {}", look.time(at)),
        None => "good".into(),
    }
}

/// When a key ends: a span from now on, or a time.
fn end_of(text: &str) -> Result<String, Failure> {
    let at = match ahead(text, now()) {
        Some(at) => at.to_string(),
        None => moment(text, End::Until, now(), &TimeZone::system()).map_err(Failure::Usage)?,
    };
    Ok(at)
}

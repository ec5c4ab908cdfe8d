//! `indelible key create`, `list` and `revoke`.

use std::net::SocketAddr;
use std::sync::Arc;

use indelible_client::path_segment;
use indelible_server::{Config, NewKey, Server};
use indelible_store::Store;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::args::{Global, KeyCreate, KeyList, KeyRevoke};
use crate::ask::source::{read, refused};
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
    let Some(client) = args.at.client(global)? else {
        return create_offline(global, out, new);
    };
    let body = serde_json::to_vec(&new).map_err(Failure::cannot)?;
    let made = client.post(PATH, &[], "application/json", &body);
    let made = made.map_err(|e| refused(e, &Params::new()))?.body;
    if out.is_json() {
        out.bytes(made.trim_ascii_end())?;
        return out.line("");
    }
    let made: Made = read(&made)?;
    tell(out, &made.key)
}

/// Makes a key where no node runs, by being one for a moment: on this machine only, on any free port, and
/// in the very words of the API. The trail tells of it as of every start.
fn create_offline(global: &Global, out: &mut Out, new: New<'_>) -> Result<(), Failure> {
    let store = Arc::new(writer(global)?);
    let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
    let running = Server::start(store.clone(), config).map_err(Failure::cannot)?;
    let trails = (!new.trails.is_empty()).then(|| new.trails.iter().map(|t| (*t).into()).collect());
    let (role, name) = (new.role.to_owned(), new.name.to_owned());
    let made = running.make_key(&NewKey { role, name, trails, expires_at: new.expires_at });
    running.shutdown().map_err(Failure::cannot)?;
    if let Some(store) = Arc::into_inner(store) {
        store.close()?;
    }
    let key = made.map_err(|e| Failure::Usage(e.to_string()))?;
    if out.is_json() {
        return out.object(&serde_json::json!({ "key": key }));
    }
    tell(out, &key)
}

fn tell(out: &mut Out, key: &str) -> Result<(), Failure> {
    out.line(key)?;
    out.flush()?;
    out::note(format_args!("shown this once: only its hash is kept"));
    Ok(())
}

/// The directory for writing; a node that runs there has it, and can be asked.
fn writer(global: &Global) -> Result<Store, Failure> {
    if global.has_log() && global.has_writer() {
        return Err(Failure::Cannot {
            why: format!("{} is served by a node, or written to", global.data.display()),
            hint: Some(
                "ask the node: --url http://127.0.0.1:8650 --key with an admin's key".into(),
            ),
        });
    }
    global.writer(false)
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
    let Some(client) = args.at.client(global)? else {
        return Err(Failure::Cannot {
            why: "a key is revoked on the node that takes it, so that it ends there at once".into(),
            hint: Some("--url http://127.0.0.1:8650 --key with an admin's key".into()),
        });
    };
    client.delete(&path).map_err(|e| refused(e, &Params::new()))?;
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

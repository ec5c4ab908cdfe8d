//! `indelible archive` and `import`

use serde_json::{Value, json};

use super::shown::{As, Fact, facts};
use super::{absolute, list, print, session, target};
use crate::args::{
    Archive, ArchiveCommand, ArchiveSet, ArchiveSettingsCommand, At, Global, Import, Offload,
};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::look::Look;
use crate::out::Out;

const PATH: &str = "/api/archives";
const SETTINGS: &str = "/api/archives/settings";
/// Bytes of a megabyte, as --cache-mb counts them.
const MB: u64 = 1_000_000;

const ARCHIVE: [Fact; 7] = [
    Fact("/id", "ID", As::Text),
    Fact("/at", "WHEN", As::Time),
    Fact("/to", "WHERE", As::Text),
    Fact("/by", "BY", As::Text),
    Fact("/records", "EVENTS", As::Count),
    Fact("/bytes", "SIZE", As::Bytes),
    Fact("/manifest_sha256", "MANIFEST", As::Text),
];
const DONE: [Fact; 7] = [
    Fact("/to", "target", As::Text),
    Fact("/from", "archive", As::Text),
    Fact("/files", "files", As::Count),
    Fact("/records", "events", As::Count),
    Fact("/bytes", "size", As::Bytes),
    Fact("/manifest", "manifest", As::Text),
    Fact("/manifest_sha256", "its SHA-256", As::Text),
];
const SETTING: [Fact; 4] = [
    Fact("/to", "target", As::Text),
    Fact("/every_seconds", "every, seconds", As::Count),
    Fact("/cache_bytes", "cache", As::Bytes),
    Fact("/next_at", "next", As::Time),
];

pub fn run(global: &Global, out: &mut Out, args: &Archive) -> Result<(), Failure> {
    match &args.command {
        None => create(global, out, args),
        Some(ArchiveCommand::List(args)) => {
            let answer = session(global, &args.at, |session| session.get(PATH, &Params::new()))?;
            list(out, &answer, "archives", &args.shape, &ARCHIVE).map(drop)
        }
        Some(ArchiveCommand::Offload(args)) => offload(global, out, args),
        Some(ArchiveCommand::Settings { command: ArchiveSettingsCommand::Get(args) }) => {
            let answer =
                session(global, &args.at, |session| session.get(SETTINGS, &Params::new()))?;
            settings(out, &answer)
        }
        Some(ArchiveCommand::Settings { command: ArchiveSettingsCommand::Set(args) }) => {
            set(global, out, args)
        }
    }
}

fn create(global: &Global, out: &mut Out, args: &Archive) -> Result<(), Failure> {
    let mut new = json!({"to": args.to.as_deref().map(|to| target(to, &args.at, global)).transpose()?});
    if let Some(by) = &args.by {
        new["by"] = by.split(',').collect();
    }
    if let Some(trail) = &args.of.trail {
        new["trail"] = trail.as_str().into();
    }
    post(global, out, &args.at, PATH, &new)
}

fn offload(global: &Global, out: &mut Out, args: &Offload) -> Result<(), Failure> {
    let new = match args.older_than {
        Some(days) => json!({"older_than_days": days}),
        None => json!({}),
    };
    post(global, out, &args.at, "/api/archives/offload", &new)
}

fn set(global: &Global, out: &mut Out, args: &ArchiveSet) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| {
        let mut settings: Value = session.ask(SETTINGS)?;
        if let Some(to) = &args.to {
            settings["to"] = target(to, &args.at, global)?.into();
        }
        if let Some(seconds) = args.every {
            settings["every_seconds"] = seconds.into();
        }
        if let Some(mb) = args.cache_mb {
            settings["cache_bytes"] = mb.saturating_mul(MB).into();
        }
        if args.off {
            settings["every_seconds"] = Value::Null;
        }
        session.put(SETTINGS, &settings)
    })?;
    settings(out, &answer)
}

fn settings(out: &mut Out, answer: &[u8]) -> Result<(), Failure> {
    if out.is_json() {
        return print(out, answer);
    }
    facts(out, &Look::new(false, true, false), &read(answer)?, &SETTING)
}

pub fn import(global: &Global, out: &mut Out, args: &Import) -> Result<(), Failure> {
    let mut new = json!({"from": target(&args.archive, &args.at, global)?});
    if let Some(into) = &args.into {
        new["into"] = absolute(into, &args.at, global)?.into();
    }
    if let Some(trail) = &args.of.trail {
        new["trail"] = trail.as_str().into();
    }
    post(global, out, &args.at, "/api/imports", &new)
}

fn post(
    global: &Global,
    out: &mut Out,
    at: &At,
    path: &str,
    new: &Value,
) -> Result<(), Failure> {
    let answer = session(global, at, |session| session.post(path, new))?;
    if out.is_json() {
        return print(out, &answer);
    }
    facts(out, &Look::new(false, true, false), &read(&answer)?, &DONE)
}

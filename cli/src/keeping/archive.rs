//! `indelible archive` and `import`

use std::path::Path;

use indelible_keep::import::{NewImport, into_empty};
use indelible_log::Seams;
use serde_json::{Value, json};

use super::restore::{KEY_BYTES_MAX, failed};
use super::shown::{As, Fact, facts};
use super::{Bar, Session, list, print, session, target};
use crate::args::{
    Archive, ArchiveCommand, ArchiveSet, ArchiveSettingsCommand, At, Global, Import, Offload,
    OffloadAfter,
};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::files;
use crate::look::Look;
use crate::out::{self, Out};
use crate::progress::Progress;

const PATH: &str = "/api/archives";
const SETTINGS: &str = "/api/archives/settings";
/// How an archive is laid out, as the API says it.
const WHOLE: &str = "whole";
const TRAIL_DATE: &str = "trail_date";

const ARCHIVE: [Fact; 8] = [
    Fact("/id", "ID", As::Text),
    Fact("/created_at", "WHEN", As::Time),
    Fact("/target", "WHERE", As::Text),
    Fact("/by", "BY", As::Text),
    Fact("/outcome", "OUTCOME", As::Text),
    Fact("/result/records", "EVENTS", As::Count),
    Fact("/result/bytes", "SIZE", As::Bytes),
    Fact("/result/sha256", "SHA-256 OF THE MANIFEST", As::Text),
];
const DONE: [Fact; 9] = [
    Fact("/target", "target", As::Text),
    Fact("/records", "events", As::Count),
    Fact("/segments", "segments", As::Count),
    Fact("/files", "files", As::Count),
    Fact("/bytes", "size", As::Bytes),
    Fact("/copied", "files copied", As::Count),
    Fact("/copied_bytes", "bytes copied", As::Bytes),
    Fact("/removed", "files that belong to it no more", As::Count),
    Fact("/sha256", "SHA-256 of its manifest", As::Text),
];
const IMPORTED: [Fact; 9] = [
    Fact("/into", "directory", As::Text),
    Fact("/archive/origin", "of the log of", As::Text),
    Fact("/archive/records", "events in it", As::Count),
    Fact("/archive/signatures", "signatures verified", As::Count),
    Fact("/archive/sha256", "SHA-256 of its manifest", As::Text),
    Fact("/kept", "kept", As::Count),
    Fact("/known", "there already", As::Count),
    Fact("/refused", "refused", As::Count),
    Fact("/reasons", "why", As::Text),
];
const SETTING: [Fact; 5] = [
    Fact("/target", "target", As::Text),
    Fact("/every_hours", "every, hours", As::Count),
    Fact("/by", "laid out by", As::Text),
    Fact("/entries", "with entries", As::Flag),
    Fact("/offload_days", "offload after", As::Days),
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
    let to = args.to.as_deref().expect("clap wants --to where there is no other command");
    let mut new = json!({"target": target(to, &args.at, global)?});
    if args.layout.by.is_some() {
        new["by"] = TRAIL_DATE.into();
        new["entries"] = args.layout.entries.into();
    }
    let trail = args.trail.as_ref().map(ToString::to_string);
    for (name, value) in
        [("trail", trail), ("from", args.since.clone()), ("to", args.until.clone())]
    {
        if let Some(value) = value {
            new[name] = value.into();
        }
    }
    post(global, out, &args.at, PATH, |_| Ok(new))
}

fn offload(global: &Global, out: &mut Out, args: &Offload) -> Result<(), Failure> {
    let to = args.to.as_deref().map(|to| target(to, &args.at, global)).transpose()?;
    post(global, out, &args.at, "/api/archives/offload", |session| {
        let target = match to {
            Some(to) => to.into(),
            None => session.ask::<Value>(SETTINGS)?["target"].take(),
        };
        if target.is_null() {
            return Err(Failure::Usage("no target is set: --to says where the archive is".into()));
        }
        let mut new = json!({"target": target});
        if let Some(days) = args.older_than {
            new["days"] = days.into();
        }
        Ok(new)
    })
}

fn set(global: &Global, out: &mut Out, args: &ArchiveSet) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| {
        let mut settings: Value = session.ask(SETTINGS)?;
        if let Some(to) = &args.to {
            settings["target"] = target(to, &args.at, global)?.into();
        }
        if args.every.is_some() || args.off {
            settings["every_hours"] = args.every.into();
        }
        if let Some(by) = &args.by {
            settings["by"] = if by == "none" { WHOLE } else { TRAIL_DATE }.into();
        }
        match args.offload {
            Some(OffloadAfter::Days(days)) => settings["offload_days"] = days.into(),
            Some(OffloadAfter::Policy) => settings["offload_days"] = Value::Null,
            None => {}
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

pub fn import(
    global: &Global,
    out: &mut Out,
    args: &Import,
    archive: &Path,
) -> Result<(), Failure> {
    let not_text = || Failure::Usage(format!("{}: the name is not UTF-8", archive.display()));
    let new = NewImport {
        from: target(archive.to_str().ok_or_else(not_text)?, &args.at, global)?,
        vkey: args.vkey.clone(),
        sha256: args.sha256.clone(),
        trail: args.trail.as_ref().map(ToString::to_string),
        into: args.as_trail.as_ref().map(ToString::to_string),
    };
    let answer = match &args.into {
        Some(into) => {
            let key = args.node_key.as_deref().map(|file| files::read(file, KEY_BYTES_MAX));
            let bar = Bar(Progress::stages(global.json));
            let seams = Seams::real(into);
            let verified = into_empty(&seams, &new, key.transpose()?.as_deref(), &bar);
            bar.0.clear();
            json!({"into": into.display().to_string(), "archive": verified.map_err(failed)?})
        }
        None => session(global, &args.at, |session| read(&session.post("/api/imports", &new)?))?,
    };
    if out.is_json() {
        return out.object(&answer);
    }
    facts(out, &Look::new(false, true, false), &answer, &IMPORTED)?;
    out.flush()?;
    if answer["archive"]["trusted"] == false {
        out::note(format_args!(
            "it is of one piece, but whose it is only --vkey or --sha256 shows"
        ));
    }
    let refused = answer["refused"].as_u64().unwrap_or(0);
    if refused > 0 { Err(Failure::Told) } else { Ok(()) }
}

fn post(
    global: &Global,
    out: &mut Out,
    at: &At,
    path: &str,
    new: impl FnOnce(&Session) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let answer = session(global, at, |session| session.post(path, &new(session)?))?;
    if out.is_json() {
        return print(out, &answer);
    }
    facts(out, &Look::new(false, true, false), &read(&answer)?, &DONE)
}

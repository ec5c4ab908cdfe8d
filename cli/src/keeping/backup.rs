//! `indelible backup`

use indelible_client::path_segment;
use serde_json::{Value, json};

use super::shown::{As, Fact, facts, table};
use super::{list, print, session, target};
use crate::args::{
    BackupCommand, BackupCreate, BackupList, BackupOne, BackupSet, BackupSettingsCommand, Global,
};
use crate::ask::Params;
use crate::ask::source::read;
use crate::failure::Failure;
use crate::look::{Look, clean};
use crate::out::Out;

pub const PATH: &str = "/api/backups";
const SETTINGS: &str = "/api/backups/settings";

const BACKUP: [Fact; 9] = [
    Fact("/id", "ID", As::Text),
    Fact("/created_at", "WHEN", As::Time),
    Fact("/backup_type", "TYPE", As::Text),
    Fact("/state", "STATE", As::Text),
    Fact("/trail", "TRAIL", As::Text),
    Fact("/records", "EVENTS", As::Count),
    Fact("/size_bytes", "SIZE", As::Bytes),
    Fact("/verified/at", "VERIFIED", As::Time),
    Fact("/target", "WHERE", As::Text),
];
const MADE: [Fact; 9] = [
    Fact("/backup_id", "backup", As::Text),
    Fact("/target", "target", As::Text),
    Fact("/archive_path", "directory", As::Text),
    Fact("/records", "events", As::Count),
    Fact("/size_bytes", "size", As::Bytes),
    Fact("/copied_bytes", "copied", As::Bytes),
    Fact("/shared_bytes", "shared with earlier backups", As::Bytes),
    Fact("/resumed_bytes", "there from an earlier try", As::Bytes),
    Fact("/sha256", "SHA-256 of its description", As::Text),
];
const ONE: [Fact; 16] = [
    Fact("/id", "backup", As::Text),
    Fact("/state", "state", As::Text),
    Fact("/error", "error", As::Text),
    Fact("/created_at", "when", As::Time),
    Fact("/user", "made by", As::Text),
    Fact("/backup_type", "type", As::Text),
    Fact("/trail", "trail", As::Text),
    Fact("/target", "target", As::Text),
    Fact("/archive_path", "directory", As::Text),
    Fact("/records", "events", As::Count),
    Fact("/size_bytes", "size", As::Bytes),
    Fact("/with_key", "with the signing key", As::Flag),
    Fact("/sha256", "SHA-256 of its description", As::Text),
    Fact("/verified/at", "verified", As::Time),
    Fact("/verified/error", "which found", As::Text),
    Fact("/unreadable", "cannot be read now", As::Text),
];
const FILE: [Fact; 4] = [
    Fact("/path", "FILE", As::Text),
    Fact("/bytes", "SIZE", As::Bytes),
    Fact("/at", "AT", As::Text),
    Fact("/sha256", "SHA-256", As::Text),
];
const SETTING: [Fact; 7] = [
    Fact("/target", "target", As::Text),
    Fact("/schedule", "when", As::Text),
    Fact("/type", "type", As::Text),
    Fact("/with_key", "with the signing key", As::Flag),
    Fact("/keep", "keep", As::Count),
    Fact("/on_failure", "on failure", As::Text),
    Fact("/trouble", "trouble", As::Text),
];

pub fn run(global: &Global, out: &mut Out, command: &BackupCommand) -> Result<(), Failure> {
    match command {
        BackupCommand::Create(args) => create(global, out, args),
        BackupCommand::List(args) => backups(global, out, args),
        BackupCommand::Show(args) => show(global, out, args),
        BackupCommand::Verify(args) => verify(global, out, args),
        BackupCommand::Delete(args) => delete(global, out, args),
        BackupCommand::Settings { command: BackupSettingsCommand::Get(args) } => {
            let answer =
                session(global, &args.at, |session| session.get(SETTINGS, &Params::new()))?;
            told(out, &answer, &SETTING)
        }
        BackupCommand::Settings { command: BackupSettingsCommand::Set(args) } => {
            set(global, out, args)
        }
    }
}

fn create(global: &Global, out: &mut Out, args: &BackupCreate) -> Result<(), Failure> {
    let mut new = json!({});
    if let Some(to) = &args.to {
        new["to"] = target(to, &args.at, global)?.into();
    }
    if let Some(kind) = &args.kind {
        new["type"] = kind.as_str().into();
    }
    if let Some(trail) = &args.of.trail {
        new["trail"] = trail.as_str().into();
    }
    if args.without_key {
        new["with_key"] = false.into();
    }
    let answer = session(global, &args.at, |session| session.post(PATH, &new))?;
    told(out, &answer, &MADE)
}

fn backups(global: &Global, out: &mut Out, args: &BackupList) -> Result<(), Failure> {
    let at = &args.with.at;
    let from = args.from.as_deref().map(|from| target(from, at, global)).transpose()?;
    let params: Params = from.map(|from| ("target".into(), from)).into_iter().collect();
    let answer = session(global, at, |session| session.get(PATH, &params))?;
    list(out, &answer, "backups", &args.with.shape, &BACKUP).map(drop)
}

fn show(global: &Global, out: &mut Out, args: &BackupOne) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| session.get(&one(args), &Params::new()))?;
    if out.is_json() {
        return print(out, &answer);
    }
    let look = Look::new(false, true, false);
    let backup: Value = read(&answer)?;
    facts(out, &look, &backup, &ONE)?;
    let files = backup["description"]["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !files.is_empty() {
        out.line("")?;
        table(out, &look, files, &FILE)?;
    }
    Ok(())
}

fn verify(global: &Global, out: &mut Out, args: &BackupOne) -> Result<(), Failure> {
    let path = format!("{}/verify", one(args));
    let answer = session(global, &args.at, |session| session.post(&path, &json!({})))?;
    if out.is_json() {
        return print(out, &answer);
    }
    out.line(format_args!("backup {} is whole: every file has its sum", clean(&args.id)))
}

fn delete(global: &Global, out: &mut Out, args: &BackupOne) -> Result<(), Failure> {
    session(global, &args.at, |session| session.delete(&one(args), &Params::new()))?;
    if out.is_json() {
        return out.object(&json!({"id": args.id, "deleted": true}));
    }
    out.line(format_args!("backup {} is deleted", clean(&args.id)))
}

fn set(global: &Global, out: &mut Out, args: &BackupSet) -> Result<(), Failure> {
    let answer = session(global, &args.at, |session| {
        let mut settings: Value = session.ask(SETTINGS)?;
        if let Some(to) = &args.to {
            settings["target"] = target(to, &args.at, global)?.into();
        }
        match (&args.every, &args.daily) {
            (Some(span), _) => settings["schedule"] = format!("every {span}").into(),
            (_, Some(time)) => settings["schedule"] = format!("daily at {time}").into(),
            (None, None) if args.off => settings["schedule"] = Value::Null,
            (None, None) => {}
        }
        if let Some(kind) = &args.kind {
            settings["type"] = kind.as_str().into();
        }
        if let Some(keep) = args.keep {
            settings["keep"] = keep.into();
        }
        if let Some(with) = &args.with_key {
            settings["with_key"] = (with == "yes").into();
        }
        if let Some(what) = &args.on_failure {
            settings["on_failure"] = what.as_str().into();
        }
        // How it goes is told beside what is set.
        settings.as_object_mut().map(|settings| settings.remove("trouble"));
        session.put(SETTINGS, &settings)
    })?;
    told(out, &answer, &SETTING)
}

fn told(out: &mut Out, answer: &[u8], about: &[Fact]) -> Result<(), Failure> {
    if out.is_json() {
        return print(out, answer);
    }
    facts(out, &Look::new(false, true, false), &read(answer)?, about)
}

fn one(args: &BackupOne) -> String {
    format!("{PATH}/{}", path_segment(&args.id))
}

//! `indelible restore`: on the directory itself, since its log may be the one that cannot be opened.

use std::path::PathBuf;
use std::sync::Arc;

use indelible_client::path_segment;
use indelible_event::TrailName;
use indelible_keep::restore::{Elsewhere, NewRestore, RestoreType, Restored, restore, resume};
use indelible_keep::target::{self, SNAPSHOTS, Target};
use indelible_keep::{KeepError, Who};
use indelible_log::Seams;
use indelible_log::storage::FileStorage;
use serde_json::{Value, json};

use super::shown::{As, Fact, facts};
use super::{Bar, Session, absolute, print, session};
use crate::args::{Global, Restore};
use crate::ask::source::read;
use crate::failure::Failure;
use crate::files;
use crate::look::{Look, clean};
use crate::out::{self, Out};
use crate::progress::Progress;

/// Bytes of a file with a key.
pub const KEY_BYTES_MAX: u64 = 4096;

const RESTORED: [Fact; 10] = [
    Fact("/restore_id", "restore", As::Text),
    Fact("/backup_id", "backup", As::Text),
    Fact("/records", "events", As::Count),
    Fact("/bytes", "size", As::Bytes),
    Fact("/signatures", "signatures verified", As::Count),
    Fact("/erasures", "erasures done again", As::Count),
    Fact("/pre_restore_snapshot_id", "snapshot before it", As::Text),
    Fact("/kept", "what was there is in", As::Text),
    Fact("/not_recorded", "the former log did not record it", As::Text),
    Fact("/into", "directory", As::Text),
];

pub fn run(global: &Global, out: &mut Out, args: &Restore) -> Result<(), Failure> {
    if args.at.client(global)?.is_some() {
        return at_node(global, out, args);
    }
    let restored = if args.go_on {
        go_on(global, args)?
    } else {
        let id = args.id.as_deref().expect("clap wants an id or --continue");
        here(global, args, id)?
    };
    tell(global, out, args, restored)
}

/// Into a directory of the node's machine: its own log is not exchanged while it serves it.
fn at_node(global: &Global, out: &mut Out, args: &Restore) -> Result<(), Failure> {
    let Some(into) = &args.into else {
        return Err(Failure::Usage(
            "a node restores --into another directory; to restore in place, stop it and run this on its machine without --url"
                .into(),
        ));
    };
    let mut new = json!({"backup": args.id, "into": absolute(into, &args.at, global)?});
    if let Some(from) = &args.from {
        new["from"] = from.as_str().into();
    }
    if let Some(trail) = trail(args)? {
        new["trail"] = trail.as_str().into();
    }
    let answer = session(global, &args.at, |session| session.post("/api/restores", &new))?;
    if out.is_json() {
        return print(out, &answer);
    }
    facts(out, &Look::new(false, true, false), &read(&answer)?, &RESTORED)
}

fn here(global: &Global, args: &Restore, id: &str) -> Result<Restored, Failure> {
    let from = match &args.from {
        Some(from) => super::target(from, &args.at, global)?,
        None => known_target(global, args, id)?,
    };
    let restore_type = trail(args)?.map_or(RestoreType::Full, RestoreType::Trail);
    let seams = global.seams();
    let backups = target::open(&from, Some(&seams)).map_err(failed)?;
    let snapshots = args.create_snapshot.then(|| snapshots(global, &seams)).transpose()?;
    let key = args.node_key.as_deref().map(|file| files::read(file, KEY_BYTES_MAX)).transpose()?;
    let into = args.into.as_deref().map(|dir| Elsewhere {
        name: dir.display().to_string(),
        storage: Arc::new(FileStorage::new(dir)),
    });
    let bar = Bar(Progress::stages(global.json));
    let new = NewRestore {
        data: &seams,
        guard: global.guard_storage(),
        live: None,
        target: &*backups,
        backup: id,
        into,
        restore_type,
        snapshot: snapshots,
        strict_delete: args.strict_delete,
        accept_rollback: args.accept_rollback,
        key: key.as_deref(),
    };
    let restored = restore(&new, &who(), &bar);
    bar.0.clear();
    restored.map_err(failed)
}

/// Where a backup of the log as it is goes first.
fn snapshots(global: &Global, seams: &Seams) -> Result<Arc<dyn Target>, Failure> {
    let dir = global.data.join(SNAPSHOTS);
    let name = dir.to_str();
    let name = name.ok_or_else(|| Failure::Usage(format!("{}: not UTF-8", dir.display())))?;
    target::open(name, Some(seams)).map_err(failed)
}

fn go_on(global: &Global, args: &Restore) -> Result<Restored, Failure> {
    let seams = global.seams();
    let restored = resume(&seams, global.guard_storage(), args.accept_rollback).map_err(failed)?;
    restored.ok_or_else(|| Failure::Refused {
        why: format!("no restore was interrupted in {}", global.data.display()),
        hint: Some("one that was interrupted before it exchanged anything is begun again by the same command".into()),
    })
}

/// The one trail, if only one is meant.
fn trail(args: &Restore) -> Result<Option<TrailName>, Failure> {
    match (args.kind.as_deref(), &args.trail) {
        (Some("trail"), None) => Err(Failure::Usage("which one? --trail says it".into())),
        (Some("full"), Some(_)) => Err(Failure::Usage("--trail is for --type trail".into())),
        (_, trail) => Ok(trail.clone()),
    }
}

/// Where the log that is there says that the backup is, if it can still be read.
fn known_target(global: &Global, args: &Restore, id: &str) -> Result<String, Failure> {
    let missing = |why: String| {
        let hint = Some("--from says where the backup is".into());
        Failure::Cannot { why, hint }
    };
    if !global.has_log() {
        return Err(missing(format!("there is no log in {}", global.data.display())));
    }
    let path = format!("{}/{}", super::backup::PATH, path_segment(id));
    let backup = session(global, &args.at, |session: &Session| session.ask::<Value>(&path));
    let backup = backup.map_err(|failure| match failure {
        Failure::Cannot { why, .. } => missing(why),
        other => other,
    })?;
    let target = backup["target"].as_str().map(str::to_owned);
    target.ok_or_else(|| Failure::cannot("the answer does not say where the backup is"))
}

/// Whoever has the files.
fn who() -> Who {
    Who {
        id: "local".into(),
        since: None,
        actor: json!({"type": "user", "id": "local"}),
        context: None,
    }
}

fn tell(global: &Global, out: &mut Out, args: &Restore, restored: Restored) -> Result<(), Failure> {
    let mut told = serde_json::to_value(&restored).map_err(Failure::cannot)?;
    let dir: PathBuf = args.into.clone().unwrap_or_else(|| global.data.clone());
    told["into"] = dir.display().to_string().into();
    if out.is_json() {
        return out.object(&told);
    }
    facts(out, &Look::new(false, true, false), &told, &RESTORED)?;
    out.flush()?;
    if args.into.is_some() && !args.accept_rollback && trail(args)?.is_none() {
        out::note(format_args!(
            "this copy is for reading: it has no sign guard. To go on with it as a log of its own, restore it with --accept-rollback, which is recorded in it"
        ));
    }
    if !restored.has_key {
        out::note(format_args!("there is no signing key: this log can be read, not written to"));
    }
    for file in restored.extra.iter().take(EXTRA_TOLD_MAX) {
        out::note(format_args!("not named by the backup, and left alone: {}", clean(file)));
    }
    Ok(())
}

/// Files that a backup does not name, and are told one by one.
const EXTRA_TOLD_MAX: usize = 10;

/// How it ends the command.
pub fn failed(error: impl Into<KeepError>) -> Failure {
    let error = error.into();
    let why = error.to_string();
    match error {
        KeepError::Bad(_) => Failure::Usage(why),
        KeepError::Refused(_) => Failure::Refused { why, hint: None },
        KeepError::Damaged { .. } => Failure::DoesNotHold(why),
        KeepError::Store(error) => error.into(),
        _ => Failure::cannot(why),
    }
}

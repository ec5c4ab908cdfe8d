//! Retention, holds, erasure, archives and backups: the command line's side of that part of the HTTP API, for a
//! node and for a directory that no node serves.

pub mod answers;
pub mod archive;
pub mod backup;
pub mod erase;
pub mod requests;
pub mod restore;
pub mod retention;
pub mod shown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indelible_client::{Client, path_and_query, path_segment};
use indelible_keep::{Keep, Who};
use indelible_server::{Local, LocalResponse};
use indelible_store::Store;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::args::{At, Global, Shape};
use crate::ask::Params;
use crate::ask::change::writer;
use crate::ask::source::{answered, of_error, read, refused};
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, Out};
use crate::progress::Progress;
use answers::{Asked, Begun, Job, State};
use shown::Fact;

/// Bytes of what is read from standard input in place of an option's value.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// How often it is looked how far something is.
const EVERY: Duration = Duration::from_millis(100);
/// The same over a network.
const EVERY_REMOTE: Duration = Duration::from_millis(500);

/// Whoever does what is asked for: a node, or this process with the directory open for writing.
pub struct Session {
    with: With,
    json: bool,
}

enum With {
    Node(Client),
    Here { local: Local, key: Option<String> },
}

/// Does something with a session, and closes it however that ends.
pub fn session<T>(
    global: &Global,
    at: &At,
    work: impl FnOnce(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let json = global.json;
    if let Some(client) = at.client(global)? {
        return work(&Session { with: With::Node(client), json });
    }
    let store = Arc::new(writer(global)?);
    take_up(global, &store);
    let local = Local::writing(store.clone()).map_err(Failure::cannot)?;
    // A key beside an address is the node's; without one it says who acts on these files.
    let key = at.key.clone().filter(|_| at.url.is_none());
    let session = Session { with: With::Here { local, key }, json };
    let worked = work(&session);
    drop(session);
    // Closing signs what was recorded.
    let closed = Arc::into_inner(store).map_or(Ok(()), Store::close);
    let worked = worked?;
    closed?;
    Ok(worked)
}

/// Goes on with what a process was cut off at, as a node does when it starts. What does not go on stands in nobody's way.
fn take_up(global: &Global, store: &Arc<Store>) {
    let bar = Bar(Progress::stages(global.json));
    let keep = Keep::new(store.clone(), global.seams());
    let erased = keep.resume_erasures(&Who::node(), &bar).map(drop);
    let resumed = erased.and_then(|()| keep.resume_retention(&bar));
    bar.0.clear();
    if let Err(error) = resumed {
        let why = clean(&error.to_string());
        match global.json {
            true => out::note_json(&serde_json::json!({ "unfinished": why })),
            false => out::note(format_args!("what was begun before does not go on: {why}")),
        }
    }
}

/// What takes long, as a person sees it.
pub struct Bar(pub Progress);

impl indelible_keep::Progress for Bar {
    fn stage(&self, name: &str, of: Option<u64>) {
        self.0.stage(name, 0, of);
    }

    fn done(&self, done: u64) {
        self.0.set(done);
    }
}

impl Session {
    /// The answer's bytes.
    pub fn get(&self, path: &str, params: &Params) -> Result<Vec<u8>, Failure> {
        match &self.with {
            With::Node(client) => {
                Ok(client.get(path, params).map_err(|e| refused(e, params))?.body)
            }
            With::Here { local, key } => {
                let path = path_and_query(path, params);
                answered(here(local, key.as_deref(), "GET", &path, Vec::new()), params)
            }
        }
    }

    /// The answer, read.
    pub fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(&self.get(path, &Params::new())?)
    }

    /// Has something made; what takes its time is waited for, and shown meanwhile.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>, Failure> {
        self.post_query(path, body, None)
    }

    /// The same with a query in the body, so that an error can show where in it.
    pub fn post_query(
        &self,
        path: &str,
        body: &impl Serialize,
        query: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::cannot)?;
        let none: Params = query.map(|q| ("q".into(), q.into())).into_iter().collect();
        let answer = match &self.with {
            With::Node(client) => {
                let answer = client.post(path, &[], "application/json", &body);
                answer.map_err(|e| refused(e, &none))?.body
            }
            With::Here { local, key } => {
                answered(here(local, key.as_deref(), "POST", path, body), &none)?
            }
        };
        self.followed(answer)
    }

    /// Has something changed.
    pub fn put(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::cannot)?;
        let none = Params::new();
        match &self.with {
            With::Node(client) => Ok(client.put(path, &body).map_err(|e| refused(e, &none))?.body),
            With::Here { local, key } => {
                answered(here(local, key.as_deref(), "PUT", path, body), &none)
            }
        }
    }

    /// Has something removed; what takes its time is waited for.
    pub fn delete(&self, path: &str, params: &Params) -> Result<Vec<u8>, Failure> {
        let path = path_and_query(path, params);
        let answer = match &self.with {
            With::Node(client) => client.delete(&path).map_err(|e| refused(e, params))?.body,
            With::Here { local, key } => {
                answered(here(local, key.as_deref(), "DELETE", &path, Vec::new()), params)?
            }
        };
        self.followed(answer)
    }

    /// Whether what is asked for is done here, and not by a node.
    pub fn is_here(&self) -> bool {
        matches!(self.with, With::Here { .. })
    }

    /// What came of it: the answer itself, or that of the job that it began, once that has ended.
    fn followed(&self, answer: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let Ok(Begun { job: Some(id) }) = serde_json::from_slice(&answer) else {
            return Ok(answer);
        };
        let bar = Progress::stages(self.json);
        let path = format!("/api/jobs/{}", path_segment(&id));
        loop {
            let job: Job = self.ask(&path)?;
            match job.state {
                State::Running => {
                    bar.stage(&clean(&job.stage), job.done, job.of);
                    pause(if self.is_here() { EVERY } else { EVERY_REMOTE });
                }
                State::Done => {
                    bar.clear();
                    let result = job.result.as_deref().map_or("null", |result| result.get());
                    return Ok(result.as_bytes().to_vec());
                }
                State::Failed => {
                    bar.clear();
                    return Err(of_error(job.error.unwrap_or_default()));
                }
            }
        }
    }
}

fn here(
    local: &Local,
    key: Option<&str>,
    method: &str,
    path: &str,
    body: Vec<u8>,
) -> LocalResponse {
    match key {
        Some(key) => local.request_as(key, method, path, body),
        None => local.request(method, path, body),
    }
}

#[expect(clippy::disallowed_methods, reason = "how far a job is has to be asked for")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Whether what is named is of this machine, and not of a node.
fn is_here(at: &At, global: &Global) -> Result<bool, Failure> {
    Ok(at.client(global)?.is_none())
}

/// Where copies go to or come from. A directory of this machine is named whole, so that it is the same one for whoever
/// looks for it later; one of a node is the node's to understand.
pub fn target(text: &str, at: &At, global: &Global) -> Result<String, Failure> {
    if text.contains("://") || !is_here(at, global)? {
        return Ok(text.to_owned());
    }
    absolute(Path::new(text), at, global)
}

/// A directory, named whole if it is one of this machine.
pub fn absolute(dir: &Path, at: &At, global: &Global) -> Result<String, Failure> {
    let dir = match is_here(at, global)? {
        true => std::path::absolute(dir).map_err(Failure::io(dir.display()))?,
        false => dir.to_owned(),
    };
    let not_text = || Failure::Usage(format!("{}: the name is not UTF-8", dir.display()));
    dir.to_str().map(str::to_owned).ok_or_else(not_text)
}

/// Several of them, as the API takes them.
pub fn places(dirs: &[PathBuf], at: &At, global: &Global) -> Result<Value, Failure> {
    dirs.iter().map(|dir| absolute(dir, at, global)).collect::<Result<Vec<_>, _>>().map(Value::from)
}

/// What should not be on the command line, where others see it: `-` reads it from standard input.
pub fn secret(text: &str) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let bytes = files::read(Path::new("-"), SECRET_BYTES_MAX)?;
    let text = String::from_utf8(bytes).map_err(Failure::cannot)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// An answer as it came, on a line.
pub fn print(out: &mut Out, answer: &[u8]) -> Result<(), Failure> {
    out.bytes(answer.trim_ascii_end())?;
    out.line("")
}

/// The items of a list: an object a line, or for people a table. How many there are.
pub fn list(
    out: &mut Out,
    answer: &[u8],
    name: &str,
    shape: &Shape,
    columns: &[Fact],
) -> Result<usize, Failure> {
    let mut members: BTreeMap<String, Box<RawValue>> = read(answer)?;
    let missing = || Failure::cannot(format_args!("the answer has no {name}"));
    let items = members.remove(name).ok_or_else(missing)?;
    let items: Vec<Box<RawValue>> = read(items.get().as_bytes())?;
    let look = shape.look(out);
    if !look.for_people {
        items.iter().try_for_each(|item| out.line(item.get()))?;
    } else if !items.is_empty() {
        let values: Result<Vec<Value>, Failure> =
            items.iter().map(|item| read(item.get().as_bytes())).collect();
        shown::table(out, &look, &values?, columns)?;
    }
    out.flush()?;
    Ok(items.len())
}

/// Says that somebody else has to confirm, and how; `again` is what has to be said again then.
pub fn tell_asked(out: &mut Out, at: &At, asked: &Asked, again: &str) -> Result<(), Failure> {
    let id = clean(&asked.request);
    out.line(format_args!(
        "request {id} waits for a second administrator; nothing has been done yet"
    ))?;
    out.flush()?;
    let at = at.url.as_ref().map(|url| format!(" --url {}", clean(url))).unwrap_or_default();
    out::note(format_args!(
        "to confirm, within seven days, by another administrator with a key made before now:\n  indelible confirm {id}{again}{at} --key idl_…"
    ));
    Ok(())
}

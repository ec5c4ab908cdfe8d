//! Retention, holds, erasure, archives and backups: the command line's side of that part of the HTTP API, for a
//! node and for a directory that no node serves.

pub mod answers;
pub mod archive;
pub mod backup;
pub mod erase;
pub mod requests;
pub mod restore;
pub mod retention;

use std::sync::Arc;
use std::time::Duration;

use indelible_client::{Client, path_and_query, path_segment};
use indelible_server::{Local, LocalResponse};
use indelible_store::Store;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{At, Global, ShapeAt};
use crate::ask::Params;
use crate::ask::change::writer;
use crate::ask::source::{answered, of_error, read, refused};
use crate::failure::Failure;
use crate::look::{Look, clean};
use crate::out::{self, Out};
use crate::progress::Progress;
use answers::{Begun, Job, State};

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
        let body = serde_json::to_vec(body).map_err(Failure::cannot)?;
        let none = Params::new();
        let answer = match &self.with {
            With::Node(client) => {
                let answer = client.post(path, &none, "application/json", &body);
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

/// An answer as it came, on a line.
pub fn print(out: &mut Out, answer: &[u8]) -> Result<(), Failure> {
    out.bytes(answer.trim_ascii_end())?;
    out.line("")
}

/// Asks for a list, gives each of its items to `row` for people, or prints them an object a line.
pub fn list<T: DeserializeOwned>(
    out: &mut Out,
    answer: &[u8],
    name: &str,
    with: &ShapeAt,
    mut row: impl FnMut(&mut Out, &Look, T) -> Result<(), Failure>,
) -> Result<usize, Failure> {
    let mut answer: answers::Lists = read(answer)?;
    let items = answer.0.remove(name).unwrap_or_default();
    let look = with.shape.look(out);
    let count = items.len();
    for item in items {
        if look.for_people {
            row(out, &look, read(item.get().as_bytes())?)?;
        } else {
            out.line(item.get())?;
        }
    }
    out.flush()?;
    Ok(count)
}

/// Says that somebody else has to confirm, and how.
pub fn tell_asked(out: &mut Out, at: &At, asked: &answers::Asked, subject: bool) -> Result<(), Failure> {
    let id = clean(&asked.request);
    out.line(format_args!("request {id} waits for a second administrator; nothing has been done yet"))?;
    out.flush()?;
    let subject = if subject { " --subject … (once more)" } else { "" };
    let at = at.url.as_ref().map(|url| format!(" --url {}", clean(url))).unwrap_or_default();
    out::note(format_args!(
        "to confirm, within seven days, by another administrator with a key made before now:\n  indelible confirm {id}{subject}{at} --key idl_…"
    ));
    Ok(())
}

//! Where answers come from.

use std::io::{self, Read};
use std::sync::Arc;

use indelible_client::{Client, Problem, path_and_query};
use indelible_server::{Local, LocalDownload, LocalResponse};
use serde::de::DeserializeOwned;

use super::Params;
use crate::args::{At, Global};
use crate::failure::Failure;
use crate::look::clean;

/// The variable of the environment that names a node.
const URL: &str = "INDELIBLE_URL";

/// A node over HTTP, or the same answers out of a directory, without a socket.
pub enum Source {
    Remote(Client),
    Local(Box<Local>),
}

impl At {
    /// The node, if one is named. A directory on the command line means more than a node in the environment.
    pub fn client(&self, global: &Global) -> Result<Option<Client>, Failure> {
        let Some(url) = &self.url else { return Ok(None) };
        if global.data_named {
            return match std::env::var(URL) {
                Ok(around) if around == *url => Ok(None),
                _ => Err(Failure::Usage("--url and --data: one of them, please".into())),
            };
        }
        let client = Client::new(url, self.key.as_deref());
        client.map(Some).map_err(|e| Failure::Usage(e.to_string()))
    }

    /// Where to ask.
    pub fn source(&self, global: &Global) -> Result<Source, Failure> {
        match self.client(global)? {
            Some(client) => Ok(Source::Remote(client)),
            None => Ok(Source::Local(Box::new(local(global)?))),
        }
    }
}

fn local(global: &Global) -> Result<Local, Failure> {
    Local::new(Arc::new(global.reader()?)).map_err(Failure::cannot)
}

impl Source {
    /// The answer's bytes.
    pub fn get(&self, path: &str, params: &Params) -> Result<Vec<u8>, Failure> {
        match self {
            Source::Remote(client) => {
                Ok(client.get(path, params).map_err(|e| refused(e, params))?.body)
            }
            Source::Local(local) => answered(local.get(&path_and_query(path, params)), params),
        }
    }

    /// An answer of any length, as it comes.
    pub fn download(&self, path: &str, params: &Params) -> Result<Download<'_>, Failure> {
        match self {
            Source::Remote(client) => {
                let body = client.download(path, params).map_err(|e| refused(e, params))?;
                Ok(Download::Remote(Box::new(body)))
            }
            Source::Local(local) => match local.download(&path_and_query(path, params)) {
                Ok(body) => Ok(Download::Local { body, left: io::Cursor::default() }),
                Err(answer) => match answered(answer, params) {
                    Err(failure) => Err(failure),
                    Ok(_) => Err(Failure::cannot("the answer is none")),
                },
            },
        }
    }

    /// The answer, read.
    pub fn read<T: DeserializeOwned>(&self, path: &str, params: &Params) -> Result<T, Failure> {
        read(&self.get(path, params)?)
    }
}

/// An answer's bytes as they come; an error says that it broke off.
pub enum Download<'a> {
    Remote(Box<dyn Read + Send>),
    Local { body: LocalDownload<'a>, left: io::Cursor<Vec<u8>> },
}

impl Read for Download<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Download::Remote(body) => body.read(to),
            Download::Local { body, left } => {
                while left.position() == left.get_ref().len() as u64 {
                    match body.piece().map_err(io::Error::other)? {
                        Some(bytes) => *left = io::Cursor::new(bytes.into()),
                        None => return Ok(0),
                    }
                }
                left.read(to)
            }
        }
    }
}

/// Reads an answer.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|e| Failure::cannot(format_args!("the answer is not as the API has it: {e}")))
}

/// The body of an answer given in this process, if it is what was asked for.
pub fn answered(answer: LocalResponse, params: &Params) -> Result<Vec<u8>, Failure> {
    if answer.status < 300 {
        return Ok(answer.body);
    }
    let mut problem: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    problem.status = answer.status;
    Err(of_problem(&problem, params))
}

/// How a request that failed ends the command.
pub fn refused(error: indelible_client::Error, params: &Params) -> Failure {
    match error.problem() {
        Some(problem) => of_problem(problem, params),
        None => {
            let hint = "is a node there? `indelible serve` starts one; --data asks a directory";
            Failure::Cannot { why: error.to_string(), hint: Some(hint.into()) }
        }
    }
}

/// How a job that failed ends the command.
pub fn of_error(problem: Problem) -> Failure {
    of_problem(&problem, &Params::new())
}

fn of_problem(problem: &Problem, params: &Params) -> Failure {
    // Another machine's words, so they must not write to the screen.
    let why = clean(&problem.to_string());
    let query = params.iter().find(|(name, _)| name == "q").map(|(_, q)| q.clone());
    match (problem.status, &problem.query, query) {
        (_, Some(at), Some(query)) => Failure::Query {
            why,
            query,
            column: at.column,
            length: at.length,
            hint: at.hint.as_deref().map(clean),
        },
        _ if problem.name() == "refused" => Failure::Refused { why, hint: None },
        _ if problem.name() == "damaged" => Failure::DoesNotHold(why),
        _ if problem.name() == "busy" => Failure::cannot(why),
        (400 | 409 | 422, ..) => Failure::Usage(why),
        (401, ..) => Failure::Cannot {
            why,
            hint: Some("--key KEY or INDELIBLE_KEY; `indelible key create` makes one".into()),
        },
        (403, ..) => Failure::Cannot { why, hint: Some("another key may be allowed to".into()) },
        _ => Failure::cannot(why),
    }
}

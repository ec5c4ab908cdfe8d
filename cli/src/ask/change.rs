//! What is changed of keys and trails: on a node, or in a directory that no node serves. The answers are the same.

use std::sync::Arc;

use indelible_client::Client;
use indelible_server::Local;
use indelible_store::Store;

use super::Params;
use super::source::{answered, refused};
use crate::args::{At, Global};
use crate::failure::Failure;

/// A request that changes something.
pub enum Change<'a> {
    Post(&'a str, Vec<u8>),
    Put(&'a str, Vec<u8>),
    Delete(&'a str),
}

impl Change<'_> {
    /// Has it done, and gives the answer's bytes.
    pub fn make(self, global: &Global, at: &At) -> Result<Vec<u8>, Failure> {
        match at.client(global)? {
            Some(client) => self.at_node(&client),
            None => self.in_directory(global),
        }
    }

    fn at_node(self, client: &Client) -> Result<Vec<u8>, Failure> {
        let answer = match self {
            Change::Post(path, body) => client.post(path, &[], "application/json", &body),
            Change::Put(path, body) => client.put(path, &body),
            Change::Delete(path) => client.delete(path),
        };
        Ok(answer.map_err(|e| refused(e, &Params::new()))?.body)
    }

    /// Writes to the directory for a moment; the trail `_system` tells of what was done, as on a node.
    fn in_directory(self, global: &Global) -> Result<Vec<u8>, Failure> {
        let store = Arc::new(writer(global)?);
        let local = Local::writing(store.clone()).map_err(Failure::cannot)?;
        let answer = match self {
            Change::Post(path, body) => local.request("POST", path, body),
            Change::Put(path, body) => local.request("PUT", path, body),
            Change::Delete(path) => local.request("DELETE", path, Vec::new()),
        };
        drop(local);
        // Closing signs what was recorded.
        Arc::into_inner(store).map_or(Ok(()), Store::close)?;
        answered(answer, &Params::new())
    }
}

/// The directory for writing; a node that runs there has it, and can be asked.
pub fn writer(global: &Global) -> Result<Store, Failure> {
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

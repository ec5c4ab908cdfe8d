//! Looking at a description before a node runs with it.

use indelible_log::Seams;
use indelible_relay::Connections;
use indelible_relay::check::{Finding, check};

use crate::error::ServerError;
use crate::read::outgoing::query;

/// What would not work of what a file describes: each input and stream is made without being run. To `connect`, each
/// receiver is reached for too; no event is sent.
pub fn check_connections(
    connections: &Connections,
    seams: &Seams,
    connect: bool,
) -> Result<Vec<Finding>, ServerError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().map_err(ServerError::Thread)?;
    let checks = |text: &str| query(text, seams.clock.now()).map(drop);
    Ok(check(connections, (seams, runtime.handle()), checks, connect))
}

//! The HTTP side of a node: events come in, records, proofs and files of the static tree go out, and every read is
//! itself recorded.
//!
//! `serve` owns the socket, `router` what surrounds every request, `auth` who may do what. The way of an event is
//! `append` (bytes to checked events) → `ingest` (many requests, one sync) → the store. `record` writes what the
//! node tells of itself. [`Local`] answers the same routes in this process.

mod append;
pub mod auth;
mod config;
mod error;
mod extract;
mod health;
mod ingest;
mod io;
mod keep;
mod keeper;
mod keys;
pub mod limits;
mod local;
mod metrics;
mod pages;
mod params;
mod problem;
mod pulse;
mod read;
mod record;
mod relay;
mod router;
mod saved;
mod serve;
mod session;
mod state;
mod status;
mod tls;
mod trails;
mod watch;

pub use config::{Config, JwksSource, JwtAlgorithm, JwtConfig, Tls};
pub use error::{ServerError, Stopped};
pub use extract::{Json, Path};
pub use keys::NewKey;
pub use local::{Local, LocalDownload, LocalResponse};
pub use metrics::{Fate, Metrics};
pub use params::Params;
pub use problem::Problem;
pub use record::{Read, ReadDetails};
pub use relay::check_connections;
pub use serve::{Running, Server};
pub use state::AppState;

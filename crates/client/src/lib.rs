//! The HTTP client of a node: blocking, small, and shared by everything that talks to one.
//!
//! [`Client`] sends requests and turns `application/problem+json` into [`Problem`]s. [`Client::append`] sends
//! a batch of events, [`Client::append_surely`] sends it again until it is answered, which ids make harmless.
//! [`Client::stream`] follows the live stream over broken connections, without a gap and without a double.

mod append;
mod backoff;
mod client;
mod error;
pub mod limits;
mod stream;
mod url;

pub use append::{Appended, Receipt, Refused};
pub use backoff::Backoff;
pub use client::{Client, Params, Response, Timeouts};
pub use error::{Error, Problem, QueryProblem};
pub use stream::{Message, Stream};
pub use url::{path_and_query, path_segment};

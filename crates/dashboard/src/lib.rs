//! The pages that people look at. They are a client of the HTTP API in the same process: whatever a page shows it
//! asked for with the visitor's own credential, at an address that anybody can ask with `curl`. So roles, records
//! of reads and bounds hold for pages as they do for programs, and there is no second way in.
//!
//! Each module of `pages` brings its own routes. `visit::Visit` is a visitor's request; `page` is the frame around
//! every page; `text`, `time`, `href` and `parts` make what is shown harmless and alike everywhere.

mod assets;
mod by;
mod chart;
mod href;
mod limits;
mod page;
mod pages;
mod parts;
mod text;
mod time;
mod visit;

use axum::Router;

pub use visit::{Carry, Now};

/// The page for an address that has none: `404`.
pub const MISSING: &str = "/missing";

/// All pages, over `api`: the router that answers everything under `/api`. `carry` takes along, from a visitor's
/// request to what is asked for it, what that router needs to know of a connection; `now` is the node's clock.
pub fn routes<S: Clone + Send + Sync + 'static>(api: Router, carry: Carry, now: Now) -> Router<S> {
    let visits = visit::Api::new(api, carry, now);
    Router::new().merge(assets::routes()).merge(pages::routes().with_state(visits))
}

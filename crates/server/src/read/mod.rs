//! Reading: each module here brings its own routes.
//!
//! A request becomes a [`filter::Filter`]; [`engine`] has it answered on a thread of its own, from one snapshot
//! and within one budget; [`shown`] says how things look in an answer. Every read is recorded before the answer's
//! first byte leaves.

mod compat;
mod diff;
mod engine;
mod event;
mod export;
mod fields;
mod filter;
mod limits;
pub(crate) mod outgoing;
mod proof;
mod query;
mod report;
pub(crate) mod review;
mod search;
mod shown;
mod stats;
mod stream;
mod timeline;
mod user;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

pub(crate) use engine::Reading;
pub(crate) use report::{Hole, Holes, holes, moment};

/// The routes of all modules here.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(search::routes())
        .merge(event::routes())
        .merge(proof::routes())
        .merge(query::routes())
        .merge(stats::routes())
        .merge(timeline::routes())
        .merge(user::routes())
        .merge(report::routes())
        .merge(stream::routes())
        .merge(export::routes())
        .merge(compat::routes())
}

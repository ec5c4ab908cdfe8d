//! Reading: each module here brings its own routes.

mod proof;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// The routes of all modules here.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(proof::routes())
}

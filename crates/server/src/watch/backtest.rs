//! What rules would have found.

use std::sync::Arc;

use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// The turn of backtests: one at a time, since each takes what the machine has.
pub(crate) struct Backtests(Arc<Semaphore>);

impl Default for Backtests {
    fn default() -> Backtests {
        Backtests(Arc::new(Semaphore::new(1)))
    }
}

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}

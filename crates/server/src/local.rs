//! The API answered in this process, without a socket, over a directory that is only read: so that the command
//! line and the network share one implementation of every read.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use indelible_store::Reader;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::error::ServerError;
use crate::router;
use crate::state::AppState;

/// A node without a network, all of which its only caller may read.
pub struct Local {
    router: Router,
    runtime: Runtime,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Local {
    /// Answers from a directory as it is at this moment.
    pub fn new(reader: Arc<Reader>) -> Result<Local, ServerError> {
        let state = AppState::of_reader(reader)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(ServerError::Thread)?;
        Ok(Local { router: router::build(&state), runtime })
    }

    /// Answers a GET. What is no path at all is answered like any other bad request.
    pub fn get(&self, path_and_query: &str) -> LocalResponse {
        let Ok(request) = Request::get(path_and_query).body(Body::empty()) else {
            let body = br#"{"type":"about:blank","title":"Bad Request","status":400}"#.to_vec();
            let content_type = "application/problem+json".into();
            return LocalResponse { status: 400, content_type, body };
        };
        self.runtime.block_on(async {
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            let kind = response.headers().get(header::CONTENT_TYPE);
            let content_type = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
            // The body was made in this process, whole; there is nobody to protect it from.
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            LocalResponse { status, content_type, body: body.unwrap_or_default().to_vec() }
        })
    }
}

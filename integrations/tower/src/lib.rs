//! Audits every request of a tower service: axum, tonic, or anything else that takes `http` requests.
//!
//! [`AuditLayer`] records each request once, after its answer's body has ended, or when it turns out that nobody waits
//! for that any more: who did what to what, from where, and how it ended. It never delays a request, and never
//! fails one. What a handler records itself, on the way, gets the same actor, address and correlation id.
//!
//! ```
//! use axum::Router;
//! use axum::extract::Path;
//! use axum::routing::{delete, get};
//! use indelible_recorder::{Event, Recorder, assert_recorded};
//! use indelible_tower::{Audit, AuditLayer};
//! # use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recorder = Recorder::memory();
//! let app = Router::new()
//!     .route("/users/{id}", delete(async || "gone"))
//!     .route("/reports/{id}", get(async |audit: Audit, Path(id): Path<u32>| {
//!         audit.action("report.view").detail("pages", 12);
//!         format!("report {id}")
//!     }))
//!     .layer(AuditLayer::new(recorder.clone()));
//!
//! let request = http::Request::delete("/users/7").body(axum::body::Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert!(response.headers().contains_key("x-correlation-id"));
//! drop(axum::body::to_bytes(response.into_body(), 1024).await?);
//! assert_recorded!(recorder, action = "user.delete", target = "user/7", outcome = "success");
//! # Ok(()) }
//! ```
//!
//! # Where it goes
//!
//! With axum, give it to `Router::layer` (or `route_layer`, which leaves out what no route takes): it then knows the
//! route's template, from which resource and action are read. Around the whole router it sees what the router refuses and
//! what other layers answer, but no template, unless a handler takes [`Audit`], or the router has an [`AuditLayer`], too:
//! of two around each other the outer one records, and the inner one tells it the route.
//!
//! Put it outside of the layers that make answers of errors and panics (`CatchPanicLayer`, `TimeoutLayer`), so that
//! their answers are recorded, and outside of the one that authenticates. That one says who the user is by
//! [`Audit`]'s [`identify`](RequestNotes::identify), or with an [`AuditUser`] among the extensions of the response.
//!
//! The client's address is that of the connection (`into_make_service_with_connect_info::<SocketAddr>()` of axum, a
//! [`Peer`] among the request's extensions, or what [`AuditLayer::peer_from`] finds), or what proxies say that were
//! [named as trusted](indelible_recorder::http::HttpAuditBuilder::trusted_proxies).
//!
//! # tonic
//!
//! A request of gRPC is told by its service and method; its outcome is that of `grpc-status`, in headers or trailers.

mod body;
#[cfg(feature = "axum")]
mod extract;
mod layer;

pub use body::AuditBody;
#[cfg(feature = "axum")]
pub use extract::Audit;
pub use indelible_recorder::http::{HttpAudit, RequestNotes};
pub use layer::{AuditLayer, AuditService, AuditUser, Peer, ResponseFuture};

//! Audits every request of an actix-web application.
//!
//! [`AuditMiddleware`] records each request once, after its answer's body has ended, or when it turns out that nobody
//! waits for that any more: who did what to what, from where, and how it ended. It never delays a request, and never
//! fails one. What a handler records itself, on the way, gets the same actor, address and correlation id.
//!
//! ```
//! use actix_web::{App, test, web};
//! use indelible_actix::{Audit, AuditMiddleware};
//! use indelible_recorder::{Recorder, assert_recorded};
//!
//! async fn report(audit: Audit, id: web::Path<u32>) -> String {
//!     audit.action("report.view").detail("pages", 12);
//!     format!("report {id}")
//! }
//!
//! # #[actix_web::main]
//! # async fn main() {
//! let recorder = Recorder::memory();
//! let app = App::new()
//!     .wrap(AuditMiddleware::new(recorder.clone()))
//!     .route("/users/{id}", web::delete().to(async || "gone"))
//!     .route("/reports/{id}", web::get().to(report));
//!
//! let app = test::init_service(app).await;
//! let request = test::TestRequest::delete().uri("/users/7").to_request();
//! let response = test::call_service(&app, request).await;
//! assert!(response.headers().contains_key("x-correlation-id"));
//! drop(test::read_body(response).await);
//! assert_recorded!(recorder, action = "user.delete", target = "user/7", outcome = "success");
//! # }
//! ```
//!
//! A server makes an application for each of its threads; they share one recorder:
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use indelible_actix::AuditMiddleware;
//! use indelible_recorder::Recorder;
//!
//! # #[actix_web::main]
//! # async fn main() -> std::io::Result<()> {
//! let audit = AuditMiddleware::new(Recorder::memory());
//! HttpServer::new(move || App::new().wrap(audit.clone()))
//!     .h1_allow_half_closed(false)
//!     .bind("127.0.0.1:8080")?
//!     .run()
//!     .await
//! # }
//! ```
//!
//! # Where it goes
//!
//! Give it to `App::wrap` as the last one: of middleware, what is wrapped last is outermost. It then sees what the
//! router refuses and what other middleware answers. In a scope or a resource it audits that alone; of two around each
//! other the outer one records.
//!
//! Middleware that authenticates is wrapped before it, so that it is within, and says who the user is by
//! [`identify`](RequestNotes::identify) of [`Audit::of`] its request, or with an [`AuditUser`] among the extensions of
//! the request.
//!
//! The client's address is that of the connection, or what proxies say that were
//! [named as trusted](indelible_recorder::http::HttpAuditBuilder::trusted_proxies).
//!
//! # Clients that go away
//!
//! Unless told otherwise (`HttpServer::h1_allow_half_closed(false)`, as above), actix-web goes on with the request of a
//! client that closed its connection in good order, and finds out as it writes the answer. A short answer that was
//! written into a connection that nobody reads is recorded as what it is: one that was given.

mod body;
mod extract;
mod middleware;

pub use body::AuditBody;
pub use extract::{Audit, AuditUser};
pub use indelible_recorder::http::{HttpAudit, RequestNotes};
pub use middleware::{AuditMiddleware, AuditService, ResponseFuture};

//! Auditing HTTP, for any framework: what an integration (tower, actix) needs to tell of a request.
//!
//! An integration hands the facts of a request to [`HttpAudit::begin`], runs the application
//! [within](Exchange::within) the [`Exchange`] that it gets, and says how it was answered. What of that becomes an
//! event, of which type, by whom, on what, is decided here, so that all frameworks tell the same story.
//!
//! ```
//! use indelible_recorder::Recorder;
//! use indelible_recorder::http::{HttpAudit, Incoming};
//!
//! let recorder = Recorder::memory();
//! let audit = HttpAudit::default();
//! let headers = |name: &str, line: &mut dyn FnMut(&[u8])| {
//!     if name == "user-agent" {
//!         line(b"curl/8.5");
//!     }
//! };
//! let request = Incoming::new("DELETE", "/users/7/posts/42", &headers)
//!     .route(Some("/users/{id}/posts/{post_id}"))
//!     .peer("192.0.2.1".parse().ok());
//!
//! let mut exchange = audit.begin(&recorder, request).expect("this path is not left out");
//! let status = exchange.within(|| 204);
//! exchange.answered(status);
//! exchange.finish();
//!
//! let event = &recorder.events()[0];
//! assert_eq!(event.action(), "post.delete");
//! assert_eq!(event.get("targets.0.id"), Some("42".into()));
//! assert_eq!(event.get("targets.1.id"), Some("7".into()));
//! assert_eq!(event.get("context.ip"), Some("192.0.2.1".into()));
//! ```

mod classify;
mod client;
mod exchange;
mod headers;
#[cfg(feature = "jwt")]
pub mod jwt;
pub mod limits;
mod notes;
mod pattern;
mod route;
mod settings;
mod singular;

pub use exchange::{Exchange, Incoming, Lines};
pub use notes::RequestNotes;
pub use settings::{HttpAudit, HttpAuditBuilder, SettingError};

#[cfg(test)]
#[path = "http/http_tests.rs"]
mod tests;

//! What axum knows of a request, and what its handlers say of it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath};
use http::Extensions;
use http::request::Parts;
use indelible_recorder::http::RequestNotes;

use crate::layer::AuditUser;

/// What a handler adds to the event of its request; see [`RequestNotes`]. A request of which something was noted is
/// recorded, even if it only reads.
///
/// ```
/// use axum::extract::Path;
/// use indelible_tower::Audit;
///
/// async fn rename(audit: Audit, Path(id): Path<String>, name: String) {
///     audit.before(serde_json::json!({"name": "old"})).after(serde_json::json!({"name": name}));
/// }
/// # let _: axum::Router = axum::Router::new().route("/users/{id}", axum::routing::put(rename));
/// ```
#[derive(Clone, Debug)]
pub struct Audit(RequestNotes);

impl Deref for Audit {
    type Target = RequestNotes;

    fn deref(&self) -> &RequestNotes {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Audit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Audit, Infallible> {
        let Some(notes) = parts.extensions.get::<RequestNotes>() else {
            // To refuse the request would punish its sender for what its receiver forgot.
            tracing::warn!("what handlers note is lost: there is no AuditLayer around this route");
            return Ok(Audit(RequestNotes::default()));
        };
        let notes = notes.clone();
        if let Some(route) = route(&parts.extensions).filter(|_| !notes.has_route()) {
            notes.route(route.to_owned());
        }
        if let Some(AuditUser(actor)) = parts.extensions.get() {
            notes.identify(actor.clone());
        }
        Ok(Audit(notes))
    }
}

pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

pub(crate) fn route(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

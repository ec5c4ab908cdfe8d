//! What handlers and other middleware say of a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use indelible_recorder::Actor;
use indelible_recorder::http::RequestNotes;

/// The user of a request, where the application knows it by its own means: among the extensions of the request, put
/// there before [`AuditMiddleware`](crate::AuditMiddleware) sees it, or by what is within. It is taken out as it is read.
///
/// What is put there within counts from the answer on (or from the next [`Audit`]); use [`Audit::of`] where the events
/// that handlers record are to name the user, too, or middleware fails by an error.
///
/// ```
/// use actix_web::HttpMessage;
/// use indelible_actix::AuditUser;
/// use indelible_recorder::Actor;
///
/// let request = actix_web::test::TestRequest::default().to_http_request();
/// request.extensions_mut().insert(AuditUser(Actor::user("maria").auth_method("session")));
/// ```
#[derive(Clone, Debug)]
pub struct AuditUser(pub Actor);

/// What a handler adds to the event of its request; see [`RequestNotes`]. A request of which something was noted is
/// recorded, even if it only reads.
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use indelible_actix::Audit;
///
/// async fn rename(audit: Audit, id: web::Path<String>, name: String) -> HttpResponse {
///     audit.before(serde_json::json!({"name": "old"})).after(serde_json::json!({"name": name}));
///     HttpResponse::NoContent().finish()
/// }
/// # let _ = App::new().route("/users/{id}", web::put().to(rename));
/// ```
#[derive(Clone, Debug)]
pub struct Audit(RequestNotes);

impl Audit {
    /// That of a request, for other middleware.
    ///
    /// ```
    /// use actix_web::Error;
    /// use actix_web::body::MessageBody;
    /// use actix_web::dev::{ServiceRequest, ServiceResponse};
    /// use actix_web::middleware::{Next, from_fn};
    /// use indelible_actix::Audit;
    /// use indelible_recorder::Actor;
    ///
    /// async fn authenticate<B: MessageBody>(
    ///     request: ServiceRequest,
    ///     next: Next<B>,
    /// ) -> Result<ServiceResponse<B>, Error> {
    ///     Audit::of(request.request()).identify(Actor::user("maria").auth_method("session"));
    ///     next.call(request).await
    /// }
    /// # let _ = actix_web::App::new().wrap(from_fn(authenticate));
    /// ```
    pub fn of(request: &HttpRequest) -> Audit {
        let found = request.extensions().get::<RequestNotes>().cloned();
        let Some(notes) = found else {
            // To refuse the request would punish its sender for what its receiver forgot.
            tracing::warn!("what is noted is lost: no AuditMiddleware is around this request");
            return Audit(RequestNotes::default());
        };
        // Handlers know it for certain, where two templates differ by what guards them alone.
        if let Some(route) = request.match_pattern() {
            notes.route(route);
        }
        identify(&notes, request);
        Audit(notes)
    }
}

impl Deref for Audit {
    type Target = RequestNotes;

    fn deref(&self) -> &RequestNotes {
        &self.0
    }
}

impl FromRequest for Audit {
    type Error = Infallible;
    type Future = Ready<Result<Audit, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Audit::of(request)))
    }
}

/// Hands the user that was put into a request on to its notes.
pub(crate) fn identify(notes: &RequestNotes, request: &HttpRequest) {
    if let Some(AuditUser(actor)) = take_user(request) {
        notes.identify(actor);
    }
}

/// Taken, so that it does not come again in the place of one that was named later by other means.
pub(crate) fn take_user(request: &HttpRequest) -> Option<AuditUser> {
    request.extensions_mut().remove()
}

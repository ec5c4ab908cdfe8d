//! The middleware, its service, and the future of a response.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage};
use indelible_recorder::Recorder;
use indelible_recorder::http::{Exchange, HttpAudit, Incoming, RequestNotes};

use crate::body::AuditBody;
use crate::extract;

/// Audits the requests of the application, scope or resource that it is wrapped around.
#[derive(Clone, Debug)]
pub struct AuditMiddleware(Arc<Setup>);

/// What is fixed once the middleware is made.
#[derive(Clone, Debug)]
struct Setup {
    recorder: Recorder,
    audit: HttpAudit,
    header: Option<HeaderName>,
}

impl AuditMiddleware {
    /// Audits with the usual settings.
    pub fn new(recorder: Recorder) -> AuditMiddleware {
        AuditMiddleware::made(recorder, HttpAudit::default())
    }

    /// Audits with these settings.
    ///
    /// ```
    /// use indelible_actix::{AuditMiddleware, HttpAudit};
    /// use indelible_recorder::Recorder;
    ///
    /// let audit = HttpAudit::builder().exclude("/static/*").record_reads(true).build()?;
    /// let middleware = AuditMiddleware::new(Recorder::memory()).with(audit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(self, audit: HttpAudit) -> AuditMiddleware {
        AuditMiddleware::made(self.0.recorder.clone(), audit)
    }

    fn made(recorder: Recorder, audit: HttpAudit) -> AuditMiddleware {
        audit.declare(&recorder);
        let header = HeaderName::from_bytes(audit.correlation_header().as_bytes()).ok();
        AuditMiddleware(Arc::new(Setup { recorder, audit, header }))
    }
}

impl<S, B> Transform<S, ServiceRequest> for AuditMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<AuditBody<B>>;
    type Error = Error;
    type Transform = AuditService<S>;
    type InitError = ();
    type Future = Ready<Result<AuditService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(AuditService { inner, setup: Arc::clone(&self.0) }))
    }
}

/// A service whose requests are audited. Everything else about it is that of the service within.
#[derive(Clone, Debug)]
pub struct AuditService<S> {
    inner: S,
    setup: Arc<Setup>,
}

impl<S, B> Service<ServiceRequest> for AuditService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<AuditBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let mut begun = self.setup.begin(&request);
        let future = match &mut begun {
            Some(begun) => begun.exchange.within(|| self.inner.call(request)),
            None => self.inner.call(request),
        };
        ResponseFuture { future, begun, setup: Arc::clone(&self.setup) }
    }
}

/// A request in progress, and the route that its path named before it was routed.
struct Begun {
    exchange: Exchange,
    route: Option<String>,
}

impl Setup {
    fn begin(&self, request: &ServiceRequest) -> Option<Begun> {
        if request.extensions().contains::<RequestNotes>() {
            // Middleware like this one is around us and records.
            return None;
        }
        let headers = request.headers();
        let lines = |name: &str, line: &mut dyn FnMut(&[u8])| {
            // Actix answers no gRPC. Whoever claims to speak it would have each made-up path taken for a route.
            if name != "content-type" {
                headers.get_all(name).for_each(|value| line(value.as_bytes()));
            }
        };
        let route = request.match_pattern();
        let user = extract::take_user(request.request()).map(|user| user.0);
        let incoming = Incoming::new(request.method().as_str(), request.path(), &lines)
            .route(route.as_deref())
            .peer(request.peer_addr().map(|peer| peer.ip()))
            .user(user);
        let exchange = self.audit.begin(&self.recorder, incoming);
        // What is left out has notes, too, so that handlers need not care; nobody reads those.
        let notes = exchange.as_ref().map_or_else(RequestNotes::default, |e| e.notes().clone());
        request.extensions_mut().insert(notes);
        exchange.map(|exchange| Begun { exchange, route })
    }

    /// The response with its correlation id, and with a body that tells when it has ended.
    fn answered<B: MessageBody>(
        &self,
        begun: Option<Begun>,
        response: ServiceResponse<B>,
    ) -> ServiceResponse<AuditBody<B>> {
        let Some(Begun { mut exchange, route }) = begun else {
            return response.map_body(|_, body| AuditBody::new(body, None));
        };
        let request = response.request();
        // The router may have taken another route than the first that fits the path, by its guards.
        if let Some(taken) = request.match_pattern().filter(|taken| route.as_ref() != Some(taken)) {
            exchange.notes().route(taken);
        }
        extract::identify(exchange.notes(), request);
        response.map_body(|head, body| {
            exchange.answered(head.status.as_u16());
            let size = body.size();
            exchange.expects(match size {
                actix_web::body::BodySize::Sized(bytes) => Some(bytes),
                _ => content_length(&head.headers),
            });
            if let Some((name, id)) = self.correlation(&exchange) {
                head.headers.insert(name, id);
            }
            // An upgraded connection lives on as something else; the request is over.
            let over = size.is_eof() || head.status == StatusCode::SWITCHING_PROTOCOLS;
            let exchange = if over {
                exchange.finish();
                None
            } else {
                Some(exchange)
            };
            AuditBody::new(body, exchange)
        })
    }

    /// The error that middleware gave in the place of a response. The server makes the response of it, and puts the
    /// correlation id in as it does; nothing else about the error changes.
    fn failed(&self, begun: Begun, mut error: Error) -> Error {
        let mut exchange = begun.exchange;
        // Not that of its response: some errors hold theirs and give it away once.
        exchange.answered(error.as_response_error().status_code().as_u16());
        if let Some((name, id)) = self.correlation(&exchange) {
            error.add_response_mapper(move |mut response| {
                response.headers_mut().insert(name.clone(), id.clone());
                response
            });
        }
        exchange.finish();
        error
    }

    fn correlation(&self, exchange: &Exchange) -> Option<(HeaderName, HeaderValue)> {
        let id = HeaderValue::from_str(&exchange.correlation_id()).ok()?;
        Some((self.header.clone()?, id))
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pin_project_lite::pin_project! {
    /// The future of an audited response.
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ResponseFuture<F> {
        // Dropped first: what it records as it goes belongs to the request.
        #[pin]
        future: F,
        begun: Option<Begun>,
        setup: Arc<Setup>,
    }
}

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<AuditBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.begun {
            Some(begun) => begun.exchange.within(|| this.future.poll(cx)),
            None => this.future.poll(cx),
        };
        let answer = ready!(polled);
        let begun = this.begun.take();
        Poll::Ready(match (answer, begun) {
            (Ok(response), begun) => Ok(this.setup.answered(begun, response)),
            (Err(error), Some(begun)) => Err(this.setup.failed(begun, error)),
            (Err(error), None) => Err(error),
        })
    }
}

//! The layer, its service, and the future of a response.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use indelible_recorder::http::{Exchange, HttpAudit, Incoming, RequestNotes};
use indelible_recorder::{Actor, Recorder};
use tower_layer::Layer;
use tower_service::Service;

use crate::body::AuditBody;

/// The user of a request, where the application knows it by its own means: among the extensions of the request, put
/// there before this layer sees it, or of the response, put there by what is within.
///
/// ```
/// use indelible_recorder::Actor;
/// use indelible_tower::AuditUser;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(AuditUser(Actor::user("maria").auth_method("session")));
/// ```
#[derive(Clone, Debug)]
pub struct AuditUser(pub Actor);

/// The other end of the connection, among the extensions of a request, for servers that tell it in no other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Audits the requests of the service that it is put around.
#[derive(Clone, Debug)]
pub struct AuditLayer(Arc<Setup>);

/// What is fixed once the layer is made.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    recorder: Recorder,
    audit: HttpAudit,
    header: Option<HeaderName>,
    peer_from: fn(&Extensions) -> Option<IpAddr>,
    route_from: fn(&Extensions) -> Option<&str>,
}

impl AuditLayer {
    /// Audits with the usual settings.
    pub fn new(recorder: Recorder) -> AuditLayer {
        let setup = Setup {
            recorder,
            audit: HttpAudit::default(),
            header: None,
            peer_from: peer,
            route_from: route,
        };
        AuditLayer(Arc::new(setup)).with(HttpAudit::default())
    }

    /// Audits with these settings.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    /// use indelible_tower::{AuditLayer, HttpAudit};
    ///
    /// let audit = HttpAudit::builder().exclude("/static/*").record_reads(true).build()?;
    /// let layer = AuditLayer::new(Recorder::memory()).with(audit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(self, audit: HttpAudit) -> AuditLayer {
        let mut setup = Arc::unwrap_or_clone(self.0);
        audit.declare(&setup.recorder);
        setup.header = HeaderName::from_bytes(audit.correlation_header().as_bytes()).ok();
        setup.audit = audit;
        AuditLayer(Arc::new(setup))
    }

    /// Where the other end of the connection is found among a request's extensions. Unless said otherwise it is
    /// [`Peer`], or axum's `ConnectInfo<SocketAddr>`.
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use indelible_recorder::Recorder;
    /// use indelible_tower::AuditLayer;
    ///
    /// #[derive(Clone)]
    /// struct Connection { remote: SocketAddr }
    ///
    /// let layer = AuditLayer::new(Recorder::memory())
    ///     .peer_from(|extensions| Some(extensions.get::<Connection>()?.remote.ip()));
    /// ```
    pub fn peer_from(self, find: fn(&Extensions) -> Option<IpAddr>) -> AuditLayer {
        AuditLayer(Arc::new(Setup { peer_from: find, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Where the route's template is found among a request's extensions. Unless said otherwise it is axum's `MatchedPath`.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    /// use indelible_tower::AuditLayer;
    ///
    /// #[derive(Clone)]
    /// struct Route(&'static str);
    ///
    /// let layer = AuditLayer::new(Recorder::memory())
    ///     .route_from(|extensions| Some(extensions.get::<Route>()?.0));
    /// ```
    pub fn route_from(self, find: fn(&Extensions) -> Option<&str>) -> AuditLayer {
        AuditLayer(Arc::new(Setup { route_from: find, ..Arc::unwrap_or_clone(self.0) }))
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let peer = extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let peer = peer.or_else(|| crate::extract::peer(extensions));
    peer
}

fn route(extensions: &Extensions) -> Option<&str> {
    #[cfg(feature = "axum")]
    return crate::extract::route(extensions);
    #[cfg(not(feature = "axum"))]
    return {
        let _ = extensions;
        None
    };
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService { inner, setup: Arc::clone(&self.0) }
    }
}

/// A service whose requests are audited. Everything else about it is that of the service within.
#[derive(Clone, Debug)]
pub struct AuditService<S> {
    inner: S,
    setup: Arc<Setup>,
}

impl<S, B, R> Service<Request<B>> for AuditService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<AuditBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut exchange = self.setup.begin(&mut request);
        let future = match &mut exchange {
            Some(exchange) => exchange.within(|| self.inner.call(request)),
            None => self.inner.call(request),
        };
        ResponseFuture { future, exchange, setup: Arc::clone(&self.setup) }
    }
}

impl Setup {
    fn begin<B>(&self, request: &mut Request<B>) -> Option<Exchange> {
        let route = (self.route_from)(request.extensions());
        if let Some(notes) = request.extensions().get::<RequestNotes>() {
            // A layer like this one is around us and records. It may be too far out to know the route.
            if let Some(route) = route.filter(|_| !notes.has_route()) {
                notes.route(route.to_owned());
            }
            return None;
        }
        let headers = request.headers();
        let lines = |name: &str, line: &mut dyn FnMut(&[u8])| {
            headers.get_all(name).iter().for_each(|value| line(value.as_bytes()));
        };
        let user = request.extensions().get::<AuditUser>().map(|user| user.0.clone());
        let incoming = Incoming::new(request.method().as_str(), request.uri().path(), &lines)
            .route(route)
            .peer((self.peer_from)(request.extensions()))
            .user(user);
        let exchange = self.audit.begin(&self.recorder, incoming);
        // What is left out has notes, too, so that handlers need not care; nobody reads those.
        let notes = exchange.as_ref().map_or_else(RequestNotes::default, |e| e.notes().clone());
        request.extensions_mut().insert(notes);
        exchange
    }

    /// The response with its correlation id, and with a body that tells when it has ended.
    fn answered<R: Body>(
        &self,
        exchange: Option<Exchange>,
        response: Response<R>,
    ) -> Response<AuditBody<R>> {
        let Some(mut exchange) = exchange else { return response.map(AuditBody::plain) };
        let (mut head, body) = response.into_parts();
        exchange.answered(head.status.as_u16());
        exchange.expects(body.size_hint().exact().or_else(|| content_length(&head.headers)));
        if let Some(status) = head.headers.get("grpc-status") {
            exchange.grpc_status(status.as_bytes());
        }
        if let Some(AuditUser(actor)) = head.extensions.remove() {
            exchange.notes().identify(actor);
        }
        if let Some(header) = &self.header
            && let Ok(id) = HeaderValue::from_str(&exchange.correlation_id())
        {
            head.headers.insert(header.clone(), id);
        }
        // An upgraded connection lives on as something else; the request is over.
        let over = body.is_end_stream() || head.status == StatusCode::SWITCHING_PROTOCOLS;
        let exchange = if over {
            exchange.finish();
            None
        } else {
            Some(exchange)
        };
        Response::from_parts(head, AuditBody::new(body, exchange))
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
        exchange: Option<Exchange>,
        setup: Arc<Setup>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<AuditBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.exchange {
            Some(exchange) => exchange.within(|| this.future.poll(cx)),
            None => this.future.poll(cx),
        };
        let answer = ready!(polled);
        let exchange = this.exchange.take();
        Poll::Ready(match answer {
            Ok(response) => Ok(this.setup.answered(exchange, response)),
            Err(error) => {
                if let Some(exchange) = exchange {
                    exchange.fail();
                }
                Err(error)
            }
        })
    }
}

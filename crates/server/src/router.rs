//! All routes, and what surrounds them: request ids, time limits, counters, compression, errors as problems.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderName, HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use indelible_log::hex;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{OwnRequest, Peer, RequestId};
use crate::limits;
use crate::problem::{Problem, Refused};
use crate::state::AppState;
use crate::{
    append, health, keep, keys, pages, read, relay, saved, session, status, trails, watch,
};

/// The header that carries a request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header that says whose pages may embed an answer.
const EMBEDDED_BY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Answers below it are not worth the processor's time.
const COMPRESS_BYTES_MIN: u64 = 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Indelible",
        description = "An audit trail that cannot be quietly changed.",
    ),
    tags(
        (name = "append", description = "Events come in"),
        (name = "search", description = "Events are found"),
        (name = "export", description = "Events go out"),
        (name = "proofs", description = "Proofs and the static tree"),
        (name = "keys", description = "Who may do what"),
        (name = "keeping", description = "Retention, holds, erasure, archives and backups"),
        (name = "connections", description = "Streams to receivers, and inputs that listen or fetch"),
        (name = "watch", description = "Rules, alerts and reviews"),
        (name = "health", description = "How the node is"),
    ),
)]
struct Api;

/// Every route of a node.
pub(crate) fn build(state: &AppState) -> Router {
    let (router, mut api) = OpenApiRouter::with_openapi(Api::openapi())
        .merge(append::routes())
        .merge(read::routes())
        .merge(keys::routes())
        .merge(keep::routes())
        .merge(relay::routes())
        .merge(watch::routes())
        .merge(session::routes())
        .merge(saved::routes())
        .merge(trails::routes())
        .merge(health::routes())
        .merge(status::routes())
        .merge(pages::routes())
        .split_for_parts();
    secure(&mut api);
    let api = api.to_json().expect("a document of our own making is plain data");
    state.set_api(api.into());
    let worthwhile = SizeAbove::new(COMPRESS_BYTES_MIN)
        .and(NotForContentType::SSE)
        .and(NotForContentType::new("application/octet-stream"))
        .and(NotForContentType::new("application/zip"))
        .and(NotForContentType::new("application/vnd.apache.parquet"));
    let api = router.with_state(state.clone()).method_not_allowed_fallback(not_allowed);
    let clock = state.clone();
    let pages = indelible_dashboard::routes(api.clone(), carry, Box::new(move || clock.now()));
    let missing: Router = pages.clone();
    api.merge(pages)
        .fallback(move |request| not_found(missing, request))
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(limit_time))
        .layer(CatchPanicLayer::custom(broke_off))
        .layer(CompressionLayer::new().gzip(true).zstd(true).compress_when(worthwhile))
        .layer(from_fn_with_state(state.clone(), surround))
}

/// What a page's own questions keep of the request that they are asked for.
fn carry(from: &Extensions, to: &mut Extensions) {
    fn one<T: Clone + Send + Sync + 'static>(from: &Extensions, to: &mut Extensions) {
        if let Some(value) = from.get::<T>() {
            to.insert(value.clone());
        }
    }
    one::<RequestId>(from, to);
    one::<Peer>(from, to);
    one::<OwnRequest>(from, to);
}

/// Says in the document how a credential is sent.
fn secure(api: &mut utoipa::openapi::OpenApi) {
    use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
    let components = api.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("bearer", bearer);
    api.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
}

/// What is at no path: a page for those who look at pages, and a problem for programs.
async fn not_found(pages: Router, mut request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let page = accepts.is_some_and(|accept| accept.contains("text/html"))
        && !request.uri().path().starts_with("/api");
    if !page {
        let detail = "there is nothing at this path; /api/docs tells what there is";
        return Problem::not_found(detail).into_response();
    }
    *request.uri_mut() = Uri::from_static(indelible_dashboard::MISSING);
    let Ok(response) = pages.oneshot(request).await;
    response
}

async fn not_allowed() -> Problem {
    Problem::not_allowed()
}

async fn limit_time(request: Request, next: Next) -> Response {
    // Whoever asks within this process waits as long as it likes, and holds nobody up.
    if request.extensions().get::<OwnRequest>().is_some() {
        return next.run(request).await;
    }
    let longest = match request.uri().path() {
        watch::BACKTEST => limits::BACKTEST_TIMEOUT,
        _ => limits::REQUEST_TIMEOUT,
    };
    let answer = tokio::time::timeout(longest, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        // What was handed on goes on: an append may be kept all the same, and ids make repeating it harmless.
        Problem::unavailable("it took too long; what was sent may be kept", 5).into_response()
    })
}

fn broke_off(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(panic = text.as_deref().unwrap_or("?"), "a request broke off");
    Problem::internal("the request broke off; this is a fault of the node").into_response()
}

/// Names the request, counts it, and says what holds for every answer.
async fn surround(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = state.now();
    let id = request_id(&state, &request);
    let shown = HeaderValue::from_str(&id).ok();
    request.extensions_mut().insert(RequestId(id));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(Refused(kind)) = response.extensions().get() {
        state.metrics().refused(kind);
    }
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    state.metrics().answered(route, response.status().as_u16(), state.now().0 - started.0);
    let headers = response.headers_mut();
    if let Some(id) = shown {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A neighbour below the same domain is sent the cookie with what it embeds.
    headers.insert(EMBEDDED_BY, HeaderValue::from_static("same-origin"));
    // Other sites learn no address. Our own forms must say where they come from: with `no-referrer` a browser would
    // send `Origin: null`, and nothing else where there is no TLS.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The caller's own id of the request where it is plain, else one of ours.
fn request_id(state: &AppState, request: &Request) -> Arc<str> {
    let plain = |text: &&str| {
        (1..=limits::REQUEST_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-/+=".contains(&b))
    };
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    if let Some(given) = given.filter(plain) {
        return given.into();
    }
    let mut random = [0; 16];
    state.entropy().fill(&mut random);
    hex::encode(&random).into()
}

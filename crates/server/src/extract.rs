//! What handlers take out of a request, so that every error is a problem.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;
use crate::problem::Problem;

/// The parameters in a path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<axum::extract::Path<T>, PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        Ok(Path(path?.0))
    }
}

/// A small JSON body: settings, keys; and an answer.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_json(request, limits::SMALL_BODY_BYTES_MAX).await.map(Json)
    }
}

/// A JSON body that may be larger: of so many bytes.
pub(crate) struct LargeJson<T, const BYTES_MAX: usize>(pub T);

impl<T: DeserializeOwned, S: Send + Sync, const BYTES_MAX: usize> FromRequest<S>
    for LargeJson<T, BYTES_MAX>
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read_json(request, BYTES_MAX).await.map(LargeJson)
    }
}

async fn read_json<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let json = kind.and_then(|kind| kind.to_str().ok()).is_none_or(is_json);
    if !json {
        return Err(Problem::unsupported("send application/json"));
    }
    let body = Limited::new(request.into_body(), bytes_max).collect();
    let body = tokio::time::timeout(limits::BODY_PIECE_TIMEOUT, body).await;
    let body =
        body.map_err(|_| Problem::too_slow())?.map_err(|e| match e.is::<LengthLimitError>() {
            true => Problem::too_large(format!("the body is larger than {bytes_max} bytes")),
            false => Problem::bad_request(format!("the body broke off: {e}")),
        })?;
    serde_json::from_slice(&body.to_bytes()).map_err(|e| Problem::bad_request(e.to_string()))
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(e) => {
                Problem::internal(format!("the answer cannot be written: {e}")).into_response()
            }
        }
    }
}

/// Whether a content type is JSON, or what a tool says that does not ask.
pub(crate) fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence == "application/x-www-form-urlencoded"
        || essence.starts_with("application/") && essence.ends_with("+json")
}

//! Signing in and out, for browsers: a key or a one-time link begins a session, whose secret only a cookie has.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::session::{Whose, cookie_name};
use crate::auth::{Caller, RequestInfo, from_own_page, key, session_cookie};
use crate::extract::Json;
use crate::keys;
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(begin, end))
}

/// With what somebody signs in: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// An API key. The session has its role and trails, and ends with it.
    #[serde(default)]
    key: Option<String>,
    /// The token of a one-time link. The session is an admin's.
    #[serde(default)]
    link: Option<String>,
}

/// Signs a browser in: makes a session, and sets its cookie.
///
/// What is done in the session is done by the key: it has the key's role and trails at every moment, and ends when
/// the key is revoked or expires. Nobody is ever locked out; after many failures from one address, those that fail
/// are answered with 429 for a minute.
#[utoipa::path(
    post, path = "/api/session", tag = "keys", security(()), request_body(content = SignIn, example = json!({"key": "idl_…"})),
    responses(
        (status = 200, description = "What this session is, as in `/api/me`, and its cookie", content_type = "application/json", example = json!({
            "id": "key:0123456789abcdef", "kind": "session", "role": "auditor", "name": "maria", "trails": null,
        })),
        (status = 400, description = "Neither a key nor a link, or both"),
        (status = 401, description = "Not valid; it is recorded"),
        (status = 403, description = "Another site's page sent it"),
        (status = 429, description = "Not valid, and too many were not from this address"),
    ),
)]
async fn begin(
    State(state): State<AppState>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    params.finish()?;
    let (parts, body) = request.into_parts();
    let info = RequestInfo::of(&parts);
    // Signing somebody in as somebody else is an attack too. A tool that is no browser names no origin.
    let named = ["origin", "sec-fetch-site"].iter().any(|name| parts.headers.contains_key(*name));
    let foreign = named && !from_own_page(&parts, &state);
    let Json(sign_in) = Json::from_request(Request::from_parts(parts, body), &state).await?;
    let whose = match sign_in {
        SignIn { key: Some(key), link: None } => {
            if foreign {
                return Err(Problem::forbidden("sign in from this node's own page"));
            }
            let caller =
                state.admit_key(key.trim(), info.clone()).map_err(|e| slow(&state, &info, e))?;
            let id = caller.id.strip_prefix("key:").and_then(key::KeyId::parse);
            let id = id.ok_or_else(|| Problem::internal("a key without an id"))?;
            (Whose::Key(id), state.registry().key(id).and_then(|key| key.expires_at))
        }
        // A link is followed from wherever it was shown.
        SignIn { key: None, link: Some(link) } => {
            if !state.sessions().redeem(&link, state.now()) {
                let why = "the one-time link is not good any more; the node prints a new one";
                return Err(slow(&state, &info, state.refuse(&info, why, None)));
            }
            (Whose::Link, None)
        }
        _ => return Err(Problem::bad_request("send either key or link")),
    };
    let now = state.now();
    let (secret, session) = state.sessions().begin(whose.0, whose.1, state.entropy(), now);
    let caller = state.admit_session(&secret, info)?;
    record(&state, &caller, "session.login", "login").await;
    let cookie = cookie(&state, &secret, session.seconds_left(now));
    Ok(([(header::SET_COOKIE, cookie)], Json(keys::about(&caller))).into_response())
}

/// Signs out: ends the session, and removes its cookie. Without a session there is nothing to end.
#[utoipa::path(
    delete, path = "/api/session", tag = "keys", security(()),
    responses(
        (status = 204, description = "There is no session any more"),
        (status = 403, description = "Another site's page sent it"),
    ),
)]
async fn end(
    State(state): State<AppState>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    params.finish()?;
    let (parts, _) = request.into_parts();
    if let Some(secret) = session_cookie(&parts.headers, state.is_secure()) {
        if !from_own_page(&parts, &state) {
            return Err(Problem::forbidden("sign out from this node's own page"));
        }
        if state.sessions().find(secret, state.now()).is_some() {
            let caller = state.admit_session(secret, RequestInfo::of(&parts));
            state.sessions().end(secret);
            if let Ok(caller) = caller {
                record(&state, &caller, "session.logout", "logout").await;
            }
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, cookie(&state, "", 0));
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Where the disk is full one can sign in all the same, to look: it is counted then.
async fn record(state: &AppState, caller: &Caller, action: &'static str, category: &'static str) {
    let target = json!({"type": "session", "id": caller.request.session.as_deref()});
    if let Err(problem) = state.record_act(caller, (action, category), target, json!({})).await
        && state.writer().is_some()
    {
        tracing::warn!(why = problem.detail(), "a sign-in or sign-out could not be recorded");
        state.lose(1);
    }
}

/// Too many failures from one address are told so, and nothing else.
fn slow(state: &AppState, info: &RequestInfo, refused: Problem) -> Problem {
    if state.sessions().failed(info.ip, state.now()) { Problem::too_many() } else { refused }
}

/// The cookie of a session, or what removes it.
fn cookie(state: &AppState, secret: &str, seconds: i64) -> HeaderValue {
    let secure = if state.is_secure() { "; Secure" } else { "" };
    let name = cookie_name(state.is_secure());
    let seconds = seconds.min(limits::SESSION_MICROS / 1_000_000);
    let text =
        format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).expect("a secret is made of letters and digits")
}

//! The few pages: where the one-time link leads, and the API described for people. No scripts, no outside files.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, RequestInfo, session, session_cookie};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}code,input{font:14px ui-monospace,monospace}input[type=search]{width:70%;padding:.4rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;\
border-bottom:1px solid #ccc}h2{margin-top:2.5rem}h3{margin-bottom:.2rem}a{color:#0645ad}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}a{color:#8ab4f8}th,td{border-color:#444}}";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(docs))
        .route("/login", axum::routing::get(login))
        .route("/logout", axum::routing::post(logout))
}

/// This description, for machines: OpenAPI 3.1.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "health", security(()),
    responses((status = 200, description = "The document")),
)]
async fn openapi(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.api()).into_response()
}

/// This description, for people.
#[utoipa::path(
    get, path = "/api/docs", tag = "health", security(()),
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
)]
async fn docs(State(state): State<AppState>) -> Result<Response, Problem> {
    let api: Value = serde_json::from_slice(&state.api())
        .map_err(|e| Problem::internal(format!("the description cannot be read: {e}")))?;
    let empty = serde_json::Map::new();
    let paths = api["paths"].as_object().unwrap_or(&empty);
    let body = html! {
        h1 { "The HTTP API" }
        p { "For machines: " a href="/api/openapi.json" { "/api/openapi.json" } ". "
            "Send an API key or a JWT as " code { "Authorization: Bearer …" } "." }
        @for tag in api["tags"].as_array().into_iter().flatten() {
            h2 { (text(&tag["name"])) }
            p { (text(&tag["description"])) }
            @for (path, methods) in paths {
                @for (method, operation) in methods.as_object().unwrap_or(&empty) {
                    @if operation["tags"][0] == tag["name"] { (operation_html(path, method, operation)) }
                }
            }
        }
    };
    Ok(page(StatusCode::OK, "The HTTP API", &body))
}

fn operation_html(path: &str, method: &str, operation: &Value) -> Markup {
    let empty = serde_json::Map::new();
    html! {
        h3 { code { (method.to_uppercase()) " " (path) } }
        p { (text(&operation["summary"])) " " (text(&operation["description"])) }
        table {
            @for parameter in operation["parameters"].as_array().into_iter().flatten() {
                tr { td { code { (text(&parameter["name"])) } " (" (text(&parameter["in"])) ")" }
                     td { (text(&parameter["description"])) } }
            }
            @for (status, response) in operation["responses"].as_object().unwrap_or(&empty) {
                tr { td { (status) } td { (text(&response["description"])) } }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Uses the one-time link up.
async fn login(
    State(state): State<AppState>,
    method: Method,
    mut params: Params,
    request: axum::extract::Request,
) -> Result<Response, Problem> {
    let token = params.one("token")?.unwrap_or_default();
    params.finish()?;
    // Whatever only looks whether the link leads somewhere must not use it up.
    if method == Method::HEAD {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (parts, _) = request.into_parts();
    let Some(cookie) = state.sessions().redeem(&token, state.entropy(), state.now()) else {
        let why = "the one-time link is not good any more; the node prints a new one";
        return Err(state.refuse(&RequestInfo::of(&parts), why, None));
    };
    let secure = if state.public_url().starts_with("https://") { "; Secure" } else { "" };
    let seconds = limits::SESSION_MICROS / 1_000_000;
    let name = session::COOKIE;
    let cookie =
        format!("{name}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    // Not a redirect: one that began on another site would leave the strict cookie behind.
    let body = html! {
        meta http-equiv="refresh" content="0;url=/";
        p { a href="/" { "Go on" } }
    };
    let mut response = page(StatusCode::OK, "Indelible", &body);
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// Ends a session.
async fn logout(State(state): State<AppState>, _caller: Caller, headers: HeaderMap) -> Response {
    if let Some(value) = session_cookie(&headers) {
        state.sessions().end(value);
    }
    let body = html! { p { "This session has ended." } };
    let mut response = page(StatusCode::OK, "Indelible", &body);
    set_cookie(&mut response, &format!("{}=; Path=/; Max-Age=0", session::COOKIE));
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

fn page(status: StatusCode, title: &str, body: &Markup) -> Response {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
                  frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (status, headers, html.into_string()).into_response()
}

//! The ways in and out.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::href::Params;
use crate::page::{Nav, Page, see_other, within};
use crate::parts::icon;
use crate::text;
use crate::visit::{Api, Problem, Visit};

/// What the API's cookie is called without and with TLS: an old one is taken away.
const COOKIES: [&str; 2] = ["indelible_session", "__Host-indelible_session"];

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/login", get(login).head(look).post(sign_in))
        .route("/logout", post(sign_out))
}

/// Whatever only looks whether the link leads somewhere must not use it up.
async fn look() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn login(visit: Visit) -> Response {
    let next = within(visit.params.get("next").unwrap_or("/"));
    // Nor must a browser that fetches what somebody may want to open.
    let ahead = ["sec-purpose", "purpose"].iter().any(|name| visit.header(name).is_some());
    match visit.params.get("token") {
        Some(_) if ahead => look().await.into_response(),
        Some(token) => redeem(&visit, token, next).await,
        None if visit.me.is_ok() => see_other(next),
        None => {
            let page = Page { headers: forget_old(&visit), ..form(next, None) };
            page_again(&visit, next, page).whole(&visit)
        }
    }
}

/// A browser that comes from a link on another site leaves the strict cookie behind. So it is asked to come again, from
/// this page: then it brings the cookie, if it has one.
fn page_again(visit: &Visit, next: &str, mut page: Page) -> Page {
    let from_elsewhere = matches!(visit.header("sec-fetch-site"), Some("cross-site" | "same-site"));
    if from_elsewhere && visit.params.get("again").is_none() {
        let again = Params::new().with("next", next).with("again", "1").to("/login");
        if let Ok(value) = HeaderValue::from_str(&format!("0; url={again}")) {
            page.headers.push((header::REFRESH, value));
        }
    }
    page
}

/// Takes away the cookies of sessions that have ended.
fn forget_old(visit: &Visit) -> Vec<(HeaderName, HeaderValue)> {
    let held = COOKIES.iter().filter(|name| visit.cookie(name).is_some());
    let removal = |name: &&str| {
        let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
        let cookie = format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}");
        HeaderValue::from_str(&cookie).ok().map(|cookie| (header::SET_COOKIE, cookie))
    };
    held.filter_map(removal).collect()
}

/// Uses the one-time link up.
async fn redeem(visit: &Visit, token: &str, next: &str) -> Response {
    match begin(visit, json!({"link": token})).await {
        Ok(cookies) => {
            let body = html! { p { a href=(next) { "Go on" } } };
            let mut page = Page { headers: cookies, ..Page::new("Signed in", Nav::None, body) };
            // Not a redirect: one that began on another site would leave the strict cookie behind.
            if let Ok(value) = HeaderValue::from_str(&format!("0; url={next}")) {
                page.headers.push((header::REFRESH, value));
            }
            page.whole(visit)
        }
        Err(problem) => form(next, Some(&problem)).whole(visit),
    }
}

async fn sign_in(visit: Visit) -> Response {
    let next = within(visit.form.get("next").unwrap_or("/"));
    let key = visit.form.get("key").unwrap_or_default().trim();
    match begin(&visit, json!({"key": key})).await {
        Ok(cookies) => {
            let mut response = see_other(next);
            cookies.into_iter().for_each(|(name, value)| {
                response.headers_mut().append(name, value);
            });
            response
        }
        Err(problem) => form(next, Some(&problem)).whole(&visit),
    }
}

/// Has the API begin a session: its cookies.
async fn begin(visit: &Visit, with: Value) -> Result<Vec<(HeaderName, HeaderValue)>, Problem> {
    let (headers, _) = visit.send(Method::POST, "/api/session", Some(with)).await?;
    Ok(headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|cookie| (header::SET_COOKIE, cookie.clone()))
        .collect())
}

async fn sign_out(visit: Visit) -> Response {
    match visit.send(Method::DELETE, "/api/session", None).await {
        Ok((headers, _)) => {
            let mut response = see_other("/login");
            for cookie in headers.get_all(header::SET_COOKIE) {
                response.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

fn form(next: &str, problem: Option<&Problem>) -> Page {
    let status = problem.map(|problem| problem.status);
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let body = html! {
        section.signin.panel {
            p.brand { (icon("brand")) span { "Indelible" } }
            h1 { "Sign in" }
            @if let Some(problem) = problem { (refused(problem)) }
            form #signin method="post" action="/login" autocomplete="off" {
                input type="hidden" name="next" value=(next);
                label for="key" { "API key" }
                input #key type="password" name="key" required autocomplete="off" autocapitalize="off"
                    spellcheck="false" placeholder="idl_…" autofocus aria-describedby="key-hint"
                    aria-invalid=[problem.map(|_| "true")];
                p #key-hint.quiet { "You may see and do here what the key may. Your browser keeps a session, not the key: it ends after 12 hours, when you sign out, or when the key is revoked." }
                button { "Sign in" }
            }
            details {
                summary { "No key yet?" }
                p { "When it starts, the node prints a one-time link that signs you in as an admin. It is good once, within 30 minutes; "
                    "start the node again for a new one:" }
                pre tabindex="0" { code { "indelible serve" } }
                p { "Who has the data directory can also make a key at the command line, while the node is stopped:" }
                pre tabindex="0" { code { "indelible key create --role admin --name you" } }
                p { "Everybody else asks an admin, who makes keys under Settings." }
            }
            p.quiet { a href="/api/docs" { "The HTTP API" } }
        }
    };
    Page { status: status.unwrap_or(StatusCode::OK), ..Page::new("Sign in", Nav::None, body) }
}

fn refused(problem: &Problem) -> Markup {
    html! {
        section #refused.notice.bad role="alert" {
            @match problem.status {
                401 => p { strong { "That did not work: " } (text::short(&problem.detail)) "." },
                400 => p { strong { "That did not work: " } "give a key." },
                _ => p { strong { (text::short(&problem.title)) ": " } (text::short_to(&problem.detail, 200)) "." },
            }
            @if matches!(problem.status, 401 | 429) { p.quiet { "That somebody tried is in the trail." } }
        }
    }
}

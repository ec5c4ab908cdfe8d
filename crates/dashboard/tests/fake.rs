//! An API that answers what a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use indelible_event::Micros;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::hostile::harmless;

/// What it is while these tests run.
pub const NOW: &str = "2026-01-31T12:00:00.000000Z";
/// What a trail must never make a page do.
pub const HOSTILE: &str = "\"><script>alert(1)</script>\u{202e}\n<img src=x onerror=alert(1)>";

pub struct Fake {
    router: Router,
    asked: Arc<Mutex<Vec<String>>>,
}

/// An answer of the page.
pub struct Shown {
    pub status: StatusCode,
    pub location: Option<String>,
    pub html: String,
}

impl Fake {
    /// With this role; `answer` gives what is answered at a path and a query.
    pub fn new(
        role: &'static str,
        answer: impl Fn(&str, &str) -> Response + Clone + Send + Sync + 'static,
    ) -> Fake {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let api = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (seen.clone(), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
                if path == "/api/me" {
                    return match role {
                        "" => problem(401, "not signed in"),
                        _ => json(json!({"id": "key-1", "kind": "key", "role": role})),
                    };
                }
                let told = match parts.method {
                    Method::GET => format!("{path}?{query}"),
                    method => {
                        let body = body.collect().await.unwrap().to_bytes();
                        format!("{method} {path} {}", String::from_utf8_lossy(&body))
                    }
                };
                seen.lock().unwrap().push(told);
                answer(path, query)
            }
        });
        let now = Box::new(|| Micros::parse(NOW).unwrap());
        Fake { router: indelible_dashboard::routes(api, |_, _| {}, now), asked }
    }

    /// With these answers for whoever is an admin: a path, its status and its body. What is not named is not there.
    pub fn answering(answers: &[(&str, u16, String)]) -> Fake {
        let answers: Vec<(String, u16, String)> = answers
            .iter()
            .map(|(path, status, body)| ((*path).to_owned(), *status, body.clone()))
            .collect();
        Fake::new("admin", move |path, _| {
            let found = answers.iter().find(|(of, ..)| of == path);
            let Some((_, status, body)) = found else { return problem(404, "nothing") };
            (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response()
        })
    }

    /// A page, or a piece of one, in which nothing acts.
    pub async fn page(&self, address: &str, fragment: bool) -> Shown {
        let more: &[(&str, &str)] = if fragment { &[("hx-request", "true")] } else { &[] };
        let policy =
            self.ask(address, more).await.headers()[header::CONTENT_SECURITY_POLICY].clone();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        let shown = self.get(address, more).await;
        harmless(&shown.html);
        shown
    }

    /// What it was asked, without what every page asks.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Asks for a page, or a piece of one.
    pub async fn get(&self, address: &str, more: &[(&str, &str)]) -> Shown {
        shown(self.ask(address, more).await).await
    }

    /// Sends a form.
    pub async fn post(&self, address: &str, form: &str) -> Shown {
        let request = axum::http::Request::post(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        shown(self.router.clone().oneshot(request.unwrap()).await.unwrap()).await
    }

    /// The answer, its body still to be read.
    pub async fn ask(&self, address: &str, more: &[(&str, &str)]) -> Response {
        let mut request = axum::http::Request::get(address);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }
}

async fn shown(response: Response) -> Shown {
    let location = response.headers().get(header::LOCATION);
    let location = location.map(|at| at.to_str().unwrap().to_owned());
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Shown { status, location, html: String::from_utf8(bytes.into()).unwrap() }
}

pub fn json(value: Value) -> Response {
    axum::http::Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(value.to_string()))
        .unwrap()
}

pub fn problem(status: u16, detail: &str) -> Response {
    let body = json!({"title": "No", "status": status, "detail": detail}).to_string();
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// Nothing in a page acts: neither markup of an event, nor what steers how text is shown.
pub fn assert_harmless(html: &str) {
    assert!(!html.contains("<script>") && !html.contains("<img"), "{html}");
    let mut in_tag = false;
    for c in html.chars() {
        in_tag = if in_tag { c != '>' } else { c == '<' };
        assert!(in_tag || c != '\u{202e}', "{html}");
    }
}

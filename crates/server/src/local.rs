//! The API answered in this process, without a socket: so that the command line and the network share one
//! implementation of every read, and of every change of keys and settings.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header, request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use indelible_store::{Reader, Store};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::auth::OwnRequest;
use crate::config::Config;
use crate::error::ServerError;
use crate::ingest::Ingest;
use crate::limits;
use crate::metrics::Metrics;
use crate::router;
use crate::state::AppState;

/// A node without a network, whose only caller may do everything.
pub struct Local {
    router: Router,
    runtime: Runtime,
    state: AppState,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalResponse {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Local {
    /// Answers from a directory as it is at this moment.
    pub fn new(reader: Arc<Reader>) -> Result<Local, ServerError> {
        Self::of(AppState::of_reader(reader)?)
    }

    /// Answers, and changes what is asked for, with a store that is open for writing. What is done is recorded as
    /// done by this process. The store is let go of when this is dropped.
    pub fn writing(store: Arc<Store>) -> Result<Local, ServerError> {
        let (config, metrics) = (Config::default(), Arc::new(Metrics::default()));
        // A log that can take nothing more says so in its answer; nobody waits for it besides.
        let ended = Arc::new(Notify::new());
        let ingest = Ingest::start(store, metrics.clone(), config.clock.clone(), ended)?;
        Self::of(AppState::of_writer(ingest, metrics, None, String::new(), &config)?)
    }

    fn of(state: AppState) -> Result<Local, ServerError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(ServerError::Thread)?;
        Ok(Local { router: router::build(&state), runtime, state })
    }

    /// Answers a GET. What is no path at all is answered like any other bad request.
    pub fn get(&self, path_and_query: &str) -> LocalResponse {
        self.request("GET", path_and_query, Vec::new())
    }

    /// Answers a GET with a body of any length, as it is made. What is not as hoped is answered whole.
    pub fn download(&self, path_and_query: &str) -> Result<LocalDownload<'_>, LocalResponse> {
        let request = Request::builder().uri(path_and_query).extension(OwnRequest);
        let Ok(request) = request.body(Body::empty()) else {
            return Err(self.get(path_and_query));
        };
        let response = self.runtime.block_on(self.router.clone().oneshot(request));
        let response = match response {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status().is_success() {
            return Ok(LocalDownload { local: self, body: response.into_body() });
        }
        Err(self.runtime.block_on(LocalResponse::of(response)))
    }

    /// Answers a request with a JSON body, or none.
    pub fn request(&self, method: &str, path_and_query: &str, body: Vec<u8>) -> LocalResponse {
        self.answer(Request::builder().extension(OwnRequest), method, path_and_query, body)
    }

    /// Like [`Local::request`], as whoever has this API key: without a socket, and with no more than the key may do.
    pub fn request_as(
        &self,
        key: &str,
        method: &str,
        path_and_query: &str,
        body: Vec<u8>,
    ) -> LocalResponse {
        let shown = Request::builder().header(header::AUTHORIZATION, format!("Bearer {key}"));
        self.answer(shown, method, path_and_query, body)
    }

    fn answer(
        &self,
        request: request::Builder,
        method: &str,
        path_and_query: &str,
        body: Vec<u8>,
    ) -> LocalResponse {
        let request = request.method(method).uri(path_and_query);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let Ok(request) = request.body(Body::from(body)) else {
            let body = br#"{"type":"about:blank","title":"Bad Request","status":400}"#.to_vec();
            let content_type = "application/problem+json".into();
            return LocalResponse { status: 400, content_type, body };
        };
        self.runtime.block_on(async {
            let response = match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            LocalResponse::of(response).await
        })
    }
}

impl LocalResponse {
    async fn of(response: Response) -> LocalResponse {
        let status = response.status().as_u16();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let content_type = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
        // The body was made in this process, whole; there is nobody to protect it from.
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        LocalResponse { status, content_type, body: body.unwrap_or_default().to_vec() }
    }
}

/// A body that is being made.
pub struct LocalDownload<'a> {
    local: &'a Local,
    body: Body,
}

impl LocalDownload<'_> {
    /// The next bytes; `None` at the end. An error says that it broke off before.
    pub fn piece(&mut self) -> Result<Option<bytes::Bytes>, String> {
        self.local.runtime.block_on(async {
            loop {
                match self.body.frame().await {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(frame)) => {
                        if let Ok(bytes) = frame.into_data() {
                            return Ok(Some(bytes));
                        }
                    }
                }
            }
        })
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // What was begun in this process ends in it.
        self.runtime.block_on(self.state.jobs().idle(limits::JOB_LONGEST));
        if let Some(writer) = self.state.writer() {
            writer.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_log::Seams;
    use indelible_store::{InitOptions, OpenOptions};
    use serde_json::Value;

    #[test]
    fn a_directory_is_changed_in_this_process() {
        let dir = tempfile::tempdir().unwrap();
        let seams = Seams::real(dir.path());
        Store::init(&seams, &InitOptions { origin: "test.example".into() }).unwrap();
        let store = Arc::new(Store::open(seams.clone(), OpenOptions::default()).unwrap());
        let local = Local::writing(store.clone()).unwrap();
        let new = || br#"{"role":"reader","name":"r"}"#.to_vec();
        let made = local.request("POST", "/api/keys", new());
        let key: Value = serde_json::from_slice(&made.body).unwrap();
        assert_eq!((made.status, &key["role"]), (201, &"reader".into()));
        let public = br#"{"public":true}"#.to_vec();
        assert_eq!(local.request("PUT", "/api/trails/_system", public).status, 200);
        let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
        assert_eq!(local.request("DELETE", &path, Vec::new()).status, 204);
        assert_eq!(local.request("DELETE", "/api/keys/0000000000000000", Vec::new()).status, 404);
        assert_eq!(local.request("no method", "/api/keys", Vec::new()).status, 400);
        // With a key it is whoever has that key, and may do what that may.
        let made =
            local.request("POST", "/api/keys", br#"{"role":"reader","name":"two"}"#.to_vec());
        let made: Value = serde_json::from_slice(&made.body).unwrap();
        let key = made["key"].as_str().unwrap();
        let me = local.request_as(key, "GET", "/api/me", Vec::new());
        let me: Value = serde_json::from_slice(&me.body).unwrap();
        assert_eq!((&me["role"], &me["name"]), (&"reader".into(), &"two".into()));
        assert_eq!(local.request_as(key, "POST", "/api/keys", new()).status, 403);
        for key in ["idl_nonsense", "no header\n"] {
            assert!(matches!(
                local.request_as(key, "GET", "/api/me", Vec::new()).status,
                400 | 401
            ));
        }
        drop(local);
        Arc::into_inner(store).expect("nothing else holds it").close().unwrap();
        // What was done is what the next one reads, and who did it.
        let local = Local::new(Arc::new(Reader::open(seams.storage).unwrap())).unwrap();
        let trails = String::from_utf8(local.get("/api/trails").body).unwrap();
        assert!(trails.contains("\"public\":true"), "{trails}");
        let found = local.get("/api/audit/logs?user_id=local&order=asc");
        let page: Value = serde_json::from_slice(&found.body).unwrap();
        let actions: Vec<_> =
            page["events"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
        assert_eq!(actions, ["key.create", "trail.publish", "key.revoke", "key.create"]);
        // Where nothing can be written, nothing is changed.
        assert_eq!(local.request("POST", "/api/keys", new()).status, 503);
    }
}

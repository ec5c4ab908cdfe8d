//! What every handler has at hand.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};

use axum::http::HeaderName;
use indelible_event::Micros;
use indelible_keep::Keep;
use indelible_keep::archive::Fetcher;
use indelible_log::limits::CACHE_BYTES_MAX;
use indelible_log::{Clock, Entropy, Seams};
use indelible_store::{Reader, StoreError};
use tokio::sync::{Semaphore, watch};

use crate::auth::fold::fold;
use crate::auth::key::{self, KeyId};
use crate::auth::registry::{self, Key, Registry};
use crate::auth::session::{Sessions, Whose};
use crate::auth::{Caller, CallerKind, Issuer, RequestInfo, Role};
use crate::config::Config;
use crate::ingest::Ingest;
use crate::keep::Jobs;
use crate::limits;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::read::Reading;
use crate::record::Recording;
use crate::relay::Connected;
use crate::watch::Backtests;

/// The header that names the event of `_system` in which a change was recorded.
pub(crate) const EVENT: HeaderName = HeaderName::from_static("indelible-event");

/// The state of a node's HTTP side. Cloning it is cheap.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    reader: Source,
    registry: RwLock<Registry>,
    /// Held from looking at what is there to having changed it.
    changing: tokio::sync::Mutex<()>,
    used: Mutex<HashMap<KeyId, Micros>>,
    started: Micros,
    listen: SocketAddr,
    disk: Mutex<Option<(Micros, indelible_store::Disk)>>,
    sessions: Sessions,
    issuer: Option<Arc<Issuer>>,
    recording: Recording,
    /// What keeps the log, where there is a writer.
    keep: Option<Arc<Keep>>,
    jobs: Jobs,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    public_url: String,
    public_metrics: bool,
    /// Bytes of bodies that may still be taken in.
    in_flight: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    published: Arc<Semaphore>,
    reading: Reading,
    stopping: watch::Sender<bool>,
    /// Inputs and streams, once they run.
    connected: std::sync::OnceLock<Connected>,
    /// What the watch has loaded and found, once it runs.
    watched: std::sync::OnceLock<Arc<indelible_watch::Shared>>,
    backtests: Backtests,
    /// The OpenAPI document, set once the routes are known.
    api: std::sync::OnceLock<bytes::Bytes>,
}

/// Where records are read.
enum Source {
    /// Beside a writer.
    Writer(Ingest),
    /// From a directory that is only read.
    Reader(Arc<Reader>),
}

impl AppState {
    /// The state of a node that writes.
    pub(crate) fn of_writer(
        ingest: Ingest,
        metrics: Arc<Metrics>,
        issuer: Option<Issuer>,
        public_url: String,
        config: &Config,
    ) -> Result<AppState, StoreError> {
        let registry = fold(ingest.store().reader())?;
        Ok(Self::new(Source::Writer(ingest), registry, metrics, issuer, public_url, config))
    }

    /// The state of a process that only reads a directory.
    pub(crate) fn of_reader(reader: Arc<Reader>) -> Result<AppState, StoreError> {
        let config = Config::default();
        let registry = fold(&reader)?;
        let source = Source::Reader(reader);
        Ok(Self::new(source, registry, Arc::default(), None, String::new(), &config))
    }

    fn new(
        reader: Source,
        registry: Registry,
        metrics: Arc<Metrics>,
        issuer: Option<Issuer>,
        public_url: String,
        config: &Config,
    ) -> AppState {
        let keep = match &reader {
            Source::Writer(ingest) => {
                let (clock, entropy) = (config.clock.clone(), config.entropy.clone());
                let storage = ingest.store().reader().storage().clone();
                let seams = Seams { storage, clock, entropy };
                let keep = Keep::new(ingest.store().clone(), seams);
                keep.attach_archives(CACHE_BYTES_MAX);
                Some(Arc::new(keep))
            }
            Source::Reader(reader) => {
                let fetcher = Arc::new(Fetcher::new(None));
                reader.view().attach(fetcher, CACHE_BYTES_MAX);
                None
            }
        };
        AppState(Arc::new(Inner {
            reader,
            keep,
            jobs: Jobs::default(),
            registry: RwLock::new(registry),
            changing: tokio::sync::Mutex::default(),
            used: Mutex::default(),
            started: config.clock.now(),
            listen: config.listen,
            disk: Mutex::default(),
            sessions: Sessions::default(),
            issuer: issuer.map(Arc::new),
            recording: Recording::default(),
            metrics,
            clock: config.clock.clone(),
            entropy: config.entropy.clone(),
            public_url,
            public_metrics: config.public_metrics,
            in_flight: Arc::new(Semaphore::new(config.in_flight_bytes_max)),
            reads: Arc::new(Semaphore::new(limits::READS_MAX)),
            published: Arc::new(Semaphore::new(limits::PUBLISHED_WAITERS_MAX)),
            reading: Reading::default(),
            stopping: watch::Sender::new(false),
            connected: std::sync::OnceLock::new(),
            watched: std::sync::OnceLock::new(),
            backtests: Backtests::default(),
            api: std::sync::OnceLock::new(),
        }))
    }

    /// The readable side of the directory.
    pub fn reader(&self) -> &Reader {
        match &self.0.reader {
            Source::Writer(ingest) => ingest.store().reader(),
            Source::Reader(reader) => reader,
        }
    }

    /// The way to the log, where there is one.
    pub(crate) fn writer(&self) -> Option<&Ingest> {
        match &self.0.reader {
            Source::Writer(ingest) => Some(ingest),
            Source::Reader(_) => None,
        }
    }

    /// What keeps the log.
    pub(crate) fn keep(&self) -> Result<Arc<Keep>, Problem> {
        let missing = || Problem::unavailable("nothing is written here", 60);
        self.0.keep.clone().ok_or_else(missing)
    }

    /// The long operations.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// Whether this process has the directory open over no network, so that every caller is itself.
    pub(crate) fn is_local(&self) -> bool {
        self.writer().is_none()
    }

    /// Runs work that reads files, off the threads that serve, when it is its turn.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AppState) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.0.reads.clone().acquire_owned().await;
        let turn = turn.expect("the semaphore is never closed");
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&state);
            drop(turn);
            result
        });
        done.await.unwrap_or_else(|_| Err(Problem::internal("the read broke off")))
    }

    /// Now.
    pub fn now(&self) -> Micros {
        self.0.clock.now()
    }

    /// The random source.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The address under which others reach the node.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    pub(crate) fn public_metrics(&self) -> bool {
        self.0.public_metrics
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn recording(&self) -> &Recording {
        &self.0.recording
    }

    /// Becomes true when the server is to stop: what answers without an end must end then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    pub(crate) fn in_flight(&self) -> &Arc<Semaphore> {
        &self.0.in_flight
    }

    pub(crate) fn published(&self) -> &Arc<Semaphore> {
        &self.0.published
    }

    /// What all reads share.
    pub(crate) fn reading(&self) -> &Reading {
        &self.0.reading
    }

    /// Keys and public trails.
    pub fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.0.registry.read().expect("nothing panics while holding the registry")
    }

    /// One change of keys and settings at a time: nobody else changes what the holder has looked at.
    pub(crate) async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.changing.lock().await
    }

    /// When this process began to serve.
    pub(crate) fn started(&self) -> Micros {
        self.0.started
    }

    /// Where it listens.
    pub(crate) fn listen(&self) -> SocketAddr {
        self.0.listen
    }

    /// Whether others reach the node over TLS alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url().starts_with("https://")
    }

    /// How large the directory is, looked at again after a while.
    pub(crate) fn disk(&self) -> Result<indelible_store::Disk, StoreError> {
        let now = self.now();
        let fresh = |(at, _): &(Micros, _)| (0..limits::DISK_MICROS).contains(&(now.0 - at.0));
        let mut held = self.0.disk.lock().expect("nothing panics while holding it");
        if let Some((_, disk)) = held.filter(fresh) {
            return Ok(disk);
        }
        let disk = self.reader().disk()?;
        *held = Some((now, disk));
        Ok(disk)
    }

    /// Takes in what is durable in `_system` now.
    pub(crate) fn apply(&self, change: registry::Change) {
        self.0.registry.write().expect("nothing panics while holding the registry").apply(change);
    }

    /// Inputs and streams.
    pub(crate) fn connected(&self) -> &Connected {
        static NONE: Connected = Connected::NONE;
        self.0.connected.get().unwrap_or(&NONE)
    }

    pub(crate) fn connect(&self, connected: Connected) {
        // They are started once a node.
        drop(self.0.connected.set(connected));
    }

    /// What the watch has loaded and found, where there is one.
    pub(crate) fn watched(&self) -> Option<&Arc<indelible_watch::Shared>> {
        self.0.watched.get()
    }

    pub(crate) fn watch_with(&self, watched: Arc<indelible_watch::Shared>) {
        // It is started once a node.
        drop(self.0.watched.set(watched));
    }

    /// The turn of backtests.
    pub(crate) fn backtests(&self) -> &Backtests {
        &self.0.backtests
    }

    /// Behind the last record that can be read.
    pub(crate) fn end(&self) -> u64 {
        self.reader().view().next_pos().0
    }

    /// Files, clock and random source.
    pub(crate) fn seams(&self) -> Seams {
        let storage = self.reader().storage().clone();
        Seams { storage, clock: self.0.clock.clone(), entropy: self.0.entropy.clone() }
    }

    /// The OpenAPI document.
    pub(crate) fn api(&self) -> bytes::Bytes {
        self.0.api.get().cloned().unwrap_or_default()
    }

    pub(crate) fn set_api(&self, api: bytes::Bytes) {
        // The routes are built once a state.
        drop(self.0.api.set(api));
    }

    pub(crate) fn admit_key(&self, text: &str, request: RequestInfo) -> Result<Caller, Problem> {
        let Some(presented) = key::parse(text) else {
            return Err(self.refuse(&request, "not a key: mistyped or cut off", None));
        };
        let registry = self.registry();
        match registry.admit(&presented, self.now()) {
            Ok(key) => Ok(self.caller_of(key, CallerKind::Key, request)),
            Err(why) => {
                drop(registry);
                Err(self.refuse(&request, why, Some(format!("key:{}", presented.id))))
            }
        }
    }

    fn caller_of(&self, key: &Key, kind: CallerKind, request: RequestInfo) -> Caller {
        self.0.used.lock().expect("nothing panics while holding it").insert(key.id, self.now());
        Caller {
            kind,
            id: format!("key:{}", key.id).into(),
            name: Some(key.name.clone()),
            role: key.role,
            trails: key.trails.clone(),
            subject: None,
            until: None,
            request,
        }
    }

    /// When each key was last used, since this process began. Only valid keys get here, so they are bounded.
    pub(crate) fn last_used(&self) -> HashMap<KeyId, Micros> {
        self.0.used.lock().expect("nothing panics while holding it").clone()
    }

    /// Whether a caller that was admitted still would be: a key may have been revoked, a key or a token have expired,
    /// and a session have ended, since.
    pub(crate) fn still_admits(&self, caller: &Caller) -> bool {
        let now = self.now();
        let session = caller.request.session.as_deref();
        let lasts = session.is_none_or(|id| self.sessions().lasts(id, now));
        let key = caller.id.strip_prefix("key:").and_then(KeyId::parse);
        let valid = caller.until.is_none_or(|until| now < until);
        lasts && valid && key.is_none_or(|id| self.registry().valid(id, now).is_ok())
    }

    pub(crate) async fn admit_jwt(
        &self,
        token: &str,
        request: RequestInfo,
    ) -> Result<Caller, Problem> {
        let Some(issuer) = &self.0.issuer else {
            return Err(self.refuse(&request, "not an API key, and no JWTs are taken here", None));
        };
        match issuer.clone().admit(token, self.now()).await {
            Ok(token) => Ok(Caller {
                kind: CallerKind::Jwt,
                id: token.id.into(),
                name: None,
                role: token.role,
                trails: token.trails.map(Into::into),
                subject: Some(token.subject.into()),
                until: Some(token.until),
                request,
            }),
            Err(why) => Err(self.refuse(&request, &why, None)),
        }
    }

    pub(crate) fn admit_session(
        &self,
        cookie: &str,
        mut request: RequestInfo,
    ) -> Result<Caller, Problem> {
        let now = self.now();
        let Some(session) = self.sessions().find(cookie, now) else {
            return Err(self.refuse(&request, "the session has ended", None));
        };
        request.session = Some(session.id().into());
        let id = match session.whose {
            Whose::Link => {
                let id = format!("session:{}", session.id()).into();
                let (kind, role) = (CallerKind::Session, Role::Admin);
                return Ok(Caller {
                    kind,
                    id,
                    name: None,
                    role,
                    trails: None,
                    subject: None,
                    until: None,
                    request,
                });
            }
            Whose::Key(id) => id,
        };
        // At each request anew: what becomes of a key becomes of its sessions at once.
        let registry = self.registry();
        match registry.valid(id, now) {
            Ok(key) => Ok(self.caller_of(key, CallerKind::Session, request)),
            Err(why) => {
                drop(registry);
                self.sessions().end(cookie);
                Err(self.refuse(&request, why, Some(format!("key:{id}"))))
            }
        }
    }

    /// Refuses a credential that was given, and has that recorded.
    pub(crate) fn refuse(
        &self,
        request: &RequestInfo,
        why: &str,
        claimed: Option<String>,
    ) -> Problem {
        self.record_refused(request, why, claimed);
        Problem::unauthorized(why, true)
    }
}

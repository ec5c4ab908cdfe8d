//! The socket: accepting, connections and their limits, starting and stopping.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use indelible_log::AppendError;
use indelible_store::Store;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch::Receiver;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::auth::{Issuer, Peer};
use crate::config::Config;
use crate::error::{ServerError, Stopped};
use crate::ingest::Ingest;
use crate::io::Patient;
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::pulse::{self, Heart};
use crate::relay::Relay;
use crate::state::AppState;
use crate::watch::{self, Watching};
use crate::{limits, router, tls};

/// The HTTP side of a node.
pub struct Server;

/// A server that serves. Dropping it ends it at once; [`Running::shutdown`] lets it finish.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    state: AppState,
    keeper: Keeper,
    heart: Arc<Heart>,
    relay: Relay,
    watching: Watching,
    runtime: Option<Runtime>,
    connections: Arc<Semaphore>,
    connections_max: u32,
    ended: Arc<Notify>,
    signals: tokio::sync::Mutex<Signals>,
}

impl Server {
    /// Starts to serve a store that is open for writing. From here on an interrupt or a termination signal does
    /// not end the process, but [`Running::wait`].
    pub fn start(store: Arc<Store>, mut config: Config) -> Result<Running, ServerError> {
        // Whatever is wrong with what people wrote is said before anything is begun.
        let (folder, connections) = watch::read(&config)?;
        let acceptor = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let now = config.clock.now();
        let issuer = config.jwt.as_ref().map(|jwt| Issuer::open(jwt, now)).transpose()?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.thread_name("indelible-http").max_blocking_threads(limits::BLOCKING_THREADS_MAX);
        if let Some(threads) = config.threads {
            builder.worker_threads(threads.max(1));
        }
        let runtime = builder.enable_all().build().map_err(ServerError::Thread)?;
        // Not only when somebody waits: one that comes before must not be missed, nor end the process.
        let signals = runtime.block_on(async { Signals::register() });
        let signals = signals.map_err(ServerError::Signals)?.into();
        let listen = |source| ServerError::Listen { addr: config.listen, source };
        let listener = runtime.block_on(TcpListener::bind(config.listen)).map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        config.listen = addr;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{addr}"));
        let public_url = public_url.trim_end_matches('/').to_owned();
        let (metrics, ended) = (Arc::new(Metrics::default()), Arc::new(Notify::new()));
        let ingest = Ingest::start(store, metrics.clone(), config.clock.clone(), ended.clone())?;
        let state = AppState::of_writer(ingest, metrics, issuer, public_url, &config)?;
        let details = json!({"listen": addr.to_string(), "version": env!("CARGO_PKG_VERSION")});
        match runtime.block_on(state.record_node("node.start", details)) {
            Ok(()) => {}
            // Reading must be possible also where there is no room to say so.
            Err(AppendError::Full) => state.lose(1),
            Err(error) => return Err(indelible_store::StoreError::from(error).into()),
        }
        let relay = Relay::start(&state, &connections, &runtime)?;
        let watching = Watching::start(&state, folder, &runtime)?;
        let stopped = state.stopping();
        let connections_max = u32::try_from(config.connections_max).unwrap_or(u32::MAX >> 4);
        let connections = Arc::new(Semaphore::new(connections_max as usize));
        let accepting = Accepting {
            listener,
            acceptor,
            router: router::build(&state),
            state: state.clone(),
            connections: connections.clone(),
            patience: config.header_read_timeout,
            stopped: stopped.clone(),
        };
        runtime.spawn(accepting.run());
        runtime.spawn(keep_house(state.clone(), stopped.clone()));
        let heart = Arc::new(Heart::default());
        runtime.spawn(pulse::run(heart.clone(), state.clone(), stopped));
        let (runtime, keeper) = (Some(runtime), Keeper::start(state.clone())?);
        Ok(Running {
            addr,
            state,
            keeper,
            heart,
            relay,
            watching,
            runtime,
            connections,
            connections_max,
            ended,
            signals,
        })
    }
}

impl Running {
    /// Makes a one-time link that logs a browser in as an admin.
    pub fn admin_link(&self) -> String {
        let token = self.state.sessions().make_link(self.state.entropy(), self.state.now());
        format!("{}/login?token={token}", self.state.public_url())
    }

    /// The state, for what is built on the same node.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Has the node look now for what is due, as it does each minute, and waits until it has done that.
    pub fn keep(&self) {
        self.keeper.look();
    }

    /// Has the node look at its own health now, as it does twice a minute, and waits until it has; as if the process
    /// had run for so long.
    pub fn pulse(&self, ran_for: indelible_event::Micros) {
        self.heart.ran_for(ran_for);
        self.runtime().block_on(self.heart.beat(&self.state));
    }

    /// Makes an API key in the name of whoever started this node: the key's text, shown here only. The error
    /// says why not.
    pub fn make_key(&self, new: &crate::keys::NewKey) -> Result<String, ServerError> {
        let caller = crate::auth::Caller::local(crate::auth::RequestInfo::none());
        let made = self.runtime().block_on(crate::keys::make(&self.state, &caller, new));
        made.map(|(_, text, _)| text).map_err(|e| ServerError::Config(e.detail().to_owned()))
    }

    /// Waits until the process should end: it was asked to, or nothing can be written any more.
    pub fn wait(&self) -> Stopped {
        self.runtime().block_on(async {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // From here on no notification is missed.
            ended.as_mut().enable();
            if let Some(why) = self.poisoned() {
                return Stopped::Poisoned(why);
            }
            tokio::select! {
                () = ended => Stopped::Poisoned(self.poisoned().unwrap_or_default()),
                asked = async { self.signals.lock().await.asked().await } => match asked {
                    Some(()) => Stopped::Asked,
                    None => Stopped::Failed("no signals can be received any more".into()),
                },
            }
        })
    }

    /// Takes no more connections, finishes the requests that are being answered, records the stop, and closes.
    pub fn shutdown(mut self) -> Result<(), ServerError> {
        let runtime = self.runtime.take().expect("only shutting down takes it");
        if !self.watching.stop(limits::SHUTDOWN_TIMEOUT) {
            // What it had not written down it looks at again, and finds the same.
            tracing::warn!("the watch was cut off");
        }
        if !self.relay.stop(&runtime) {
            // What was not acknowledged comes, or goes, once more.
            tracing::warn!("an input or a stream was cut off");
        }
        self.state.stop();
        let kept = self.keeper.stop(limits::SHUTDOWN_TIMEOUT);
        let recorded = runtime.block_on(async {
            let all = self.connections.acquire_many(self.connections_max);
            let finished = tokio::time::timeout(limits::SHUTDOWN_TIMEOUT, all).await.is_ok();
            if !finished {
                tracing::warn!("some connections were cut off");
            }
            if !self.state.jobs().idle(limits::SHUTDOWN_TIMEOUT).await | !kept {
                // Their intents stand in the log, and the next start goes on with them or ends them.
                tracing::warn!("a long operation was cut off");
            }
            self.state.record_counted(true).await;
            self.state.record_node("node.stop", json!({"finished": finished})).await
        });
        if let Some(writer) = self.state.writer() {
            writer.close();
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
        match recorded {
            Ok(()) | Err(AppendError::Full) => Ok(()),
            Err(error) => Err(indelible_store::StoreError::from(error).into()),
        }
    }

    fn poisoned(&self) -> Option<String> {
        self.state.writer().and_then(|writer| writer.poisoned().cloned())
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("only shutting down takes it")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.state.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An interrupt or a termination signal.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn register() -> std::io::Result<Signals> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one; `None` if none will come any more.
    async fn asked(&mut self) -> Option<()> {
        tokio::select! {
            asked = self.interrupt.recv() => asked,
            asked = self.terminate.recv() => asked,
        }
    }
}

/// Waits until the server is to stop.
async fn stopping(stopped: &mut Receiver<bool>) {
    // Whoever could tell is gone: that is a stop too.
    drop(stopped.wait_for(|stop| *stop).await);
}

/// Records now and then what was only counted.
async fn keep_house(state: AppState, mut stopped: Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopping(&mut stopped) => return,
            () = tokio::time::sleep(limits::HOUSEKEEPING) => state.record_counted(false).await,
        }
    }
}

struct Accepting {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    state: AppState,
    connections: Arc<Semaphore>,
    stopped: Receiver<bool>,
    /// For a request's head, and for a TLS handshake.
    patience: Duration,
}

impl Accepting {
    async fn run(self) {
        let mut stopped = self.stopped.clone();
        loop {
            let accepted = tokio::select! {
                () = stopping(&mut stopped) => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer.ip()),
                Err(error) => {
                    // Too few descriptors, mostly: asking at once again would only burn the processor.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: IpAddr) {
        let Ok(permit) = self.connections.clone().try_acquire_owned() else {
            self.state.metrics().refused("too-many-connections");
            return refuse(&stream);
        };
        // Answers are small and whole; waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection went away at once");
            return;
        }
        let patience = self.patience;
        let open = Open { state: self.state.clone(), patience, _permit: permit };
        self.state.metrics().connection(1);
        let (router, stopped) = (self.router.clone(), self.stopped.clone());
        match self.acceptor.clone() {
            None => drop(tokio::spawn(serve(stream, false, router, peer, stopped, open))),
            Some(acceptor) => drop(tokio::spawn(async move {
                let hands = acceptor.accept(stream);
                let shaken = tokio::time::timeout(patience, hands).await;
                if let Ok(Ok(stream)) = shaken {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    serve(stream, http2, router, peer, stopped, open).await;
                }
            })),
        }
    }
}

/// An open connection: counted while it lives.
struct Open {
    state: AppState,
    patience: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.metrics().connection(-1);
    }
}

/// Tells one connection too many to come back; what does not fit into its buffer at once is not sent.
fn refuse(stream: &TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
        Content-Length: 0\r\n\r\n";
    if let Err(error) = stream.try_write(ANSWER) {
        tracing::debug!(%error, "a connection was refused without a word");
    }
}

async fn serve<T: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: T,
    http2: bool,
    router: Router,
    peer: IpAddr,
    mut stopped: Receiver<bool>,
    open: Open,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let io = TokioIo::new(Patient::new(stream, limits::WRITE_TIMEOUT));
    let builder = builder(http2, open.patience);
    let connection = builder.serve_connection(io, service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(open);
}

/// Which of the two is spoken was settled before: waiting for a first byte that tells would have no time limit.
fn builder(http2: bool, patience: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(limits::HEADERS_MAX)
        .max_buf_size(limits::HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience)
        .max_concurrent_streams(limits::HTTP2_STREAMS_MAX)
        .max_header_list_size(limits::HEADER_BYTES_MAX as u32);
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

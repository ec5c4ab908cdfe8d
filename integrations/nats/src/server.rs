//! A session with a server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::connection::State;
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerError, rustls,
};
use nkeys::KeyPair;
use tokio::sync::watch;

use crate::error::{Error, Kind};
use crate::limits;

/// Where a server is, and who we are to it.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `nats://host:4222` or `tls://host:4222`; several with commas between, of one cluster.
    pub url: String,
    /// What we are called there.
    pub name: String,
    /// How we prove who we are.
    pub auth: Auth,
    /// TLS, which the server may ask for in any case.
    pub tls: Tls,
}

/// How we prove who we are.
#[derive(Clone, Default)]
pub enum Auth {
    /// Not at all, or as the address says (`nats://user:password@host`).
    #[default]
    None,
    /// User and password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
    /// The seed of an nkey (`SU…`).
    Nkey(String),
    /// What a credentials file says: a JWT and its seed.
    Creds(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Password { .. } => "Password",
            Auth::Token(_) => "Token",
            Auth::Nkey(_) => "Nkey",
            Auth::Creds(_) => "Creds",
        })
    }
}

/// Whom we believe, and which certificate we show.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// TLS even where neither the address nor the server says so.
    pub required: bool,
    /// The authorities of the server's certificate (PEM); the system's where it is not given.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A session. Once it is over it stays so.
pub struct Broker {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    session: watch::Receiver<Session>,
}

/// What the server told on its own account.
#[derive(Clone, Debug, Default)]
struct Session {
    over: bool,
    said: Option<String>,
}

impl Broker {
    /// Begins a session. Comes back when the server took the credentials, or says why not.
    pub async fn connect(server: &Server) -> Result<Broker, Error> {
        let addresses = addresses(&server.url)?;
        let (events, session) = watch::channel(Session::default());
        let connected = Arc::new(AtomicBool::new(false));
        let options = options(server, addresses.len(), events, Arc::clone(&connected))?;
        let client = options.connect(&addresses[..]).await.map_err(failed)?;
        connected.store(true, Ordering::Release);
        let jetstream = ContextBuilder::new()
            .timeout(limits::ANSWER_TIMEOUT)
            .max_ack_inflight(limits::UNCONFIRMED_MAX * 2)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Broker { client, jetstream, session })
    }

    /// Whether the session is over.
    pub fn is_over(&self) -> bool {
        self.session.borrow().over || self.client.connection_state() != State::Connected
    }

    /// Comes back when the session is over, or the server complained of what we did.
    pub(crate) async fn broken(&self) -> Error {
        let mut session = self.session.clone();
        let wrong = |session: &Session| session.over || session.said.is_some();
        match session.wait_for(wrong).await {
            Ok(session) => told(&session),
            Err(_) => lost(),
        }
    }

    /// What the server complained of, if it did.
    pub(crate) fn complaint(&self) -> Option<Error> {
        let session = self.session.borrow();
        session.said.is_some().then(|| told(&session))
    }

    /// Does something unless the session ends before; what the server complains of meanwhile is the answer.
    pub(crate) async fn unless_broken<T>(
        &self,
        act: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = act => done.map_err(|error| match error.kind {
                // A request that the server does not permit is never answered: it complains, and the time runs out.
                Kind::Lost => self.complaint().unwrap_or(error),
                _ => error,
            }),
            broken = self.broken() => Err(broken),
        }
    }
}

fn lost() -> Error {
    Error::new(Kind::Lost, "the connection to the NATS server was lost")
}

fn told(session: &Session) -> Error {
    match &session.said {
        Some(said) => {
            let lower = said.to_lowercase();
            let denied = ["permissions violation", "authorization", "authentication", "account"]
                .iter()
                .any(|word| lower.contains(word));
            let kind = if denied { Kind::Denied } else { Kind::Lost };
            Error::new(kind, format!("the NATS server says: {said}"))
        }
        None => lost(),
    }
}

fn addresses(url: &str) -> Result<Vec<ServerAddr>, Error> {
    let read = |one: &str| {
        let bad =
            |why: &str| Error::new(Kind::Setting, format!("the address of a NATS server {why}"));
        let address: ServerAddr =
            one.trim().parse().map_err(|_| bad("is not of the form nats://HOST:4222"))?;
        if address.host().is_empty() {
            return Err(bad("names no host"));
        }
        if address.is_websocket() {
            return Err(bad("is for WebSockets: nats:// or tls:// are needed"));
        }
        Ok(address)
    };
    let all: Vec<_> = url.split(',').map(read).collect::<Result<_, _>>()?;
    if all.len() > limits::SERVERS_MAX {
        let why = format!("more than {} addresses of NATS servers", limits::SERVERS_MAX);
        return Err(Error::new(Kind::Setting, why));
    }
    Ok(all)
}

fn options(
    server: &Server,
    servers: usize,
    events: watch::Sender<Session>,
    connected: Arc<AtomicBool>,
) -> Result<ConnectOptions, Error> {
    let prove = prover(&server.auth, &server.url)?;
    // Credentials are given once a session. That is what keeps the client from going on with a connection of its own
    // accord, in the middle of what it had not sent yet.
    let options = ConnectOptions::with_auth_callback(move |nonce| {
        let again = connected.load(Ordering::Acquire);
        let proof = if again { Err("the session is over".to_owned()) } else { prove(&nonce) };
        std::future::ready(proof.map_err(async_nats::AuthError::new))
    });
    let mut options = options
        .name(&server.name)
        .connection_timeout(limits::CONNECT_TIMEOUT)
        .request_timeout(Some(limits::ANSWER_TIMEOUT))
        .ping_interval(limits::PING_EVERY)
        .subscription_capacity(limits::PLAIN_MESSAGES_MAX)
        .ignore_discovered_servers()
        .max_reconnects(servers)
        .require_tls(server.tls.required)
        .event_callback(move |event| {
            events.send_if_modified(|session| session.hear(event));
            std::future::ready(())
        });
    if let Some(ca) = &server.tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((cert, key)) = &server.tls.identity {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(options)
}

impl Session {
    fn hear(&mut self, event: Event) -> bool {
        match event {
            Event::Disconnected | Event::Closed | Event::LameDuckMode => self.over = true,
            // On a plain subject they are gone, which must not go unsaid.
            Event::SlowConsumer(_) => {
                self.said =
                    Some("messages came faster than they were taken, and some are lost".into());
            }
            Event::ServerError(ServerError::Other(said)) => self.said = Some(said),
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.said = Some("authorization violation".into());
            }
            _ => return false,
        }
        true
    }
}

type Prove = Box<dyn Fn(&[u8]) -> Result<async_nats::Auth, String> + Send + Sync>;

/// What answers a server's challenge.
fn prover(auth: &Auth, url: &str) -> Result<Prove, Error> {
    let fixed = |auth: async_nats::Auth| -> Prove { Box::new(move |_| Ok(auth.clone())) };
    let pair = |seed: &str| {
        KeyPair::from_seed(seed.trim())
            .map_err(|_| Error::new(Kind::Setting, "the seed of an nkey is not one (SU…)"))
    };
    let mut said = async_nats::Auth::new();
    Ok(match auth {
        Auth::None => {
            let named = url.split(',').find_map(|one| {
                let address: ServerAddr = one.trim().parse().ok()?;
                Some((address.username()?.to_owned(), address.password().map(str::to_owned)))
            });
            match named {
                // As the other clients read it: a name alone is a token.
                Some((token, None)) => said.token = Some(token),
                Some((user, password)) => (said.username, said.password) = (Some(user), password),
                None => {}
            }
            fixed(said)
        }
        Auth::Password { user, password } => {
            (said.username, said.password) = (Some(user.clone()), Some(password.clone()));
            fixed(said)
        }
        Auth::Token(token) => {
            said.token = Some(token.clone());
            fixed(said)
        }
        Auth::Nkey(seed) => {
            let pair = pair(seed)?;
            said.nkey = Some(pair.public_key());
            signing(said, pair)
        }
        Auth::Creds(text) => {
            let bad = || Error::new(Kind::Setting, "the NATS credentials hold no JWT and no seed");
            said.jwt = Some(between(text, "NATS USER JWT").ok_or_else(bad)?.to_owned());
            let seed = between(text, "USER NKEY SEED").ok_or_else(bad)?;
            signing(said, pair(seed)?)
        }
    })
}

fn signing(said: async_nats::Auth, pair: KeyPair) -> Prove {
    Box::new(move |nonce| {
        let signature = pair.sign(nonce).map_err(|_| "the nkey cannot sign".to_owned())?;
        let mut auth = said.clone();
        auth.signature = Some(signature);
        Ok(auth)
    })
}

/// The line between `-----BEGIN NAME-----` and its end.
fn between<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("---") && line.contains("BEGIN") && line.contains(name))?;
    lines.find(|line| !line.is_empty()).filter(|line| !line.starts_with("---"))
}

/// Why a session could not begin.
fn failed(error: ConnectError) -> Error {
    if let Some(tls) = find::<rustls::Error>(&error) {
        return Error::new(Kind::Tls, format!("TLS with the NATS server failed: {tls}"));
    }
    let why = match std::error::Error::source(&error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => {
            Error::new(Kind::Denied, "the NATS server does not take these credentials")
        }
        ConnectErrorKind::Authentication => Error::new(Kind::Denied, why),
        ConnectErrorKind::Tls => Error::new(Kind::Tls, format!("TLS with the NATS server: {why}")),
        ConnectErrorKind::ServerParse => Error::new(Kind::Setting, why),
        ConnectErrorKind::TimedOut => {
            Error::new(Kind::Unreachable, "the NATS server does not answer: timed out")
        }
        _ => {
            let lower = why.to_lowercase();
            let kind = if lower.contains("authorization") || lower.contains("authentication") {
                Kind::Denied
            } else {
                Kind::Unreachable
            };
            Error::new(kind, format!("the NATS server cannot be reached: {why}"))
        }
    }
}

/// An error of this kind among what an error is made of; those of TLS are wrapped in ones of input and output.
fn find<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

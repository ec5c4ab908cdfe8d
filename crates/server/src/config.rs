//! What a node is told about its HTTP side.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indelible_log::{Clock, Entropy, SystemClock, SystemEntropy};
use indelible_relay::Connections;

/// How to serve.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Serve TLS with this certificate.
    pub tls: Option<Tls>,
    /// The address under which others reach the node, without a slash at the end; made from `listen` if not given.
    pub public_url: Option<String>,
    /// Take JWTs of this issuer.
    pub jwt: Option<JwtConfig>,
    /// Show `/metrics` to everybody.
    pub public_metrics: bool,
    /// Open connections at one time.
    pub connections_max: usize,
    /// Bytes of bodies held at one time.
    pub in_flight_bytes_max: usize,
    /// How long the head of a request may take, the pause before it included; also a TLS handshake.
    pub header_read_timeout: Duration,
    /// Threads that serve; the machine's cores if not given.
    pub threads: Option<usize>,
    /// What flows in and out beside the API.
    pub connections: Connections,
    /// The folder of rules, mappings and settings of the watch; the rules that come with the node, if not given.
    pub rules: Option<PathBuf>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source of keys, links and sessions.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8650)),
            tls: None,
            public_url: None,
            jwt: None,
            public_metrics: false,
            connections_max: crate::limits::CONNECTIONS_MAX,
            in_flight_bytes_max: crate::limits::IN_FLIGHT_BYTES_MAX,
            header_read_timeout: crate::limits::HEADER_READ_TIMEOUT,
            threads: None,
            connections: Connections::default(),
            rules: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, with those that vouch for it behind it.
    pub cert: PathBuf,
    /// Its secret key.
    pub key: PathBuf,
}

/// Whose JWTs are taken, and what their claims mean.
#[derive(Clone, Debug)]
pub struct JwtConfig {
    /// Where the public keys are.
    pub jwks: JwksSource,
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or hold.
    pub audience: String,
    /// The algorithms that are taken; what a token says of itself decides nothing.
    pub algorithms: Vec<JwtAlgorithm>,
    /// The claim that names the role: one of our four, or a list of which the highest counts.
    pub role_claim: String,
    /// The claim that names the trails: a text or a list; without it a token is bound to none.
    pub trails_claim: String,
}

/// Where a set of public keys is.
#[derive(Clone, Debug)]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At an address; `https`, or `http` on this machine.
    Url(String),
}

/// How a JWT may be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// A shared secret.
    Hs256,
    /// RSA.
    Rs256,
    /// P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

//! How to serve, and the keys of those who may come.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use indelible_event::TrailName;

use super::{At, any_trail, own_trail};

/// Serve the HTTP API and the pages on the data directory
///
/// Makes the log if there is none. Prints where it listens and a link, good once and for 30 minutes, that
/// opens the pages as an admin. Until Ctrl-C or SIGTERM, which end it in good order: requests are finished,
/// what is durable is signed.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit status is 3 when nothing can be written any more: start it again, and it recovers.

Examples:
  indelible serve --demo                                    look around, nothing stays
  indelible serve
  indelible serve --data /var/lib/audit --listen 0.0.0.0:8650 --tls-cert cert.pem --tls-key key.pem
  indelible serve --connections connections.yaml            see indelible stream check
  indelible serve --rules ./watch                           see indelible rules check
  indelible serve --jwks https://id.example.com/jwks.json --jwt-issuer https://id.example.com --jwt-audience audit")]
pub struct Serve {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8650")]
    pub listen: SocketAddr,
    /// The address under which others reach it, for links [default: made of --listen]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Serve TLS with this certificate (PEM, with those that vouch for it behind it)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's secret key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Take JWTs that verify with the keys of this JWK set
    #[arg(long, value_name = "FILE|URL", requires_all = ["jwt_issuer", "jwt_audience"])]
    pub jwks: Option<String>,
    /// What a JWT's `iss` must be
    #[arg(long, value_name = "ISS", requires = "jwks")]
    pub jwt_issuer: Option<String>,
    /// What a JWT's `aud` must be or hold
    #[arg(long, value_name = "AUD", requires = "jwks")]
    pub jwt_audience: Option<String>,
    /// Inputs and streams: what flows in from brokers and syslog, and out to receivers (YAML)
    #[arg(long, value_name = "FILE", env = "INDELIBLE_CONNECTIONS", hide_env_values = true)]
    pub connections: Option<PathBuf>,
    /// Rules of yours, their mappings, and who is told of alerts: a folder, looked at every five seconds
    #[arg(long, value_name = "DIR", env = "INDELIBLE_RULES", hide_env_values = true)]
    pub rules: Option<PathBuf>,
    /// Show /metrics to everybody
    #[arg(long)]
    pub public_metrics: bool,
    /// A made-up day of five systems, in a directory that goes away at the end (or stays, in a new --data)
    #[arg(long)]
    pub demo: bool,
    /// Go on although the log is not what was signed last; this is recorded in the log
    #[arg(long)]
    pub accept_rollback: bool,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeyRole {
    /// Append to its trails
    Writer,
    /// Read its trails
    Reader,
    /// Read all trails, the node's own too, and export
    Auditor,
    /// All of that, and keys and settings
    Admin,
}

impl KeyRole {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            KeyRole::Writer => "writer",
            KeyRole::Reader => "reader",
            KeyRole::Auditor => "auditor",
            KeyRole::Admin => "admin",
        }
    }
}

/// Make an API key
///
/// The key is printed once, alone on standard output; the node keeps only its hash.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible key create --role writer --name billing --trail shop --expires 90d
  KEY=$(indelible key create --role admin --name ops)
  indelible key create --role auditor --name revision --url https://audit.example.com --key \"$ADMIN_KEY\"")]
pub struct KeyCreate {
    /// What it may do
    #[arg(long, value_name = "ROLE")]
    pub role: KeyRole,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// A trail it is bound to; can be given several times [default: all that its role allows]
    #[arg(long = "trail", value_name = "TRAIL", value_parser = own_trail)]
    pub trails: Vec<TrailName>,
    /// When it ends: 90d, 12h, 2027-01-31 [default: never]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// List the API keys: id, role, name, trails, and whether they are still good
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible key list
  indelible key list --json | jq -r 'select(.revoked_at == null) | .name'")]
pub struct KeyList {
    #[command(flatten)]
    pub at: At,
}

/// Revoke an API key, from now on and for good
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  indelible key revoke 0f3a9c5512de7788")]
pub struct KeyRevoke {
    /// The key's id, as `key list` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub at: At,
}

/// List the trails, or say who may fetch one's tree
///
/// Of each: name, records, size of the signed checkpoint, whether its tree is public, origin.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible trails
  indelible trails --json | jq -r .name
  indelible trails publish shop")]
pub struct Trails {
    #[command(subcommand)]
    pub command: Option<TrailsCommand>,
    #[command(flatten)]
    pub at: At,
}

/// What to change of a trail.
#[derive(Debug, Subcommand)]
pub enum TrailsCommand {
    /// Let everybody fetch a trail's static tree from the node: entries and hashes, never the sealed parts
    #[command(after_help = "Example:\n  indelible trails publish shop")]
    Publish(TrailAt),
    /// Let only credentials that read the trail fetch its static tree, from now on
    #[command(after_help = "Example:\n  indelible trails unpublish shop")]
    Unpublish(TrailAt),
}

/// A trail, and where it is.
#[derive(Debug, Args)]
pub struct TrailAt {
    /// The trail
    #[arg(value_name = "TRAIL", value_parser = any_trail)]
    pub trail: TrailName,
    #[command(flatten)]
    pub at: At,
}

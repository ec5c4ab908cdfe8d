//! TLS, both ends, from PEM files.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The certificate that an input shows, and whose it takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// The certificate, with those that vouch for it behind it (PEM).
    pub cert: PathBuf,
    /// Its secret key (PEM).
    pub key: PathBuf,
    /// Senders must show a certificate of these authorities (PEM).
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// Whom a stream believes, and who it says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientTls {
    /// The authorities that the receiver's certificate must be of (PEM); the system's where it is not given.
    pub ca: Option<PathBuf>,
    /// Our own certificate (PEM).
    pub cert: Option<PathBuf>,
    /// Its secret key (PEM).
    pub key: Option<PathBuf>,
}

impl ServerTls {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        for path in [Some(&mut self.cert), Some(&mut self.key), self.client_ca.as_mut()] {
            below(path, dir);
        }
    }
}

impl ClientTls {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        for path in [self.ca.as_mut(), self.cert.as_mut(), self.key.as_mut()] {
            below(path, dir);
        }
    }
}

fn below(path: Option<&mut PathBuf>, dir: &Path) {
    if let Some(path) = path {
        *path = dir.join(&*path);
    }
}

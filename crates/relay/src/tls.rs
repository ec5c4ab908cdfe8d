//! TLS, both ends, from PEM files.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_event::Micros;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore, ServerConfig,
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Deserialize;

use crate::limits::PEM_BYTES_MAX;
use crate::x509;

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

/// What is wrong with a certificate or what was agreed on with it, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsTrouble {
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// Who is troubled: whom the hint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever connects.
    Client,
    /// Whoever is connected to.
    Server,
}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.why, self.hint)
    }
}

impl ServerTls {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        for path in [Some(&mut self.cert), Some(&mut self.key), self.client_ca.as_mut()] {
            below(path, dir);
        }
    }

    /// Reads the files: TLS 1.2 and 1.3, and until when the certificate counts. One that does not count now is refused.
    pub fn config(&self, now: Micros) -> Result<(Arc<ServerConfig>, Micros), TlsTrouble> {
        let certs = certificates(&self.cert)?;
        let to = counts(&self.cert, &certs, now)?;
        let key = key(&self.key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| pair(&self.cert, &self.key, &e))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(roots(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|e| bad(path, &e))?)
            }
        };
        let config = builder.with_single_cert(certs, key);
        Ok((Arc::new(config.map_err(|e| pair(&self.cert, &self.key, &e))?), to))
    }
}

impl ClientTls {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        for path in [self.ca.as_mut(), self.cert.as_mut(), self.key.as_mut()] {
            below(path, dir);
        }
    }

    /// Reads the files: TLS 1.2 and 1.3. A certificate of ours that does not count now is refused.
    pub fn config(&self, now: Micros) -> Result<Arc<ClientConfig>, TlsTrouble> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let system = |e: Error| TlsTrouble {
            why: format!("the system's authorities cannot be used: {e}"),
            hint: "name a file of authorities with ca".into(),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(system)?;
        let builder = match &self.ca {
            Some(path) => builder.with_root_certificates(roots(path)?),
            None => builder.with_platform_verifier().map_err(system)?,
        };
        let config = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(path)) => {
                let certs = certificates(cert)?;
                counts(cert, &certs, now)?;
                let config = builder.with_client_auth_cert(certs, key(path)?);
                config.map_err(|e| pair(cert, path, &e))?
            }
            (cert, _) => {
                let (given, missing) =
                    if cert.is_some() { ("cert", "key") } else { ("key", "cert") };
                return Err(TlsTrouble {
                    why: format!("{given} is given, and {missing} is not"),
                    hint: "a certificate of our own takes both".into(),
                });
            }
        };
        Ok(Arc::new(config))
    }
}

fn below(path: Option<&mut PathBuf>, dir: &Path) {
    if let Some(path) = path {
        *path = dir.join(&*path);
    }
}

pub(crate) fn bad(path: &Path, why: &dyn fmt::Display) -> TlsTrouble {
    TlsTrouble {
        why: format!("{}: {why}", path.display()),
        hint: "give a PEM file that this process may read".into(),
    }
}

fn pair(cert: &Path, key: &Path, why: &dyn fmt::Display) -> TlsTrouble {
    TlsTrouble {
        why: format!("{} and {} do not go together: {why}", cert.display(), key.display()),
        hint: "give a certificate and the key that it was made for".into(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates lie where the file of connections says"
)]
pub(crate) fn file(path: &Path) -> Result<Vec<u8>, TlsTrouble> {
    let mut pem = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(PEM_BYTES_MAX).read_to_end(&mut pem));
    read.map(|_| pem).map_err(|e| bad(path, &e))
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsTrouble> {
    let pem = file(path)?;
    let certs: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certs = certs.map_err(|e| bad(path, &e))?;
    if certs.is_empty() { Err(bad(path, &"no certificate is in it")) } else { Ok(certs) }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsTrouble> {
    PrivateKeyDer::from_pem_slice(&file(path)?).map_err(|_| bad(path, &"no secret key is in it"))
}

fn roots(path: &Path) -> Result<RootCertStore, TlsTrouble> {
    let mut roots = RootCertStore::empty();
    for cert in certificates(path)? {
        roots.add(cert).map_err(|e| bad(path, &e))?;
    }
    Ok(roots)
}

/// Until when the certificate counts.
fn counts(path: &Path, certs: &[CertificateDer<'_>], now: Micros) -> Result<Micros, TlsTrouble> {
    let about = certs.first().and_then(|cert| x509::read(cert));
    let about = about.ok_or_else(|| bad(path, &"its first certificate cannot be read"))?;
    let trouble = |why: String| TlsTrouble {
        why: format!("{}: the certificate {why}", path.display()),
        hint: "put a renewed one in its place; it is taken up within a minute".into(),
    };
    if now > about.to {
        return Err(trouble(format!("expired at {}", about.to)));
    }
    if now < about.from {
        return Err(trouble(format!("does not count before {}", about.from)));
    }
    Ok(about.to)
}

/// What an error of a connection says of TLS; `None` if it is about something else.
pub fn trouble(error: &io::Error, side: Side) -> Option<TlsTrouble> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let theirs = if side == Side::Client { "receiver" } else { "sender" };
    let other = if side == Side::Client { "ca" } else { "client_ca" };
    let (why, hint) = match error {
        Error::InvalidCertificate(bad) => match bad {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                format!("the {theirs}'s certificate has expired"),
                format!("renew the {theirs}'s certificate, or set this machine's clock right"),
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                format!("the {theirs}'s certificate does not count yet"),
                "set the clocks right".into(),
            ),
            CertificateError::UnknownIssuer | CertificateError::BadSignature => (
                format!("the {theirs}'s certificate is of an authority that is not believed"),
                format!("name the file of its authority's certificate with {other}"),
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    format!("the {theirs}'s certificate is for another name"),
                    "connect to a name that the certificate has, or give the receiver one for this name".into(),
                )
            }
            bad => (
                format!("the {theirs}'s certificate is refused: {bad}"),
                format!("look at the {theirs}'s certificate"),
            ),
        },
        Error::NoCertificatesPresented => (
            format!("the {theirs} showed no certificate"),
            "give it one of the authorities in client_ca".into(),
        ),
        Error::AlertReceived(alert) => alerted(*alert, theirs),
        Error::InvalidMessage(_) => (
            format!("the {theirs} does not speak TLS"),
            "use tcp:// for a port without TLS, or the port that has it".into(),
        ),
        other => (format!("TLS with the {theirs} failed: {other}"), "look at both ends' TLS".into()),
    };
    Some(TlsTrouble { why, hint })
}

/// What the other side said before it went away.
fn alerted(alert: AlertDescription, theirs: &str) -> (String, String) {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired | A::HandshakeFailure => (
            format!("the {theirs} wants a certificate of ours, or speaks no TLS that we do"),
            "give cert and key, of an authority that it believes".into(),
        ),
        A::UnknownCA => (
            format!("the {theirs} does not believe our certificate's authority"),
            format!("tell the {theirs} about the authority, or use a certificate of one it knows"),
        ),
        A::CertificateExpired => (
            format!("the {theirs} says that our certificate has expired"),
            "renew it, or set the clocks right".into(),
        ),
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateUnknown
        | A::CertificateRevoked
        | A::AccessDenied => (
            format!("the {theirs} refuses our certificate ({alert:?})"),
            format!("use one that the {theirs} takes, or tell it about this one's authority"),
        ),
        other => (
            format!("the {theirs} ended TLS: {other:?}"),
            "look at what it wrote into its log".into(),
        ),
    }
}

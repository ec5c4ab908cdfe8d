//! TLS from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::auth::read_file;
use crate::config::Tls;
use crate::error::ServerError;

/// Bytes of a certificate or key file.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// What takes TLS connections with this certificate: TLS 1.2 and 1.3, HTTP/2 and 1.1.
pub(crate) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, ServerError> {
    let bad = |path: &Path, reason: String| ServerError::File {
        path: path.display().to_string(),
        reason,
    };
    let pem = read_file(&tls.cert, PEM_BYTES_MAX).map_err(|e| bad(&tls.cert, e))?;
    let certs: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certs = certs.map_err(|e| bad(&tls.cert, e.to_string()))?;
    let pem = read_file(&tls.key, PEM_BYTES_MAX).map_err(|e| bad(&tls.key, e))?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| bad(&tls.key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ServerError::Config(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certs, key);
    let mut config = config.map_err(|e| bad(&tls.cert, e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

//! TLS with a certificate from files.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use indelible_server::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::node::{Node, bearer};

#[test]
fn a_node_with_a_certificate_speaks_tls_only() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let tls = Tls { cert: files.join("cert.pem"), key: files.join("key.pem") };
    let node = Node::with(|config| config.tls = Some(tls));
    assert!(node.running().admin_link().starts_with("https://"));
    let mut roots = rustls::RootCertStore::empty();
    let pem = include_bytes!("files/cert.pem");
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "audit.example.com".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, node.connect());
    let auth = bearer(&node.admin);
    let request = format!("GET /api/me HTTP/1.1\r\nHost: a\r\n{auth}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let mut plain = node.connect();
    plain.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP"));
}

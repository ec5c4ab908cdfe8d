//! JWTs of an issuer that the node was told of.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use indelible_log::Clock;
use indelible_merkle::SigningKey;
use indelible_server::{JwksSource, JwtAlgorithm, JwtConfig};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::node::Node;

const SEED: [u8; 32] = [7; 32];

/// RFC 8410: what stands before the 32 bytes of an Ed25519 secret key.
const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

fn secret() -> EncodingKey {
    EncodingKey::from_ed_der(&[PKCS8, &SEED].concat())
}

fn public() -> [u8; 32] {
    *SigningKey::from_seed("x", &SEED).unwrap().vkey().public_key().first_chunk().unwrap()
}

fn file_node(algorithms: &[JwtAlgorithm], keys: &Value) -> (Node, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    #[expect(clippy::disallowed_methods, reason = "not a file of the log")]
    std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    (node(algorithms, JwksSource::File(path)), dir)
}

fn node(algorithms: &[JwtAlgorithm], jwks: JwksSource) -> Node {
    let jwt = JwtConfig {
        jwks,
        issuer: "https://id.example.com".into(),
        audience: "indelible".into(),
        algorithms: algorithms.to_vec(),
        role_claim: "role".into(),
        trails_claim: "trails".into(),
    };
    Node::with(|config| config.jwt = Some(jwt))
}

/// A node that takes tokens of one key.
pub fn node_with_key() -> (Node, tempfile::TempDir) {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "x": BASE64.encode(public())});
    file_node(&[JwtAlgorithm::EdDsa], &json!([jwk]))
}

/// A token that is good on such a node, with these claims.
pub fn token(node: &Node, change: Value) -> String {
    signed(&claims(node, change), "k1")
}

fn claims(node: &Node, change: Value) -> Value {
    let mut claims = json!({
        "iss": "https://id.example.com", "aud": ["indelible"], "sub": "maria@example.com",
        "exp": node.clock.now().0 / 1_000_000 + 60, "role": "admin",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn signed(claims: &Value, kid: &str) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.into());
    encode(&header, claims, &secret()).unwrap()
}

#[test]
fn a_token_is_who_it_says_and_its_subject_is_sealed() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "x": BASE64.encode(public())});
    let odd = json!({"kty": "new", "kid": "k0"});
    let (node, _dir) = file_node(&[JwtAlgorithm::EdDsa], &json!([odd, jwk]));
    let token = signed(&claims(&node, json!({})), "k1");
    let me = node.get(&token, "/api/me").json();
    assert_eq!((&me["kind"], &me["role"]), (&json!("jwt"), &json!("admin")));
    assert!(!me["id"].to_string().contains("maria"), "its id is opaque: {me}");
    assert_eq!(node.append(&token, r#"{"action":"a"}"#).status, 201);
    let reader = node.running().state().reader();
    let record = &reader
        .read(indelible_log::record::TrailNo(1), &[indelible_log::record::Seq(0)])
        .unwrap()[0];
    assert_eq!(record.entry().recorded_by, me["id"].as_str());
    let event: Value = serde_json::from_slice(&record.view("default")).unwrap();
    assert_eq!(event["credential_subject"], "maria@example.com");
    let bound =
        signed(&claims(&node, json!({"role": ["reader", "other"], "trails": "shop"})), "k1");
    assert_eq!(node.get(&bound, "/api/me").json()["trails"], json!(["shop"]));
    let past = node.clock.now().0 / 1_000_000 - 31;
    for bad in [
        json!({"iss": "https://evil.example.com"}),
        json!({"aud": "other"}),
        json!({"exp": past}),
        json!({"exp": null}),
        json!({"exp": "soon"}),
        json!({"nbf": past + 120}),
        json!({"sub": null}),
        json!({"role": "king"}),
        json!({"role": null}),
        json!({"trails": 7}),
        json!({"trails": ["not a name"]}),
    ] {
        let token = signed(&claims(&node, bad.clone()), "k1");
        assert_eq!(node.get(&token, "/api/me").status, 401, "{bad}");
    }
    let good = claims(&node, json!({}));
    assert_eq!(node.get(&signed(&good, "k2"), "/api/me").status, 401, "an unknown key");
    let mut forged = signed(&good, "k1");
    forged.truncate(forged.len() - 2);
    assert_eq!(node.get(&forged, "/api/me").status, 401);
}

#[test]
fn a_public_key_is_never_a_shared_secret() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": BASE64.encode(public())});
    let both = [JwtAlgorithm::EdDsa, JwtAlgorithm::Hs256];
    let (node, _dir) = file_node(&both, &json!([jwk]));
    let claims = claims(&node, json!({}));
    for secret in [public().to_vec(), BASE64.encode(public()).into_bytes(), Vec::new()] {
        for kid in [Some("k1".to_owned()), None] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = kid;
            let token = encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
            assert_eq!(node.get(&token, "/api/me").status, 401);
        }
    }
    let part = |value: &Value| BASE64.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims));
    assert_eq!(node.get(&none, "/api/me").status, 401);
    assert_eq!(node.get(&signed(&claims, "k1"), "/api/me").status, 200);
}

#[test]
fn a_key_that_comes_up_later_is_found_once_a_minute() {
    let (node, dir) = file_node(&[JwtAlgorithm::EdDsa], &json!([]));
    let token = signed(&claims(&node, json!({"exp": i64::from(u32::MAX)})), "k1");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": BASE64.encode(public())});
    #[expect(clippy::disallowed_methods, reason = "not a file of the log")]
    std::fs::write(dir.path().join("jwks.json"), json!({"keys": [jwk]}).to_string()).unwrap();
    assert_eq!(node.get(&token, "/api/me").status, 401, "it was read a moment ago");
    node.clock.advance(60_000_000);
    assert_eq!(node.get(&token, "/api/me").status, 200);
}

#[test]
fn keys_are_fetched_from_an_address() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": BASE64.encode(public())});
    let body = json!({ "keys": [jwk] }).to_string();
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", issuer.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = issuer.accept().unwrap();
        let mut head = [0; 1024];
        assert!(stream.read(&mut head).unwrap() > 0);
        let len = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{body}").unwrap();
    });
    let node = node(&[JwtAlgorithm::EdDsa], JwksSource::Url(url));
    serving.join().unwrap();
    assert_eq!(node.get(&signed(&claims(&node, json!({})), "k1"), "/api/me").status, 200);
}

#![allow(clippy::unwrap_used, reason = "tests")]

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::Verifier;
use crate::http::{HttpAudit, Incoming};
use crate::{Recorded, Recorder, clock};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
/// The key pair of RFC 8037, A.1.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";
const JWK: &str = r#"{"kty": "OKP", "crv": "Ed25519", "kid": "k1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const PEM: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----";

fn seconds(from_now: i64) -> i64 {
    clock::now().0 / 1_000_000 + from_now
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({"sub": "maria", "exp": seconds(600), "iss": "https://id.example.com", "aud": "billing"});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn signed(more: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(more), &key).unwrap()
}

fn verifier() -> Verifier {
    Verifier::hs256(SECRET).unwrap().issuer("https://id.example.com").audience("billing")
}

fn recorded(verifier: Verifier, authorization: &str) -> Recorded {
    let audit = HttpAudit::builder().jwt(verifier.trail_claim("tenant")).build().unwrap();
    let recorder = Recorder::memory();
    let lines = |name: &str, line: &mut dyn FnMut(&[u8])| {
        if name == "authorization" {
            line(authorization.as_bytes());
        }
    };
    let mut exchange = audit.begin(&recorder, Incoming::new("POST", "/x", &lines)).unwrap();
    exchange.answered(200);
    exchange.finish();
    recorder.events().remove(0)
}

#[test]
fn a_verified_token_names_the_user() {
    let token = signed(
        &json!({"name": "Maria", "email": "maria@example.com", "jti": "t-1", "tenant": "acme"}),
    );
    let event = recorded(verifier(), &format!("Bearer {token}"));
    let actor = json!({"type": "user", "id": "maria", "name": "Maria", "email": "maria@example.com",
        "auth": {"method": "jwt", "token_id": "t-1"}});
    assert_eq!(event.get("actor"), Some(actor));
    assert_eq!(event.get("trail"), Some("acme".into()));
    assert_eq!(event.get("details.token_valid"), None);
    assert!(!event.json().to_string().contains(&token));
}

#[test]
fn who_acts_for_another_is_the_actor() {
    let token = signed(&json!({"act": {"sub": "support-7", "act": {"sub": "earlier"}}}));
    let event = recorded(verifier(), &format!("bearer {token}"));
    assert_eq!(event.get("actor.id"), Some("support-7".into()));
    assert_eq!(event.get("actor.on_behalf_of.id"), Some("maria".into()));
}

#[test]
fn a_token_that_is_not_valid_names_nobody_and_says_so() {
    // {"alg":"none"}, and the claims of a good one.
    let good = signed(&json!({}));
    let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let other = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    let header = Header::new(Algorithm::HS256);
    let wrong_key = jsonwebtoken::encode(&header, &claims(&json!({})), &other).unwrap();
    // The public key, which everybody has, in the place of a shared secret.
    let confused = EncodingKey::from_secret(PEM.as_bytes());
    let confused = jsonwebtoken::encode(&header, &claims(&json!({})), &confused).unwrap();
    let bad = [
        none,
        wrong_key,
        confused.clone(),
        signed(&json!({"exp": seconds(-120)})),
        signed(&json!({"exp": null})),
        signed(&json!({"nbf": seconds(120)})),
        signed(&json!({"iss": "https://evil.example.com"})),
        signed(&json!({"aud": "another"})),
        signed(&json!({"sub": ""})),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{}.b.c", "a".repeat(100_000)),
    ];
    for token in bad {
        let event = recorded(verifier(), &format!("Bearer {token}"));
        assert_eq!(event.get("actor"), None, "{token:.200}");
        assert_eq!(event.get("details.token_valid"), Some(false.into()), "{token:.200}");
        assert_eq!(event.get("outcome"), Some("success".into()));
    }
    let event = recorded(Verifier::pem(PEM).unwrap(), &format!("Bearer {confused}"));
    assert_eq!(event.get("details.token_valid"), Some(false.into()));
}

#[test]
fn other_credentials_are_no_bad_tokens() {
    for authorization in ["Basic bWFyaWE6c2VjcmV0", "Bearer opaque-key", "Bearer", ""] {
        let event = recorded(verifier(), authorization);
        assert_eq!((event.get("actor"), event.get("details.token_valid")), (None, None));
    }
}

#[test]
fn public_keys_verify_in_each_form() {
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    let set = format!(r#"{{"keys": [{{"kty": "unknown"}}, {JWK}]}}"#);
    let verifiers = [Verifier::pem(PEM), Verifier::jwk(JWK), Verifier::jwk(&set)];
    for (at, verifier) in verifiers.into_iter().enumerate() {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("k1".into());
        let token = jsonwebtoken::encode(&header, &claims(&json!({})), &key).unwrap();
        let event = recorded(verifier.unwrap(), &format!("Bearer {token}"));
        assert_eq!(event.get("actor.id"), Some("maria".into()), "{at}");
    }
    assert!(Verifier::pem("no key").is_err());
    assert!(Verifier::jwk("{}").is_err());
    assert!(Verifier::hs256(b"short").is_err());
}

//! Who a request's token says its user is, once it was verified.
//!
//! The algorithm is that of the key, never what a token names: `none` is no algorithm, and nobody can have a public
//! key taken for a shared secret. A token that is not valid names nobody, and never fails the request: to refuse
//! it is the application's own part.

use std::borrow::Cow;

use indelible_event::limits::TEXT_BYTES_MAX;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::exchange::Lines;
use super::headers;
use super::limits::TOKEN_BYTES_MAX;
use crate::clock;
use crate::context::Scope;
use crate::event::{Actor, Text};

/// How far the clocks of issuer and verifier may be apart, unless said otherwise.
const LEEWAY_SECONDS: u64 = 60;

/// Verifies tokens. Cheap enough to make once, and meant to be.
///
/// ```
/// use indelible_recorder::http::HttpAudit;
/// use indelible_recorder::http::jwt::Verifier;
///
/// let verifier = Verifier::hs256(b"a secret of at least thirty-two bytes")?
///     .issuer("https://id.example.com")
///     .audience("billing");
/// let audit = HttpAudit::builder().jwt(verifier).build().unwrap();
/// # Ok::<(), indelible_recorder::http::jwt::KeyError>(())
/// ```
pub struct Verifier {
    keys: Vec<Key>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    leeway_seconds: u64,
    trail_claim: Option<String>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// A key that cannot verify tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot verify tokens: {0}")]
pub struct KeyError(Cow<'static, str>);

impl Verifier {
    /// Verifies tokens that were signed with this shared secret (HS256).
    pub fn hs256(secret: &[u8]) -> Result<Verifier, KeyError> {
        // Shorter ones can be guessed from a single token (RFC 7518, 3.2).
        if secret.len() < 32 {
            return Err(KeyError("a secret of HS256 has at least 32 bytes".into()));
        }
        let key = DecodingKey::from_secret(secret);
        Ok(Verifier::new(vec![Key { id: None, algorithm: Algorithm::HS256, key }]))
    }

    /// Verifies tokens with this public key in PEM: of RSA (RS256), of the curve P-256 (ES256) or Ed25519 (EdDSA).
    pub fn pem(pem: &str) -> Result<Verifier, KeyError> {
        type Read = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;
        let kinds: [(Algorithm, Read); 3] = [
            (Algorithm::RS256, DecodingKey::from_rsa_pem),
            (Algorithm::ES256, DecodingKey::from_ec_pem),
            (Algorithm::EdDSA, DecodingKey::from_ed_pem),
        ];
        let read = |(algorithm, read): (Algorithm, Read)| {
            let key = read(pem.as_bytes()).ok()?;
            Some(Key { id: None, algorithm, key })
        };
        let key = kinds.into_iter().find_map(read);
        let key =
            key.ok_or(KeyError("it is no public key in PEM of RSA, P-256 or Ed25519".into()))?;
        Ok(Verifier::new(vec![key]))
    }

    /// Verifies tokens with a JWK, or with those of a set (`{"keys": […]}`), of which unknown kinds are left out.
    ///
    /// ```
    /// use indelible_recorder::http::jwt::Verifier;
    ///
    /// let key = r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// assert!(Verifier::jwk(key).is_ok());
    /// ```
    pub fn jwk(json: &str) -> Result<Verifier, KeyError> {
        let value: Value =
            serde_json::from_str(json).map_err(|e| KeyError(e.to_string().into()))?;
        let keys: Vec<Key> = match value.get("keys").and_then(Value::as_array) {
            Some(keys) => keys.iter().filter_map(from_jwk).collect(),
            None => from_jwk(&value).into_iter().collect(),
        };
        if keys.is_empty() {
            return Err(KeyError("it has no key of RSA, P-256, P-384 or Ed25519".into()));
        }
        Ok(Verifier::new(keys))
    }

    fn new(keys: Vec<Key>) -> Verifier {
        Verifier {
            keys,
            issuers: Vec::new(),
            audiences: Vec::new(),
            leeway_seconds: LEEWAY_SECONDS,
            trail_claim: None,
        }
    }

    /// An issuer whose tokens are taken; without one, anybody's who has the key.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Verifier {
        self.issuers.push(issuer.into());
        self
    }

    /// An audience for which tokens must be meant. Where none is named, it is not looked at.
    pub fn audience(mut self, audience: impl Into<String>) -> Verifier {
        self.audiences.push(audience.into());
        self
    }

    /// By how much a token may be too early or too late; a minute unless said otherwise.
    pub fn leeway_seconds(mut self, seconds: u64) -> Verifier {
        self.leeway_seconds = seconds;
        self
    }

    /// The claim that names the trail (tenant) of the user's requests, such as `tenant_id`.
    pub fn trail_claim(mut self, claim: impl Into<String>) -> Verifier {
        self.trail_claim = Some(claim.into());
        self
    }

    /// Fills in whom the request's token names. Whether there is a token that is not valid.
    pub(super) fn admit(&self, lines: Lines<'_>, scope: &mut Scope) -> bool {
        let Some(header) = headers::first(lines, "authorization", TOKEN_BYTES_MAX + 1) else {
            return false;
        };
        let Some((scheme, token)) = header.split_once(' ') else { return false };
        let token = token.trim();
        // Other kinds of keys are presented in the same way; only what has three parts is a JWT.
        let is_jwt = token.split('.').count() == 3 || header.len() > TOKEN_BYTES_MAX;
        if !scheme.eq_ignore_ascii_case("bearer") || !is_jwt {
            return false;
        }
        let Some(claims) = self.verified(token) else { return true };
        let Some(actor) = actor(&claims) else { return true };
        scope.actor.get_or_insert(actor);
        if scope.trail.is_none() {
            let trail = self.trail_claim.as_ref().and_then(|claim| text(&claims, claim));
            scope.trail = trail;
        }
        false
    }

    fn verified(&self, token: &str) -> Option<Value> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let named = |key: &&Key| match (&header.kid, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        };
        let fitting = self.keys.iter().filter(|key| key.algorithm == header.alg).filter(named);
        let claims = fitting.filter_map(|key| self.claims(token, key)).next()?;
        self.is_in_time(&claims).then_some(claims)
    }

    fn claims(&self, token: &str, key: &Key) -> Option<Value> {
        let mut validation = Validation::new(key.algorithm);
        let mut required = vec!["exp", "sub"];
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            required.push("iss");
        }
        validation.validate_aud = !self.audiences.is_empty();
        if validation.validate_aud {
            validation.set_audience(&self.audiences);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        // The times are compared by our own clock.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        jsonwebtoken::decode::<Value>(token, &key.key, &validation).ok().map(|token| token.claims)
    }

    fn is_in_time(&self, claims: &Value) -> bool {
        let now = clock::now().0 as f64 / 1e6;
        let leeway = self.leeway_seconds as f64;
        let early =
            claims.get("nbf").and_then(Value::as_f64).is_some_and(|from| from > now + leeway);
        let expires = claims.get("exp").and_then(Value::as_f64);
        expires.is_some_and(|expires| expires > now - leeway) && !early
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

/// The key, if it is one that verifies signatures. What it is decides its algorithm.
fn from_jwk(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let named = jwk.common.key_algorithm.map(|named| named.to_string());
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => match named.as_deref() {
            Some("RS384") => Algorithm::RS384,
            Some("RS512") => Algorithm::RS512,
            Some("PS256") => Algorithm::PS256,
            Some("PS384") => Algorithm::PS384,
            Some("PS512") => Algorithm::PS512,
            Some("RS256") | None => Algorithm::RS256,
            Some(_) => return None,
        },
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::EllipticCurve(of) if of.curve == EllipticCurve::P384 => {
            Algorithm::ES384
        }
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, key })
}

/// The user, or who acts for them (RFC 8693, 4.1). Of a chain of delegations the first is who acts now.
fn actor(claims: &Value) -> Option<Actor> {
    let mut subject = person(claims)?;
    let acting = claims.get("act").filter(|act| act.is_object());
    let token = text(claims, "jti");
    let showing = |mut actor: Actor| {
        if let Some(id) = token {
            actor = actor.token_id(id);
        }
        actor.auth_method("jwt")
    };
    let Some(acting) = acting else { return Some(showing(subject)) };
    // A delegation that does not say to whom is none that can be told.
    let acting = person(acting)?;
    subject = showing(acting).on_behalf_of(subject);
    Some(subject)
}

fn person(claims: &Value) -> Option<Actor> {
    let mut actor = Actor::user(text(claims, "sub")?);
    if let Some(name) = text(claims, "name") {
        actor = actor.name(name);
    }
    if let Some(email) = text(claims, "email") {
        actor = actor.email(email);
    }
    Some(actor)
}

fn text(claims: &Value, name: &str) -> Option<Text> {
    let text = claims.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= TEXT_BYTES_MAX).then(|| text.to_owned().into())
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;

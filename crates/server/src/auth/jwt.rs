//! JWTs: the issuer's public keys, and what a token's claims mean here.

use std::sync::{Arc, Mutex, RwLock};

use indelible_event::{Micros, TrailName};
use indelible_log::storage::{FileStorage, read_whole};
use indelible_log::{hex, sha256};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::registry::trail_name;
use super::role::Role;
use crate::config::{JwksSource, JwtAlgorithm, JwtConfig};
use crate::error::ServerError;
use crate::limits;

/// The issuer whose tokens are taken.
pub(crate) struct Issuer {
    config: JwtConfig,
    keys: RwLock<Arc<JwkSet>>,
    /// When the keys were last asked for.
    asked: Mutex<Option<Micros>>,
}

/// What a valid token says.
pub(crate) struct Token {
    pub id: String,
    pub subject: String,
    pub role: Role,
    pub trails: Option<Vec<TrailName>>,
    pub until: Micros,
}

impl Issuer {
    /// Loads the keys. A file must be right; an address may come up later than we do.
    pub fn open(config: &JwtConfig, now: Micros) -> Result<Issuer, ServerError> {
        if config.algorithms.is_empty() {
            return Err(ServerError::Config("name the algorithms of JWTs that are taken".into()));
        }
        let keys = match (load(&config.jwks), &config.jwks) {
            (Ok(keys), _) => keys,
            (Err(reason), JwksSource::Url(url)) if url_is_safe(url) => {
                tracing::warn!(%url, %reason, "the public keys cannot be fetched yet");
                JwkSet { keys: Vec::new() }
            }
            (Err(reason), JwksSource::Url(path)) => {
                return Err(ServerError::File { path: path.clone(), reason });
            }
            (Err(reason), JwksSource::File(path)) => {
                return Err(ServerError::File { path: path.display().to_string(), reason });
            }
        };
        let (keys, asked) = (RwLock::new(Arc::new(keys)), Mutex::new(Some(now)));
        Ok(Issuer { config: config.clone(), keys, asked })
    }

    /// Reads a token; the error says what is wrong with it. Fetches the keys again, off the threads that serve,
    /// if the token names one that is not known.
    pub async fn admit(self: Arc<Self>, token: &str, now: Micros) -> Result<Token, String> {
        if token.len() > limits::JWT_BYTES_MAX {
            return Err("the token is too long".into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| "not a key or a JWT")?;
        let taken = self.config.algorithms.iter().find(|a| algorithm(**a) == header.alg);
        let taken = *taken.ok_or("the token's algorithm is not taken")?;
        let kid = header.kid.as_deref();
        let mut key = self.key(kid, taken);
        if key.is_none() && self.may_ask(now) {
            let issuer = self.clone();
            let loaded = tokio::task::spawn_blocking(move || load(&issuer.config.jwks)).await;
            match loaded.map_err(|e| e.to_string()).flatten() {
                Ok(keys) => {
                    *self.keys.write().expect("nothing panics while holding the keys") =
                        Arc::new(keys);
                }
                Err(reason) => tracing::warn!(%reason, "the public keys cannot be fetched"),
            }
            key = self.key(kid, taken);
        }
        let key = key.ok_or("no public key of the issuer fits the token")?;
        self.claims(token, &key, taken, now)
    }

    /// The key with this id that is one of this algorithm. What kind of key it is decides, so that no token
    /// can have a public key taken for a shared secret.
    fn key(&self, kid: Option<&str>, taken: JwtAlgorithm) -> Option<DecodingKey> {
        let keys = self.keys.read().expect("nothing panics while holding the keys").clone();
        let mut fitting = keys.keys.iter().filter(|jwk| fits(jwk, taken));
        let jwk = match kid {
            Some(kid) => fitting.find(|jwk| jwk.common.key_id.as_deref() == Some(kid))?,
            // Without an id only a single key leaves no choice.
            None => fitting.next().filter(|_| fitting.next().is_none())?,
        };
        DecodingKey::from_jwk(jwk).ok()
    }

    fn may_ask(&self, now: Micros) -> bool {
        let mut asked = self.asked.lock().expect("nothing panics while holding it");
        let waited = asked.is_none_or(|at| now.0 - at.0 >= limits::JWKS_REFRESH_MICROS);
        if waited {
            *asked = Some(now);
        }
        waited
    }

    fn claims(
        &self,
        token: &str,
        key: &DecodingKey,
        taken: JwtAlgorithm,
        now: Micros,
    ) -> Result<Token, String> {
        let mut validation = Validation::new(algorithm(taken));
        validation.set_issuer(&[&self.config.issuer]);
        validation.set_audience(&[&self.config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The times are compared below, by our own clock.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let decoded = jsonwebtoken::decode::<Value>(token, key, &validation);
        let claims = decoded.map_err(|e| format!("the token is not valid: {e}"))?.claims;
        let (seconds, leeway) = (now.0.div_euclid(1_000_000), limits::JWT_LEEWAY_SECONDS as i64);
        let time = |name: &str| claims[name].as_f64().map(|seconds| seconds as i64);
        let until = time("exp").ok_or("the token never expires")?.saturating_add(leeway);
        if until <= seconds {
            return Err("the token has expired".into());
        }
        let until = Micros(until.saturating_mul(1_000_000));
        if time("nbf").is_some_and(|from| from.saturating_sub(leeway) > seconds) {
            return Err("the token is not valid yet".into());
        }
        let subject = claims["sub"].as_str().filter(|sub| !sub.is_empty());
        let subject = subject.ok_or("the token names no subject")?.to_owned();
        if subject.len() > indelible_event::limits::TEXT_BYTES_MAX / 2 {
            return Err("the token's subject is too long".into());
        }
        let role = self.role(&claims).ok_or("the token names no role of ours")?;
        let trails = self.trails(&claims)?;
        let both = format!("{}\0{subject}", self.config.issuer);
        let id = format!("jwt:{}", hex::encode(&sha256(both.as_bytes())[..8]));
        Ok(Token { id, subject, role, trails, until })
    }

    fn role(&self, claims: &Value) -> Option<Role> {
        texts(claims.get(&self.config.role_claim)?)?.into_iter().filter_map(Role::from_name).max()
    }

    /// A claim that cannot be read must not free a token from its bounds.
    fn trails(&self, claims: &Value) -> Result<Option<Vec<TrailName>>, String> {
        let Some(claim) = claims.get(&self.config.trails_claim) else { return Ok(None) };
        let names = texts(claim).filter(|names| names.len() <= limits::CALLER_TRAILS_MAX);
        let trails = names.and_then(|names| names.into_iter().map(trail_name).collect());
        trails.map(Some).ok_or_else(|| "the token's trails cannot be read".into())
    }
}

fn texts(claim: &Value) -> Option<Vec<&str>> {
    match claim {
        Value::String(text) => Some(vec![text]),
        Value::Array(texts) => texts.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn algorithm(taken: JwtAlgorithm) -> Algorithm {
    match taken {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

fn fits(jwk: &Jwk, taken: JwtAlgorithm) -> bool {
    let kind = match (&jwk.algorithm, taken) {
        (AlgorithmParameters::OctetKey(_), JwtAlgorithm::Hs256)
        | (AlgorithmParameters::RSA(_), JwtAlgorithm::Rs256) => true,
        (AlgorithmParameters::EllipticCurve(of), JwtAlgorithm::Es256) => {
            of.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(of), JwtAlgorithm::EdDsa) => {
            of.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let named = jwk.common.key_algorithm.map(|named| named.to_string());
    let name = format!("{:?}", algorithm(taken));
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    kind && signs && named.is_none_or(|named| named == name)
}

fn url_is_safe(url: &str) -> bool {
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let local = local.iter().any(|host| {
        url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    url.starts_with("https://") || local
}

fn load(source: &JwksSource) -> Result<JwkSet, String> {
    let bytes = match source {
        JwksSource::File(path) => read_file(path, limits::JWKS_BYTES_MAX)?,
        JwksSource::Url(url) => fetch(url)?,
    };
    // Keys of a kind that is not known here are left out, and refuse nothing but themselves.
    let set: Value = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    let keys = set["keys"].as_array().ok_or("a key set has a list named keys")?;
    let keys = keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect();
    Ok(JwkSet { keys })
}

/// Reads a small file that is not in the data directory.
pub(crate) fn read_file(path: &std::path::Path, max: u64) -> Result<Vec<u8>, String> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(std::path::Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or("not the name of a file")?;
    read_whole(&FileStorage::new(dir), name, max).map_err(|e| e.to_string())
}

fn fetch(url: &str) -> Result<Vec<u8>, String> {
    if !url_is_safe(url) {
        return Err("public keys are fetched by https only, or from this machine".into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // The machine's own roots, so that a company's issuer is trusted where the company is.
    let tls = ureq::tls::TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(limits::JWKS_TIMEOUT))
        .https_only(url.starts_with("https://"))
        .build();
    let mut response =
        ureq::Agent::new_with_config(config).get(url).call().map_err(|e| e.to_string())?;
    let body = response.body_mut().with_config().limit(limits::JWKS_BYTES_MAX);
    body.read_to_vec().map_err(|e| e.to_string())
}

//! What an input and a stream say alike of a NATS server.

use std::path::{Path, PathBuf};

use indelible_nats::{Auth, Server, Tls};
use serde::Deserialize;

use crate::secret::{Secret, Value};
use crate::tls::ClientTls;

/// Who we are to a NATS server: a user and a password, a token, an nkey or a credentials file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum NatsAuth {
    /// As the address says, or nobody.
    #[default]
    None,
    /// User and password.
    Password(String, Secret),
    /// A token.
    Token(Secret),
    /// The seed of an nkey.
    Nkey(Secret),
    /// A credentials file, as `nsc` writes it.
    Creds(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    nkey: Option<Secret>,
    creds: Option<PathBuf>,
}

impl TryFrom<Written> for NatsAuth {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<NatsAuth, Self::Error> {
        let Written { user, password, token, nkey, creds } = written;
        match (user, password, token, nkey, creds) {
            (Some(user), Some(password), None, None, None) => {
                Ok(NatsAuth::Password(user, password))
            }
            (None, None, Some(token), None, None) => Ok(NatsAuth::Token(token)),
            (None, None, None, Some(nkey), None) => Ok(NatsAuth::Nkey(nkey)),
            (None, None, None, None, Some(creds)) => Ok(NatsAuth::Creds(creds)),
            _ => Err("`auth` is one of: `user` with `password`, `token`, `nkey`, `creds`"),
        }
    }
}

impl NatsAuth {
    /// Makes its paths ones from this directory on.
    pub(crate) fn below(&mut self, dir: &Path) {
        match self {
            NatsAuth::None => {}
            NatsAuth::Password(_, secret) | NatsAuth::Token(secret) | NatsAuth::Nkey(secret) => {
                secret.below(dir);
            }
            NatsAuth::Creds(path) => *path = dir.join(&*path),
        }
    }

    fn reveal(&self) -> Result<Auth, String> {
        Ok(match self {
            NatsAuth::None => Auth::None,
            NatsAuth::Password(user, password) => {
                Auth::Password { user: user.clone(), password: password.reveal()? }
            }
            NatsAuth::Token(token) => Auth::Token(token.reveal()?),
            NatsAuth::Nkey(seed) => Auth::Nkey(seed.reveal()?),
            NatsAuth::Creds(path) => Auth::Creds(Secret::File(path.clone()).reveal()?),
        })
    }
}

/// The server as it is to be connected to now: secrets are fetched each time.
pub(crate) fn server(
    name: &str,
    url: &Value,
    auth: &NatsAuth,
    tls: &ClientTls,
) -> Result<Server, String> {
    let identity = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
        (None, None) => None,
        _ => return Err("`tls` names one of `cert` and `key` without the other".into()),
    };
    Ok(Server {
        url: url.reveal()?,
        name: name.to_owned(),
        auth: auth.reveal()?,
        tls: Tls { required: *tls != ClientTls::default(), ca: tls.ca.clone(), identity },
    })
}

/// Where a server is, without the user that an address may name.
pub(crate) fn place(url: &Value) -> String {
    let Ok(url) = url.reveal() else {
        return "an address that cannot be read".into();
    };
    let plain = |one: &str| {
        let (scheme, rest) = one.trim().split_once("://").unwrap_or(("nats", one.trim()));
        format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or_default())
    };
    url.split(',').map(plain).collect::<Vec<_>>().join(",")
}

//! RFC 5424 over TCP and TLS.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::{Input, InputContext, InputError};
use crate::tls::ServerTls;

/// Where to listen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogFrom {
    /// The address; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// TLS.
    #[serde(default)]
    pub tls: Option<ServerTls>,
}

impl SyslogFrom {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        if let Some(tls) = &mut self.tls {
            tls.below(dir);
        }
    }

    /// Where from, without secrets.
    pub fn place(&self) -> String {
        String::new()
    }

    /// Makes the input.
    pub fn open(&self, _: &InputContext) -> Result<Box<dyn Input>, InputError> {
        Err(InputError { why: String::new(), hint: String::new() })
    }
}

//! Which addresses a webhook may go to: whoever may name a receiver must not reach with it what only this machine
//! can.
//!
//! A host is resolved once, each of its addresses is judged, and the connection is made to those very addresses, so
//! that a name which says something else a moment later changes nothing. What is judged is the address, never the text:
//! `2130706433`, `0x7f.1` and `[::ffff:127.0.0.1]` are all 127.0.0.1 by then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Resolves names, and keeps only where nobody but the public is.
#[derive(Debug, Default)]
pub(super) struct PublicOnly {
    /// Addresses of this machine and of its own networks are allowed.
    pub private: bool,
    names: DefaultResolver,
}

impl PublicOnly {
    pub fn new(private: bool) -> PublicOnly {
        PublicOnly { private, names: DefaultResolver::default() }
    }
}

/// An address that a webhook may not go to.
#[derive(Debug, thiserror::Error)]
#[error("{}", said(host, addr, why))]
pub(super) struct Forbidden {
    host: String,
    addr: IpAddr,
    why: &'static str,
}

fn said(host: &str, addr: &IpAddr, why: &str) -> String {
    match host.trim_matches(['[', ']']) == addr.to_string() {
        true => format!("{addr} is {why}"),
        false => format!("{host} is {addr}, {why}"),
    }
}

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        // One that is forbidden spoils all: a name that has both is no honest one.
        match found.iter().find_map(|addr| Some((addr.ip(), judge(addr, self.private)?))) {
            None => Ok(found),
            Some((addr, why)) => {
                let host = uri.host().unwrap_or_default().to_owned();
                Err(ureq::Error::Other(Box::new(Forbidden { host, addr, why })))
            }
        }
    }
}

fn judge(addr: &SocketAddr, private: bool) -> Option<&'static str> {
    let (why, own) = match addr.ip() {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }?;
    (!(own && private)).then_some(why)
}

const LOOPBACK: &str = "this machine itself";
const PRIVATE: &str = "a private network's";
const LINK: &str = "a link-local address, where clouds have their metadata";
const METADATA: &str = "a cloud's own service";
const RESERVED: &str = "no address of a receiver";

/// What is wrong with an address, and whether it is one of an own network, which may be allowed.
fn of_v4(ip: Ipv4Addr) -> Option<(&'static str, bool)> {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, _, _) => Some((LOOPBACK, true)),
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) => Some((PRIVATE, true)),
        // Carriers' own networks, and in some clouds what tells the secrets of a machine.
        (100, 64..=127, _) if ip != Ipv4Addr::new(100, 100, 100, 200) => Some((PRIVATE, true)),
        (169, 254, _) => Some((LINK, false)),
        (100, 100, 100) | (192, 0, 0) => Some((METADATA, false)),
        _ if ip == Ipv4Addr::new(168, 63, 129, 16) => Some((METADATA, false)),
        (0, _, _) | (224..=255, _, _) => Some((RESERVED, false)),
        (192, 0, 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            Some((RESERVED, false))
        }
        _ => None,
    }
}

fn of_v6(ip: Ipv6Addr) -> Option<(&'static str, bool)> {
    let parts = ip.segments();
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some((LOOPBACK, true)),
        // An IPv4 address in the clothes of IPv6 is what it is below them: mapped, and behind a translator (NAT64).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0xfd00, 0x0ec2 | 0x0042 | 0x00c1, ..] | [0xfd20, 0x00ce, ..] => Some((METADATA, false)),
        [0xfe80..=0xfebf, ..] => Some((LINK, false)),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some((PRIVATE, true)),
        // Tunnels lead who knows where (Teredo, 6to4); the others are for books and tests.
        [0x2001, 0x0000..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] => {
            Some((RESERVED, false))
        }
        [0x3fff, 0x0000..=0x0fff, ..] => Some((RESERVED, false)),
        [0x2000..=0x3fff, ..] => None,
        _ => Some((RESERVED, false)),
    }
}

#[cfg(test)]
#[path = "public_tests.rs"]
mod tests;

//! The client's address, behind the proxies that are trusted and no others.

use std::net::{IpAddr, Ipv6Addr};

use super::exchange::Lines;
use super::limits::{FORWARDED_BYTES_MAX, HOPS_MAX};

/// A range of addresses such as `10.0.0.0/8`; without a length, a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    bits: u128,
    mask: u128,
    v4: bool,
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Result<Cidr, &'static str> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| "it is no address")?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => max,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<u32>().map_err(|_| "its length is no number")?
            }
            Some(_) => return Err("its length is no number"),
        };
        if length > max {
            return Err("its length is beyond that of an address");
        }
        let (bits, v4) = bits(address);
        // IPv4 addresses lie in the lowest 32 of the 128 bits.
        let mask = u128::MAX.checked_shl(max - length).unwrap_or(0);
        if bits & !mask != 0 {
            return Err("bits are set behind its length");
        }
        Ok(Cidr { bits, mask, v4 })
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let (bits, v4) = bits(address);
        v4 == self.v4 && bits & self.mask == self.bits
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), true),
        IpAddr::V6(v6) => (v6.to_bits(), false),
    }
}

/// The client of a connection from `peer`: the peer, unless it is a trusted proxy; then the last address that its
/// headers name and that is not one, too. What is no address ends the walk: nobody who is trusted wrote what is left of it.
pub(super) fn client(
    peer: Option<IpAddr>,
    trusted: &[Cidr],
    header: Option<&str>,
    headers: Lines<'_>,
) -> Option<IpAddr> {
    let mut client = plain(peer?);
    if !is_trusted(client, trusted) {
        return Some(client);
    }
    let (mut name, mut list) = (header.unwrap_or("x-forwarded-for"), Vec::new());
    collect(headers, name, &mut list);
    if header.is_none() && list.is_empty() {
        name = "forwarded";
        collect(headers, name, &mut list);
    }
    let list = String::from_utf8_lossy(&list);
    for hop in list.rsplit(',').take(HOPS_MAX) {
        let named = if name == "forwarded" { forwarded_for(hop) } else { Some(hop) };
        let Some(address) = named.and_then(address) else { break };
        client = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    Some(client)
}

/// Whether an address is one of the trusted ranges.
pub(super) fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    let address = plain(address);
    trusted.iter().any(|range| range.contains(address))
}

/// Several lines of a list are one list. Of a long one only the end matters, which the nearest proxies wrote.
fn collect(headers: Lines<'_>, name: &str, list: &mut Vec<u8>) {
    headers(name, &mut |line| {
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend_from_slice(&line[line.len().saturating_sub(FORWARDED_BYTES_MAX)..]);
        if list.len() > FORWARDED_BYTES_MAX {
            list.drain(..list.len() - FORWARDED_BYTES_MAX);
        }
    });
}

/// The `for` of an element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address with or without a port, in or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let port = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return inside.parse::<Ipv6Addr>().ok().filter(|_| port).map(|v6| plain(v6.into()));
    }
    if let Ok(address) = text.parse() {
        return Some(plain(address));
    }
    let (host, port) = text.rsplit_once(':')?;
    host.parse().ok().filter(|address: &IpAddr| address.is_ipv4() && is_port(port))
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// An IPv4 address that came as an IPv6 one is what it is.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

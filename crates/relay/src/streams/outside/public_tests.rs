use std::net::ToSocketAddrs as _;

use super::*;

/// What the resolver of the system makes of a host as it may stand in an address.
fn resolved(host: &str) -> Vec<SocketAddr> {
    (host, 443).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

#[test]
fn own_networks_are_forbidden_in_every_notation() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "::1",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "64:ff9b::7f00:1",
        "10.0.0.1",
        "10.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "fd12:3456::1",
        "fc00::1",
        "fec0::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ] {
        let found = resolved(host);
        assert!(!found.is_empty(), "{host} was not understood, so nothing was tried");
        for addr in found {
            assert!(judge(&addr, false).is_some(), "{host} → {addr}");
            assert!(judge(&addr, true).is_none(), "{host} → {addr}, which was allowed");
        }
    }
}

#[test]
fn some_are_forbidden_always() {
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "fe80::1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.9",
        "198.18.0.1",
        "192.88.99.1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "3fff::1",
        "ff02::1",
        "::7f00:1",
        "::a9fe:a9fe",
        "100::1",
        "5f00::1",
    ] {
        let found = resolved(host);
        assert!(!found.is_empty(), "{host} was not understood, so nothing was tried");
        for addr in found {
            assert!(judge(&addr, true).is_some(), "{host} → {addr}");
        }
    }
}

#[test]
fn the_public_may_be_reached() {
    for host in [
        "93.184.215.14",
        "1.1.1.1",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "192.167.0.1",
        "169.253.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2001:200::1",
    ] {
        for addr in resolved(host) {
            assert_eq!(judge(&addr, false), None, "{host} → {addr}");
        }
    }
}

#[test]
fn a_name_is_judged_by_what_it_resolves_to_and_only_that_is_connected_to() {
    let agent = |private| {
        let config = ureq::Agent::config_builder().proxy(None).build();
        let connector = ureq::unversioned::transport::DefaultConnector::default();
        ureq::Agent::with_parts(config, connector, PublicOnly::new(private))
    };
    // A listener is there, so that a connection would be made if it were tried.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let error = agent(false).get(format!("http://{host}:{port}/")).call().unwrap_err();
        assert!(error.to_string().contains("this machine itself"), "{host}: {error}");
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "a connection was made");
    // The same is reached where it was allowed: the answer is missing, not the connection.
    drop(listener);
    let error = agent(true).get(format!("http://127.0.0.1:{port}/")).call().unwrap_err();
    assert!(matches!(error, ureq::Error::Io(_) | ureq::Error::ConnectionFailed), "{error}");
}

use super::Address;

#[test]
fn addresses_are_read_with_the_ports_that_go_without_saying() {
    for (url, told) in [
        ("tls://siem.example.com", (true, "siem.example.com", 6514)),
        ("tcp://siem.example.com/", (false, "siem.example.com", 601)),
        ("tcp://192.0.2.7:514", (false, "192.0.2.7", 514)),
        ("tls://[2001:db8::1]:99", (true, "2001:db8::1", 99)),
        ("tls://[2001:db8::1]", (true, "2001:db8::1", 6514)),
    ] {
        let Address { tls, host, port } = Address::parse(url).unwrap();
        assert_eq!((tls, &*host, port), told, "{url}");
    }
    for url in [
        "",
        "siem.example.com:601",
        "udp://h:514",
        "tcp://",
        "tcp://:601",
        "tcp://h:x",
        "tcp://h:70000",
        "tcp://h/path",
        "tcp://[::1]x",
        "tcp://[::1",
        "tls://user@h:1",
        "tls://h?x",
    ] {
        assert!(Address::parse(url).is_err(), "{url}");
    }
}

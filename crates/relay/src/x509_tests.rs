use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_event::Micros;

use super::read;

/// Made by OpenSSL: of a test authority, for localhost, of January 2020.
const CERTIFICATE: &str = "MIIBfzCCASSgAwIBAgIBEDAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdUZXN0IENBMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFowFD\
    ESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeNWAvwSwaKyWHeHuolb49o7Hnjq0m8FirRAhAT7vXQ2AfJeC\
    QrpgcNx9qnhA2YnhI5BDLDZR54QAZxLbjxz9RqNpMGcwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAkGA1UdEwQCMAAwHQYDVR0OBBYEFH\
    C4yThFTZ/ur+YrCX/VgM4Sy3HCMB8GA1UdIwQYMBaAFHLI7drpVaGZS5GPbCFQDSvMPQgdMAoGCCqGSM49BAMCA0kAMEYCIQCNBac2Os9Gg4Qf\
    kdfggR9mAgYcCE0/243qgo/TRubzQwIhAICUkcM0YRVvQndOxlzRI16NV5wOiMtqpnfa8xP2mwv4";

#[test]
fn a_certificate_says_whose_it_is_and_how_long() {
    let about = read(&STANDARD.decode(CERTIFICATE).unwrap()).unwrap();
    assert_eq!(about.name.as_deref(), Some("localhost"), "the subject's name, not the authority's");
    let time = |text| Micros::parse(text).unwrap();
    assert_eq!(
        (about.from, about.to),
        (time("2020-01-01T00:00:00Z"), time("2020-02-01T00:00:00Z"))
    );
}

#[test]
fn what_is_no_certificate_is_none() {
    let whole = STANDARD.decode(CERTIFICATE).unwrap();
    assert_eq!(read(&[]), None);
    for len in 0..whole.len() / 2 {
        assert_eq!(read(&whole[..len]), None);
    }
    // Each byte altered in each way: read, or not, and nothing else.
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut altered = whole.clone();
            altered[at] ^= 1 << bit;
            let _ = read(&altered);
        }
    }
}

#[test]
fn whatever_was_done_to_a_certificate_is_read_or_is_none() {
    let whole = STANDARD.decode(CERTIFICATE).unwrap();
    let mut rng = indelible_sim::Rng::new(509);
    for _ in 0..100_000 {
        let mut bytes = whole.clone();
        for _ in 0..=rng.below(0..3) {
            let at = rng.below(0..bytes.len() as u64) as usize;
            match rng.below(0..3) {
                0 => bytes[at] = rng.bits() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, [0x30, 0x80, 0x84, 0xff][rng.below(0..4) as usize]),
            }
        }
        // That it comes back is all that is asked.
        let _ = read(&bytes);
    }
}

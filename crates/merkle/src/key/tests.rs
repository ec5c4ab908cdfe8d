use proptest::prelude::*;

use super::*;
use crate::testing::bytes;

/// The key of the specification's test vector, and of golang.org/x/mod/sumdb/note's.
const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// A public witness's key.
const WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

#[test]
fn others_keys_parse_and_print_unchanged() {
    for text in [EXAMPLE, NEUMANN, WITNESS] {
        let vkey: Vkey = text.parse().unwrap();
        assert_eq!(vkey.to_string(), text);
    }
    let vkey: Vkey = EXAMPLE.parse().unwrap();
    assert_eq!(vkey.name(), "example.com/foo");
    assert_eq!(vkey.id(), KeyId([0x53, 0x0d, 0x90, 0x3a]));
    assert_eq!(vkey.algorithm(), Algorithm::Ed25519);
    let public = bytes("e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4");
    assert_eq!(vkey.public_key()[..], public);
    assert_eq!(WITNESS.parse::<Vkey>().unwrap().algorithm(), Algorithm::CosignatureV1);
}

#[test]
fn a_base64_with_a_plus_is_not_cut_there() {
    let text = "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6";
    assert_eq!(text.parse::<Vkey>().unwrap().to_string(), text);
}

#[test]
fn malformed_keys_are_refused() {
    let key = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let cases = [
        ("", KeyError::Format),
        ("example.com/foo", KeyError::Format),
        ("example.com/foo+530d903a", KeyError::Format),
        (&format!("+530d903a+{key}"), KeyError::Name),
        (&format!("example com+530d903a+{key}"), KeyError::Name),
        (&format!("example\u{2003}com+530d903a+{key}"), KeyError::Name),
        (&format!("example\ncom+530d903a+{key}"), KeyError::Name),
        (&format!("{}+530d903a+{key}", "x".repeat(256)), KeyError::Name),
        (&format!("example.com/foo+530D903A+{key}"), KeyError::Format),
        (&format!("example.com/foo++30d903a+{key}"), KeyError::Format),
        (&format!("example.com/foo+0530d903a+{key}"), KeyError::Format),
        (&format!("example.com/foo+530d903a+{key}="), KeyError::Format),
        ("example.com/foo+530d903a+AekyeRrm", KeyError::PublicKey),
        ("example.com/foo+530d903a+", KeyError::Format),
        (&format!("example.com/foo+530d903a+B{}", &key[1..]), KeyError::Algorithm(0x05)),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Vkey>(), Err(error), "{text}");
    }
    assert!(matches!(
        EXAMPLE.replace("foo", "bar").parse::<Vkey>(),
        Err(KeyError::IdMismatch { .. })
    ));
    assert!(matches!(
        EXAMPLE.replace("530d", "530e").parse::<Vkey>(),
        Err(KeyError::IdMismatch { .. })
    ));
}

#[test]
fn keys_that_verify_anything_are_refused() {
    // The neutral element, and the point of order two.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(Vkey::new("a", Algorithm::Ed25519, &neutral), Err(KeyError::PublicKey));
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    assert_eq!(Vkey::new("a", Algorithm::Ed25519, &order_two), Err(KeyError::PublicKey));
}

#[test]
fn a_key_is_bound_to_its_name_and_type() {
    let seed = [7; 32];
    let key = SigningKey::from_seed("example.com/a", &seed).unwrap();
    let other_name = SigningKey::from_seed("example.com/b", &seed).unwrap();
    let other_type =
        SigningKey::with_algorithm("example.com/a", Algorithm::CosignatureV1, &seed).unwrap();
    assert_eq!(key.vkey().public_key(), other_name.vkey().public_key());
    assert_ne!(key.vkey().id(), other_name.vkey().id());
    assert_ne!(key.vkey().id(), other_type.vkey().id());
    assert_eq!(SigningKey::from_seed("a b", &seed).unwrap_err(), KeyError::Name);
}

#[test]
fn a_private_key_does_not_show_itself() {
    let seed = [0x5a; 32];
    let shown = format!("{:?}", SigningKey::from_seed("example.com/a", &seed).unwrap());
    assert!(shown.contains("example.com/a"));
    assert!(!shown.contains("5a5a") && !shown.contains("90, 90") && !shown.contains("Wlpa"));
}

proptest! {
    #[test]
    fn any_text_parses_to_itself_or_not_at_all(text in ".{0,80}", at in 0usize..66, byte: u8) {
        for text in [text, mutate(EXAMPLE, at, byte)] {
            if let Ok(vkey) = text.parse::<Vkey>() {
                prop_assert_eq!(vkey.to_string(), text);
            }
        }
    }
}

fn mutate(text: &str, at: usize, byte: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = byte;
    String::from_utf8_lossy(&bytes).into_owned()
}

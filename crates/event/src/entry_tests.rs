use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const GOLDEN: &str = r#"{"v":1,"id":"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a","recorded_at":"2026-11-20T17:34:05.123456Z","occurred_at":"1999-12-31T23:59:59.000001Z","action":"backup.delete","category":"data_delete","outcome":"denied","phase":"outcome","ref":"00000000-0000-4000-8000-000000000001","source":{"id":"000102030405060708090a0b0c0d0e0f","seq":18446744073709551615},"recorded_by":"key:A-1.b_c","parts":"tsSOjAuy2pXiyMJCWY8Rzr-3D2Ayg0VfvZuhGf1A6l0"}"#;
/// SHA-256 of a zero byte and the entry above, from Python's hashlib.
const GOLDEN_LEAF: [u8; 8] = [0x68, 0x4f, 0xf4, 0x9c, 0x47, 0x02, 0x83, 0x78];
const SHORTEST: &str = r#"{"v":1,"id":"00000000-0000-0000-0000-000000000000","recorded_at":"1970-01-01T00:00:00.000000Z","action":"a","outcome":"unknown","parts":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

fn encode(entry: &Entry<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    entry.encode(&mut out);
    out
}

fn shortest() -> Entry<'static> {
    Entry {
        id: EventId([0; 16]),
        recorded_at: Micros(0),
        occurred_at: None,
        action: "a",
        category: None,
        outcome: Outcome::Unknown,
        phase: None,
        reference: None,
        source: None,
        recorded_by: None,
        parts_hash: [0; 32],
    }
}

fn golden() -> Entry<'static> {
    let hash = decode_hash(b"tsSOjAuy2pXiyMJCWY8Rzr-3D2Ayg0VfvZuhGf1A6l0").unwrap();
    assert_eq!(hash[..4], [0xb6, 0xc4, 0x8e, 0x8c]);
    Entry {
        id: EventId::parse("0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a").unwrap(),
        recorded_at: Micros(1_795_196_045_123_456),
        occurred_at: Some(Micros(946_684_799_000_001)),
        action: "backup.delete",
        category: Some("data_delete"),
        outcome: Outcome::Denied,
        phase: Some(Phase::Outcome),
        reference: Some(EventId::parse("00000000-0000-4000-8000-000000000001").unwrap()),
        source: Some(Source { id: std::array::from_fn(|i| i as u8), seq: u64::MAX }),
        recorded_by: Some("key:A-1.b_c"),
        parts_hash: hash,
    }
}

#[test]
fn golden_bytes() {
    assert_eq!(encode(&golden()), GOLDEN.as_bytes());
    assert_eq!(Entry::decode(GOLDEN.as_bytes()), Ok(golden()));
    assert_eq!(encode(&shortest()), SHORTEST.as_bytes());
    assert_eq!(Entry::decode(SHORTEST.as_bytes()), Ok(shortest()));
    let leaf = Sha256::new().chain_update([0]).chain_update(GOLDEN).finalize();
    assert_eq!(leaf[..8], GOLDEN_LEAF);
}

#[test]
fn recorded_at_can_be_patched_in_place() {
    for entry in [golden(), shortest()] {
        let mut bytes = encode(&entry);
        let later = Micros(1_800_000_000_654_321);
        bytes[ENTRY_RECORDED_AT].copy_from_slice(later.to_string().as_bytes());
        assert_eq!(bytes, encode(&Entry { recorded_at: later, ..entry }));
    }
}

/// A column edited so as to swallow its neighbours must not give the bytes that were hashed.
#[test]
fn no_word_can_borrow_the_bytes_of_others() {
    let swallowed = r#"backup.delete","category":"data_delete"#;
    let forged = Entry { action: swallowed, category: None, ..golden() };
    assert_ne!(encode(&forged), GOLDEN.as_bytes());
    assert!(Entry::decode(&encode(&forged)).is_err());
    let by = r#"k","parts":"x"#;
    assert!(Entry::decode(&encode(&Entry { recorded_by: Some(by), ..golden() })).is_err());
}

#[test]
fn other_forms_of_the_same_are_refused() {
    for (from, to) in [
        ("\"v\":1,", "\"v\":2,"),
        ("\"v\":1,", "\"v\": 1,"),
        ("7c3e", "7C3E"),
        ("05.123456Z", "05.123456z"),
        ("05.123456Z", "05.1234560Z"),
        ("17:34:05.123456Z", "18:34:05.123456+01:00"),
        ("A6l0\"", "A6l1\""),
        ("A6l0\"", "A6l0=\""),
        ("18446744073709551615", "018446744073709551615"),
        ("18446744073709551615", "18446744073709551616"),
        ("0a0b0c", "0A0B0C"),
        ("\"denied\"", "\"Denied\""),
        ("backup.delete", "backup..delete"),
        ("\"key:A-1.b_c\"", "\"\""),
        (",\"recorded_by\"", "\",\"recorded_by\""),
    ] {
        let bytes = GOLDEN.replacen(from, to, 1);
        assert_ne!(bytes, GOLDEN);
        assert!(Entry::decode(bytes.as_bytes()).is_err(), "{bytes}");
    }
    assert!(Entry::decode(&[GOLDEN.as_bytes(), b" "].concat()).is_err());
    assert!(Entry::decode(&vec![b' '; limits::ENTRY_BYTES_MAX + 1]).is_err());
    for len in 0..GOLDEN.len() {
        assert!(Entry::decode(&GOLDEN.as_bytes()[..len]).is_err());
    }
}

/// Every byte, every value: what is still an entry says exactly what its bytes say.
#[test]
fn every_single_byte_mutation() {
    for text in [GOLDEN, SHORTEST] {
        let mut bytes = text.as_bytes().to_vec();
        for at in 0..bytes.len() {
            let before = bytes[at];
            for value in 0..=255 {
                bytes[at] = value;
                if let Ok(entry) = Entry::decode(&bytes) {
                    assert_eq!(encode(&entry), bytes);
                }
            }
            bytes[at] = before;
        }
    }
}

prop_compose! {
    fn any_entry()(
        id in any::<[u8; 16]>(),
        times in (Micros::MIN.0..=Micros::MAX.0, proptest::option::of(Micros::MIN.0..=Micros::MAX.0)),
        outcome in 0..6_usize,
        phase in proptest::option::of(0..3_usize),
        reference in proptest::option::of(any::<[u8; 16]>()),
        source in proptest::option::of((any::<[u8; 16]>(), any::<u64>())),
        parts_hash in any::<[u8; 32]>(),
    ) -> Entry<'static> {
        Entry {
            id: EventId(id),
            recorded_at: Micros(times.0),
            occurred_at: times.1.map(Micros),
            action: "a",
            category: None,
            outcome: Outcome::ALL[outcome],
            phase: phase.map(|i| Phase::ALL[i]),
            reference: reference.map(EventId),
            source: source.map(|(id, seq)| Source { id, seq }),
            recorded_by: None,
            parts_hash,
        }
    }
}

proptest! {
    #[test]
    fn round_trip(
        entry in any_entry(),
        action in "[a-z0-9_]{1,20}(\\.[a-z0-9_]{1,20}){0,3}",
        category in proptest::option::of("[a-z0-9_]{1,64}"),
        recorded_by in proptest::option::of("[A-Za-z0-9._:-]{1,64}"),
    ) {
        let entry = Entry {
            action: &action,
            category: category.as_deref(),
            recorded_by: recorded_by.as_deref(),
            ..entry
        };
        let bytes = encode(&entry);
        prop_assert!(bytes.len() <= limits::ENTRY_BYTES_MAX);
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
    }

    #[test]
    fn arbitrary_words_never_make_another_entry(entry in any_entry(), action in "\\PC{0,60}|[a-z\":,]{0,60}") {
        let bytes = encode(&Entry { action: &action, ..entry });
        match Entry::decode(&bytes) {
            Ok(read) => prop_assert_eq!(read.action, action),
            Err(_) => prop_assert!(!is_action(action.as_bytes())),
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), cut in 0..GOLDEN.len()) {
        let _ = Entry::decode(&bytes);
        let _ = Entry::decode(&[&GOLDEN.as_bytes()[..cut], &bytes].concat());
    }
}

use proptest::prelude::*;

use super::*;
use crate::{EventId, Micros, Outcome};

const WHO: &[u8] = br#"{"actor":{"type":"user","id":"Zo\u0000 \"Z\""}}"#;

fn disclosure() -> Disclosure {
    let salt = seal::part_salt(&[5; 16], Part::Who);
    let who = seal::commitment(Part::Who, &salt, WHO);
    let entry = Entry {
        id: EventId([1; 16]),
        recorded_at: Micros(0),
        occurred_at: None,
        action: "a",
        category: None,
        outcome: Outcome::Success,
        phase: None,
        reference: None,
        source: None,
        recorded_by: None,
        parts_hash: seal::parts_hash(&[Some(who), Some([9; 32]), None]),
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    let who = DisclosedPart::Shown { salt, bytes: WHO.to_vec() };
    let where_ = DisclosedPart::Withheld { commitment: [9; 32] };
    Disclosure { entry: bytes, parts: [who, where_, DisclosedPart::Absent] }
}

#[test]
fn holds_and_round_trips() {
    let disclosure = disclosure();
    assert_eq!(disclosure.verify().unwrap().action, "a");
    let json = disclosure.encode();
    let text = std::str::from_utf8(&json).unwrap();
    assert!(text.starts_with(r#"{"v":1,"entry":"{\"v\":1,\"id\":\"01010101-"#), "{text}");
    let tail = r#","bytes":"{\"actor\":{\"type\":\"user\",\"id\":\"Zo\\u0000 \\\"Z\\\"\"}}"},"where":{"commitment":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"},"what":null}"#;
    assert!(text.ends_with(tail), "{text}");
    assert_eq!(Disclosure::decode(&json), Ok(disclosure));
}

#[test]
fn what_was_changed_does_not_hold() {
    let mut withheld = disclosure();
    withheld.parts[0] = DisclosedPart::Withheld {
        commitment: seal::commitment(Part::Who, &seal::part_salt(&[5; 16], Part::Who), WHO),
    };
    assert!(withheld.verify().is_ok());
    let mut absent = disclosure();
    absent.parts[2] = DisclosedPart::Withheld { commitment: [0; 32] };
    assert_eq!(absent.verify(), Err(DisclosureError::WithheldAbsent("what")));
    for change in 0..4 {
        let mut changed = disclosure();
        match change {
            0 => changed.parts[0] = DisclosedPart::Absent,
            1 => changed.parts.swap(1, 2),
            2 => changed.parts[2] = DisclosedPart::Shown { salt: [0; 16], bytes: Vec::new() },
            _ => changed.parts[0] = DisclosedPart::Shown { salt: [0; 16], bytes: WHO.to_vec() },
        }
        assert_eq!(changed.verify(), Err(DisclosureError::PartsDiffer), "{change}");
    }
}

/// Every byte, some values: a mutated disclosure is refused, or says and encodes something else.
#[test]
fn every_byte_counts() {
    let good = disclosure();
    let json = good.encode();
    for at in 0..json.len() {
        assert!(Disclosure::decode(&json[..at]).is_err());
        for flip in [1, 2, 4, 8, 16, 32, 64, 128] {
            let mut bytes = json.clone();
            bytes[at] ^= flip;
            if let Ok(changed) = Disclosure::decode(&bytes) {
                assert_ne!(changed, good);
                assert_eq!(changed.encode(), bytes);
                // A changed entry is another leaf, which its proof will tell.
                assert!(changed.verify().is_err() || changed.entry != good.entry);
            }
        }
    }
    assert!(Disclosure::decode(&[&json[..], b" "].concat()).is_err());
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>(), cut in 0..300_usize) {
        let json = disclosure().encode();
        let _ = Disclosure::decode(&bytes);
        let _ = Disclosure::decode(&[&json[..cut.min(json.len())], &bytes].concat());
    }
}

use proptest::prelude::*;

use super::*;

#[test]
fn lengths_are_two_bytes_big_endian() {
    let long = vec![7; 258];
    let bundle = encode_bundle(&[b"ab".as_slice(), b"", &long]).unwrap();
    assert_eq!(bundle[..8], [0, 2, b'a', b'b', 0, 0, 1, 2]);
    assert_eq!(bundle.len(), 8 + 258);
    assert_eq!(decode_bundle(&bundle, 3), Ok(vec![b"ab".as_slice(), b"", &long]));
}

#[test]
fn a_bundle_of_another_width_is_refused() {
    let bundle = encode_bundle(&["one", "two"]).unwrap();
    assert_eq!(decode_bundle(&bundle, 1), Err(BundleError::Trailing { bytes: 5 }));
    assert_eq!(decode_bundle(&bundle, 3), Err(BundleError::Truncated { number: 2 }));
    assert_eq!(decode_bundle(&bundle, 0), Err(BundleError::Count { count: 0 }));
    assert_eq!(decode_bundle(&bundle, 257), Err(BundleError::Count { count: 257 }));
    for end in 0..bundle.len() {
        assert!(matches!(decode_bundle(&bundle[..end], 2), Err(BundleError::Truncated { .. })));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let most = vec![0; BUNDLE_ENTRY_BYTES_MAX];
    assert_eq!(decode_bundle(&encode_bundle(&[&most]).unwrap(), 1), Ok(vec![&most[..]]));
    let long = vec![0; BUNDLE_ENTRY_BYTES_MAX + 1];
    let error = BundleError::EntryTooLarge { number: 1, bytes: 65_536 };
    assert_eq!(encode_bundle(&[&most, &long]), Err(error));
    assert_eq!(encode_bundle::<&[u8]>(&[]), Err(BundleError::Count { count: 0 }));
    assert_eq!(encode_bundle(&[""; 257]), Err(BundleError::Count { count: 257 }));
    assert_eq!(encode_bundle(&[""; 256]).map(|bundle| bundle.len()), Ok(512));
}

proptest! {
    #[test]
    fn any_bytes_decode_to_themselves_or_not_at_all(
        bytes in prop::collection::vec(0u8..4, 0..64),
        width in 0u16..20,
    ) {
        if let Ok(entries) = decode_bundle(&bytes, width) {
            prop_assert_eq!(encode_bundle(&entries), Ok(bytes.clone()));
        }
    }
}

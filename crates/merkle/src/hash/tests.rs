use super::*;
use crate::testing::hex;

#[test]
fn hashes_are_rfc_6962s() {
    assert_eq!(
        empty_root(),
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    assert_eq!(
        leaf_hash(b""),
        hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    );
    // A leaf of two hashes is not the node over them.
    let (left, right) = (leaf_hash(b""), leaf_hash(&[0]));
    assert_eq!(
        node_hash(&left, &right),
        hex("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")
    );
    assert_ne!(leaf_hash(&[left.0, right.0].concat()), node_hash(&left, &right));
}

#[test]
fn base64_has_one_spelling() {
    let hash = leaf_hash(b"x");
    let text = hash.to_base64();
    assert_eq!(Hash::from_base64(&text), Ok(hash));
    for wrong in [
        &text[..43],
        &format!("{text}="),
        &format!(" {text}"),
        &text.replace('=', ""),
        &text.replace('=', "A"),
        &"A".repeat(44),
        "",
    ] {
        assert_eq!(Hash::from_base64(wrong), Err(HashFormatError), "{wrong}");
    }
    // The last character has two unused bits; another one that sets them is refused.
    let zero = Hash([0; 32]).to_base64();
    assert_eq!(Hash::from_base64(&zero), Ok(Hash([0; 32])));
    assert!(Hash::from_base64(&zero.replace("A=", "B=")).is_err());
}

#[test]
fn shows_itself_in_hex() {
    let hash = Hash([0xab; 32]);
    assert_eq!(hash.to_string(), "ab".repeat(32));
    assert_eq!(format!("{hash:?}"), "ab".repeat(32));
}

#[test]
fn folding_agrees_with_the_definition() {
    let leaves: Vec<Hash> = (0u8..64).map(|byte| leaf_hash(&[byte])).collect();
    for width in [1, 2, 4, 8, 16, 32, 64] {
        assert_eq!(fold_complete(&leaves[..width]), crate::testing::tree_hash(&leaves[..width]));
    }
    assert_eq!(fold_peaks(&[]), empty_root());
    let row = [leaves[0], leaves[1], leaves[2]];
    assert_eq!(fold_peaks(&row), node_hash(&row[0], &node_hash(&row[1], &row[2])));
}

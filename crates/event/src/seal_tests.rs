use super::*;
use crate::id::hex_digits;

const WHO: &str = r#"{"actor":{"type":"user","id":"42","name":"Zoë \"Z\"","email":"zoe@example.com"},"subjects":[{"type":"person","id":"7"}]}"#;
const WHERE: &str = r#"{"context":{"ip":"203.0.113.9","http":{"method":"PUT","status":200,"duration_ms":1.50}},"credential_subject":"sub|1"}"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| <[u8; 2]>::from(hex_digits(byte))).map(char::from).collect()
}

/// All numbers were computed with Python's hashlib.
#[test]
fn golden() {
    let event_salt: [u8; 16] = std::array::from_fn(|i| i as u8);
    let salts = Part::ALL.map(|part| part_salt(&event_salt, part));
    let expected = [
        "1be60b0e2471cc01a44b14238513744c",
        "51bcbc24eace10403367c6327e7514fc",
        "24bec348ac5eea48bc95bd5ec0565b18",
    ];
    assert_eq!(salts.map(|salt| hex(&salt)), expected);
    let who = commitment(Part::Who, &salts[0], WHO.as_bytes());
    assert_eq!(hex(&who), "f110b748d985f9dfd97c68448d47fb941db3c16bfcb2a2503abfb822fb3fae72");
    let where_ = commitment(Part::Where, &salts[1], WHERE.as_bytes());
    assert_eq!(hex(&where_), "58ce6862d8b6452414ff99ba23797f6ebee8e59dc25f7f5233366a6733e762a1");
    let hash = parts_hash(&[Some(who), Some(where_), None]);
    assert_eq!(hex(&hash), "b6c48e8c0bb2da95e2c8c242598f11cebfb70f603283455fbd9ba119fd40ea5d");
}

#[test]
fn parts_cannot_stand_for_each_other() {
    let salt = [3; 16];
    let all = Part::ALL.map(|part| commitment(part, &salt, b"{}"));
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
}

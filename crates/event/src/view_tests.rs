use super::*;

const ENTRY: &[u8] = br#"{"v":1,"id":"00000000-0000-0000-0000-000000000000","recorded_at":"1970-01-01T00:00:00.000000Z","action":"a","outcome":"unknown","parts":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;

#[test]
fn one_flat_object() {
    let json = view(
        "acme",
        7,
        ENTRY,
        [Some(br#"{"actor":{"id":"1"}}"#), None, Some(br#"{"details":{}}"#)],
    );
    let expected = r#"{"trail":"acme","seq":7,"id":"00000000-0000-0000-0000-000000000000","recorded_at":"1970-01-01T00:00:00.000000Z","action":"a","outcome":"unknown","actor":{"id":"1"},"details":{}}"#;
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

#[test]
fn foreign_bytes_are_left_out() {
    assert_eq!(
        view("a\"", 0, b"", [Some(b""), Some(b"{"), Some(b"{}")]),
        br#"{"trail":"a\"","seq":0}"#
    );
    assert_eq!(view("a", 1, &ENTRY[..60], [None; 3]), br#"{"trail":"a","seq":1}"#);
}

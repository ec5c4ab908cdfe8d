use proptest::prelude::*;

use super::*;

#[test]
fn finds_the_first_special_byte_at_every_place() {
    for len in 0..40 {
        for at in 0..len {
            for special in [b'"', b'\\', 0x1f, 0] {
                // Bytes next to the special ones are where the arithmetic could go wrong.
                for plain in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xff] {
                    let mut bytes = vec![plain; len];
                    bytes[at] = special;
                    assert_eq!(plain_until(&bytes, 0), at);
                    assert_eq!(plain_until(&bytes, at + 1), len);
                }
            }
        }
    }
}

#[test]
fn escapes_no_more_than_it_must() {
    let mut out = Vec::new();
    write_escaped(&mut out, "\"\\/\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}é\u{2028}".as_bytes());
    let expected = "\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}é\u{2028}";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn one_form_only_is_read_back() {
    for body in
        ["\\/", "\\u000a", "\\u001F", "\\u0041", "\\", "\\u00", "\n", "\"", "\\x", "\\u0022"]
    {
        assert_eq!(unescape(body.as_bytes()), None, "{body:?}");
    }
}

#[test]
fn numbers() {
    for value in [0, 9, 10, u64::MAX] {
        let mut out = Vec::new();
        write_u64(&mut out, value);
        assert_eq!(out, value.to_string().into_bytes());
        assert_eq!(parse_u64(&out), Some(value));
    }
    for text in ["", "01", "-1", "+1", "1.0", "18446744073709551616", "1e3"] {
        assert_eq!(parse_u64(text.as_bytes()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn escaping_round_trips(text in any::<Vec<u8>>()) {
        let mut out = Vec::new();
        write_escaped(&mut out, &text);
        prop_assert_eq!(out.len(), escaped_len(&text));
        prop_assert_eq!(unescape(&out), Some(text));
    }

    #[test]
    fn what_is_read_is_what_is_written(body in "[\\\\\"nu0a/x1f]{0,20}") {
        if let Some(text) = unescape(body.as_bytes()) {
            let mut out = Vec::new();
            write_escaped(&mut out, &text);
            prop_assert_eq!(out, body.into_bytes());
        }
    }
}

//! The scanner against serde_json: what one takes for JSON the other must too, with the same meaning.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Text that is often nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => proptest::sample::select(vec!["{", "}", "[", "]", ",", ":", " ", "\n"]).prop_map(str::to_owned),
        2 => "-?[0-9]{1,3}(\\.[0-9]?)?([eE][+-]?[0-9]?)?",
        2 => proptest::sample::select(vec!["null", "true", "false", "nul", "\"a\":", "\"b\":1", "\"\\u0061\":"])
            .prop_map(str::to_owned),
        2 => "\"([a-c]|\\\\[\"\\\\/bfnrtux]|\\\\u[0dD][08cC][0-9a-fA-F]{2}|\t){0,4}\"",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn compare(value: &str) -> Result<(), TestCaseError> {
    let json = format!(r#"{{"action":"a","old_value":{value}}}"#);
    // A comma in `value` may add members to the event, which only we refuse.
    let theirs: Result<Value, _> = serde_json::from_str(value);
    match (check(json.as_bytes()), theirs) {
        (Ok(checked), Ok(theirs)) => {
            let what: Value =
                serde_json::from_slice(checked.parts.get(Part::What).unwrap()).unwrap();
            prop_assert_eq!(&what["changes"]["before"], &theirs);
        }
        // Numbers are kept as they are written; serde_json reads them as floats, which have an end.
        (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
        (Ok(_), Err(error)) => {
            let whole = serde_json::from_str::<Value>(&json);
            prop_assert!(whole.is_ok(), "{} was accepted: {}", value, error);
        }
        (Err(refusal), Ok(_)) => {
            let stricter =
                matches!(refusal.reason, RefusalKind::DuplicateKey | RefusalKind::NulInKey);
            prop_assert!(stricter, "{} was refused: {}", value, refusal);
        }
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn as_serde_json_reads_it(value in nearly_json()) {
        compare(&value)?;
        compare(&format!("[{value}]"))?;
        compare(&format!("{{\"k\":{value}}}"))?;
    }
}

use serde_json::Value;
use serde_json::value::RawValue;

use super::diff;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn shown(before: Option<&str>, after: Option<&str>) -> Vec<String> {
    let (before, after) = (before.map(raw), after.map(raw));
    let all = diff(before.as_deref(), after.as_deref());
    let json = |raw: Option<&RawValue>| raw.map_or("-", RawValue::get).to_owned();
    let line = |d: &super::Difference<'_>| {
        format!("{} {} {} {}", d.op, d.path, json(d.before), json(d.after))
    };
    all.iter().map(line).collect()
}

#[test]
fn members_that_differ_are_named_by_pointer() {
    let before = r#"{"price":10,"name":"a","tags":["x","y"],"gone":true,"same":{"deep":[1]}}"#;
    let after =
        r#"{"name":"a","price":12.50,"tags":["x","z","w"],"same":{"deep":[1]},"a/b~c":{"n":null}}"#;
    let wanted = [
        "change /price 10 12.50",
        "change /tags/1 \"y\" \"z\"",
        "add /tags/2 - \"w\"",
        "remove /gone true -",
        "add /a~1b~0c - {\"n\":null}",
    ];
    assert_eq!(shown(Some(before), Some(after)), wanted);
}

#[test]
fn numbers_are_compared_as_they_are_written() {
    let wanted = ["change /a 1.0 1.00", "change /b 9007199254740993 9007199254740992"];
    let before = r#"{"a":1.0,"b":9007199254740993,"c":1e400}"#;
    let after = r#"{"a":1.00,"b":9007199254740992,"c":1e400}"#;
    assert_eq!(shown(Some(before), Some(after)), wanted);
}

#[test]
fn what_was_made_or_deleted_shows_each_member() {
    let object = r#"{"a":1,"b":{"c":2}}"#;
    assert_eq!(shown(None, Some(object)), ["add /a - 1", "add /b - {\"c\":2}"]);
    assert_eq!(shown(Some("null"), Some(object)), ["add /a - 1", "add /b - {\"c\":2}"]);
    assert_eq!(shown(Some(object), None), ["remove /a 1 -", "remove /b {\"c\":2} -"]);
    assert_eq!(shown(None, Some("{}")), ["add  - {}"]);
    assert_eq!(shown(Some("1"), Some("null")), ["change  1 null"]);
    assert_eq!(shown(Some("[1]"), Some("{}")), ["change  [1] {}"]);
    assert!(shown(None, None).is_empty());
}

#[test]
fn too_many_differences_are_one() {
    let many = |value: u32| Value::from(vec![value; super::DIFF_MAX + 1]).to_string();
    let (before, after) = (many(1), many(2));
    let all = shown(Some(&before), Some(&after));
    assert_eq!(all, [format!("change  {before} {after}")]);
    // Long keys above many values would repeat themselves in every path.
    let long =
        |value: u32| format!("{{\"{}\":{}}}", "k".repeat(2048), Value::from(vec![value; 1000]));
    assert_eq!(shown(Some(&long(1)), Some(&long(2))).len(), 1);
}

use serde_json::Value;

use crate::Event;

#[test]
fn the_whole_event_goes_along_as_it_was_written() {
    let json = "{\"trail\":\"shop\",\"seq\":18446744073709551615,\"id\":\"0190\",\n\"recorded_at\":\"2026-01-31T10:00:00.000000Z\",\"action\":\"a.b\",\"details\":{\"n\":1.00}}";
    let mut out = Vec::new();
    super::line(&Event::read(json).unwrap(), json, "ab", "audit.example.com/1", &mut out).unwrap();
    let line = String::from_utf8(out).unwrap();
    assert_eq!(line.find('\n'), Some(line.len() - 1), "one line");
    assert!(line.contains(r#""details":{"n":1.00}"#), "no number goes through a float");
    let read: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&read["seq"], read.get("subject")), (&"18446744073709551615".into(), None));
    assert_eq!(
        (&read["time"], &read["leaf"]),
        (&"2026-01-31T10:00:00.000000Z".into(), &"ab".into())
    );
    // Names of attributes are small letters and digits only.
    let plain = |name: &String| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    assert!(read.as_object().unwrap().keys().all(plain));
}

#[test]
fn whoever_takes_it_in_has_the_event_under_its_own_id() {
    let id = "0190b1a0-0000-7000-8000-000000000000";
    let json = format!(
        r#"{{"trail":"shop","seq":7,"id":"{id}","recorded_at":"2026-01-31T10:00:00.000000Z","occurred_at":"2026-01-31T09:00:00.000000Z","action":"a.b","recorded_by":"key:1","details":{{"n":1.00}}}}"#
    );
    let mut out = Vec::new();
    super::line(&Event::read(&json).unwrap(), &json, "ab", "audit.example.com/1", &mut out)
        .unwrap();
    let back = crate::intake::cloudevents::structured(&out).unwrap();
    let checked = indelible_event::check(&back).unwrap();
    assert_eq!(checked.id.unwrap().to_string(), id);
    assert_eq!((&*checked.action, checked.trail.unwrap().as_str()), ("a.b", "shop"));
    let back: Value = serde_json::from_slice(&back).unwrap();
    assert_eq!(
        (&back["details"]["n"], &back["details"]["copy_of"]["seq"]),
        (&1.0.into(), &7.into())
    );
    assert_eq!(back["occurred_at"], "2026-01-31T09:00:00.000000Z");
}

use super::*;
use crate::set::Origin;

fn file(text: &str) -> File {
    File { name: "rules/x.test.yml".into(), text: text.into(), origin: Origin::Folder }
}

fn refused(text: &str) -> (Option<usize>, String) {
    let refused = Trial::read(&file(text)).expect_err("it makes no sense");
    (refused.line, refused.reason)
}

#[test]
fn what_makes_no_sense_is_told_with_its_line() {
    for (text, line, says) in [
        ("", None, "1 to 1000 cases"),
        ("- name: x\n  events: []\n  fires: []\n", Some(1), "has no events"),
        ("- name: x\n  event: []\n  fires: []\n", Some(2), "unknown field `event`"),
        ("- name: x\n  events:\n    - { outcome: success }\n  fires: []\n", Some(3), "action"),
        (
            "- name: x\n  events:\n    - { action: a.b, outcome: maybe }\n  fires: []\n",
            Some(3),
            "outcome",
        ),
        ("- name: x\n  events:\n    - { action: a, times: 0 }\n  fires: []\n", Some(3), "times: 0"),
        (
            "- name: x\n  events:\n    - { action: a, times: 100001 }\n  fires: []\n",
            Some(3),
            "more than 100000",
        ),
        (
            "- name: x\n  events:\n    - { action: a, every: soon }\n  fires: []\n",
            Some(3),
            "every: \"soon\" is no time",
        ),
        (
            "- name: x\n  events:\n    - { action: a, at: noon }\n  fires: []\n",
            Some(3),
            "at: \"noon\"",
        ),
        (
            "- name: x\n  events: [ { action: a } ]\n  after: -1s\n  fires: []\n",
            Some(1),
            "after: \"-1s\"",
        ),
        ("- name: x\n  events: [ { action: a ]\n", Some(2), ""),
    ] {
        let (at, why) = refused(text);
        assert_eq!(at, line, "{text}: {why}");
        assert!(why.contains(says), "{text}: {why}");
    }
    let deep = format!("- name: x\n  fires: []\n  events: {}{}", "[".repeat(60), "]".repeat(60));
    refused(&deep);
}

#[test]
fn events_look_as_the_api_shows_them() {
    let text = r#"
- name: x
  events:
    - { action: user.login, user_id: "u{n}", ip_address: 203.0.113.9, times: 2, every: 10s }
    - { action: a.b, trail: _system, recorded_by: key:x, at: "2026-01-02T00:00:00Z" }
    - { action: late, at: "2026-01-01T00:00:00Z" }
  fires: []
"#;
    let trial = Trial::read(&file(text)).unwrap();
    let records = history::of(&trial.cases[0].events).unwrap();
    let shown: Vec<Value> =
        records.iter().map(|record| serde_json::from_slice(&record.json).unwrap()).collect();
    let all = |path: &str| {
        let of = |event: &Value| event.pointer(path).cloned().unwrap_or_default();
        shown.iter().map(of).collect::<Vec<_>>()
    };
    let none = Value::Null;
    assert_eq!(all("/actor/id"), ["u1".into(), "u2".into(), none.clone(), none.clone()]);
    assert_eq!(all("/trail"), ["default", "default", "_system", "default"]);
    assert_eq!(
        all("/occurred_at"),
        [
            "2026-01-01T12:00:00.000000Z",
            "2026-01-01T12:00:10.000000Z",
            "2026-01-02T00:00:00.000000Z",
            "2026-01-01T00:00:00.000000Z",
        ]
    );
    assert_eq!(all("/recorded_at")[3], "2026-01-02T00:00:00.000000Z", "a node's time never falls");
    assert_eq!((&shown[1]["context"]["ip"], &shown[1]["seq"]), (&"203.0.113.9".into(), &1.into()));
    assert_eq!(all("/recorded_by")[2], "key:x");
}

#[test]
fn a_name_that_nobody_has_is_told() {
    let text = "- name: x\n  events: [ { action: a } ]\n  fires: [ Nothing ]\n";
    let trial = Trial::read(&file(text)).unwrap();
    let verdicts = trial.run(&Arc::default(), Micros(0));
    assert_eq!(verdicts[0].differs, ["no rule that is loaded is called \"Nothing\""]);
}

//! What rules of one event mean: a selection, what an event says, and whether it matches.

use std::sync::Arc;

use indelible_rules::{File, Origin, RuleSet};

use crate::imported::matching;

fn matches(selection: &str, members: &str) -> bool {
    let indented = selection.replace('\n', "\n    ");
    let text = format!(
        "title: T\nlogsource: {{ product: indelible }}\ndetection:\n  s:\n    {indented}\n  condition: s\n"
    );
    let file = File { name: "x.yml".into(), text: text.into(), origin: Origin::Folder };
    let set = Arc::new(RuleSet::read(&[file], &[], &[]));
    assert_eq!(set.refused, [], "{selection}");
    let json = format!(
        r#"{{"trail":"t","seq":1,"id":"00000000-0000-7000-8000-000000000001","recorded_at":"2026-01-31T23:30:00.000000Z","outcome":"success",{members}}}"#
    );
    !matching(&set, json.as_bytes()).is_empty()
}

#[test]
fn each_modifier_on_an_event() {
    let said = r#""action":"User.Login","details":{"cmd":"tool.exe /enc aGVsbG8gd29ybGQ= x","n":10,"f":2.50,"yes":true,"nil":null,"empty":"","list":["One","two"],"of":[{"a":1},{"a":2}],"deep":{"x":{"y":"Z"}},"wide":"SQBFAFgA"},"actor":{"id":"ada"},"targets":[{"type":"user","id":"grace"},{"type":"user","id":"ADA"}],"context":{"ip":"10.1.2.3"}"#;
    let yes = [
        "action: user.login",
        "action: 'user.?ogin'",
        "action|cased: User.Login",
        "action|startswith: [ x, user ]",
        "action|re: '^User'",
        "action|re|i: '^user'",
        "action|neq: other",
        "details.nothing|neq: other",
        "details.n: 10",
        "details.n: '10'",
        "details.n|gt: 9",
        "details.f: 2.5",
        "details.yes: true",
        "details.yes: 'True'",
        "details.nil: null",
        "details.nothing: null",
        "details.nil|exists: true",
        "details.nothing|exists: false",
        "details.empty: ''",
        "details.empty: '*'",
        "details.deep: '*'",
        "details.deep|contains: '\"y\":\"z\"'",
        "details.list: one",
        "details.list|contains|all: [ one, tw ]",
        "details.of.a: 2",
        "details.cmd|windash|contains: ' -enc '",
        "details.cmd|base64offset|contains: lo wor",
        "details.wide|wide|base64: IEX",
        "actor.id|fieldref: targets.id",
        "actor.id|neq|fieldref: context.ip",
        "context.ip|cidr: [ 192.168.0.0/16, 10.0.0.0/8 ]",
        "occurred_at|hour: 23",
        "recorded_at|weekday: 6",
        "occurred_at|minute|gte: 30",
        "[ grace, nobody ]",
        "'|all': [ GRACE, tool* ]",
        "'|re': '^gra'",
        "- action: other\n- details.n: 10",
    ];
    for selection in yes {
        assert!(matches(selection, said), "{selection}");
    }
    let no = [
        "action: user",
        "action|cased: user.login",
        "action|re: '^user'",
        "action|neq: user.login",
        "{ action: user.login, details.n: 11 }",
        "details.n|lt: 10",
        "details.nil: '*'",
        "details.nothing: '*'",
        "details.nothing: ''",
        "details.empty: null",
        "details.nothing|gt: 0",
        "details.list|contains|all: [ one, three ]",
        "details.of.a: 3",
        "actor.id|fieldref|cased: targets.id",
        "context.ip|cidr: 10.2.0.0/16",
        "occurred_at|hour: 22",
        "[ gracious, nobody ]",
        "'|all': [ grace, nobody ]",
    ];
    for selection in no {
        assert!(!matches(selection, said), "{selection}");
    }
}

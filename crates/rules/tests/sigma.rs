//! What of Sigma is understood, and how the rest is refused.

use indelible_rules::model::{Condition, CorrelationKind, Field, How, Kind, Op, Piece};
use indelible_rules::{File, Level, Origin, RuleSet};

fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into(), origin: Origin::Folder }
}

fn read(text: &str) -> RuleSet {
    RuleSet::read(&[file("rules/x.yml", text)], &[], &[])
}

/// A rule of one selection, which is that of the text.
fn selecting(selection: &str) -> RuleSet {
    let indented = selection.replace('\n', "\n    ");
    read(&format!(
        "title: T\nlogsource: {{ product: indelible }}\ndetection:\n  s:\n    {indented}\n  condition: s\n"
    ))
}

fn condition(set: &RuleSet) -> &Condition {
    assert_eq!(set.refused, []);
    match &set.rules[0].kind {
        Kind::Event(condition) => condition,
        Kind::Correlation(_) => panic!("it is a rule of one event"),
    }
}

fn op(selection: &str) -> String {
    let set = selecting(selection);
    match condition(&set) {
        Condition::Test(test) => format!("{:?}", test.op),
        other => format!("{other:?}"),
    }
}

fn reason(text: &str) -> String {
    let set = read(text);
    let refused = set.refused.first().unwrap_or_else(|| panic!("nothing is refused of {text}"));
    format!("{}: {}", refused.line.unwrap_or(0), refused.reason)
}

const SPRAY: &str = "title: Failed login
name: failed_login
logsource: { product: indelible }
detection:
  s: { action: user.login, outcome: failure }
  condition: s
---
title: Password spray
id: spray
tags: [ attack.t1110 ]
advice: Look.
correlation:
  type: value_count
  rules: [ failed_login ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: { field: actor.id, gte: 10 }
level: high
";

#[test]
fn a_correlation_refers_to_the_rule_before_it() {
    let set = read(SPRAY);
    assert_eq!(set.refused, []);
    let [failed, spray] = &*set.rules else { panic!("two rules") };
    assert!(!failed.alerts && spray.alerts);
    assert_eq!(
        (&*failed.id, failed.line, spray.line, spray.level),
        ("failed_login", 1, 8, Level::High)
    );
    assert!(spray.text.starts_with("title: Password spray") && spray.text.ends_with("level: high"));
    let Kind::Correlation(correlation) = &spray.kind else { panic!("it is one") };
    assert_eq!(correlation.span.0, 600_000_000);
    let CorrelationKind::ValueCount { field, at_least: 10 } = &correlation.kind else {
        panic!("of values")
    };
    assert_eq!(field.of.len(), 1);
    let names: Vec<&str> = field.of[0][0].iter().map(|name| &**name).collect();
    assert_eq!(names, ["actor", "id"]);
}

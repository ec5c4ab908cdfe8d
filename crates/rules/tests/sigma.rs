//! What of Sigma is understood, and how the rest is refused.

use indelible_rules::model::{Condition, CorrelationKind, Kind};
use indelible_rules::{File, Level, Origin, RuleSet};
use proptest::prelude::*;

fn file(name: &str, text: &str) -> File {
    File { name: name.into(), text: text.into(), origin: Origin::Folder }
}

fn pack(name: &str, text: &str) -> File {
    File { origin: Origin::Pack, ..file(name, text) }
}

fn read(text: &str) -> RuleSet {
    RuleSet::read(&[file("rules/x.yml", text)], &[], &[])
}

/// A rule of one selection, which is that of the text.
fn selecting(selection: &str) -> String {
    let indented = selection.replace('\n', "\n    ");
    format!(
        "title: T\nlogsource: {{ product: indelible }}\ndetection:\n  s:\n    {indented}\n  condition: s\n"
    )
}

fn condition(set: &RuleSet) -> &Condition {
    assert_eq!(set.refused, []);
    match &set.rules[0].kind {
        Kind::Event(condition) => condition,
        Kind::Correlation(_) => panic!("it is a rule of one event"),
    }
}

/// A condition in short: what tests say, without the fields.
fn short(condition: &Condition) -> String {
    let all = |of: &[Condition]| of.iter().map(short).collect::<Vec<_>>().join(" ");
    match condition {
        Condition::All(of) => format!("all({})", all(of)),
        Condition::Any(of) => format!("any({})", all(of)),
        Condition::Not(of) => format!("not({})", short(of)),
        Condition::Constant(is) => is.to_string(),
        Condition::Test(test) => {
            let op = format!("{:?}", test.op);
            let op = op.replace(", cased: false", "").replace("how: ", "").replace("value: ", "");
            op.replace(" { ", "{").replace(" }", "}").replace("Text{", "{")
        }
    }
}

fn selects(selection: &str) -> String {
    short(condition(&read(&selecting(selection))))
}

/// The first refusal: its line and its reason.
fn reason(text: &str) -> String {
    let set = read(text);
    let refused = set.refused.first().unwrap_or_else(|| panic!("nothing is refused of {text}"));
    assert_eq!(set.rules.len(), 0, "{text}");
    format!("{}: {}", refused.line.unwrap_or(0), refused.reason)
}

#[test]
fn values() {
    let table = [
        ("action: Login", r#"{Is, "login"}"#),
        ("action: lo*", r#"{Begins, "lo"}"#),
        ("action: '*in'", r#"{Ends, "in"}"#),
        ("action: '*og*'", r#"{Contains, "og"}"#),
        ("action: '**og**'", r#"{Contains, "og"}"#),
        (
            "action: l?g*n",
            r#"Pattern{pattern: [Literal("l"), One, Literal("g"), Any, Literal("n")]}"#,
        ),
        (r"action: 'a\*b'", r#"{Is, "a*b"}"#),
        (r"action: 'a\\*'", r#"{Begins, "a\\"}"#),
        (r"action: 'a\\\*'", r#"{Is, "a\\*"}"#),
        (r"action: 'a\b\\c'", r#"{Is, "a\\b\\c"}"#),
        (r"action: 'c:\dir\'", r#"{Is, "c:\\dir\\"}"#),
        ("action: ''", r#"{Is, ""}"#),
        ("action: '*'", "Pattern{pattern: [Any]}"),
        ("action: null", "Null"),
        ("action:", "Null"),
        ("details.n: 5", r#"{Is, "5"}"#),
        ("details.n: 007", r#"{Is, "007"}"#),
        ("details.n: 2.5", r#"any({Is, "2.5"} Number(Is, 2.5))"#),
        ("details.n: true", r#"{Is, "true"}"#),
        ("details.n: NO", r#"{Is, "no"}"#),
        ("action: [ a, B* ]", r#"any({Is, "a"} {Begins, "b"})"#),
        ("{ action: a, outcome: b }", r#"all({Is, "a"} {Is, "b"})"#),
        ("- { action: a, outcome: b }\n- action: c", r#"any(all({Is, "a"} {Is, "b"}) {Is, "c"})"#),
        ("[ word, two* ]", r#"any({Contains, "word"} {Contains, "two"})"#),
        ("one word", r#"{Contains, "one word"}"#),
        ("'|all': [ a, b ]", r#"all({Contains, "a"} {Contains, "b"})"#),
    ];
    for (selection, means) in table {
        assert_eq!(selects(selection), means, "{selection}");
    }
}

#[test]
fn modifiers() {
    let table = [
        ("action|contains: x", r#"{Contains, "x"}"#),
        ("action|startswith: x", r#"{Begins, "x"}"#),
        ("action|endswith: x", r#"{Ends, "x"}"#),
        ("action|contains|all: [ x, y ]", r#"all({Contains, "x"} {Contains, "y"})"#),
        (
            "action|contains: 'x*y'",
            r#"Pattern{pattern: [Any, Literal("x"), Any, Literal("y"), Any]}"#,
        ),
        ("action|contains: '*'", "Pattern{pattern: [Any]}"),
        ("action|cased: Xy", r#"{Is, "Xy", cased: true}"#),
        ("action|contains|cased: Xy", r#"{Contains, "Xy", cased: true}"#),
        ("action|neq: x", r#"not({Is, "x"})"#),
        ("action|neq: [ x, y ]", r#"not(any({Is, "x"} {Is, "y"}))"#),
        ("action|exists: true", "Exists(true)"),
        ("action|exists: 'no'", "Exists(false)"),
        ("action|re: '^a.c$'", r#"Regex(Regex("^a.c$"))"#),
        ("action|re|i|m|s: x", r#"Regex(Regex("x"))"#),
        ("context.ip|cidr: 10.1.2.3/8", "Cidr(10.0.0.0/8)"),
        (
            "context.ip|cidr: [ 10.0.0.1, '2001:db8::/32' ]",
            "any(Cidr(10.0.0.1/32) Cidr(2001:db8::/32))",
        ),
        ("details.n|gte: 5", "Number(AtLeast, 5.0)"),
        ("details.n|lt: '-2.5'", "Number(Less, -2.5)"),
        ("details.n|gt: 5", "Number(More, 5.0)"),
        ("details.n|lte: 5", "Number(AtMost, 5.0)"),
        ("occurred_at|hour|gte: 20", "Time(Hour, AtLeast, 20)"),
        ("occurred_at|weekday: [ 6, 7 ]", "any(Time(Weekday, Is, 6) Time(Weekday, Is, 7))"),
        ("occurred_at|neq|year: 2026", "not(Time(Year, Is, 2026))"),
        ("details.x|base64: foo", r#"{Is, "zm9v"}"#),
        (
            "details.x|base64offset|contains: foo",
            r#"any({Contains, "zm9v"} {Contains, "zvb"} {Contains, "mb2"})"#,
        ),
        ("details.x|wide|base64: f", r#"{Is, "zga="}"#),
        ("details.x|utf16be|base64: f", r#"{Is, "agy="}"#),
        ("details.x|utf16|base64: f", r#"{Is, "//5mAA=="}"#.to_lowercase().leak()),
        ("actor.id|fieldref: targets.id", r#"Same{other: Paths([["targets", "id"]]), Is}"#),
        (
            "actor.id|fieldref|endswith: targets.id",
            r#"Same{other: Paths([["targets", "id"]]), Ends}"#,
        ),
        (
            "actor.id|neq|fieldref: targets.id",
            r#"not(Same{other: Paths([["targets", "id"]]), Is})"#,
        ),
    ];
    for (selection, means) in table {
        let got = selects(selection);
        assert_eq!(got.replace("{Is, \"//5maa==\"}", "{is, \"//5maa==\"}"), means, "{selection}");
    }
    let dashes = selects("details.cmd|windash|contains: ' -a b-c'");
    assert!(
        dashes.contains(r#"{Contains, " /a b-c"}"#) && dashes.contains(r#"" –a b-c""#),
        "{dashes}"
    );
    assert_eq!(dashes.matches("Contains").count(), 5);
}

#[test]
fn conditions() {
    let rule = |said: &str| {
        format!(
            "title: T\nlogsource: {{ product: indelible }}\ndetection:\n  a: {{ action: a }}\n  b1: {{ action: b }}\n  b2: {{ action: c }}\n  b3: {{ action: d }}\n  _x: {{ action: x }}\n  condition: {said}\n"
        )
    };
    let table = [
        ("a", "a"),
        ("a or b1 and b2", "any(a all(b c))"),
        ("(a or b1) and b2", "all(any(a b) c)"),
        ("a AND NOT b1", "all(a not(b))"),
        ("not not a", "not(not(a))"),
        ("1 of b*", "any(b c d)"),
        ("any of b*", "any(b c d)"),
        ("all of b*", "all(b c d)"),
        ("a and not 1 of b*", "all(a not(any(b c d)))"),
        ("all of them", "all(a b c d)"),
        ("1 of *x", "x"),
        ("2 of b*", "any(all(b any(c d)) all(c d))"),
        ("3 of b*", "all(b c d)"),
        ("[ a, b1 ]", "any(a b)"),
    ];
    for (said, means) in table {
        let short = short(condition(&read(&rule(said))));
        assert_eq!(short.replace("{Is, \"", "").replace("\"}", ""), means, "{said}");
    }
    let refused = [
        ("c", "there is no selection `c`"),
        ("b11", "there is no selection `b11`; did you mean `b1`?"),
        ("a b1", "`and` or `or` is missing before `b1`"),
        ("a an b1", "`and` or `or` is missing before `an`; did you mean `and`?"),
        ("a and", "it ends where a selection should be named"),
        ("(a", "a `)` is missing"),
        ("a )", "a `)` that nothing opened"),
        ("and a", "a selection is missing before `and`"),
        ("1 of c*", "no selection is called like `c*`"),
        ("4 of b*", "`4 of b*`: there are only 3"),
        ("0 of b*", "`0 of` always holds"),
        ("some of b*", "`some of`: `1`, another number or `all` would do"),
        ("1 of", "`1 of` what?"),
        ("''", "it ends where a selection should be named"),
        ("[]", "the list is empty"),
        (
            "a | count() by actor.id > 5",
            "the aggregation `| count() by actor.id > 5` is of the old Sigma; write a `correlation`",
        ),
    ];
    for (said, why) in refused {
        let told = reason(&rule(said));
        assert!(told.starts_with("9: ") && told.contains(why), "{said}: {told}");
    }
    let deep = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
    assert!(reason(&rule(&deep)).contains("deeper than 32"));
    let long = vec!["1 of b*"; 10_000].join(" or ");
    assert!(reason(&rule(&long)).contains("more than 20000 tests"));
}

#[test]
fn selections_that_are_refused() {
    let table = [
        ("acton: x", "5: there is no field `acton`; did you mean `action`?"),
        ("actor.nam: x", "5: there is no field `actor.nam`; did you mean `actor.name`?"),
        ("zzzzzzz: x", "5: there is no field `zzzzzzz`; an event has `trail`, `seq`"),
        ("actor.zzzzzzz: x", "5: there is no field `actor.zzzzzzz`; `actor` has `type`, `id`"),
        ("action.x: x", "5: there is no field `action.x`; `action` is a value and has no `x`"),
        ("details..x: x", "5: the field `details..x` has a name that is empty"),
        ("action|containss: x", "5: there is no modifier `containss`; did you mean `contains`?"),
        ("action|expand: '%admins%'", "5: the modifier `expand` needs values"),
        ("action|i: x", "5: the modifier `i` belongs behind `re`"),
        ("action|contains|startswith: x", "5: `startswith` stands beside another"),
        (
            "action|re|contains: x",
            "5: `contains`, `startswith` and `endswith` say nothing of a regular",
        ),
        ("action|wide: x", "5: `wide` and `utf16…` need `base64`"),
        ("action|contains|base64: x", "5: `base64` belongs before"),
        ("action|base64: 'x*'", "5: a text with `*` or `?` has no Base64"),
        ("action|base64offset: ''", "5: the text is too short"),
        ("action|exists: maybe", "5: `exists` takes `true` or `false`"),
        ("action|cidr: 10.0.0.0/40", "5: `10.0.0.0/40` is no network"),
        ("action|gt: many", "5: `many` is no number"),
        ("action|gt: NaN", "5: `NaN` is no number"),
        ("action|gt|contains: 1", "5: modifiers of texts say nothing of numbers"),
        ("occurred_at|hour: 24", "5: `24` is none of 0 to 23"),
        ("action|contains: null", "5: nothing stands where a text should be"),
        ("action: []", "5: `action` has an empty list"),
        ("{}", "5: the selection `s` is a map with nothing in it"),
        ("null", "5: the selection `s` is nothing with nothing in it"),
        (
            "action: { x: y }",
            "5: a map stands where a value should be; members of members are named with a dot",
        ),
        (
            "action|re: '(?=x)'",
            "5: the regular expression `(?=x)` cannot be read: look-around, including look-ahead and look-behind, is not supported; such expressions can take forever",
        ),
        ("action|re: '('", "5: the regular expression `(` cannot be read: unclosed group"),
        (
            "action|re: '(a{100}){100}'",
            "5: the regular expression `(a{100}){100}` is larger than 65536 bytes",
        ),
        ("action: a\naction: b", "6: the YAML cannot be read: duplicate mapping key: action"),
        ("action: *x", "5: the YAML cannot be read: "),
        ("'|cidr': 10.0.0.0/8", "5: this modifier needs a field"),
    ];
    for (selection, why) in table {
        let told = reason(&selecting(selection));
        assert!(told.starts_with(why), "{selection}: {told}");
    }
}

#[test]
fn documents_that_are_refused() {
    let detection =
        "logsource: { product: indelible }\ndetection: { s: { action: a }, condition: s }\n";
    let table = [
        (detection.to_owned(), "1: a rule has a `title`"),
        ("title: T".to_owned(), "1: the rule has neither a `detection` nor a `correlation`"),
        ("title: T\ndetektion: {}".to_owned(), "1: the rule has neither a `detection` nor a `correlation`; did you mean `detection`?"),
        ("- a".to_owned(), "1: a rule is a list; it is a map"),
        ("title: T\ndetection: {}".to_owned(), "1: the rule has no `logsource`"),
        (format!("title: T\nlevel: hihg\n{detection}"), "2: there is no level `hihg`; did you mean `high`?"),
        (format!("title: T\naction: global\n{detection}"), "2: `action: global` is of the old Sigma"),
        ("title: T\nfilter: {}".to_owned(), "2: Sigma filters are not understood"),
        (format!("title: T\ncorrelation: {{}}\n{detection}"), "2: `detection` and `correlation` in one document"),
        (format!("title: [ a ]\n{detection}"), "1: `title` is a list; it is a text"),
        ("title: T\nlogsource: { product: windows, category: process_creation }\ndetection: {}".to_owned(), "2: there is no mapping for product: windows, category: process_creation; write one"),
        ("title: T\nlogsource: { product: oktaa, service: okta }\ndetection: {}".to_owned(), "2: there is no mapping for product: oktaa, service: okta; did you mean `okta`?"),
        ("title: T\nlogsource: { product: aws }\ndetection: {}".to_owned(), "2: there is no mapping for product: aws; there is one for `product: aws, service: cloudtrail`"),
        ("title: T\nlogsource: { product: indelible }\ndetection: { s: { action: a } }".to_owned(), "3: `detection` has no `condition`"),
        ("title: T\nlogsource: { product: indelible }\ndetection: { s: { action: a }, timeframe: 5m, condition: s }".to_owned(), "3: `timeframe` is of the old Sigma"),
        ("title: 'T".to_owned(), "1: the YAML cannot be read: "),
        ("title: !!python/object T".to_owned(), "1: the YAML cannot be read: "),
        (
            "title: T\nlogsource: { product: indelible, service: shop }\ndetection: {}".to_owned(),
            "2: `product: indelible` has no `service`",
        ),
    ];
    for (text, why) in table {
        let told = reason(&text);
        assert!(told.starts_with(why), "{text}: {told}");
    }
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

/// A rule `a`, a rule `b`, and a correlation that is that of the text.
fn correlating(text: &str) -> String {
    let rule = |name: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{ product: indelible }}\ndetection: {{ s: {{ action: {name} }}, condition: s }}\n---\n"
        )
    };
    format!("{}{}title: C\ncorrelation: {text}\n", rule("a"), rule("b"))
}

#[test]
fn kinds_of_correlations() {
    let table = [
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { gt: 4 } }",
            "EventCount { at_least: 5 }",
        ),
        (
            "{ type: event_count, rules: [ a, b ], group-by: [ actor.id ], timespan: 90s, condition: { gte: 2, gt: 4 } }",
            "EventCount { at_least: 5 }",
        ),
        (
            "{ type: temporal, rules: [ a, b ], timespan: 1h }",
            "Temporal { ordered: false, at_least: 2 }",
        ),
        (
            "{ type: temporal, rules: [ a, b ], timespan: 1h, condition: { gte: 1 } }",
            "Temporal { ordered: false, at_least: 1 }",
        ),
        (
            "{ type: temporal_ordered, rules: [ a, b ], timespan: 1h }",
            "Temporal { ordered: true, at_least: 2 }",
        ),
        ("{ type: absence, rules: [ a, b ], timespan: 1w }", "Absence"),
        (
            "{ type: unusual, rules: a, timespan: 1d, condition: { factor: 2.5, gte: 50, past: 14 } }",
            "Unusual { factor_percent: 250, at_least: 50, past: 14 }",
        ),
    ];
    for (text, kind) in table {
        let set = read(&correlating(text));
        assert_eq!(set.refused, [], "{text}");
        let Kind::Correlation(correlation) = &set.rules[2].kind else { panic!("it is one") };
        assert_eq!(format!("{:?}", correlation.kind), kind, "{text}");
    }
    let first = read(&correlating(
        "{ type: first_seen, rules: a, group-by: actor.id, timespan: 30d, learn: 7d, condition: { field: context.ip } }",
    ));
    assert_eq!(first.refused, []);
    assert_eq!(first.rules[2].kind.name(), "first_seen");
}

#[test]
fn correlations_that_are_refused() {
    let table = [
        (
            "{ type: event_cnt, rules: a, timespan: 1h, condition: { gt: 4 } }",
            "there is no correlation type `event_cnt`; did you mean `event_count`?",
        ),
        (
            "{ type: event_count, rules: aa, timespan: 1h, condition: { gt: 4 } }",
            "there is no rule of the name or id `aa`; did you mean `a`?",
        ),
        (
            "{ type: event_count, rules: C, timespan: 1h, condition: { gt: 4 } }",
            "it refers to itself: `C` → `C`",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { lt: 4 } }",
            "`lt`: whether fewer came shows only when it is too late to tell",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { gtee: 4 } }",
            "the condition has no `gtee`; did you mean `gte`?",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { gte: 0 } }",
            "the condition always holds",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { gte: 10001 } }",
            "the condition asks for 10001; a window keeps at most 10000, so this would never fire",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: { gte: many } }",
            "`gte` is no whole number",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1h, condition: {} }",
            "the condition has neither `gte` nor `gt`",
        ),
        ("{ type: event_count, rules: a, timespan: 1h }", "the correlation has no `condition`"),
        (
            "{ type: event_count, rules: a, condition: { gte: 1 } }",
            "the correlation has no `timespan`",
        ),
        (
            "{ type: event_count, rules: a, timespan: 1x, condition: { gte: 1 } }",
            "`timespan` is `1x`, and no time",
        ),
        (
            "{ type: event_count, rules: a, timespan: 500d, condition: { gte: 1 } }",
            "`timespan` is 500d; one of 1s to 400d",
        ),
        (
            "{ type: event_count, rules: a, timespan: 0s, condition: { gte: 1 } }",
            "`timespan` is 0s",
        ),
        (
            "{ type: event_count, rules: a, timespan: é, condition: { gte: 1 } }",
            "`timespan` is `é`",
        ),
        (
            "{ type: event_count, rules: a, timespan: 99999999999999d, condition: { gte: 1 } }",
            "`timespan` is 99999999999999d; one of",
        ),
        (
            "{ type: event_count, rules: [], timespan: 1h, condition: { gte: 1 } }",
            "`rules` is empty",
        ),
        (
            "{ type: event_count, rules: [ a, a ], timespan: 1h, condition: { gte: 1 } }",
            "`rules` names `a` twice",
        ),
        (
            "{ type: event_count, rules: a, timeframe: 1h, condition: { gte: 1 } }",
            "`correlation` has no `timeframe`; known are",
        ),
        (
            "{ type: event_count, rules: a, group-by: [ actr.id ], timespan: 1h, condition: { gte: 1 } }",
            "there is no field `actr.id`; did you mean `actor`?",
        ),
        (
            "{ type: event_count, rules: a, learn: 1d, timespan: 1h, condition: { gte: 1 } }",
            "`learn` belongs to `first_seen`",
        ),
        (
            "{ type: event_count, rules: a, generate: yes please, timespan: 1h, condition: { gte: 1 } }",
            "`generate` is a text; it is `true` or `false`",
        ),
        (
            "{ type: value_count, rules: a, timespan: 1h, condition: { gte: 1 } }",
            "the condition has no `field`",
        ),
        ("{ type: temporal, rules: a, timespan: 1h }", "a `temporal` needs two rules or more"),
        (
            "{ type: temporal, rules: [ a, b ], timespan: 1h, condition: { gte: 3 } }",
            "the condition asks for 3 rules, and there are only 2",
        ),
        (
            "{ type: temporal_ordered, rules: [ a, b ], timespan: 1h, condition: { gte: 1 } }",
            "a `temporal_ordered` needs all",
        ),
        (
            "{ type: temporal, rules: [ a, b ], timespan: 1h, condition: a and b }",
            "extended conditions are not understood",
        ),
        (
            "{ type: first_seen, rules: a, timespan: 1h, condition: { field: context.ip } }",
            "a `first_seen` has no `learn`",
        ),
        (
            "{ type: absence, rules: a, timespan: 1h, condition: { gte: 1 } }",
            "an `absence` has no `condition`",
        ),
        (
            "{ type: unusual, rules: a, timespan: 1h, condition: { gte: 1, past: 3 } }",
            "the condition has no `factor`",
        ),
        (
            "{ type: unusual, rules: a, timespan: 300d, condition: { factor: 2, gte: 1, past: 3 } }",
            "`past` spans are longer than 400 days",
        ),
        (
            "{ type: event_count, rules: a, aliases: { x: { c: actor.id } }, timespan: 1h, condition: { gte: 1 } }",
            "the alias is for the rule `c`, which the correlation does not refer to",
        ),
        (
            "{ type: temporal, rules: [ a, b ], group-by: [ x ], aliases: { x: { a: actor.id } }, timespan: 1h }",
            "the alias `x` does not say what field of `b` it is",
        ),
        (
            "{ type: first_seen, rules: a, timespan: 1d, learn: 7d, condition: { field: context.ip } }",
            "`learn` is longer than `timespan`",
        ),
    ];
    for (text, why) in table {
        let set = read(&correlating(text));
        assert_eq!((set.rules.len(), set.refused.len()), (2, 1), "{text}");
        let Some(refused) = set.refused.first() else { panic!("{text}") };
        assert!(refused.reason.starts_with(why), "{text}: {}", refused.reason);
        assert!(refused.line >= Some(11), "{text}: {:?}", refused.line);
    }
}

#[test]
fn aliases_and_chains() {
    let set = read(
        &(correlating(
            "{ type: temporal, rules: [ a, b ], group-by: [ who ], aliases: { who: { a: actor.id, b: targets.id } }, timespan: 1h }\nname: c",
        ) + "---\ntitle: D\ncorrelation: { type: event_count, rules: c, group-by: who, timespan: 1d, condition: { gte: 2 }, generate: true }\n"),
    );
    assert_eq!(set.refused, []);
    let paths: Vec<String> = set
        .rules
        .iter()
        .filter_map(|rule| match &rule.kind {
            Kind::Correlation(correlation) => Some(format!("{:?}", correlation.group_by[0].of)),
            Kind::Event(_) => None,
        })
        .collect();
    assert_eq!(paths, [r#"[[["actor", "id"]], [["targets", "id"]]]"#, "[[]]"]);
    let alerts: Vec<bool> = set.rules.iter().map(|rule| rule.alerts).collect();
    assert_eq!(alerts, [false, false, true, true]);
    let lacking = read(
        &(correlating("{ type: temporal, rules: [ a, b ], timespan: 1h }\nname: c")
            + "---\ntitle: D\ncorrelation: { type: event_count, rules: c, group-by: who, timespan: 1d, condition: { gte: 2 } }\n"),
    );
    assert_eq!(
        lacking.refused[0].reason,
        "the correlation `c` groups by nothing, and so knows no `who`; name it in its `group-by` too"
    );
}

#[test]
fn what_is_wrong_with_one_document_says_nothing_of_the_others() {
    let good = |title: &str| {
        format!(
            "title: {title}\nlogsource: {{ product: indelible }}\ndetection: {{ s: {{ action: a }}, condition: s }}\n"
        )
    };
    let text = format!(
        "# head\n---\n{}---\ntitle: 'open\n---\n{}---\ntitle: Bad\n  x: y\n---\n\n...\n%YAML 1.2\n---\n{}",
        good("A"),
        good("B"),
        good("C")
    );
    let set = read(&text);
    let titles: Vec<&str> = set.rules.iter().map(|rule| &*rule.title).collect();
    assert_eq!(titles, ["A", "B", "C"]);
    assert_eq!(set.refused.len(), 2);
    assert_eq!((set.rules[0].line, set.rules[1].line), (3, 9));
}

#[test]
fn what_refers_to_something_refused_is_refused_for_that_reason() {
    let set = read(
        &(SPRAY.replace("user.login", "[]")
            + "---\ntitle: Chain\ncorrelation: { type: event_count, rules: spray, timespan: 1h, condition: { gte: 2 } }\n"),
    );
    assert_eq!(set.rules.len(), 0);
    let reasons: Vec<&str> = set.refused.iter().map(|refused| &*refused.reason).collect();
    assert_eq!(
        reasons,
        [
            "`action` has an empty list",
            "the rule `failed_login` (rules/x.yml) that it refers to is refused: `action` has an empty list",
            "the rule `spray` that it refers to is refused: `action` has an empty list",
        ]
    );
}

#[test]
fn what_a_refused_correlation_refers_to_stays_silent() {
    for (good, bad) in [("gte: 10", "lte: 10"), ("[ failed_login ]", "[ failed_login, other ]")] {
        let set = read(&SPRAY.replace(good, bad));
        assert_eq!((set.rules.len(), set.refused.len()), (1, 1));
        assert!(!set.rules[0].alerts, "{bad}");
    }
}

#[test]
fn circles_are_refused() {
    let rule = |name: &str, of: &str| {
        format!(
            "---\ntitle: {name}\nname: {name}\ncorrelation: {{ type: event_count, rules: {of}, timespan: 1h, condition: {{ gte: 2 }} }}\n"
        )
    };
    let set = read(&(rule("x", "y") + &rule("y", "z") + &rule("z", "y")));
    let reasons: Vec<&str> = set.refused.iter().map(|refused| &*refused.reason).collect();
    assert_eq!(
        reasons,
        [
            "it refers to `y`, which leads in a circle",
            "it refers to itself: `y` → `z` → `y`",
            "it refers to itself: `z` → `y` → `z`"
        ]
    );
    // A correlation may stand before what it refers to; too many in a row may not.
    let mut text = String::new();
    for i in (1..40).rev() {
        text += &rule(&format!("c{i}"), &format!("c{}", i - 1));
    }
    text += "---\ntitle: c0\nname: c0\nlogsource: { product: indelible }\ndetection: { s: { action: a }, condition: s }\n";
    let set = read(&text);
    assert_eq!((set.rules.len(), set.refused.len()), (16, 24));
    assert_eq!(&*set.rules[0].title, "c0");
    assert!(
        set.refused
            .iter()
            .all(|refused| refused.reason.contains("more than 16 rules refer to each other"))
    );
}

#[test]
fn the_same_id_twice() {
    let rule = |id: &str, action: &str| {
        format!(
            "title: {action}\nid: {id}\nlogsource: {{ product: indelible }}\ndetection: {{ s: {{ action: {action} }}, condition: s }}\n"
        )
    };
    let (a, b) = (rule("i", "a"), rule("i", "b"));
    let set = RuleSet::read(&[file("a.yml", &a), file("b.yml", &b)], &[], &[]);
    assert_eq!((set.rules.len(), &*set.rules[0].title), (1, "a"));
    assert_eq!(&*set.refused[0].file, "b.yml");
    assert_eq!(set.refused[0].reason, "its id is that of `a` (a.yml:1); give it one of its own");
    for files in [[pack("p.yml", &a), file("b.yml", &b)], [file("b.yml", &b), pack("p.yml", &a)]] {
        let set = RuleSet::read(&files, &[], &[]);
        assert_eq!((set.rules.len(), &*set.rules[0].title, set.refused.len()), (1, "b", 0));
    }
    let named = |id: &str, name: &str| rule(id, "a") + &format!("name: {name}\n");
    let files = [
        pack("p.yml", &named("i", "n")),
        file("a.yml", &named("j", "n")),
        file("b.yml", &named("i", "n")),
    ];
    let set = RuleSet::read(&files, &[], &[]);
    assert_eq!((set.rules.len(), &*set.refused[0].file), (2, "b.yml"));
    assert!(set.refused[0].reason.starts_with("its name is that of `a` (a.yml:1)"));
    let none = [file("a.yml", &a.replace("id: i\n", "")), file("b.yml", &a.replace("id: i\n", ""))];
    assert!(
        RuleSet::read(&none, &[], &[]).refused[0]
            .reason
            .starts_with("it has no id, and is called like `a`")
    );
}

#[test]
fn what_is_off_is_left_out_unless_it_is_referred_to() {
    let off = |names: &[&str]| {
        let off: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let set = RuleSet::read(&[pack("p.yml", SPRAY)], &[], &off);
        assert_eq!(set.refused, []);
        set.rules.iter().map(|rule| format!("{} {}", rule.title, rule.alerts)).collect::<Vec<_>>()
    };
    assert_eq!(off(&["spray"]), ["Failed login false"]);
    assert_eq!(off(&["Failed login"]), ["Failed login false", "Password spray true"]);
    assert_eq!(off(&["failed_login", "Password spray"]), Vec::<String>::new());
}

#[test]
fn a_digest_is_of_all_that_decides() {
    let digests = |text: &str, mappings: &[File]| {
        let set = RuleSet::read(&[file("x.yml", text)], mappings, &[]);
        set.rules.iter().map(|rule| rule.digest).collect::<Vec<_>>()
    };
    let (one, other) =
        (digests(SPRAY, &[]), digests(&SPRAY.replace("user.login", "user.logon"), &[]));
    assert!(one[0] != other[0] && one[1] != other[1]);
    assert_eq!(one, digests(&format!("# comment\n---\n{SPRAY}"), &[]));
    let mapped = "title: T\nlogsource: { product: x }\ndetection: { s: { a: 1 }, condition: s }\n";
    let mapping = |to: &str| {
        [file("mappings/x.yml", &format!("logsource: {{ product: x }}\nfields: {{ a: {to} }}"))]
    };
    assert_ne!(digests(mapped, &mapping("action")), digests(mapped, &mapping("outcome")));
}

#[test]
fn mappings() {
    let rule = |field: &str| {
        format!(
            "title: T\nlogsource: {{ product: shop, service: orders }}\ndetection:\n  s: {{ {field}: x }}\n  condition: s\n"
        )
    };
    let paths = |mapping: &str, field: &str| {
        let set = RuleSet::read(
            &[file("x.yml", &rule(field))],
            &[file("mappings/shop.yml", mapping)],
            &[],
        );
        match set.refused.first() {
            Some(refused) => {
                format!("{}:{}: {}", refused.file, refused.line.unwrap_or(0), refused.reason)
            }
            None => match condition(&set) {
                Condition::All(of) => format!("{of:?}"),
                Condition::Test(test) => format!("{:?}", test.field),
                other => format!("{other:?}"),
            },
        }
    };
    let shop = "logsource: { product: shop, service: orders }\nfields:\n  who: [ actor.id, details.who ]\n  Body.*: changes.after.*\n";
    assert_eq!(paths(shop, "Who"), r#"Paths([["actor", "id"], ["details", "who"]])"#);
    assert_eq!(paths(shop, "body.Item.id"), r#"Paths([["changes", "after", "Item", "id"]])"#);
    assert_eq!(
        paths(shop, "woh"),
        "x.yml:4: the mapping for product: shop, service: orders knows no field `woh`; did you mean `who`?; name it there, or give the mapping a `rest`"
    );
    let rest = format!("{shop}rest: details.{{field}}.v\n");
    assert_eq!(paths(&rest, "Item\\.x.y"), r#"Paths([["details", "Item.x", "y", "v"]])"#);
    assert!(paths(&format!("{shop}where: {{ trail: shop }}\n"), "who").contains(r#"[["trail"]]"#));
    let table = [
        (
            "logsource: { product: shop, service: orders }\nfields: { who: actr.id }\n",
            "mappings/shop.yml:2: there is no field `actr.id`; did you mean `actor`?",
        ),
        (
            "logsource: { product: shop }\nfeilds: {}\n",
            "mappings/shop.yml:2: a mapping has no `feilds`; did you mean `fields`?",
        ),
        ("fields: {}\n", "mappings/shop.yml:1: a mapping has a `logsource`"),
        (
            "logsource: { product: indelible }\n",
            "mappings/shop.yml:1: a mapping is for the logs of others",
        ),
        (
            "logsource: { product: shop }\nrest: details.x\n",
            "mappings/shop.yml:2: `rest` has no `{field}` in it",
        ),
        (
            "logsource: { product: shop }\nfields: { a: action, A: action }\n",
            "mappings/shop.yml:2: `A` is there twice",
        ),
        (
            "logsource: { product: shop }\nwhere: { trial: x }\n",
            "mappings/shop.yml:2: there is no field `trial`; did you mean `trail`?",
        ),
    ];
    for (mapping, why) in table {
        let told = paths(mapping, "who");
        assert!(told.starts_with(why), "{mapping}: {told}");
    }
}

/// Public rules name their logs like this.
#[test]
fn logs_of_others_are_known() {
    let table = [
        ("{ product: aws, service: cloudtrail }", "userIdentity.arn"),
        ("{ category: application, product: kubernetes, service: audit }", "objectRef.resource"),
        ("{ product: github, service: audit }", "actor_location.country_code"),
        ("{ product: okta, service: okta }", "debugContext.debugData.requestUri"),
        ("{ product: azure, service: activitylogs }", "operationName"),
        ("{ product: azure, service: auditlogs }", "properties.message"),
        ("{ product: azure, service: signinlogs }", "DeviceDetail.deviceId"),
        ("{ product: azure, service: riskdetection }", "riskEventType"),
        ("{ product: azure, service: pim }", "riskEventType"),
        ("{ product: gcp, service: gcp.audit }", "gcp.audit.method_name"),
        ("{ product: gcp, service: google_workspace.admin }", "setting_name"),
        (
            "{ product: gcp, service: google_workspace.login }",
            "protoPayload.metadata.event.eventName",
        ),
        ("{ product: auth0, service: oidc_oauth2 }", "data.type"),
        ("{ product: atlassian, service: audit }", "attributes.action"),
        ("{ product: 1password, service: 1password }", "target_user.email"),
        ("{ product: m365, service: threat_management }", "eventSource"),
        ("{ product: m365, service: audit }", "Operation"),
        ("{ product: onelogin, service: onelogin.events }", "event_type_id"),
        ("{ product: cisco, service: duo }", "action"),
        ("{ product: bitbucket, service: audit }", "auditType.category"),
        ("{ category: application, product: django }", "message"),
        ("{ category: application, product: jvm }", "message"),
    ];
    for (source, field) in table {
        let set = read(&format!(
            "title: T\nlogsource: {source}\ndetection:\n  s: {{ {field}: x }}\n  words: [ some, words ]\n  condition: s or words\n"
        ));
        assert_eq!(set.refused, [], "{source}");
    }
}

#[test]
fn ten_thousand_rules_and_no_more() {
    let rule = |i: usize| {
        format!(
            "---\ntitle: r{i}\nlogsource: {{ product: indelible }}\ndetection: {{ s: {{ action: a{i} }}, condition: s }}\n"
        )
    };
    let files: Vec<File> = (0..5)
        .map(|n| {
            file(&format!("{n}.yml"), &(0..2_001).map(|i| rule(n * 2_001 + i)).collect::<String>())
        })
        .collect();
    let set = RuleSet::read(&files, &[], &[]);
    assert_eq!((set.rules.len(), set.refused.len()), (10_000, 5));
    assert_eq!(set.refused[0].reason, "a node has at most 10000 rules");
}

#[test]
fn bombs_are_refused_quickly() {
    let mut aliases = String::from("a0: &a0 [ x, x, x, x, x, x, x, x, x, x ]\n");
    for i in 1..12 {
        let of = format!("*a{}, ", i - 1).repeat(10);
        aliases += &format!("a{i}: &a{i} [ {of} ]\n");
    }
    let deep = format!("title: {}", "[".repeat(100_000));
    let wide = format!("title: T\nx:\n{}", "- 1\n".repeat(200_000));
    let large = format!("title: {}", "x".repeat(2 << 20));
    let documents = "---\na\n".repeat(100_000);
    let begun = std::time::Instant::now();
    for text in [&aliases, &deep, &wide, &large, &documents] {
        let set = read(text);
        assert_eq!((set.rules.len(), set.refused.len()), (0, 1));
        assert!(set.refused[0].reason.len() < 400, "{}", set.refused[0].reason);
    }
    assert!(begun.elapsed().as_secs() < 10);
}

#[test]
fn expressions_of_usual_size_fit() {
    let table = [
        r"\w+\.\d{1,3}\s",
        r".+:assumed-role/aws:.+",
        r"(?i)^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$",
        r"^(?:\d{1,3}\.){3}\d{1,3}$",
        r"\\\w{1,10}\.exe",
        r"[^\x00-\x7F]",
        r".*\b(cat|dog)\b.*",
        r"^[\w.+-]+@[\w-]+\.[\W\S]$",
        r"^[0-9]+[^a-zA-Z0-9]{1,20}(a|b|\/|\-|\_)\D",
    ];
    for said in table {
        let set = read(&selecting(&format!("action|re: '{said}'")));
        assert_eq!(set.refused, [], "{said}");
        let set = read(&selecting(&format!("action|re|i: '{said}'")));
        assert_eq!(set.refused, [], "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is done to a mapping, it is read or refused, and rules by it too.
    #[test]
    fn no_mapping_panics(at in any::<prop::sample::Index>(), with in ".{0,4}", over in 0usize..6, field in ".{1,12}") {
        let mapping = "logsource: { product: shop }\nwhere: { trail: x }\nfields:\n  a.*: [ details.*, changes.after.* ]\n  b: actor.id\nrest: details.{field}.x\n";
        let mut text: Vec<char> = mapping.chars().collect();
        let at = at.index(text.len());
        text.splice(at..(at + over).min(text.len()), with.chars());
        let mappings = [file("mappings/m.yml", &text.into_iter().collect::<String>())];
        let field = serde_json::to_string(&field).unwrap();
        let rule = format!("title: T\nlogsource: {{ product: shop }}\ndetection: {{ s: {{ {field}: 1, a.b: 2 }}, condition: s }}\n");
        let set = RuleSet::read(&[file("x.yml", &rule)], &mappings, &[]);
        prop_assert!(set.rules.len() + set.refused.len() >= 1);
    }

    /// Whatever is done to a file, it is read or refused.
    #[test]
    fn nothing_panics(cuts in prop::collection::vec((any::<prop::sample::Index>(), ".{0,3}", 0usize..6), 1..6)) {
        let mut text: Vec<char> = SPRAY.chars().collect();
        for (at, with, over) in cuts {
            let at = at.index(text.len().max(1)).min(text.len());
            let end = (at + over).min(text.len());
            text.splice(at..end, with.chars());
        }
        let text: String = text.into_iter().collect();
        let set = read(&text);
        prop_assert!(set.rules.len() <= 3);
        for (at, rule) in set.rules.iter().enumerate() {
            if let Kind::Correlation(correlation) = &rule.kind {
                prop_assert!(correlation.of.iter().all(|no| (no.0 as usize) < at));
            }
        }
    }
}

#[test]
fn what_few_bytes_would_come_to_is_refused_before_it_is_made() {
    let head = "title: T\nlogsource: { product: indelible }\ndetection:\n";
    let many = |count: usize| (0..count).map(|n| format!("  s{n}: a\n")).collect::<String>();
    let some = |count: usize, of: usize| {
        reason(&format!("{head}{}  condition: {of} of them\n", many(count)))
    };
    assert!(some(19_000, 18_999).contains("only `1 of` and `all of` are understood"));
    let values = "    - '-a -b -c -d'\n".repeat(4_000);
    let dashes = format!("{head}  s:\n    action|windash|contains:\n{values}  condition: s\n");
    assert!(reason(&dashes).contains("more than 20000 tests"));
    let long = format!(
        "{head}  s: {{ action|windash: '-a -b {}' }}\n  condition: s\n",
        "x".repeat(60_000)
    );
    assert!(reason(&long).contains("too many dashes"));
    let list = "    - s\n".repeat(9_000);
    let keywords = "    - a\n".repeat(5_000);
    let conditions = format!("{head}  s:\n{keywords}  condition:\n{list}");
    assert!(reason(&conditions).contains("come to more than 20000 tests"));
}

#[test]
fn names_are_lines_of_text() {
    let odd = selecting("action: a").replace("title: T", "title: T\nid: \"a\\x01b\"");
    assert!(reason(&odd).contains("not one line of text"));
}

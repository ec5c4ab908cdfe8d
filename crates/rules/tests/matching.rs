//! The matcher beside an evaluation of the same rules that is as plain as can be, and what it makes of single events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::Micros;
use indelible_rules::model::{
    Compare, Condition, Correlation, CorrelationKind, Field, GroupField, How, Kind, Op, Path,
    Piece, Test, TimePart,
};
use indelible_rules::{Level, Looked, Matcher, Origin, Rule, RuleNo, RuleSet, Scratch, Seen};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

fn rule(no: usize, kind: Kind) -> Rule {
    let text: Arc<str> = format!("rule {no}").into();
    Rule {
        id: text.clone(),
        name: None,
        title: text.clone(),
        description: None,
        advice: None,
        level: Level::Low,
        tags: Vec::new(),
        file: "x.yml".into(),
        line: 1,
        origin: Origin::Folder,
        text,
        digest: [0; 32],
        alerts: true,
        kind,
    }
}

fn set(kinds: Vec<Kind>) -> Arc<RuleSet> {
    let rules = kinds.into_iter().enumerate().map(|(no, kind)| rule(no, kind)).collect();
    Arc::new(RuleSet { rules, refused: Vec::new() })
}

fn path(dotted: &str) -> Path {
    dotted.split('.').map(Box::from).collect()
}

fn field(dotted: &str) -> Field {
    Field::Paths(vec![path(dotted)])
}

fn test(field: Field, op: Op) -> Condition {
    Condition::Test(Test { field, op })
}

fn is(dotted: &str, value: &str) -> Condition {
    text(dotted, How::Is, value)
}

fn text(dotted: &str, how: How, value: &str) -> Condition {
    test(field(dotted), Op::Text { how, value: value.to_lowercase().into(), cased: false })
}

/// An event with its head around these members.
fn event(members: Value) -> Vec<u8> {
    let mut event = json!({
        "id": "0190b1a0-0000-7000-8000-000000000000",
        "recorded_at": "2026-01-01T12:00:00.000000Z",
        "seq": 7,
        "trail": "acme",
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event.to_string().into_bytes()
}

fn look(matcher: &Matcher, json: &[u8]) -> Looked {
    matcher.look(&Seen { pos: 3, json }, &mut Scratch::default()).unwrap()
}

fn matches(condition: Condition, members: Value) -> bool {
    let matcher = Matcher::new(&set(vec![Kind::Event(condition)]));
    !look(&matcher, &event(members)).rules.is_empty()
}

/// What the matcher is compared with.
mod plain {
    use super::*;

    #[derive(Clone)]
    pub struct Found {
        text: String,
        kind: char,
    }

    /// Elements before their list; nothing but the text of an object.
    fn all_at(value: &Value, path: &[Box<str>], out: &mut Vec<Found>) {
        if let Value::Array(list) = value {
            list.iter().for_each(|of| all_at(of, path, out));
        }
        match (path, value) {
            ([], _) => out.push(found(value)),
            ([name, rest @ ..], Value::Object(members)) => {
                if let Some(member) = members.get(&**name) {
                    all_at(member, rest, out);
                }
            }
            _ => {}
        }
    }

    fn found(value: &Value) -> Found {
        let (text, kind) = match value {
            Value::String(text) => (text.clone(), 't'),
            Value::Number(number) => (number.to_string(), 'n'),
            Value::Bool(is) => (is.to_string(), 'b'),
            Value::Null => ("null".into(), '0'),
            whole => (whole.to_string(), 'w'),
        };
        Found { text, kind }
    }

    fn all_texts(value: &Value, out: &mut Vec<Found>) {
        match value {
            Value::Array(list) => list.iter().for_each(|of| all_texts(of, out)),
            Value::Object(members) => members.values().for_each(|of| all_texts(of, out)),
            Value::Null => {}
            scalar => out.push(found(scalar)),
        }
    }

    pub fn values(event: &Value, field: &Field) -> Vec<Found> {
        let mut out = Vec::new();
        match field {
            Field::Any => all_texts(event, &mut out),
            Field::Paths(paths) => {
                for path in paths {
                    let before = out.len();
                    all_at(event, path, &mut out);
                    if **path == ["occurred_at".into()] && out.len() == before {
                        out.push(found(&event["recorded_at"]));
                    }
                }
            }
        }
        out
    }

    fn low(text: &str) -> String {
        text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect()
    }

    fn relates(text: &str, how: How, value: &str, cased: bool) -> bool {
        let (text, value) =
            if cased { (text.to_owned(), value.to_owned()) } else { (low(text), low(value)) };
        match how {
            How::Is => text == value,
            How::Begins => text.starts_with(&value),
            How::Ends => text.ends_with(&value),
            How::Contains => text.contains(&value),
        }
    }

    fn like(text: &[char], pattern: &[Piece]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [Piece::Any, rest @ ..] => (0..=text.len()).any(|at| like(&text[at..], rest)),
            [Piece::One, rest @ ..] => !text.is_empty() && like(&text[1..], rest),
            [Piece::Literal(literal), rest @ ..] => {
                let literal: Vec<char> = literal.chars().collect();
                text.strip_prefix(&literal[..]).is_some_and(|text| like(text, rest))
            }
        }
    }

    fn compares<T: PartialOrd>(compare: Compare, a: T, b: T) -> bool {
        match compare {
            Compare::Is => a == b,
            Compare::Not => a != b,
            Compare::Less => a < b,
            Compare::AtMost => a <= b,
            Compare::More => a > b,
            Compare::AtLeast => a >= b,
        }
    }

    fn is(found: &Found, op: &Op, event: &Value) -> bool {
        let text = &found.text;
        match op {
            Op::Text { how, value, cased } => relates(text, *how, value, *cased),
            Op::Pattern { pattern, cased } => {
                let text = if *cased { text.clone() } else { low(text) };
                like(&text.chars().collect::<Vec<_>>(), pattern)
            }
            Op::Regex(regex) => regex.is_match(text),
            Op::Cidr(net) => text.parse().is_ok_and(|ip: std::net::IpAddr| net.contains(&ip)),
            Op::Number(compare, number) => {
                "tn".contains(found.kind)
                    && text.parse().is_ok_and(|n: f64| compares(*compare, n, *number))
            }
            Op::Same { other, how, cased } => {
                let others = values(event, other);
                others.iter().any(|o| o.kind != '0' && relates(text, *how, &o.text, *cased))
            }
            Op::Time(TimePart::Hour, compare, hour) => Micros::parse(text)
                .is_ok_and(|at| compares(*compare, at.0 / 3_600_000_000 % 24, i64::from(*hour))),
            Op::Time(..) | Op::Exists(_) | Op::Null => unreachable!(),
        }
    }

    pub fn holds(condition: &Condition, event: &Value) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|of| holds(of, event)),
            Condition::Any(any) => any.iter().any(|of| holds(of, event)),
            Condition::Not(not) => !holds(not, event),
            Condition::Constant(constant) => *constant,
            Condition::Test(Test { field, op }) => {
                let values = values(event, field);
                match op {
                    Op::Exists(exists) => values.is_empty() != *exists,
                    Op::Null => values.is_empty() || values.iter().any(|value| value.kind == '0'),
                    op => values.iter().any(|value| value.kind != '0' && is(value, op, event)),
                }
            }
        }
    }
}

const WORDS: [&str; 14] = [
    "user.login",
    "User.Login",
    "admin",
    "a",
    "",
    "ΟΔΟΣ",
    "ὀδός",
    "İstanbul",
    "10.1.2.3",
    "12",
    "a\"b\\c",
    "true",
    "login",
    "user.login.failed",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        1 => "[abA.ςσΣ\n]{0,4}",
    ]
}

fn member_name() -> impl Strategy<Value = String> {
    prop::sample::select(&["action", "a", "b", "c"][..]).prop_map(str::to_owned)
}

fn some_path() -> impl Strategy<Value = Path> {
    prop_oneof![
        6 => prop::collection::vec(member_name(), 1..4)
            .prop_map(|names| names.iter().map(|name| name.as_str().into()).collect()),
        1 => Just(path("occurred_at")),
        1 => Just(path("trail")),
        1 => Just(path("seq")),
    ]
}

fn some_field() -> impl Strategy<Value = Field> {
    prop_oneof![
        20 => prop::collection::vec(some_path(), 1..3).prop_map(Field::Paths),
        1 => Just(Field::Any),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop::sample::select(&[How::Is, How::Begins, How::Ends, How::Contains][..])
}

fn compare() -> impl Strategy<Value = Compare> {
    use Compare::*;
    prop::sample::select(&[Is, Not, Less, AtMost, More, AtLeast][..])
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        Just(Piece::Any),
        Just(Piece::One),
        "[ab.]{1,2}|user|login|σ".prop_map(|text: String| Piece::Literal(text.into())),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let value = |text: String, cased: bool| if cased { text } else { text.to_lowercase() };
    prop_oneof![
        8 => (how(), word(), any::<bool>()).prop_map(move |(how, text, cased)| Op::Text {
            how,
            value: value(text, cased).into(),
            cased,
        }),
        4 => (prop::collection::vec(piece(), 0..5), any::<bool>())
            .prop_map(|(pattern, cased)| Op::Pattern { pattern, cased }),
        1 => Just(Op::Regex(Regex::new("(?i)LOG.n|^a$").unwrap())),
        1 => Just(Op::Cidr("10.0.0.0/8".parse().unwrap())),
        1 => (compare(), -2i32..20).prop_map(|(compare, n)| Op::Number(compare, f64::from(n))),
        1 => any::<bool>().prop_map(Op::Exists),
        1 => Just(Op::Null),
        1 => (some_field(), how(), any::<bool>())
            .prop_map(|(other, how, cased)| Op::Same { other, how, cased }),
        1 => (compare(), 0u32..24)
            .prop_map(|(compare, hour)| Op::Time(TimePart::Hour, compare, hour)),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        20 => (some_field(), op()).prop_map(|(field, op)| test(field, op)),
        1 => any::<bool>().prop_map(Condition::Constant),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            some().prop_map(Condition::All),
            some().prop_map(Condition::Any),
            inner.clone().prop_map(|of| Condition::Not(Box::new(of))),
        ]
    })
}

fn some_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        8 => word().prop_map(Value::from),
        2 => (-3i64..20).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            3 => prop::collection::btree_map(member_name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn some_event() -> impl Strategy<Value = Vec<u8>> {
    let members = prop::collection::btree_map(member_name(), some_value(), 0..4);
    let time = prop::option::of(0u32..24);
    (members, time).prop_map(|(members, hour)| {
        let mut members = Value::Object(members.into_iter().collect());
        if let Some(hour) = hour {
            members["occurred_at"] = format!("2026-01-01T{hour:02}:30:00.000000Z").into();
        }
        event(members)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn matches_what_a_plain_evaluation_matches(
        conditions in prop::collection::vec(condition(), 1..12),
        events in prop::collection::vec(some_event(), 1..12),
    ) {
        let rules = set(conditions.iter().cloned().map(Kind::Event).collect());
        let (matcher, mut scratch) = (Matcher::new(&rules), Scratch::default());
        for json in &events {
            let looked = matcher.look(&Seen { pos: 1, json }, &mut scratch).unwrap();
            let value: Value = serde_json::from_slice(json).unwrap();
            let expected: Vec<RuleNo> = (0..)
                .zip(&conditions)
                .filter(|(_, condition)| plain::holds(condition, &value))
                .map(|(no, _)| RuleNo(no))
                .collect();
            prop_assert_eq!(looked.rules, expected, "{}", value);
        }
    }
}

#[test]
fn the_head_of_an_event() {
    let matcher = Matcher::new(&set(vec![]));
    let looked = look(&matcher, &event(json!({"occurred_at": "2026-01-01T11:00:00.5Z"})));
    assert_eq!((&*looked.event.trail, looked.event.seq, looked.pos), ("acme", 7, 3));
    assert_eq!(looked.event.id.0.to_string(), "0190b1a0-0000-7000-8000-000000000000");
    assert_eq!(looked.recorded_at.to_string(), "2026-01-01T12:00:00.000000Z");
    assert_eq!(looked.at.to_string(), "2026-01-01T11:00:00.500000Z");
    for later in [json!({}), json!({"occurred_at": "2026-01-01T12:00:01Z"})] {
        let looked = look(&matcher, &event(later));
        assert_eq!(looked.at, looked.recorded_at);
    }
}

#[test]
fn what_is_no_event_is_an_error() {
    let matcher = Matcher::new(&set(vec![Kind::Event(is("a", "b"))]));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(9_999), "]".repeat(9_999));
    let tail = String::from_utf8(event(json!({}))).unwrap() + "x";
    for json in
        ["", "7", "[]", "{}", r#"{"trail":"a"}"#, r#"{"trail":"a","seq":"x"}"#, &deep, &tail]
    {
        let seen = Seen { pos: 9, json: json.as_bytes() };
        let error = matcher.look(&seen, &mut Scratch::default()).unwrap_err();
        assert_eq!(error.pos, 9, "{error}");
    }
    let seen = Seen { pos: 9, json: b"{\"trail\":\"\xff\"}" };
    assert!(matcher.look(&seen, &mut Scratch::default()).is_err());
}

#[test]
fn no_rule_looks_at_what_the_watch_records() {
    let everything = || Condition::Constant(true);
    for (trail, action, looked_at) in [
        ("_system", "alert.open", false),
        ("_system", "review.sign", false),
        ("_system", "review.overdue", true),
        ("_system", "key.create", true),
        ("acme", "alert.open", true),
    ] {
        assert_eq!(matches(everything(), json!({"trail": trail, "action": action})), looked_at);
    }
}

#[test]
fn values_of_lists_and_objects() {
    let members = || {
        json!({
            "details": {"requestParameters": {"bucketName": "x", "acl": ["public-read", 7]}},
            "targets": [{"type": "file", "id": "1"}, {"type": "bucket", "id": "2"}],
        })
    };
    let whole = "details.requestParameters";
    assert!(matches(text(whole, How::Contains, r#""bucketName":"x""#), members()));
    assert!(matches(text(whole, How::Contains, "public-READ"), members()));
    assert!(matches(is("targets.type", "bucket"), members()));
    assert!(matches(is("details.requestParameters.acl", "7"), members()));
    assert!(!matches(is("targets.type", "fil"), members()));
    assert!(matches(text("targets", How::Contains, r#"{"id":"1","type":"file"}"#), members()));
}

#[test]
fn white_space_between_tokens_is_no_part_of_a_value() {
    let matcher = Matcher::new(&set(vec![Kind::Event(is("a", r#"{"b":[1,"x \" y"]}"#))]));
    let json = String::from_utf8(event(json!({}))).unwrap();
    let json = json.replacen('{', "{ \"a\" : { \"b\" : [ 1 ,\n \"x \\\" y\" ] } , ", 1);
    assert_eq!(look(&matcher, json.as_bytes()).rules, [RuleNo(0)]);
}

#[test]
fn addresses_of_a_network() {
    let net = |net: &str| test(field("context.ip"), Op::Cidr(net.parse().unwrap()));
    let at = |ip: &str| json!({"context": {"ip": ip}});
    assert!(matches(net("203.0.113.0/24"), at("203.0.113.9")));
    assert!(matches(net("203.0.113.0/24"), at("::ffff:203.0.113.9")));
    assert!(!matches(net("203.0.113.0/24"), at("203.0.114.9")));
    assert!(matches(net("2001:db8::/32"), at("2001:db8::1")));
    assert!(!matches(net("0.0.0.0/0"), at("nowhere")));
}

fn group_by(name: &str, members: usize) -> GroupField {
    GroupField { name: name.into(), of: vec![vec![path(name)]; members] }
}

#[test]
fn what_goes_into_windows() {
    let correlation = |of: Vec<RuleNo>, kind| {
        let members = of.len();
        let group_by = vec![group_by("context.ip", members)];
        Kind::Correlation(Correlation { of, kind, group_by, span: Micros(1) })
    };
    let matcher = Matcher::new(&set(vec![
        Kind::Event(is("action", "user.login")),
        Kind::Event(is("outcome", "failure")),
        correlation(vec![RuleNo(1), RuleNo(0)], CorrelationKind::EventCount { at_least: 2 }),
        correlation(
            vec![RuleNo(0)],
            CorrelationKind::ValueCount { field: group_by("actor.id", 1), at_least: 2 },
        ),
        correlation(vec![RuleNo(2)], CorrelationKind::EventCount { at_least: 2 }),
    ]));
    let looked = look(
        &matcher,
        &event(json!({
            "action": "user.login", "outcome": "failure",
            "context": {"ip": [null, "10.0.0.1", "10.0.0.2"]}, "actor": {"id": "ada"},
        })),
    );
    assert_eq!(looked.rules, [RuleNo(0), RuleNo(1)]);
    let feeds: Vec<_> = looked
        .feeds
        .iter()
        .map(|f| (f.correlation.0, f.member, f.group[0].to_string(), f.value.as_deref()))
        .collect();
    let ip = || "10.0.0.1".to_owned();
    assert_eq!(feeds, [(2, 1, ip(), None), (3, 0, ip(), Some("ada")), (2, 0, ip(), None)]);
    // What cannot be grouped goes nowhere; what has nothing to count does.
    let looked = look(&matcher, &event(json!({"action": "user.login"})));
    assert_eq!((looked.rules.len(), looked.feeds.len()), (1, 0));
    let looked = look(&matcher, &event(json!({"action": "user.login", "context": {"ip": 1}})));
    assert_eq!(looked.feeds.iter().filter(|feed| feed.value.is_none()).count(), 2);
    // Long values are cut, and stay apart.
    let long = |end: &str| {
        let ip = "ä".repeat(500) + end;
        let event = event(json!({"outcome": "failure", "context": {"ip": ip}}));
        look(&matcher, &event).feeds[0].group[0].clone()
    };
    assert_ne!(long("1"), long("2"));
    assert!(long("1").len() <= 256 && long("1").starts_with("ää"));
}

#[test]
fn a_scratch_goes_from_one_matcher_to_another() {
    let mut scratch = Scratch::default();
    let json = event(json!({"action": "b"}));
    for count in [1, 50, 3] {
        let kinds = (0..count).map(|_| Kind::Event(is("action", "b"))).collect();
        let matcher = Matcher::new(&set(kinds));
        for _ in 0..2 {
            let looked = matcher.look(&Seen { pos: 0, json: &json }, &mut scratch).unwrap();
            assert_eq!(looked.rules.len(), count);
        }
    }
}

#[test]
fn rules_are_timed() {
    let ticks = AtomicU64::new(0);
    let clock = Arc::new(move || ticks.fetch_add(10, Ordering::Relaxed));
    let mut scratch = Scratch::timed_by(clock);
    let matcher =
        Matcher::new(&set(vec![Kind::Event(is("action", "b")), Kind::Event(is("action", "c"))]));
    let json = event(json!({"action": "b"}));
    for _ in 0..1_024 {
        matcher.look(&Seen { pos: 0, json: &json }, &mut scratch).unwrap();
    }
    let (asked, passed_over) = (scratch.cost(RuleNo(0)), scratch.cost(RuleNo(1)));
    assert_eq!((asked.events, asked.nanos, asked.average()), (4, 40, 10));
    assert_eq!((passed_over.events, passed_over.nanos), (4, 0));
}

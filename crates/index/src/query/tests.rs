use std::ops::Bound::{Excluded, Included, Unbounded};

use indelible_event::{EventId, Micros};
use proptest::prelude::*;

use super::*;
use crate::Field;
use crate::limits::*;

/// 2026-03-15T12:00:00Z, a Sunday.
fn now() -> Micros {
    at("2026-03-15T12:00:00Z")
}

fn at(text: &str) -> Micros {
    Micros::parse(text).expect("a time")
}

fn expr(text: &str) -> Expr {
    parse(text, now()).unwrap_or_else(|error| panic!("{}", error.render(text))).expr
}

/// The tree on one line, short enough to be written into a table.
fn shown(expr: &Expr) -> String {
    let all = |exprs: &[Expr]| exprs.iter().map(shown).collect::<Vec<_>>().join(" ");
    let test = |test: &Test| match test {
        Test::Is(text) => format!("={text}"),
        Test::Prefix(text) => format!("^{text}"),
        Test::Matches(pattern) => format!("~{}~{}", pattern.text, pattern.contains),
        Test::Number(from, to) => format!("#{from:?}..{to:?}"),
        Test::Exists => "?".to_owned(),
    };
    let time = |time: Option<Micros>| {
        time.map(|time| time.to_string().replace(".000000Z", "")).unwrap_or_default()
    };
    match expr {
        Expr::All => "all".to_owned(),
        Expr::Not(inner) => format!("!{}", shown(inner)),
        Expr::And(exprs) => format!("and({})", all(exprs)),
        Expr::Or(exprs) => format!("or({})", all(exprs)),
        Expr::Leaf(leaf) => match leaf {
            Leaf::Field(field, value) => format!("{field:?}{}", test(value)),
            Leaf::Path(path, value) => format!("{path}{}", test(value)),
            Leaf::Ip(from, to) => {
                let text =
                    |bytes: &[u8; 16]| std::net::Ipv6Addr::from(*bytes).to_canonical().to_string();
                format!("ip[{}-{}]", text(from), text(to))
            }
            Leaf::Id(id) => format!("id={id}"),
            Leaf::Ref(id) => format!("ref={id}"),
            Leaf::Trail(value) => format!("trail{}", test(value)),
            Leaf::Recorded(span) => format!("recorded[{}..{}]", time(span.from), time(span.to)),
            Leaf::Occurred(span) => format!("occurred[{}..{}]", time(span.from), time(span.to)),
            Leaf::Word(value) => format!("word{}", test(value)),
            Leaf::Phrase(words) => format!("phrase[{}]", words.join(",")),
        },
    }
}

fn table(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(shown(&expr(text)), *expected, "{text}");
    }
}

#[test]
fn what_stands_beside_what() {
    table(&[
        ("", "all"),
        ("  \n", "all"),
        ("*", "all"),
        ("a b", "and(word=a word=b)"),
        ("a AND b", "and(word=a word=b)"),
        ("a OR b c", "or(word=a and(word=b word=c))"),
        ("(a OR b) c", "and(or(word=a word=b) word=c)"),
        ("-a NOT b", "and(!word=a !word=b)"),
        ("NOT (a OR -b)", "!or(word=a !word=b)"),
        ("-(a)", "!word=a"),
        ("NOT NOT a", "word=a"),
        ("or and not Or", "and(word=or word=and word=not word=or)"),
        ("\"OR\"", "phrase[or]"),
        ("ORDER", "word=order"),
    ]);
}

#[test]
fn the_same_key_again_means_any_of_them() {
    table(&[
        ("actor:a actor:b", "or(Actor=a Actor=b)"),
        ("actor:a x user_id:b action:c", "and(or(Actor=a Actor=b) word=x Action=c)"),
        ("actor:a,b", "or(Actor=a Actor=b)"),
        ("actor:(a b)", "or(Actor=a Actor=b)"),
        ("actor:(a OR \"b c\" OR d*)", "or(Actor=a Actor=b c Actor^d)"),
        ("actor:(a, b)", "or(Actor=a Actor=b)"),
        ("actor:a,b actor:c", "or(Actor=a Actor=b Actor=c)"),
        ("-actor:a -actor:b", "and(!Actor=a !Actor=b)"),
        ("-actor:a,b", "!or(Actor=a Actor=b)"),
        ("actor:a -actor:b", "and(Actor=a !Actor=b)"),
        ("has:changes AND has:error", "and(Has=changes Has=error)"),
        ("actor:a (actor:b)", "and(Actor=a Actor=b)"),
        ("actor:a OR actor:b", "or(Actor=a Actor=b)"),
        ("details.a:1 details.b:1 details.a:2", "and(or(details.a=1 details.a=2) details.b=1)"),
        (
            "details.n:>1 details.n:<5",
            "and(details.n#Excluded(1.0)..Unbounded details.n#Unbounded..Excluded(5.0))",
        ),
        (
            "created:2026-01-01.. created:..2026-02-01",
            "and(recorded[2026-01-01T00:00:00..] recorded[..2026-02-02T00:00:00])",
        ),
    ]);
}

#[test]
fn keys_and_values() {
    table(&[
        ("Actor:ALICE", "Actor=alice"),
        ("user_email:*@Example.com", "Email~^.*@example\\.com$~@example.com"),
        ("action:backup.*", "Action^backup."),
        ("action:*.delete", "Action~^.*\\.delete$~.delete"),
        ("event_type:login status:denied", "and(Category=login Outcome=denied)"),
        ("target:file/9", "Resource=file/9"),
        ("resource:9", "or(ResourceId=9 ResourceType=9)"),
        ("target:file/*", "Resource^file/"),
        ("trail:Acme tenant_id:b*", "or(trail=acme trail^b)"),
        ("key:k-1 source:00ff* host:h", "and(Key=k-1 Source^00ff Host=h)"),
        ("has:changes", "Has=changes"),
        ("details:* before:*", "and(Has=details Has=before)"),
        ("name:\"Ada * Example\"", "Name=ada * example"),
        ("name:Ada\\ \\*", "Name=ada *"),
        ("name:Zo*ë\\*x", "Name~^zo.*ë\\*x$~ë*x"),
        ("name:/^ada\\b/", "Name~/^ada\\b/~"),
        ("name:/ada/", "Name~/ada/~ada"),
        ("name:\"\"", "Name="),
        ("correlation:*", "Correlation?"),
        ("metadata.Store_Id:7", "details.Store_Id=7"),
        ("changes.before.price:1.50", "before.price=1.50"),
        ("old_value.a.b:x after:null", "and(before.a.b=x after=null)"),
        ("Details.my\\ key:x", "details.my key=x"),
        ("http.status:>=500", "context.http.status#Included(500.0)..Unbounded"),
        ("details.n:10..20", "details.n#Included(10.0)..Included(20.0)"),
        ("details.n:..-1.5e3", "details.n#Unbounded..Included(-1500.0)"),
        ("details.path:../etc", "details.path=../etc"),
        ("details.path:/var/log/x", "details.path=/var/log/x"),
        ("details.n:-5", "details.n=-5"),
        ("actor.auth.method:api_key actor.id:a", "and(actor.auth.method=api_key Actor=a)"),
        ("error.code:E1 error:*", "and(error.code=e1 Has=error)"),
        ("id:0190B1A0-0000-7000-8000-000000000000", "id=0190b1a0-0000-7000-8000-000000000000"),
        ("ref:*", "or(Phase=outcome Phase=correction)"),
        ("outcome:s*", "Outcome^s"),
    ]);
}

#[test]
fn addresses() {
    table(&[
        ("ip:10.0.0.1", "ip[10.0.0.1-10.0.0.1]"),
        ("ip:10.1.2.3/8", "ip[10.0.0.0-10.255.255.255]"),
        ("ip:0.0.0.0/0", "ip[0.0.0.0-255.255.255.255]"),
        ("ip:10.0.*", "ip[10.0.0.0-10.0.255.255]"),
        ("ip:2001:db8::/32", "ip[2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"),
        ("ip:::1", "ip[::1-::1]"),
        ("ip:::/0", "ip[::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
        ("ip:10.0.0.1..10.0.0.9", "ip[10.0.0.1-10.0.0.9]"),
        ("ip:\"unknown\"", "context.ip=unknown"),
        ("ip:*", "or(ip[::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] context.ip?)"),
        ("fe80::1", "or(word=fe80::1 ip[fe80::1-fe80::1] phrase[fe80,1])"),
    ]);
}

#[test]
fn times() {
    let day = "recorded[2026-01-31T00:00:00..2026-02-01T00:00:00]";
    table(&[
        ("created:2026-01-31", day),
        ("recorded_at:\"2026-01-31\"", day),
        ("created:2026-01", "recorded[2026-01-01T00:00:00..2026-02-01T00:00:00]"),
        ("created:2026-12", "recorded[2026-12-01T00:00:00..2027-01-01T00:00:00]"),
        ("created:2024", "recorded[2024-01-01T00:00:00..2025-01-01T00:00:00]"),
        ("created:9999", "recorded[9999-01-01T00:00:00..]"),
        ("created:2026-01-01..2026-01-31", "recorded[2026-01-01T00:00:00..2026-02-01T00:00:00]"),
        ("created:2026-01..", "recorded[2026-01-01T00:00:00..]"),
        ("created:..2026", "recorded[..2027-01-01T00:00:00]"),
        ("created:>2026-01-31", "recorded[2026-02-01T00:00:00..]"),
        ("created:>=2026-01-31", "recorded[2026-01-31T00:00:00..]"),
        ("created:<2026-01-31", "recorded[..2026-01-31T00:00:00]"),
        ("created:<=2026-01-31", "recorded[..2026-02-01T00:00:00]"),
        ("occurred:today", "occurred[2026-03-15T00:00:00..2026-03-16T00:00:00]"),
        ("timestamp:yesterday", "occurred[2026-03-14T00:00:00..2026-03-15T00:00:00]"),
        ("created:-7d", "recorded[2026-03-08T12:00:00..]"),
        ("created:>=-90m", "recorded[2026-03-15T10:30:00..]"),
        ("created:>-7d", "recorded[2026-03-08T12:00:00.000001Z..]"),
        ("created:-24h..now", "recorded[2026-03-14T12:00:00..2026-03-15T12:00:00.000001Z]"),
        ("created:2026-01-31T10", "recorded[2026-01-31T10:00:00..2026-01-31T11:00:00]"),
        ("created:2026-01-31T10:30", "recorded[2026-01-31T10:30:00..2026-01-31T10:31:00]"),
        ("created:2026-01-31T10:30:00+02:00", "recorded[2026-01-31T08:30:00..2026-01-31T08:30:01]"),
        (
            "created:\"2026-01-31 10:30:00.5z\"",
            "recorded[2026-01-31T10:30:00.500000Z..2026-01-31T10:30:00.600000Z]",
        ),
        (
            "created:2026-01-01,2026-01-03",
            "or(recorded[2026-01-01T00:00:00..2026-01-02T00:00:00] recorded[2026-01-03T00:00:00..2026-01-04T00:00:00])",
        ),
        ("created:*", "all"),
    ]);
}

#[test]
fn free_words() {
    table(&[
        ("Quarterly", "word=quarterly"),
        ("quart*", "word^quart"),
        ("q*ly", "word~^q.*ly$~ly"),
        ("/rep(ort|ly)/", "word~/rep(ort|ly)/~"),
        ("/a b/ c", "and(word~/a b/~a b word=c)"),
        ("/var/log", "or(word=/var/log phrase[var,log])"),
        ("\"Quarterly report\"", "phrase[quarterly,report]"),
        ("\"a \\\"b\\\"\"", "phrase[a,b]"),
        ("b-17", "or(word=b-17 phrase[b,17])"),
        ("-b-17", "!or(word=b-17 phrase[b,17])"),
        ("a@b.c", "or(word=a@b.c phrase[a,b,c])"),
        ("10.0.0.1", "or(word=10.0.0.1 ip[10.0.0.1-10.0.0.1] phrase[10,0,0,1])"),
        ("19.99", "or(word=19.99 phrase[19,99])"),
        ("&", "word=&"),
        ("\"&\"", "word=&"),
        ("00ff00ff00ff00ff", "word=00ff00ff00ff00ff"),
        ("\"00ff00ff00ff00ff\"", "word=00ff00ff00ff00ff"),
        ("\"the 00ff00ff00ff00ff\"", "phrase[the,00ff00ff00ff00ff]"),
    ]);
    let id = "0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a";
    let expected = format!("or(word={id} id={id} ref={id})");
    table(&[(&id.to_uppercase(), &expected), (&format!("\"{id}\""), &expected)]);
    assert_eq!(
        expr("details.n:5..7"),
        Leaf::Path("details.n".into(), Test::Number(Included(5.0), Included(7.0))).into()
    );
    assert_eq!(
        expr("details.n:>5"),
        Leaf::Path("details.n".into(), Test::Number(Excluded(5.0), Unbounded)).into()
    );
}

/// The query with its error drawn below it.
fn refused(text: &str) -> String {
    match parse(text, now()) {
        Ok(query) => panic!("{text} was taken for {}", shown(&query.expr)),
        Err(error) => error.render(text),
    }
}

#[test]
fn errors_show_the_place_and_help() {
    assert_eq!(
        refused("é outcme:success"),
        "  é outcme:success\n    ^^^^^^ there is no key `outcme`\n  \
         did you mean `outcome`? to search for the text, put it in quotes: \"outcme:success\""
    );
    let error = parse("a  http://example.com/x b", now()).expect_err("not a key");
    assert_eq!((error.column, error.len), (4, 4));
    assert_eq!(
        error.hint.as_deref(),
        Some("to search for the text, put it in quotes: \"http://example.com/x\"")
    );
    assert_eq!(
        error.to_string(),
        "there is no key `http` (column 4): to search for the text, put it in quotes: \"http://example.com/x\""
    );
    for (text, column, len, says) in [
        ("status:sucess", 8, 6, "one of success, failure, denied, error, pending, unknown"),
        ("x phase:start", 9, 5, "one of intent, outcome, correction"),
        ("actor_type:bot", 12, 3, "user, service, system, agent, anonymous"),
        ("has:chnges", 5, 6, "changes, before, after"),
        ("detials.x:1", 1, 9, "did you mean `details.x`?"),
        ("creatd:today", 1, 6, "did you mean `created`?"),
        ("store_id:7", 1, 8, "details.store_id"),
        ("context:x", 1, 7, "name a member"),
        ("details:x", 9, 1, "`details` is not one value"),
        ("error:timeout", 7, 7, "`error` is not one value"),
        ("actor:", 7, 1, "a value is missing here"),
        ("actor: alice", 7, 1, "without a space"),
        ("actor:a, b", 9, 1, "a value is missing here"),
        ("actor:>5", 7, 2, "this key has no order"),
        ("details.n:>abc", 11, 4, "only numbers can be compared"),
        ("details.n:20..10", 11, 6, "the range ends before it begins"),
        ("created:2026-02-01..2026-01-01", 9, 22, "the range ends before it begins"),
        ("created:2026-02-30", 9, 10, "does not exist"),
        ("created:2026-13", 9, 7, "there is no month 2026-13"),
        ("created:soon", 9, 4, "this is no time"),
        ("created:-7x", 9, 3, "s, m, h, d or w"),
        ("created:-99999999w", 9, 10, "too long ago"),
        ("created:..", 9, 2, "a range without an end"),
        ("ip:10.0.0.300", 4, 10, "this is no address"),
        ("ip:10.0.0.0/33", 4, 11, "this is no address"),
        ("ip:10.0.0.9..10.0.0.1", 4, 18, "the range ends before it begins"),
        ("id:42", 4, 2, "must be a UUID"),
        ("name:/(/", 6, 3, "this is not a regular expression: unclosed group"),
        ("/a{1000}{1000}/", 1, 15, "too large once compiled"),
        ("a (b", 3, 1, "this parenthesis is never closed"),
        ("a) b", 2, 1, "this parenthesis closes nothing"),
        ("()", 2, 1, "a condition is missing here"),
        ("actor:(", 7, 1, "this parenthesis is never closed"),
        ("actor:()", 7, 2, "a list without values"),
        ("actor:(a AND b)", 10, 3, "a list of values means any of them"),
        ("a \"b c", 3, 1, "this quote is never closed"),
        ("a OR", 5, 1, "a condition is missing here"),
        ("OR a", 1, 2, "a condition is missing here"),
        ("a AND OR b", 7, 2, "a condition is missing here"),
        ("a - b", 3, 1, "nothing to exclude"),
        ("NOT", 1, 3, "nothing to exclude"),
        ("main()", 5, 1, "inside a text without quotes"),
        ("a\"b\"", 2, 1, "inside a text without quotes"),
        ("\"a\"b", 4, 1, "directly after a quote"),
        ("\"\"", 1, 2, "nothing to search for"),
        ("a \\", 3, 1, "nothing follows this \\"),
    ] {
        let error = parse(text, now()).map(|query| shown(&query.expr)).expect_err(text);
        assert_eq!((error.column, error.len), (column, len), "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(error.render(text).contains('^'));
    }
}

#[test]
fn limits_hold() {
    let too = |text: String| parse(&text, now()).expect_err("too much").message;
    assert!(parse(&"a".repeat(QUERY_BYTES_MAX), now()).is_ok());
    assert!(too("a".repeat(QUERY_BYTES_MAX + 1)).contains("longer than"));
    assert!(parse(&"a ".repeat(QUERY_LEAVES_MAX), now()).is_ok());
    assert!(too("a ".repeat(QUERY_LEAVES_MAX + 1)).contains("more than 256 conditions"));
    assert!(too(format!("actor:a{}", ",a".repeat(QUERY_LEAVES_MAX))).contains("conditions"));
    let nested = |levels| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&nested(QUERY_DEPTH_MAX), now()).is_ok());
    assert!(too(nested(QUERY_DEPTH_MAX + 1)).contains("nested deeper"));
    assert!(too(format!("{}a", "-".repeat(8000))).contains("nested deeper"));
    assert!(too("a*b ".repeat(QUERY_PATTERNS_MAX + 1)).contains("wildcards"));
    // Catastrophic elsewhere, linear here.
    let Expr::Leaf(Leaf::Word(test)) = expr("/(a+)+$/") else { panic!("a word") };
    assert!(!test.holds(&format!("{}b", "a".repeat(100_000))));
}

#[test]
fn every_key_in_the_help_is_a_key() {
    for key in Query::keys() {
        let query = parse(key.example, now());
        assert!(query.is_ok(), "{}: {query:?}", key.example);
        for name in std::iter::once(&key.name).chain(key.aliases).filter(|name| !name.contains('…'))
        {
            assert!(keys::resolve(name).is_some(), "{name}");
        }
        // An alias means the same key.
        if let Some((written, value)) = key.example.trim_start_matches('-').split_once(':')
            && written == key.name
        {
            for alias in key.aliases {
                assert_eq!(expr(&format!("{alias}:{value}")), expr(&format!("{written}:{value}")));
            }
        }
    }
}

#[test]
fn the_documentation_has_every_key() {
    let page = include_str!("../../../../docs/query.md");
    for key in Query::keys() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", key.name)));
        let row = row.unwrap_or_else(|| panic!("{} is missing", key.name));
        assert!(row.ends_with(&format!("| {} | `{}` |", key.what, key.example)), "{row}");
    }
}

#[test]
fn a_query_is_narrowed() {
    let narrowed = expr("trail:a");
    let query = parse("x", now()).expect("a query").and(narrowed.clone());
    assert_eq!(shown(&query.expr), "and(word=x trail=a)");
    assert_eq!(Query::all().and(narrowed.clone()).expr, narrowed);
    // What is narrowed is the whole, not the last of its alternatives.
    let query = parse("x OR y", now()).expect("a query").and(narrowed);
    assert_eq!(shown(&query.expr), "and(or(word=x word=y) trail=a)");
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => proptest::sample::select(vec![
            "actor:", "created:", "ip:", "details.n:", "target:", "has:", "id:", "(", ")", "-", "\"", "/", "*", "..",
            ",", " ", " OR ", " AND ", " NOT ", "\\", ">", "<=", "2026-01", "-7d", "10.0.0.0/8", "::", "success", "é",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z0-9.:+TZ-]{1,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_text_panics(pieces in proptest::collection::vec(piece(), 0..12), now in any::<i64>()) {
        let text = pieces.concat();
        match parse(&text, Micros(now)) {
            Ok(query) => {
                prop_assert_eq!(&query.text, &text);
                let found = clauses(&text, Micros(now)).expect("what can be read has clauses");
                let chars: Vec<char> = text.chars().collect();
                for (at, clause) in found.clauses.iter().enumerate() {
                    let rest = found.without(at);
                    prop_assert!(parse(&rest, Micros(now)).is_ok(), "{} without {}: {}", text, clause.text, rest);
                    let there: String = chars[clause.place.clone()].iter().collect();
                    prop_assert_eq!(&there, &clause.text);
                }
            }
            Err(error) => {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
                prop_assert!(error.len >= 1);
                error.render(&text);
            }
        }
    }

    #[test]
    fn a_quoted_value_is_itself(value in any::<String>()) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let expected = Leaf::Field(Field::Name, Test::Is(crate::fold(&value).into_owned()));
        prop_assert_eq!(expr(&format!("name:\"{quoted}\"")), Expr::Leaf(expected));
    }

    #[test]
    fn ids_come_back(id in any::<[u8; 16]>()) {
        prop_assert_eq!(expr(&format!("id:{}", EventId(id))), Expr::Leaf(Leaf::Id(EventId(id))));
    }
}

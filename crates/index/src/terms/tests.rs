use indelible_event::{Entry, Micros, check_with_subject};
use proptest::prelude::*;

use super::*;

/// What was found, a line each: the field, then the value as a person reads it.
#[derive(Default)]
struct Lines(Vec<String>);

impl TermSink for Lines {
    fn term(&mut self, field: Field, value: &[u8]) {
        let shown = match field {
            Field::Ip | Field::Ref => value.iter().map(|byte| format!("{byte:02x}")).collect(),
            Field::Path => {
                let (path, value) = read_path_term(value).expect("a path term");
                format!("{path} {value:?}")
            }
            _ => String::from_utf8(value.to_vec()).expect("text"),
        };
        self.0.push(format!("{field:?} {shown}"));
    }

    fn facet(&mut self, facet: Facet, value: &str) {
        self.0.push(format!("facet {} {value}", facet.name()));
    }
}

fn lines(json: &str) -> Vec<String> {
    let checked = check_with_subject(json.as_bytes(), Some("Sub\"ject")).expect("an event");
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(0),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: checked.phase,
        reference: checked.reference,
        source: checked.source,
        recorded_by: Some("Key-1"),
        parts_hash: [0; 32],
    };
    let doc = Doc { pos: 0, trail: 1, trail_name: "t", entry, parts: checked.parts.all() };
    let mut sink = Lines::default();
    assert!(terms(&doc, &mut sink));
    sink.0
}

fn of_parts(parts: [Option<&[u8]>; 3]) -> (bool, Vec<String>) {
    let entry = Entry {
        id: Default::default(),
        recorded_at: Micros(0),
        occurred_at: None,
        action: "a",
        category: None,
        outcome: Default::default(),
        phase: None,
        reference: None,
        source: None,
        recorded_by: None,
        parts_hash: [0; 32],
    };
    let doc = Doc { pos: 0, trail: 1, trail_name: "t", entry, parts };
    let mut sink = Lines::default();
    let whole = terms(&doc, &mut sink);
    (whole, sink.0)
}

const EVENT: &str = r#"{"action":"file.update","category":"data_modify","outcome":"denied","phase":"outcome",
  "ref":"00000000-0000-4000-8000-000000000001",
  "source":{"id":"000102030405060708090a0b0c0d0e0f","seq":1},
  "actor":{"type":"agent","id":"Bot-7","name":"Zoë \"Z\"","email":"Z@Example.com","auth":{"method":"key"},
    "on_behalf_of":{"id":"Alice","on_behalf_of":{"id":"Carol"}}},
  "subjects":[{"type":"person","id":"P1"}],
  "targets":[{"type":"File","id":"9","name":"r.pdf"},{"id":"b"}],
  "changes":{"before":{"Price":1.50},"after":null},
  "details":{"n":[7,{"deep":true}],"id":"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a","sum":"00ff00ff00ff00ff"},
  "error":{"code":404},
  "context":{"ip":"10.0.0.1","request_id":"R9","service":"Files","http":{"status":200}}}"#;

#[test]
fn every_member_of_an_event() {
    let found = lines(EVENT);
    let expected = "\
        Action file.update\nfacet action file.update\nWord file\nWord update\n\
        Category data_modify\nfacet category data_modify\nWord data\nWord modify\n\
        Outcome denied\nfacet outcome denied\nWord denied\n\
        Phase outcome\nKey key-1\nSource 000102030405060708090a0b0c0d0e0f\n\
        Ref 00000000000040008000000000000001\n\
        ActorType agent\nWord agent\nfacet actor Bot-7\nActor bot-7\nWord bot\nWord 7\n\
        Name zoë \"z\"\nWord zoë\nWord z\n\
        Email z@example.com\nWord z\nWord example\nWord com\n\
        Path actor.auth.method Text(\"key\")\nWord key\n\
        Has on_behalf_of\nPath actor.on_behalf_of.type Text(\"user\")\nWord user\nActor alice\nOnBehalfOf alice\nPath actor.on_behalf_of.id Text(\"alice\")\nWord alice\n\
        Path actor.on_behalf_of.on_behalf_of.type Text(\"user\")\nWord user\nActor carol\nOnBehalfOf carol\nPath actor.on_behalf_of.on_behalf_of.id Text(\"carol\")\nWord carol\n\
        Has subjects\nPath subjects.type Text(\"person\")\nWord person\n\
        Subject p1\nPath subjects.id Text(\"p1\")\nWord p1\nSubject person/p1\n\
        facet ip 10.0.0.1\nIp 00000000000000000000ffff0a000001\n\
        Request r9\nWord r9\nfacet service Files\nService files\nWord files\n\
        Path context.http.status Number(200.0)\nWord 200\n\
        Path credential_subject Text(\"sub\\\"ject\")\nWord sub\nWord ject\n\
        Has targets\nResourceType file\nWord file\nResourceId 9\nWord 9\n\
        Name r.pdf\nWord r\nWord pdf\n\
        facet resource_type File\nfacet resource File/9\nResource file/9\nResourceId b\nWord b\n\
        Has changes\nHas before\nPath before.Price Number(1.5)\nPath before.Price Text(\"1.50\")\nWord 1\nWord 50\n\
        Has after\nPath after Literal(\"null\")\n\
        Has details\nPath details.n Number(7.0)\nWord 7\nPath details.n.deep Literal(\"true\")\n\
        Path details.id Text(\"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a\")\nPath details.sum Text(\"00ff00ff00ff00ff\")\n\
        Has error\nPath error.code Text(\"404\")\nWord 404";
    assert_eq!(found.join("\n"), expected);
}

#[test]
fn an_address_that_is_none_is_found_by_its_path() {
    let found = lines(r#"{"action":"a","context":{"ip":"Unknown"}}"#);
    assert!(found.contains(&"Path context.ip Text(\"unknown\")".to_owned()));
    assert!(!found.iter().any(|line| line.starts_with("Ip")));
    let found = lines(r#"{"action":"a","context":{"ip":"::ffff:10.0.0.1"}}"#);
    assert!(found.contains(&"Ip 00000000000000000000ffff0a000001".to_owned()));
}

#[test]
fn numbers_keep_what_a_float_would_lose() {
    let shown = |token: &str| {
        let json = format!(r#"{{"action":"a","details":{{"n":{token}}}}}"#);
        lines(&json).into_iter().filter(|line| line.starts_with("Path det")).collect::<Vec<_>>()
    };
    for plain in ["0", "-7", "123456789012345", "0.25", "-1.5"] {
        assert_eq!(shown(plain).len(), 1, "{plain}");
    }
    for other in ["-0", "1.50", "1e3", "1E3", "1234567890123456", "0.1234567890123456"] {
        let lines = shown(other);
        assert_eq!(lines.len(), 2, "{other}");
        assert_eq!(lines[1], format!("Path details.n Text({:?})", other.to_lowercase()));
    }
}

#[test]
fn long_values_are_cut_alike_and_told_apart() {
    let long = |tail: &str| format!("{}é{tail}", "x".repeat(VALUE_BYTES_MAX - 1));
    let (a, b) = (long("a"), long("b"));
    let cut_a = cut(&a);
    assert_ne!(cut_a, cut(&b));
    assert_eq!(cut_beginning(&cut_a), Some(&a.as_bytes()[..VALUE_BYTES_MAX - 1]));
    assert_eq!(cut_a.len(), VALUE_BYTES_MAX - 1 + 1 + CUT_DIGITS);
    let whole = "y".repeat(VALUE_BYTES_MAX);
    assert_eq!((&*cut(&whole), cut_beginning(&cut(&whole))), (whole.as_bytes(), None));
    // The hash stands in files: it never changes.
    assert!(
        cut(&"z".repeat(200)).ends_with(b"\x01adac0421a71eb202"),
        "{:?}",
        cut(&"z".repeat(200)).escape_ascii().to_string()
    );
}

#[test]
fn words_are_runs_of_letters_and_digits() {
    let cut = |text: &str| {
        let mut all = Vec::new();
        words(text, |word| all.push(word.to_owned()));
        all
    };
    assert_eq!(cut("Quarterly-Report_v2 (final)"), ["quarterly", "report", "v2", "final"]);
    assert_eq!(cut("Ärger in İstanbul, ΟΔΟΣ!"), ["ärger", "in", "istanbul", "οδοσ"]);
    assert_eq!(cut("οδος"), ["οδοσ"]);
    assert_eq!(cut(" .-_ "), [""; 0]);
    assert_eq!(cut(&"é".repeat(100)), ["é".repeat(WORD_MAX / 2)]);
    assert_eq!(cut(&"a".repeat(100)), ["a".repeat(WORD_MAX)]);
}

const WORD_MAX: usize = crate::limits::WORD_BYTES_MAX;

#[test]
fn what_looks_like_an_id() {
    for id in [
        "1a2b3c4d",
        "1f2e3d4c5b6a",
        "00ff00ff00ff00ff",
        "12345678901",
        "01hzy3x9k2mabcdefghjkmnpqrs",
    ] {
        assert!(is_id_like(id), "{id}");
    }
    for word in
        ["deadbeefcafe", "1234567890", "1a2b3c4", "donaudampfschifffahrtsgesellschaft", "v2"]
    {
        assert!(!is_id_like(word), "{word}");
    }
    assert!(is_id_value("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert!(!is_id_value("facade-decade-facade-decade-facade"));
}

#[test]
fn damage_ends_the_reading_and_is_said() {
    let parts = |what: &'static [u8]| of_parts([None, None, Some(what)]);
    let (whole, found) = parts(br#"{"details":{"a":"x","b":"y""#);
    assert!(!whole && found.contains(&"Path details.b Text(\"y\")".to_owned()));
    for damaged in [
        &b""[..],
        b"{",
        b"{}x",
        b"[]",
        b"{\"details\":}",
        b"{\"details\":{\"a\":\"\xff\"}}",
        b"{\"a\":01x}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":--}",
        b"{\"a\\u0000\":1}",
        b"{\"targets\":[{\"id\":\"1\"},]}",
    ] {
        assert!(!parts(damaged).0, "{}", damaged.escape_ascii());
    }
    assert!(!parts(br#"{"other":{"a":[]},"targets":[1]}"#).0);
    assert!(parts(br#"{"other":{"a":[]},"targets":[{"id":7}]}"#).0);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(!of_parts([None, None, Some(deep.as_bytes())]).0);
}

#[test]
fn terms_are_bounded() {
    let words = |count: usize| format!(r#"{{"details":{{"a":"{}"}}}}"#, "w ".repeat(count));
    // Action, outcome, their words, `Has details` and the path come before.
    let fits = TERMS_MAX - 6;
    let (whole, found) = of_parts([None, None, Some(words(fits).as_bytes())]);
    let terms = |found: &[String]| found.iter().filter(|line| !line.starts_with("facet")).count();
    assert_eq!((whole, terms(&found)), (true, TERMS_MAX));
    let (whole, found) = of_parts([None, None, Some(words(fits + 1).as_bytes())]);
    assert_eq!((whole, terms(&found)), (false, TERMS_MAX));
}

proptest! {
    #[test]
    fn any_bytes(bytes in any::<Vec<u8>>(), at in 0..300_usize, value in any::<u8>()) {
        of_parts([Some(&bytes), Some(&bytes), Some(&bytes)]);
        let checked = check_with_subject(EVENT.as_bytes(), None).expect("an event");
        let mut what = checked.parts.all()[2].expect("a part").to_vec();
        let at = at % what.len();
        what[at] = value;
        of_parts([None, None, Some(&what)]);
    }

    #[test]
    fn numbers_sort_as_numbers(a in any::<f64>(), b in any::<f64>()) {
        prop_assert_eq!(number_key(a).cmp(&number_key(b)), a.partial_cmp(&b).expect("no NaN"));
        prop_assert_eq!(number_of(number_key(a)), a);
    }

    #[test]
    fn folding_twice_is_folding_once(text in any::<String>()) {
        let folded = fold(&text).into_owned();
        prop_assert_eq!(fold(&folded), folded.as_str());
        let mut direct = Vec::new();
        words(&text, |word| direct.push(word.to_owned()));
        for word in &direct {
            let mut again = Vec::new();
            words(word, |word| again.push(word.to_owned()));
            prop_assert_eq!(&again, &vec![word.clone()]);
        }
    }

    #[test]
    fn path_terms_come_back(path in "[a-z.]{1,40}", text in any::<String>(), number in any::<f64>()) {
        for value in [PathValue::Text(&text), PathValue::Number(number), PathValue::Literal("null")] {
            let mut term = Vec::new();
            path_term(&path, value, &mut term);
            if text.len() <= VALUE_BYTES_MAX {
                prop_assert_eq!(read_path_term(&term), Some((path.as_str(), value)));
            }
        }
    }
}

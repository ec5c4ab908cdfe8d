use super::*;

const NOW: Micros = Micros(1_700_000_000_000_000);

fn read(text: &str) -> Clauses {
    clauses(text, NOW).unwrap()
}

#[test]
fn each_clause_has_its_place_key_and_value() {
    let text = " é  actor:maria -\"two words\" NOT user:a,b (x OR y) details.A:>5 free";
    let found = read(text);
    assert!(!found.any);
    let rows: Vec<_> = found
        .clauses
        .iter()
        .map(|c| (c.text.as_str(), c.key.as_deref(), c.value.as_deref(), c.negated))
        .collect();
    assert_eq!(
        rows,
        [
            ("é", None, None, false),
            ("actor:maria", Some("actor"), Some("maria"), false),
            ("-\"two words\"", None, None, true),
            ("NOT user:a,b", Some("actor"), Some("a,b"), true),
            ("(x OR y)", None, None, false),
            ("details.A:>5", Some("details.A"), Some(">5"), false),
            ("free", None, None, false),
        ]
    );
    let chars: Vec<char> = text.chars().collect();
    for clause in &found.clauses {
        let there: String = chars[clause.place.clone()].iter().collect();
        assert_eq!(there, clause.text);
    }
}

#[test]
fn what_is_left_without_a_clause_can_be_read() {
    for text in [
        "a",
        "a b c",
        "a AND b",
        "a AND b AND c",
        "a b AND c d",
        "has:changes AND has:error AND NOT x",
        "(a OR b) AND é:\"x\" ".replace("é", "actor").as_str(),
        "a OR b AND c",
        "--a -b /x:y/ -/x:y/ /var/log",
        "http.status:5 ip:10.0.0.0/8 2001:db8::1 \"AND\"",
    ] {
        let found = read(text);
        for (at, clause) in found.clauses.iter().enumerate() {
            let left = found.without(at);
            let rest = clauses(&left, NOW);
            let rest =
                rest.unwrap_or_else(|e| panic!("{text} without {}: {left}: {e}", clause.text));
            assert_eq!(
                rest.clauses.len(),
                found.clauses.len() - 1,
                "{text} without {}",
                clause.text
            );
        }
    }
    assert_eq!(read("a AND b c AND d").without(0), "b c AND d");
    assert_eq!(read("a AND b  c AND d").without(2), "a AND b AND d");
}

#[test]
fn a_time_says_what_it_means() {
    let found = read("created:-1h occurred:>=2023-01-01 -created:2023");
    let spans: Vec<_> = found.clauses.iter().map(|clause| clause.span).collect();
    let from = Micros(NOW.0 - 3_600_000_000);
    assert_eq!(spans[0], Some(Span { from: Some(from), to: None }));
    assert!(spans[1].is_some_and(|span| span.to.is_none()));
    assert_eq!(spans[2], None);
}

#[test]
fn either_is_one_clause() {
    let found = read("  a:x OR b ".replace("a:", "actor:").as_str());
    assert!(found.any);
    assert_eq!(found.clauses.len(), 1);
    assert_eq!(
        (found.clauses[0].text.as_str(), found.clauses[0].place.clone()),
        ("actor:x OR b", 2..14)
    );
    assert_eq!(read("").clauses, []);
    assert!(clauses("a OR", NOW).is_err());
}

#[test]
fn a_slip_of_the_pen_says_what_was_meant() {
    for (text, column, len, instead) in [
        ("actr:x", 1, 4, Some("actor")),
        ("é detials.store_id:7", 3, 16, Some("details.store_id")),
        ("outcome:sucess", 9, 6, Some("success")),
        ("outcome:nothing", 9, 7, None),
        ("zzzzzzz:x", 1, 7, None),
    ] {
        let error = clauses(text, NOW).unwrap_err();
        assert_eq!(
            (error.column, error.len, error.instead.as_deref()),
            (column, len, instead),
            "{text}"
        );
    }
}

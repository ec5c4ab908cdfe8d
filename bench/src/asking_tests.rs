use std::sync::{Arc, Mutex};

use super::*;
use crate::generator::Events;
use crate::http::tests::{serve, whole};
use crate::peers::postgres::Postgres;
use crate::values;

const SEED: u64 = 11;
const COUNT: usize = 1_500;
const ROUNDS: usize = 8;

fn sqlite(parent: &std::path::Path) -> Sqlite {
    let mut sqlite = Sqlite::create(parent).expect("SQLite opens");
    sqlite.add_text_search().expect("FTS5 is there");
    sqlite.append(&Events::generate(SEED, COUNT), 500).expect("SQLite inserts");
    sqlite.analyze().expect("SQLite analyzes");
    sqlite
}

/// What SQLite answers, by a look at each event instead.
fn by_looking(events: &Events, question: &str, draw: &Draw) -> Option<usize> {
    let has = |needle: &str| events.iter().filter(|e| text(e).contains(needle)).count();
    Some(match question {
        "newest page of everything" => 50,
        "newest 50 of a rare actor" => has(&format!("\"id\":\"{}\"", draw.rare_actor)),
        "a correlation id" => has(&draw.correlation).min(50),
        "exact count of an action" => has(&format!("\"action\":\"{}\"", draw.action)),
        "substring (*foo*), few matches" => has(&format!("{}@example.com", draw.substring)),
        _ => return None,
    })
}

fn text(event: &[u8]) -> &str {
    std::str::from_utf8(event).expect("an event is text")
}

#[test]
fn sqlite_answers_every_question_and_rightly() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut sqlite = sqlite(dir.path());
    let draws = values::draw(SEED, COUNT, ROUNDS).expect("values");
    let events = Events::generate(SEED, COUNT);
    let mut looked = 0;
    for question in &QUESTIONS {
        for draw in &draws {
            let (_, reply) = Answering::ask(&mut sqlite, question, draw).expect("an answer");
            assert!(reply.size > 0, "{}: {draw:?}", question.name);
            if let Some(size) = by_looking(&events, question.name, draw) {
                looked += 1;
                assert_eq!(reply.size, size as u64, "{}: {draw:?}", question.name);
            }
        }
    }
    assert_eq!(looked, 5 * ROUNDS);
}

#[test]
fn the_databases_agree() {
    if Postgres::find().is_none() {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut sqlite = sqlite(dir.path());
    let server = Postgres::start(dir.path()).expect("PostgreSQL starts");
    server.add_text_search().expect("PostgreSQL indexes");
    server.append(&Events::generate(SEED, COUNT), 500).expect("PostgreSQL copies");
    server.analyze().expect("PostgreSQL analyzes");
    let mut wire = server.connect().expect("PostgreSQL listens");
    let draws = values::draw(SEED, COUNT, ROUNDS).expect("values");
    for question in &QUESTIONS {
        for draw in &draws {
            let (_, here) = Answering::ask(&mut sqlite, question, draw).expect("SQLite answers");
            let (_, there) = wire.ask(question, draw).expect("PostgreSQL answers");
            assert_eq!(here, there, "{}: {draw:?}", question.name);
        }
    }
    assert!(wire.query("SELECT nothing").is_err());
    wire.query(&Postgres::prepare_insert()).expect("it is planned");
    let more = Events::generate(SEED + 1, 1);
    wire.query(&Postgres::insert(more.get(0)).expect("a row")).expect("it is inserted");
    let count = wire.query("SELECT count(*) FROM audit_log").expect("it counts").number;
    assert_eq!(count, Some(COUNT as i64 + 1));
}

#[test]
fn our_answers_are_read_as_the_api_gives_them() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let address = serve(move |first, _| {
        let path = first.split(' ').nth(1).expect("a path").to_owned();
        let body = match path.split('?').next().expect("a path") {
            "/api/audit/logs" => {
                r#"{"events":[{},{}],"next_cursor":null,"incomplete":null,"alarms":[]}"#
            }
            "/api/audit/timeline" => r#"{"entries":[{}],"incomplete":{"limit":"rows"}}"#,
            "/api/audit/stats" => {
                r#"{"total":{"value":812,"relation":"exact"},"facets":{},"incomplete":null}"#
            }
            other => panic!("{other} is not in the API"),
        };
        seen.lock().expect("a lock").push(path);
        whole(200, body)
    });
    let mut connection = Connection::open(&address).expect("it listens");
    let draws = values::draw(SEED, COUNT, ROUNDS).expect("values");
    let all = ask_all(&mut connection, &draws).expect("all are answered");
    assert_eq!(all.len(), QUESTIONS.len());
    assert!(all.iter().all(|asked| asked.times_ms.len() == ROUNDS));
    let sizes: Vec<f64> = all.iter().map(|asked| asked.size).collect();
    assert_eq!(sizes, [2., 2., 2., 2., 1., 2., 2., 2., 2., 812., 812., 812.]);
    assert_eq!(all.iter().map(|asked| asked.incomplete).sum::<usize>(), ROUNDS);
    let asked = asked.lock().expect("a lock");
    assert!(asked.iter().any(|path| path.contains("/api/audit/stats?start_date=2026-01-05T")));
    let text = table(&[("Indelible", all)]).render();
    assert!(text.contains("8 incomplete"), "{text}");
}

#[test]
fn an_empty_or_alarming_answer_is_an_error() {
    let draws = values::draw(SEED, COUNT, 1).expect("values");
    let found = [
        (200, r#"{"events":[],"alarms":[]}"#),
        (200, r#"{"events":[{}],"alarms":[{"seq":3}]}"#),
        (400, r#"{"events":[{}],"alarms":[]}"#),
    ];
    for (status, body) in found {
        let mut connection =
            Connection::open(&serve(move |_, _| whole(status, body))).expect("it listens");
        assert!(ask_all(&mut connection, &draws).is_err(), "{body}");
    }
}

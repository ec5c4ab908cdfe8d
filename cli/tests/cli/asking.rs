//! What is asked of a node and how its answers are shown, with answers as `docs/api.md` has them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::harness::{Log, Ran};

/// A node that gives these answers in turn, whatever is asked, and remembers what that was.
struct Scripted {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

type Answer = (&'static str, &'static str, String);

fn ok(body: impl Into<String>) -> Answer {
    ("200 OK", "application/json", body.into())
}

impl Scripted {
    fn new(answers: Vec<Answer>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = asked.clone();
        std::thread::spawn(move || {
            for (status, kind, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                told.lock().unwrap().push(lines.next().unwrap().unwrap());
                let _ = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).count();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Scripted { url, asked }
    }

    fn run(&self, args: &[&str]) -> Ran {
        let log = Log::none();
        let mut command = log.command(args.iter().chain(&["--url", &self.url]));
        command.env("TZ", "UTC").stdin(Stdio::null());
        Ran::of(command.output().unwrap())
    }

    /// The request lines so far, without what all of them have.
    fn asked(&self) -> Vec<String> {
        let bare = |line: &String| {
            line.trim_start_matches("GET /api/audit/").trim_end_matches(" HTTP/1.1").to_owned()
        };
        self.asked.lock().unwrap().iter().map(bare).collect()
    }
}

const DELETED: &str = r#"{"trail":"backup","seq":17,"id":"0190b1a0-0000-7000-8000-000000000001","recorded_at":"2026-11-20T12:00:01.000000Z","occurred_at":"2026-11-20T12:00:00.123456Z","action":"backup.delete","outcome":"success","actor":{"type":"user","id":"maria"},"targets":[{"type":"backup","id":"db-0417"}],"details":{"n":12345678901234567890.10},"context":{"service":"backup-service"}}"#;
const DENIED: &str = r#"{"trail":"users","seq":3,"id":"0190b1a0-0000-7000-8000-000000000002","recorded_at":"2026-11-20T11:00:00.000000Z","action":"user.login","outcome":"failure","actor":{"id":"eve\u001b[2J"},"error":{"message":"wrong password"},"context":{"service":"user-service"}}"#;

fn page(events: &[&str], more: &str) -> Answer {
    ok(format!(r#"{{"events":[{}],{more},"incomplete":null}}"#, events.join(",")))
}

#[test]
fn search_follows_pages_and_passes_events_on_as_they_are() {
    let node = Scripted::new(vec![
        page(&[DELETED], r#""next_cursor":"abc=","alarms":[]"#),
        page(&[DENIED], r#""next_cursor":null"#),
    ]);
    let found = node
        .run(&[
            "search",
            "-outcome:x",
            "a b",
            "-alice",
            "--all",
            "--trail",
            "shop",
            "--since",
            "2026-11-20",
        ])
        .ok();
    assert_eq!(found.stdout, format!("{DELETED}\n{DENIED}\n"));
    let first = "logs?q=-outcome%3Ax%20a%20b%20%20-alice&tenant_id=shop&start_date=2026-11-20T00%3A00%3A00Z&page_size=1000";
    assert_eq!(node.asked(), [first.to_owned(), format!("{first}&cursor=abc%3D")]);

    let node = Scripted::new(vec![page(&[DELETED, DENIED], r#""next_cursor":"x""#)]);
    let found =
        node.run(&["search", "--text", "--limit", "2", "--oldest-first", "--sort", "occurred"]);
    let found = found.ok().says("there is more");
    assert_eq!(
        found.stdout,
        "2026-11-20 12:00:00  backup    maria deleted backup db-0417\n\
         2026-11-20 11:00:00  users     eve\\u{1b}[2J failed to log in: wrong password\n"
    );
    assert_eq!(node.asked(), ["logs?order=asc&sort=occurred_at&page_size=2"]);

    let total = r#"{"events":[],"total":{"value":10000,"relation":"at_least"},"next_cursor":null,"incomplete":null}"#;
    assert_eq!(Scripted::new(vec![ok(total)]).run(&["search", "--count"]).ok().stdout, "10,000+\n");
}

#[test]
fn what_does_not_match_its_leaf_is_an_alarm() {
    let alarm = r#""next_cursor":null,"alarms":[{"trail":"backup","seq":18}]"#;
    let found = Scripted::new(vec![page(&[DELETED], alarm)]).run(&["search"]);
    assert_eq!(found.status(1).says("ALARM").says("18").stdout.lines().count(), 1);
}

#[test]
fn a_query_that_cannot_be_read_is_marked() {
    let problem = r#"{"title":"Bad query","status":400,"detail":"there is no key actr","query":{"column":3,"length":4,"hint":"did you mean actor?"}}"#;
    let node = Scripted::new(vec![("400 Bad Request", "application/problem+json", problem.into())]);
    let said = node.run(&["search", "a", "actr:maria"]).status(2).stderr;
    assert_eq!(
        said,
        "error: there is no key actr\n  a actr:maria\n    ^^^^\nhint: did you mean actor?\n"
    );
}

#[test]
fn an_event_is_shown_with_what_it_changed() {
    let answer = format!(
        r#"{{"event":{DELETED},"receipt":{{"trail":"backup","seq":17,"id":"x","leaf":"abcd","recorded_at":"2026-11-20T12:00:01Z"}},"diff":[{{"op":"change","path":"/price","before":1.10,"after":"two"}},{{"op":"add","path":"/x","after":[1]}}],"published":true,"related":{{"intent":null,"outcome":"0190b1a0-0000-7000-8000-000000000009","corrections":[{DENIED}]}}}}"#
    );
    let id = "0190b1a0-0000-7000-8000-000000000001";
    let node = Scripted::new(vec![ok(&answer), ok(&answer)]);
    assert_eq!(node.run(&["show", id, "--trail", "backup"]).ok().stdout, format!("{answer}\n"));
    let shown = node.run(&["show", id, "--text"]).ok().stdout;
    for part in [
        "maria deleted backup db-0417\nhappened 2026-11-20 12:00:00.123456 +00:00, recorded",
        "targets[0].id    db-0417\n",
        "details.n        12345678901234567890.10\n",
        "  /price change\n  - 1.10\n  + \"two\"\n  /x add\n  + [1]\n",
        "outcome     0190b1a0-0000-7000-8000-000000000009",
        "correction  2026-11-20 11:00:00",
        "seq 17",
        "abcd",
        "published",
    ] {
        assert!(shown.contains(part), "{part:?} is not in:\n{shown}");
    }
    assert_eq!(node.asked()[0], format!("logs/{id}?trail=backup"));
    let missing =
        ("404 Not Found", "application/problem+json", r#"{"detail":"no such event"}"#.to_owned());
    Scripted::new(vec![missing]).run(&["show", id]).status(3).says("no such event");
    Scripted::new(vec![]).run(&["show", "17"]).status(2).says("must be a UUID");
}

#[test]
fn a_timeline_has_lanes_gaps_and_what_never_ended() {
    let entry = |event: &str, more: &str| {
        format!(r#"{{"event":{event},"at":"2026-11-20T11:00:00Z",{more}}}"#)
    };
    let answer = format!(
        r#"{{"entries":[{},{}],"services":["user-service","backup-service"],"correlations":["c-1"],"unfinished":1,"next_cursor":null,"incomplete":null}}"#,
        entry(
            DENIED,
            r#""via":"correlation","gap_before_seconds":null,"outcome_ref":null,"unfinished":false"#
        ),
        entry(
            DELETED,
            r#""via":"resource","gap_before_seconds":7200,"outcome_ref":null,"unfinished":true"#
        )
    );
    let node = Scripted::new(vec![ok(&answer), ok(&answer)]);
    let told = node.run(&["timeline", "--resource", "backup/db-0417", "--text"]).ok();
    let told = told.says("1 begun and never ended").says("c-1").stdout;
    assert_eq!(
        told,
        "                     ┌ user-service\n                     │  ┌ backup-service\n\
         2026-11-20 11:00:00  ●  │    eve\\u{1b}[2J failed to log in: wrong password (by its correlation)\n                  ⋮  2 h later\n\
         2026-11-20 11:00:00  │  ●    maria deleted backup db-0417\n                  !  never ended: no outcome was recorded\n"
    );
    assert_eq!(node.run(&["timeline", "--resource", "a/b/C"]).ok().json().len(), 2);
    assert_eq!(
        node.asked(),
        [
            "timeline?resource_type=backup&resource_id=db-0417&page_size=200",
            "timeline?resource_type=a&resource_id=b%2FC&page_size=200"
        ]
    );
}

#[test]
fn counts_are_drawn() {
    let stats = r#"{"total":{"value":1812,"relation":"exact"},"facets":{"action":{"values":[{"value":"user.login","count":812},{"value":"a.b","count":406}],"other":93,"missing":0,"exact":true}},"failures":{"value":3},"denied":{"value":0},"histogram":{"interval_seconds":3600,"time":"recorded_at","buckets":[{"start":"2026-11-20T11:00:00Z","count":12,"outcomes":{"success":11,"failure":1}},{"start":"2026-11-20T12:00:00Z","count":6,"outcomes":{}}]},"incomplete":{"limit":"rows","message":"the first million"}}"#;
    let node = Scripted::new(vec![ok(stats), ok(stats)]);
    let told = node
        .run(&["stats", "x", "--text", "--facets", "action,ip"])
        .ok()
        .says("the first million")
        .stdout;
    for part in [
        "1,812 events, 3 failed, 0 denied\n",
        "       812  user.login  ████████████████████████\n       406  a.b         ████████████\n        93  others\n",
        "        12  2026-11-20 11:00:00  ████████████████████████ 1 bad\n",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    assert_eq!(node.asked()[0], "stats?q=x&facets=action%2Cip&top=10&interval=1h");
    assert_eq!(node.run(&["stats"]).ok().stdout, format!("{stats}\n"));

    let user = format!(
        r#"{{"user_id":"a/b","days":7,"total":{{"value":2,"relation":"exact"}},"first_seen":"2026-11-20T11:00:00Z","last_seen":"2026-11-20T12:00:00Z","actions":[{{"value":"x.y","count":2}}],"categories":[],"outcomes":[],"resources":[],"addresses":[{{"value":"192.0.2.1","count":1}}],"failures":{{"value":1}},"by_day":[{{"start":"2026-11-20T00:00:00Z","count":2}}],"recent":[{DELETED}]}}"#
    );
    let node = Scripted::new(vec![ok(user)]);
    let told = node.run(&["user", "a/b", "--days", "7", "--text"]).ok().stdout;
    for part in ["a/b: 2 events in 7 days, 1 failed", "192.0.2.1", "maria deleted backup db-0417"] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
    assert_eq!(node.asked(), ["users/a%2Fb?days=7"]);
}

#[test]
fn tail_shows_each_event_once() {
    let next = DELETED.replace(":17,", ":18,");
    let stream = format!("id: 1\ndata: {DELETED}\n\n: still here\n\nid: 2\ndata: {next}\n\n");
    let gone =
        ("401 Unauthorized", "application/problem+json", r#"{"title":"revoked"}"#.to_owned());
    let node = Scripted::new(vec![
        ("200 OK", "text/event-stream", stream),
        page(&[DELETED, DENIED], r#""next_cursor":"more""#),
        gone,
    ]);
    let told = node.run(&["tail", "-f", "-n", "2", "action:a.*"]).status(3).says("revoked");
    // The oldest first, and what came both ways only once.
    assert_eq!(told.stdout, format!("{DENIED}\n{DELETED}\n{next}\n"));
    let asked = node.asked();
    assert_eq!(asked[..2], ["stream?q=action%3Aa.%2A", "logs?q=action%3Aa.%2A&page_size=2"]);
}

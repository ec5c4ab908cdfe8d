//! What no sound node answers, or only by chance: alarms, and a stream that breaks off.
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
fn what_does_not_match_its_leaf_is_an_alarm() {
    let alarm = r#""next_cursor":null,"alarms":[{"trail":"backup","seq":18}]"#;
    let found = Scripted::new(vec![page(&[DELETED], alarm)]).run(&["search"]);
    assert_eq!(found.status(1).says("ALARM").says("18").stdout.lines().count(), 1);
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

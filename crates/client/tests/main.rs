//! The client against a listener that answers by script, so that each answer can be any.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_client::{Appended, Backoff, Client, Error};

/// Answers one connection after the other with these bytes, and gives what was asked.
fn node(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            asked.push(request(&mut BufReader::new(&stream)));
            stream.write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (Client::new(&url, Some("idl_test")).unwrap(), serving)
}

/// Reads head and body of a request.
fn request(from: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(from.read_line(&mut head).unwrap() > 0, "the request is cut off");
    }
    let lower = head.to_ascii_lowercase();
    let len = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; len.map_or(0, |len| len.trim().parse().unwrap())];
    from.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn answer(status: &str, kind: &str, more: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\nConnection: close\r\n{more}\r\n{body}"
    )
}

fn quick() -> Backoff {
    Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(2), tries: 4 }
}

const NEW: &str = r#"{"status":"new","trail":"t","seq":7,"id":"i","leaf":"ab","recorded_at":"r"}"#;

#[test]
fn a_problem_is_told_with_its_column() {
    let problem = r#"{"title":"Bad query","status":400,"detail":"no field actr","query":{"column":3,"length":4,"hint":"did you mean actor?"}}"#;
    let (client, serving) =
        node(vec![answer("400 Bad Request", "application/problem+json", "", problem)]);
    let error = client.get("/api/audit/logs", &[("q".into(), "a actr:x&y".into())]).unwrap_err();
    let problem = error.problem().unwrap();
    let query = problem.query.as_ref().unwrap();
    assert_eq!((problem.status, error.to_string().as_str()), (400, "no field actr"));
    assert_eq!((query.column, query.length), (3, 4));
    assert_eq!(query.hint.as_deref(), Some("did you mean actor?"));
    assert!(!error.may_pass());
    let asked = &serving.join().unwrap()[0];
    assert!(asked.starts_with("GET /api/audit/logs?q=a%20actr%3Ax%26y HTTP/1.1"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer idl_test\r\n"), "{asked}");
}

#[test]
fn a_batch_is_sent_again_until_it_is_answered() {
    let full = r#"{"title":"The disk is full","status":503}"#;
    let results = format!(
        "{NEW}\n{}\n",
        r#"{"status":"refused","error":{"field":"action","message":"missing","offset":1}}"#
    );
    let (client, serving) = node(vec![
        answer("503 Service Unavailable", "application/problem+json", "Retry-After: 0\r\n", full),
        // Cut off: whether it took effect is not known.
        "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{".into(),
        answer("207 Multi-Status", "application/x-ndjson", "", &results),
    ]);
    let mut failures = Vec::new();
    let body = b"{\"action\":\"a.b\"}\n{}\n";
    let results =
        client.append_surely(body, &[], quick(), |e| failures.push(e.to_string())).unwrap();
    assert!(matches!(&results[0], Appended::New(receipt) if receipt.seq == 7), "{results:?}");
    assert!(matches!(&results[1], Appended::Refused { error } if error.field == "action"));
    assert_eq!((failures.len(), failures[0].as_str()), (2, "The disk is full"));
    let asked = serving.join().unwrap();
    assert!(asked.iter().all(|one| one.ends_with("{\"action\":\"a.b\"}\n{}\n")), "{asked:?}");
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    let (client, serving) = node(vec![answer("401 Unauthorized", "text/html", "", "<p>no")]);
    let error =
        client.append_surely(b"{}\n", &[], quick(), |_| panic!("it is not told")).unwrap_err();
    assert_eq!(error.to_string(), "status 401: Unauthorized");
    serving.join().unwrap();
    for url in ["", "nonsense", "ftp://x", "http://", "http://x/?a=b"] {
        assert!(matches!(Client::new(url, None), Err(Error::Address { .. })), "{url}");
    }
    assert!(Client::new("http://x", Some("a\r\nb")).is_err());
}

#[test]
fn a_stream_resumes_where_it_broke_off() {
    let stream = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{body}"
        )
    };
    let (client, serving) = node(vec![
        stream("id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: cut o"),
        stream("event: dropped\ndata: 5\n\n"),
        answer("503 Service Unavailable", "text/plain", "", "starting"),
        stream(": here\n\nid: 3\ndata: c\n\n"),
        answer("403 Forbidden", "application/problem+json", "", r#"{"title":"revoked"}"#),
    ]);
    let mut stream = client.stream("/s", &[], None, quick()).unwrap();
    let mut data = Vec::new();
    let error = loop {
        match stream.next().unwrap() {
            Ok(message) => data.push(message.data),
            Err(error) => break error,
        }
    };
    assert_eq!((data.join(","), error.to_string()), ("a,b,c".into(), "revoked".into()));
    let resumed: Vec<_> = serving.join().unwrap();
    let last = |asked: &String| {
        let lower = asked.to_lowercase();
        lower.lines().find_map(|line| line.strip_prefix("last-event-id: ").map(str::to_owned))
    };
    let expected = [None, Some("2"), Some("2"), Some("2"), Some("3")];
    assert_eq!(
        resumed.iter().map(last).collect::<Vec<_>>(),
        expected.map(|id| id.map(str::to_owned))
    );
}

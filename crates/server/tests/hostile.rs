//! Requests that no honest client sends.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::node::{Node, answer, bearer};

const LOGS: &str = "/api/audit/logs";

/// Resident bytes of this process.
fn resident() -> u64 {
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "not a file of the log")]
    std::fs::File::open("/proc/self/statm").unwrap().read_to_string(&mut text).unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn bomb(prefix: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(prefix).unwrap();
    let blank = vec![b' '; 1 << 20];
    (0..mebibytes).for_each(|_| gzip.write_all(&blank).unwrap());
    gzip.finish().unwrap()
}

#[test]
fn a_bomb_is_refused_and_costs_no_memory() {
    let node = Node::new();
    let writer = node.key("writer", None);
    // An array, a string that never ends, and an object with much behind it.
    for (prefix, megabytes) in
        [(&b"[{\"action\":\"a\"}"[..], 1024), (b"{\"action\":\"", 64), (b"{\"action\":\"a\"}", 64)]
    {
        let body = bomb(prefix, megabytes);
        let before = resident();
        let headers = [&*bearer(&writer), "Content-Encoding: gzip"];
        node.ask("POST", LOGS, &headers, &body).problem(413, "too-large");
        let grown = resident().saturating_sub(before);
        assert!(grown < 48 << 20, "{grown} bytes more");
    }
    let announced = [&*bearer(&writer), "Content-Type: application/json"];
    let huge = vec![b' '; (32 << 20) + 1];
    node.ask("POST", LOGS, &announced, &huge).problem(413, "too-large");
    assert_eq!(node.append(&writer, r#"{"action":"a"}"#).status, 201);
}

#[test]
fn hostile_json_is_refused_by_item() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let deep = format!("{{\"action\":\"a\",\"details\":{}", "[".repeat(100_000));
    for body in [
        deep.as_str(),
        "{\"action\":\"a\\u0000\"}",
        "{\"action\":\"a\r\nX: y\"}",
        "{\"action\":\"a\",\"details\":{\"k\":\"\\ud800\"}}",
        "\u{feff}{}",
        "null",
    ] {
        let status = node.append(&writer, body).status;
        assert_eq!(status, 400, "{}", &body[..body.len().min(40)]);
    }
    // Control characters in free text are data like any other, and come back escaped.
    let answer = node.append(&writer, r#"{"action":"a","user_id":"x\r\nSet-Cookie: y\u001b[2J"}"#);
    assert_eq!(answer.status, 201);
}

#[test]
fn broken_http_never_gets_a_five_hundred() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let auth = bearer(&writer);
    let many = "X-A: b\r\n".repeat(200);
    let long = "x".repeat(100 << 10);
    let requests = [
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\r\n\r\n\r\n\u{0}\u{1}\r\n\r\n".to_owned(),
        format!("GET /livez HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!(
            "POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!"
        ),
        format!("POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\nContent-Length: -1\r\n\r\n"),
        format!(
            "POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        ),
        format!(
            "GET /api/me HTTP/1.1\r\nHost: a\r\n{auth}\r\nX-Request-Id: \u{e4}\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "GET /trails/%00/checkpoint HTTP/1.1\r\nHost: a\r\n{auth}\r\nConnection: close\r\n\r\n"
        ),
        format!(
            "GET /trails/%ff%fe/checkpoint HTTP/1.1\r\nHost: a\r\n{auth}\r\nConnection: close\r\n\r\n"
        ),
        "GET /login?token=%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let mut stream = node.connect();
        let _ = stream.write_all(request.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let line = String::from_utf8_lossy(&bytes);
        let status = line.split(' ').nth(1).unwrap_or("closed");
        assert!(!status.starts_with('5'), "{:?}: {line}", &request[..request.len().min(60)]);
    }
    assert_eq!(node.append(&writer, r#"{"action":"a"}"#).status, 201);
}

#[test]
fn chunks_are_taken_like_any_body_and_connections_are_kept() {
    let node = Node::new();
    let auth = bearer(&node.admin);
    let mut stream = node.connect();
    let head =
        format!("POST {LOGS} HTTP/1.1\r\nHost: a\r\n{auth}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let body = "8\r\n{\"action\r\n7\r\n\":\"a\"}\n\r\n0\r\n\r\n";
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let second = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(second.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("HTTP/1.1 201") && text.contains("HTTP/1.1 200 OK"), "{text}");
}

#[test]
fn one_connection_too_many_is_told_so_and_the_others_go_on() {
    let node = Node::with(|config| config.connections_max = 3);
    // Answered ones may still be closing.
    let full = std::iter::repeat_with(|| node.connect()).take(3).collect::<Vec<_>>();
    let mut refused = 0;
    for _ in 0..5 {
        let mut stream = node.connect();
        let answer = answer(&mut stream);
        refused += u32::from(answer.status == 503);
    }
    assert_eq!(refused, 5);
    drop(full);
    let deadline = 200;
    let again = (0..deadline).find(|_| {
        let mut stream = node.connect();
        let request = b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request).is_ok() && answer(&mut stream).status == 200
    });
    assert!(again.is_some());
}

#[test]
fn too_many_bytes_at_once_are_asked_to_wait() {
    let node = Node::with(|config| config.in_flight_bytes_max = 1000);
    let body = format!("{{\"action\":\"a\",\"user_id\":\"{}\"}}", "x".repeat(2000));
    let answer = node.append(&node.admin, &body);
    answer.problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(
        node.append(&node.admin, r#"{"action":"a"}"#).status,
        201,
        "what was held is given back"
    );
}

#[test]
fn a_head_that_does_not_come_is_given_up() {
    let patience = Duration::from_millis(100);
    let node = Node::with(|config| config.header_read_timeout = patience);
    let mut stream = node.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHo").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    assert!(!bytes.starts_with(b"HTTP/1.1 2"));
}

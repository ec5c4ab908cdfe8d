use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use super::*;

/// A server for tests: answers each request with what `answer` makes of its first line and its body,
/// until the last connection is gone. The thread ends with the process.
pub(crate) fn serve(answer: impl Fn(&str, &[u8]) -> Vec<u8> + Clone + Send + 'static) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(stream, &answer));
        }
    });
    Address { host, key: "idl_test".into() }
}

fn converse(mut stream: TcpStream, answer: &impl Fn(&str, &[u8]) -> Vec<u8>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().expect("a length");
            }
            assert!(!line.starts_with("Authorization") || line.trim().ends_with("Bearer idl_test"));
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        stream.write_all(&answer(first.trim(), &body)).expect("an answer is taken");
    }
}

/// An answer with a length.
pub(crate) fn whole(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn answers_of_both_kinds_are_read_over_one_connection() {
    let address = serve(|first, body| {
        match first {
        "GET /chunks HTTP/1.1" => {
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n".to_vec()
        }
        "GET /interim HTTP/1.1" => [b"HTTP/1.1 103 X\r\n\r\n".to_vec(), whole(404, "")].concat(),
        _ => whole(201, std::str::from_utf8(body).expect("text")),
    }
    });
    let mut connection = Connection::open(&address).expect("it listens");
    for _ in 0..2 {
        let answer = connection.post("/x", JSON, b"{\"a\":1}").expect("an answer");
        assert_eq!((answer.status, answer.body), (201, &b"{\"a\":1}"[..]));
        let answer = connection.get("/chunks").expect("chunks");
        assert_eq!((answer.status, answer.body), (200, &b"abcdef"[..]));
        let answer = connection.get("/interim").expect("the real answer");
        assert_eq!((answer.status, answer.body), (404, &b""[..]));
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let address = serve(|_, _| b"SSH-2.0-x\r\n\r\n".to_vec());
    let mut connection = Connection::open(&address).expect("it listens");
    assert!(connection.get("/").is_err());
    assert!(parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n").is_err());
}

#[test]
fn an_address_is_a_host_and_a_port() {
    let parsed = Address::parse("http://127.0.0.1:8650/", "k").expect("an address");
    assert_eq!(parsed, Address { host: "127.0.0.1:8650".into(), key: "k".into() });
    assert!(Address::parse("https://127.0.0.1:8650", "k").is_err());
    assert!(Address::parse("http://a/b", "k").is_err());
}

#[test]
fn a_load_is_timed_and_weighed_and_must_succeed() {
    let address = serve(|first, _| match first {
        "GET /page HTTP/1.1" => whole(200, "twelve bytes"),
        _ => whole(404, "no"),
    });
    let mut connection = Connection::open(&address).expect("it listens");
    let took = connection.load("/page").expect("a page");
    assert!(took.first <= took.last && took.body_bytes == 12, "{took:?}");
    assert!(connection.load("/elsewhere").is_err());
}

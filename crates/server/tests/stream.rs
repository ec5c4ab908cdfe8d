//! Live streams over a real connection.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::node::bearer;
use crate::search::Tenants;

const STREAM: &str = "/api/audit/stream";

/// One message: its event, id and data.
#[derive(Debug, Default)]
struct Message {
    event: Option<String>,
    id: Option<String>,
    data: Option<Value>,
}

struct Client {
    lines: BufReader<TcpStream>,
    last_id: Option<String>,
}

impl Client {
    fn open(tenants: &Tenants, key: &str, path: &str, header: Option<&str>) -> Client {
        let mut stream = tenants.node.connect();
        let more = header.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!("GET {path} HTTP/1.1\r\nHost: node\r\n{}\r\n{more}\r\n", bearer(key));
        stream.write_all(head.as_bytes()).unwrap();
        let mut client = Client { lines: BufReader::new(stream), last_id: None };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(client.lines.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
        client
    }

    /// The next message; chunk sizes are passed over. `None` at the end.
    fn next(&mut self) -> Option<Message> {
        let mut message = Message::default();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap_or(0) == 0 || line == "0\r\n" {
                return None;
            }
            if line.ends_with("\r\n") {
                continue;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", event)) => message.event = Some(event.into()),
                Some(("id", id)) => message.id = Some(id.into()),
                Some(("data", data)) => message.data = serde_json::from_str(data).ok(),
                Some((_, _)) => {}
                None => {
                    self.last_id = message.id.clone().or(self.last_id.take());
                    return Some(message);
                }
            }
        }
    }

    /// The numbers of the next events.
    fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let message = self.next().expect("the stream goes on");
            if let Some(data) = message.data {
                numbers.push(data["details"]["n"].as_u64().unwrap());
            }
        }
        numbers
    }
}

fn tick(n: u64) -> Value {
    json!({"trail": "shop", "action": "clock.tick", "metadata": {"n": n}})
}

#[test]
fn a_stream_begins_now_and_resumes_without_gap_or_double() {
    let tenants = Tenants::new();
    let path = format!("{STREAM}?action=clock.tick");
    let mut client = Client::open(&tenants, &tenants.shop, &path, None);
    // The first words say where it began.
    assert!(client.next().unwrap().id.is_some());
    tenants.append(&[tick(0), json!({"trail": "shop", "action": "other.one"}), tick(1)]);
    tenants.append(&[json!({"trail": "bank", "action": "clock.tick", "metadata": {"n": 99}})]);
    tenants.append(&[tick(2)]);
    assert_eq!(client.numbers(3), [0, 1, 2]);
    let id = client.last_id.clone().unwrap();
    drop(client);
    // Meanwhile some come and are sealed, some only come.
    tenants.append(&(3..500).map(tick).collect::<Vec<_>>());
    tenants.seal();
    tenants.append(&(500..700).map(tick).collect::<Vec<_>>());
    let mut client = Client::open(&tenants, &tenants.shop, &path, Some(&id));
    assert_eq!(client.numbers(300), (3..303).collect::<Vec<_>>());
    let id = client.last_id.clone().unwrap();
    drop(client);
    let mut client =
        Client::open(&tenants, &tenants.shop, &format!("{path}&last_event_id={id}"), None);
    assert_eq!(client.numbers(397), (303..700).collect::<Vec<_>>());
    tenants.append(&[tick(700)]);
    assert_eq!(client.numbers(1), [700]);
}

#[test]
fn a_stream_whose_beginning_is_all_that_came_resumes_there() {
    let tenants = Tenants::new();
    let mut client = Client::open(&tenants, &tenants.shop, STREAM, None);
    let id = client.next().unwrap().id.unwrap();
    drop(client);
    tenants.append(&[tick(0)]);
    let mut client = Client::open(&tenants, &tenants.shop, STREAM, Some(&id));
    assert_eq!(client.numbers(1), [0]);
}

#[test]
fn a_stream_goes_on_behind_what_a_search_found() {
    let tenants = Tenants::new();
    tenants.append(&[tick(0), tick(1)]);
    let answer = tenants.node.get(&tenants.shop, "/api/audit/logs?action=clock.tick");
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 2);
    tenants.append(&[tick(2)]);
    let id = &answer.headers["indelible-stream-id"];
    let mut client = Client::open(&tenants, &tenants.shop, STREAM, Some(id));
    assert_eq!(client.numbers(1), [2]);
}

#[test]
fn what_comes_while_a_stream_looks_is_sent_once() {
    let tenants = Tenants::new();
    let mut client = Client::open(&tenants, &tenants.shop, STREAM, None);
    client.next().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0..150 {
                let events: Vec<Value> = (batch * 3..batch * 3 + 3).map(tick).collect();
                let body = Value::from(events).to_string();
                assert_eq!(tenants.node.append(&tenants.node.admin, &body).status, 201);
                if batch == 75 {
                    tenants.seal();
                }
            }
        });
        assert_eq!(client.numbers(450), (0..450).collect::<Vec<_>>());
    });
}

#[test]
fn ids_and_parameters_that_are_none_are_refused() {
    let tenants = Tenants::new();
    for bad in ["last_event_id=x", "last_event_id=ffffffffffffffff", "last_event_id="] {
        let problem = tenants.get(&tenants.shop, &format!("{STREAM}?{bad}"));
        assert_eq!(problem.problem(400, "bad-parameter")["parameter"], "last_event_id");
    }
    let headers = [&*bearer(&tenants.shop), "Last-Event-ID: nonsense"];
    tenants.node.ask("GET", STREAM, &headers, b"").problem(400, "bad-parameter");
    tenants.get(&tenants.shop, &format!("{STREAM}?page_size=5")).problem(400, "unknown-parameter");
    tenants.get(&tenants.shop, &format!("{STREAM}?q=%28")).problem(400, "bad-query");
}

#[test]
fn a_key_that_is_revoked_sees_nothing_more() {
    let tenants = Tenants::new();
    let key = tenants.node.key("reader", Some(&["shop"]));
    let mut client = Client::open(&tenants, &key, STREAM, None);
    client.next().unwrap();
    tenants.append(&[tick(0)]);
    assert_eq!(client.numbers(1), [0]);
    let id = &key["idl_".len()..][..16];
    let path = format!("/api/keys/{id}");
    let headers = [&*bearer(&tenants.node.admin)];
    assert_eq!(tenants.node.ask("DELETE", &path, &headers, b"").status, 204);
    tenants.append(&[tick(1)]);
    while let Some(message) = client.next() {
        assert!(message.data.is_none(), "{message:?}");
    }
}

#[test]
fn a_node_that_stops_ends_its_streams() {
    let mut tenants = Tenants::new();
    let mut client = Client::open(&tenants, &tenants.shop, STREAM, None);
    client.next().unwrap();
    tenants.node.stop();
    let told = tenants.node.system("node.stop").pop().unwrap();
    assert_eq!(told["details"]["finished"], true);
    assert!(client.next().is_none());
    let told = tenants.node.system("audit.stream").pop().unwrap();
    assert_eq!(told["details"]["trails"], json!(["shop"]));
}

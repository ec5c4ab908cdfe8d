//! A chat, which takes what Slack's documentation says that it takes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_log::Seams;
use indelible_relay::Outgoing;
use indelible_relay::streams::{Sink, SinkError};
use serde_json::{Value, json};

use crate::brokers::{event, sink};
use crate::receiver::{Request, Response, serve};

/// A channel: as Slack answers.
#[derive(Default)]
struct Channel {
    taken: Vec<Value>,
    busy: u32,
}

impl Channel {
    fn answer(&mut self, request: &Request) -> Response {
        let said = |status, text: &str| Response(status, "", text.to_owned());
        if !request.line.starts_with("POST /services/T0/B0/secret ") {
            return said(404, "no_service");
        }
        if request.header("content-type") != "application/json" {
            return said(400, "invalid_payload");
        }
        if self.busy > 0 {
            self.busy -= 1;
            return Response(429, "Retry-After: 30\r\n", "rate_limited".into());
        }
        let Ok(message) = serde_json::from_slice::<Value>(&request.body) else {
            return said(400, "invalid_payload");
        };
        if message["text"].as_str().is_none_or(|text| text.contains("poison")) {
            return said(400, "invalid_blocks");
        }
        let blocks = message["blocks"].as_array().unwrap();
        for block in blocks {
            let text = &block["text"];
            let fits = match block["type"].as_str().unwrap() {
                "header" => text["type"] == "plain_text",
                "section" => {
                    text["type"] == "mrkdwn"
                        || block["fields"].as_array().is_some_and(|of| (1..=10).contains(&of.len()))
                }
                _ => false,
            };
            if !fits || blocks.len() > 50 {
                return said(400, "invalid_blocks");
            }
        }
        self.taken.push(message);
        said(200, "ok")
    }
}

fn channel(state: Channel) -> (Arc<Mutex<Channel>>, String) {
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    (state, serve(move |request| shared.lock().unwrap().answer(request)))
}

fn file(url: &str, more: &str) -> String {
    format!("streams: [ {{ name: alerts-chat, to: {{ slack: {{ url: \"{url}\"{more} }} }} }} ]")
}

fn open(url: &str) -> Box<dyn Sink> {
    let file = file(url, ", allow_http: true, allow_private: true");
    sink(&file, Seams::real(std::env::temp_dir())).unwrap()
}

fn alert(pos: u64, title: &str) -> Outgoing {
    let plain = event(pos);
    let json = json!({
        "trail": "_system", "seq": pos, "id": plain.id.to_string(), "action": "alert.notify", "details": {
            "alert": "0192aa", "channel": "chat", "reason": "escalate", "title": title, "level": "critical",
            "summary": "<!channel> & @here", "group": {"context.ip": "203.0.113.9", "actor.id": "<!here>"}, "count": 10,
            "first_at": "2026-01-31T09:51:00.000000Z", "last_at": "2026-01-31T10:00:00.000000Z", "events": [],
            "advice": "Block the address.", "url": "https://audit.example.com/alerts/0192aa",
        },
    });
    Outgoing { trail: "_system".into(), json: json.to_string().into(), ..plain }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_gets_each_alert_once_and_nothing_in_it_wakes_everybody() {
    let (state, url) = channel(Channel { busy: 1, ..Channel::default() });
    let url = format!("{url}/services/T0/B0/secret");
    tokio::task::block_in_place(|| {
        let mut out = open(&url);
        out.probe().unwrap();
        let events = [alert(1, "Backup deleted"), alert(2, "poison"), event(3)];
        match out.send(&events).unwrap_err() {
            SinkError::Later { wait, .. } => assert_eq!(wait, Some(Duration::from_secs(30))),
            other => panic!("{other:?}"),
        }
        match out.send(&events).unwrap_err() {
            SinkError::Poison { at: 1, why } => assert!(why.contains("invalid_blocks"), "{why}"),
            other => panic!("{other:?}"),
        }
        out.send(&events[2..]).unwrap();
        let taken = std::mem::take(&mut state.lock().unwrap().taken);
        assert_eq!(taken.len(), 2);
        assert_eq!(
            taken[0]["blocks"][0]["text"]["text"],
            "[critical] Not acknowledged: Backup deleted: <!here>, 203.0.113.9"
        );
        let rest =
            json!([taken[0]["text"], taken[0]["blocks"].as_array().unwrap()[1..]]).to_string();
        assert!(!rest.contains("<!") && !rest.contains("@here"), "{rest}");
        assert!(
            rest.contains("*context.ip*\\n203.0.113.9") && rest.contains("Block the address."),
            "{rest}"
        );
        assert!(rest.contains("<https://audit.example.com/alerts/0192aa|Look at it>"), "{rest}");
        assert!(taken[1]["text"].as_str().unwrap().contains("deleted a backup"), "{}", taken[1]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_is_a_secret_and_goes_only_where_it_may() {
    let (_, url) = channel(Channel::default());
    tokio::task::block_in_place(|| {
        let Err(SinkError::Wrong { why, hint }) = open(&format!("{url}/old")).send(&[event(1)])
        else {
            panic!()
        };
        assert!(
            why.contains("no_service") && hint.contains("new incoming webhook"),
            "{why}; {hint}"
        );
    });
    let seams = || Seams::real(std::env::temp_dir());
    for (url, more) in [
        (&*url, ""),
        ("https://127.0.0.1:1/hunter2", ""),
        ("https://169.254.169.254/hunter2", ", allow_private: true"),
    ] {
        let sent = tokio::task::block_in_place(|| {
            sink(&file(url, more), seams()).and_then(|mut sink| sink.send(&[event(1)]))
        });
        let Err(SinkError::Wrong { why, hint }) = sent else { panic!("{url}") };
        assert!(!format!("{why}{hint}").contains("hunter2"), "{why}; {hint}");
    }
    let read = indelible_relay::Connections::parse(
        &file("https://hooks.example.com/T0/hunter2", ""),
        std::path::Path::new("/"),
    );
    let to = &read.unwrap().streams[0].to;
    assert_eq!(to.place(), "https://hooks.example.com/…");
    assert!(!format!("{to:?}").contains("hunter2"));
}

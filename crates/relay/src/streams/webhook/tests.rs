use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use indelible_event::{EventId, Micros};
use indelible_sim::{ManualClock, PowerStorage, SeededEntropy};

use super::*;

/// A request as it came, and what was answered.
struct Got {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let of = |line: &&String| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.head.iter().find(of).map_or("", |line| line[name.len() + 1..].trim())
    }
}

/// A receiver that answers with these, one connection after the other.
fn receiver(answers: &'static [&'static str]) -> (u16, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (send, got)) = (listener.local_addr().unwrap().port(), mpsc::channel());
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let request = read(&stream);
            (&stream).write_all(answer.as_bytes()).unwrap();
            if send.send(request).is_err() {
                return;
            }
        }
    });
    (port, got)
}

fn read(stream: &TcpStream) -> Got {
    let mut lines = BufReader::new(stream);
    let (mut head, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
        head.push(line);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    Got { head, body }
}

const OK: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const BAD: &str =
    "HTTP/1.1 422 Unprocessable\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlong";
const BUSY: &str =
    "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const ELSEWHERE: &str = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NO: &str = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// A secret in a file, which is read at each batch.
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn secret(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> Secret {
    let path = dir.path().join(name);
    std::fs::write(&path, format!("whsec_{}\n", STANDARD.encode(bytes))).unwrap();
    Secret::File(path)
}

fn to(url: String, secrets: Vec<Secret>) -> WebhookTo {
    let url = Value::Plain(url);
    WebhookTo { url, secrets, allow_http: true, allow_private: true, ca: None }
}

fn open(to: &WebhookTo) -> Box<dyn Sink> {
    opened(to).unwrap()
}

fn opened(to: &WebhookTo) -> Result<Box<dyn Sink>, SinkError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let clock = Arc::new(ManualClock::at(1_700_000_000_000_000));
    let storage = Arc::new(PowerStorage::default());
    let entropy = Arc::new(SeededEntropy::new(1));
    let seams = indelible_log::Seams { storage, clock, entropy };
    let runtime = runtime.handle().clone();
    to.open(&Context { stream: "hook".into(), runtime, seams })
}

fn event(pos: u64) -> Outgoing {
    let id = EventId::derived("e", pos);
    let json =
        format!(r#"{{"trail":"shop","seq":{pos},"id":"{id}","action":"order.delete","n":1.0}}"#);
    Outgoing {
        pos,
        trail: "shop".into(),
        seq: pos,
        id,
        leaf: [7; 32],
        recorded_at: Micros(1_700_000_000_000_000),
        json: json.into(),
    }
}

#[test]
fn a_request_is_signed_with_every_key_and_has_the_event_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (port, got) = receiver(&[OK]);
    let secrets = vec![secret(&dir, "new", &[1; 32]), secret(&dir, "old", &[2; 24])];
    open(&to(format!("http://127.0.0.1:{port}/hook"), secrets)).send(&[event(3)]).unwrap();
    let got = got.recv().unwrap();
    assert_eq!(got.head[0], "POST /hook HTTP/1.1");
    let id = event(3).id.to_string();
    assert_eq!(got.header("webhook-id"), id);
    assert_eq!(got.header("webhook-timestamp"), "1700000000");
    let mut wanted = Vec::new();
    for key in [&[1; 32][..], &[2; 24][..]] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(&[id.as_bytes(), b".1700000000.", &got.body].concat());
        wanted.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    assert_eq!(got.header("webhook-signature"), wanted.join(" "));
    let body: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(body["type"], "order.delete");
    assert!(String::from_utf8(got.body).unwrap().ends_with("\"n\":1.0}}"));
}

#[test]
fn what_was_taken_is_not_sent_again_with_its_batch_and_a_refused_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (port, got) = receiver(&[OK, BUSY, OK, BAD]);
    let to = to(format!("http://127.0.0.1:{port}/"), vec![secret(&dir, "s", &[1; 32])]);
    let mut sink = open(&to);
    let events = [event(1), event(2), event(3)];
    let Err(SinkError::Later { wait, .. }) = sink.send(&events) else { panic!("it was busy") };
    assert_eq!(wait, Some(Duration::from_secs(7)));
    let Err(SinkError::Poison { at, why }) = sink.send(&events) else { panic!("it refused one") };
    assert_eq!(at, 2);
    assert!(why.contains("422") && why.ends_with("long"), "{why}");
    // The receiver ends with its last answer.
    let ids: Vec<String> = got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
    let wanted = [1, 2, 2, 3].map(|pos| event(pos).id.to_string());
    assert_eq!(ids, wanted);
}

#[test]
fn redirects_are_not_followed_and_people_are_told_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (answer, wanted) in
        [(&[ELSEWHERE] as &[&str], "redirects are not followed"), (&[NO], "compare the secrets")]
    {
        let (port, _got) = receiver(answer);
        let to = to(format!("http://127.0.0.1:{port}/"), vec![secret(&dir, "s", &[1; 32])]);
        let Err(SinkError::Wrong { hint, .. }) = open(&to).send(&[event(1)]) else { panic!() };
        assert!(hint.contains(wanted), "{hint}");
    }
}

#[test]
fn addresses_that_are_not_allowed_get_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = || vec![secret(&dir, "s", &[1; 32])];
    let strict = |url: &str| WebhookTo {
        allow_http: false,
        allow_private: false,
        ..to(url.into(), secrets())
    };
    for (url, wanted) in [
        ("http://example.com/", "not allowed"),
        ("ftp://example.com/", "not allowed"),
        ("https://user:pass@example.com/", "user"),
        ("https://127.0.0.1:1/", "this machine itself"),
        ("https://[::ffff:10.0.0.1]:1/", "a private network's"),
        ("https://169.254.169.254/latest/meta-data", "metadata"),
        ("not an address", "cannot be read"),
    ] {
        let sent = opened(&strict(url)).and_then(|mut sink| sink.send(&[event(1)]));
        let Err(SinkError::Wrong { why, .. }) = sent else { panic!("{url} was no fault") };
        assert!(why.contains(wanted), "{url}: {why}");
    }
    // Nobody is there: that may pass.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = to(format!("http://127.0.0.1:{closed}/"), secrets());
    assert!(matches!(open(&to).send(&[event(1)]), Err(SinkError::Later { .. })));
    assert!(matches!(open(&to).probe(), Err(SinkError::Later { .. })));
}

#[test]
fn secrets_and_paths_do_not_show() {
    let dir = tempfile::tempdir().unwrap();
    let to =
        to("https://u:p@hooks.example.com/T0/secret".into(), vec![secret(&dir, "s", &[1; 32])]);
    assert_eq!(to.place(), "https://hooks.example.com/…");
    assert!(!format!("{to:?}").contains("secret\""), "{to:?}");
    let short = vec![secret(&dir, "short", &[1; 8])];
    let url = Value::Plain("http://127.0.0.1:1/".into());
    let short = WebhookTo { url, secrets: short, ..to };
    let Err(SinkError::Wrong { hint, .. }) = opened(&short) else { panic!() };
    assert!(hint.contains("24 to 64"), "{hint}");
    let none = WebhookTo { secrets: Vec::new(), ..short };
    assert!(opened(&none).is_err());
}

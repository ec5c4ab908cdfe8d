//! Mail, taken by aiosmtpd, and by servers that misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use indelible_event::Micros;
use indelible_log::{Clock, Seams};
use indelible_relay::Outgoing;
use indelible_relay::streams::{Sink, SinkError};
use serde_json::{Value, json};

use crate::brokers::{event, sink};
use crate::syslog::sets::Certificates;

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/smtp-server");

static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let said = Command::new(format!("{SERVER}/install")).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
});

/// A mail server that ends with its test.
struct Server {
    child: Child,
    _input: ChildStdin,
    port: u16,
    mails: Receiver<Value>,
}

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let mut child = Command::new(&*PYTHON)
            .arg(format!("{SERVER}/serve.py"))
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (send, mails) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap());
            }
        });
        Server { child, _input: input, port, mails }
    }

    /// With a certificate of this authority.
    fn with(certificates: &Certificates, more: &[&str]) -> Server {
        let path = |name: &str| certificates.path(name).display().to_string();
        let (cert, key) = (path("receiver.pem"), path("receiver.key"));
        Server::start(&[&["--cert", cert.as_str(), "--key", key.as_str()], more].concat())
    }

    fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    fn nothing_more(&self) {
        assert!(self.mails.try_recv().is_err());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn head<'a>(mail: &'a Value, name: &str) -> &'a str {
    let all = mail["head"].as_array().unwrap();
    let found: Vec<&Value> = all.iter().filter(|line| line[0] == name).collect();
    assert_eq!(found.len(), 1, "{name} of {mail}");
    found[0][1].as_str().unwrap()
}

fn certificates() -> Certificates {
    let certificates = Certificates::new();
    certificates.issue("receiver");
    certificates
}

fn to(scheme: &str, port: u16, receivers: &str, more: &str) -> String {
    format!(
        "streams: [ {{ name: alerts-mail, to: {{ smtp: {{ url: \"{scheme}://localhost:{port}\", from: \"Indelible <audit@example.com>\", to: [ {receivers} ]{more} }} }} }} ]"
    )
}

fn open(file: &str) -> Box<dyn Sink> {
    sink(file, Seams::real(std::env::temp_dir())).unwrap()
}

/// What a node tells receivers by, with this title.
fn alert(pos: u64, title: &str) -> Outgoing {
    let plain = event(pos);
    let json = json!({
        "trail": "_system", "seq": pos, "id": plain.id.to_string(), "recorded_at": "2026-01-31T10:00:00.000000Z",
        "action": "alert.notify", "details": {
            "alert": "0192aa", "channel": "mail", "reason": "open", "title": title, "level": "high",
            "summary": format!("{title} from 203.0.113.9, über Ämter"), "group": {"context.ip": "203.0.113.9"},
            "count": 10, "first_at": "2026-01-31T09:51:00.000000Z", "last_at": "2026-01-31T10:00:00.000000Z",
            "events": [{"trail": "shop", "seq": 7, "id": "x"}], "description": ".\r\n.\r\nBcc: eve@example.com",
            "advice": "Block the address.", "url": "https://audit.example.com/alerts/0192aa",
        },
    });
    Outgoing { trail: "_system".into(), json: json.to_string().into(), ..plain }
}

fn wrong(error: SinkError) -> (String, String) {
    match error {
        SinkError::Wrong { why, hint } => (why, hint),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_arrive_over_starttls_and_over_tls_with_a_login() {
    let certificates = certificates();
    let password = certificates.path("password");
    std::fs::write(&password, "hunter2\n").unwrap();
    let tls = certificates.client("ca", None);
    let login = format!(", user: node, password: {{ file: {} }}, tls: {tls}", password.display());
    for (scheme, flags) in [
        ("smtp", &["--login", "node:hunter2"][..]),
        ("smtps", &["--login", "node:hunter2", "--implicit"]),
    ] {
        let server = Server::with(&certificates, flags);
        let file = to(scheme, server.port, "ada@example.com, \"Bob <bob@example.com>\"", &login);
        tokio::task::block_in_place(|| {
            let mut out = open(&file);
            out.probe().unwrap();
            server.nothing_more();
            out.send(&[alert(1, "Password spray"), event(2)]).unwrap();
            let (first, second) = (server.mail(), server.mail());
            assert_eq!(first["from"], "audit@example.com");
            assert_eq!(first["to"], json!(["ada@example.com", "bob@example.com"]));
            assert_eq!(
                (&first["encrypted"], &first["login"]),
                (&json!(true), &json!(true)),
                "{first}"
            );
            assert_eq!(first["defects"], json!([]));
            assert_eq!(head(&first, "Subject"), "[high] Password spray: 203.0.113.9");
            assert_eq!(head(&first, "Auto-Submitted"), "auto-generated");
            assert_eq!(head(&first, "X-Indelible-Alert"), "0192aa");
            let id = alert(1, "").id;
            assert_eq!(head(&first, "Message-ID"), format!("<{id}.alerts-mail@example.com>"));
            assert_eq!(head(&first, "Date"), "Sat, 31 Jan 2026 10:00:00 +0000");
            let text = first["text"].as_str().unwrap();
            for part in [
                "über Ämter",
                "context.ip: 203.0.113.9",
                "What to do:\n  Block the address.",
                "shop/7 x",
                "https://audit.example.com/alerts/0192aa",
            ] {
                assert!(text.replace("\r\n", "\n").contains(part), "{part} in {text}");
            }
            assert_eq!(head(&second, "Subject"), "somebody read a file");
            assert_eq!(first["connection"], second["connection"], "a batch takes one connection");
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_have_to_put_right_is_told_and_nothing_goes_unencrypted() {
    let certificates = certificates();
    certificates.authority("other");
    let password = certificates.path("password");
    std::fs::write(&password, "wrong").unwrap();
    let login = format!(", user: node, password: {{ file: {} }}", password.display());
    let ca = format!(", tls: {}", certificates.client("ca", None));
    let plain = Server::start(&[]);
    let tls = Server::with(&certificates, &["--login", "node:hunter2"]);
    let implicit = Server::with(&certificates, &["--implicit"]);
    let cases = [
        ("smtp", plain.port, String::new(), "offers no STARTTLS"),
        ("smtp", plain.port, format!(", starttls: never{login}"), "a password is not sent"),
        ("smtp", tls.port, format!("{ca}{login}"), "535"),
        ("smtp", tls.port, ca.clone(), "530"),
        (
            "smtp",
            tls.port,
            format!(", tls: {}", certificates.client("other", None)),
            "authority that is not believed",
        ),
        ("smtps", plain.port, ca.clone(), "does not speak TLS from the first byte"),
    ];
    tokio::task::block_in_place(|| {
        for (scheme, port, more, wanted) in &cases {
            let file = to(scheme, *port, "ada@example.com", more);
            for error in
                [open(&file).probe().unwrap_err(), open(&file).send(&[event(1)]).unwrap_err()]
            {
                let (why, hint) = wrong(error);
                assert!(why.contains(wanted) && !hint.is_empty(), "{why}; {hint}");
                assert!(!format!("{why}{hint}").contains("wrong"), "a password: {why}");
            }
        }
        for (starttls, server) in [("never", &plain), ("optional", &plain)] {
            open(&to("smtp", server.port, "ada@example.com", &format!(", starttls: {starttls}")))
                .send(&[event(1)])
                .unwrap();
            assert_eq!(server.mail()["encrypted"], false);
        }
        open(&to("smtps", implicit.port, "ada@example.com", &ca)).send(&[event(1)]).unwrap();
        assert_eq!(implicit.mail()["encrypted"], true);
    });
    for bad in ["starttls: sometimes", "password: hunter2", "from: eve"] {
        let file = to("smtp", 25, "ada@example.com", &format!(", {bad}"));
        let error =
            indelible_relay::Connections::parse(&file, std::path::Path::new("/")).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_receiver_or_mail_keeps_nobody_else_from_being_told() {
    let server = Server::start(&[]);
    let never = ", starttls: never";
    tokio::task::block_in_place(|| {
        let mut out = open(&to("smtp", server.port, "gone@example.com, ada@example.com", never));
        let events = [alert(1, "One"), alert(2, "Two")];
        let (why, hint) = wrong(out.send(&events).unwrap_err());
        assert!(why.contains("gone@example.com") && why.contains("550"), "{why}; {hint}");
        assert_eq!(server.mail()["to"], json!(["ada@example.com"]));
        // Nobody gets the first one twice.
        out.send(&events).unwrap();
        assert_eq!(head(&server.mail(), "Subject"), "[high] Two: 203.0.113.9");
        server.nothing_more();

        let mut out = open(&to("smtp", server.port, "gone@example.com", never));
        assert!(wrong(out.send(&events).unwrap_err()).0.contains("550"));
        assert!(wrong(out.send(&events).unwrap_err()).0.contains("550"));
        assert!(wrong(out.probe().unwrap_err()).0.contains("550"));

        let mut out = open(&to("smtp", server.port, "busy@example.com", never));
        assert!(matches!(out.send(&events).unwrap_err(), SinkError::Later { .. }));

        let mut out = open(&to("smtp", server.port, "ada@example.com", never));
        let events = [alert(3, "Three"), alert(4, "poison"), alert(5, "later"), alert(6, "Six")];
        match out.send(&events).unwrap_err() {
            SinkError::Poison { at: 1, why } => assert!(why.contains("refused by policy"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(out.send(&events[2..]).unwrap_err(), SinkError::Later { .. }));
        out.send(&events[2..]).unwrap();
        let subjects = [server.mail(), server.mail(), server.mail()]
            .map(|mail| head(&mail, "Subject").to_owned());
        assert_eq!(
            subjects,
            ["Three", "later", "Six"].map(|title| format!("[high] {title}: 203.0.113.9"))
        );
        server.nothing_more();

        // What others wrote keeps no alert from being told.
        let of = alert(7, "Seven");
        let json = String::from_utf8(of.json.to_vec()).unwrap().replace("203.0.113.9", "poison");
        out.send(&[Outgoing { json: json.into(), ..of }]).unwrap();
        let mail = server.mail();
        assert_eq!(head(&mail, "Subject"), "[high] Seven");
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("Block the address.") && !text.contains("poison"), "{text}");
    });
}

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_refused_for_now_is_waited_for_but_not_for_long() {
    let server = Server::start(&[]);
    let clock = Arc::new(Moved(AtomicI64::new(1_769_853_600_000_000)));
    let seams = Seams { clock: clock.clone(), ..Seams::real(std::env::temp_dir()) };
    let file = to("smtp", server.port, "busy@example.com, ada@example.com", ", starttls: never");
    tokio::task::block_in_place(|| {
        let mut out = sink(&file, seams).unwrap();
        let events = [alert(1, "One")];
        for _ in 0..2 {
            assert!(matches!(out.send(&events).unwrap_err(), SinkError::Later { .. }));
        }
        server.nothing_more();
        clock.0.fetch_add(600_000_000, Ordering::Relaxed);
        let (why, _) = wrong(out.send(&events).unwrap_err());
        assert!(why.contains("busy@example.com") && why.contains("451"), "{why}");
        assert_eq!(server.mail()["to"], json!(["ada@example.com"]));
        out.send(&events).unwrap();
        out.send(&[alert(2, "Two")]).unwrap();
        assert_eq!(head(&server.mail(), "Subject"), "[high] Two: 203.0.113.9");
        server.nothing_more();
    });
}

/// Answers each connection's first bytes so, then ends.
fn server_that_says(said: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            for (at, line) in said.iter().enumerate() {
                let _ = stream.write_all(line.as_bytes());
                if at + 1 < said.len() {
                    let _ = stream.read(&mut [0; 1024]);
                }
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_misbehave_are_known() {
    const TOO_EARLY: &str = "220 go\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n";
    let cases: [(&'static [&'static str], &str); 5] = [
        (
            &["220 hi\r\n", "250-hi\r\n250 STARTTLS\r\n", TOO_EARLY],
            "answered in the mail server's place",
        ),
        (&["HTTP/1.1 400 Bad\r\n"], "does not speak SMTP"),
        (&["554 go away\r\n"], "554 go away"),
        (&["421 busy\r\n"], "421 busy"),
        (&["220 hi\r\n", "250-hi"], "closed the connection"),
    ];
    tokio::task::block_in_place(|| {
        for (said, wanted) in cases {
            let error = open(&to("smtp", server_that_says(said), "ada@example.com", ""))
                .send(&[event(1)])
                .unwrap_err();
            assert!(error.to_string().contains(wanted), "{error}");
        }
        let endless: &'static [&'static str] =
            Box::leak(Box::new([&*"250-x\r\n".repeat(10_000).leak()]));
        let error = open(&to("smtp", server_that_says(endless), "ada@example.com", ""))
            .send(&[event(1)])
            .unwrap_err();
        assert!(error.to_string().contains("says too much"), "{error}");
    });
}

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc;

use indelible_event::{EventId, Micros};
use indelible_log::Seams;
use indelible_relay::config::To;
use indelible_relay::streams::{Context, Sink, SinkError};
use indelible_relay::{Connections, Outgoing};
use indelible_sim::ManualClock;
use serde_json::Value;

use super::peers::{Place, free_port};
use super::sets::Certificates;
use super::stand::until;

fn open(yaml: &str, clock: Option<Arc<ManualClock>>) -> Result<Box<dyn Sink>, SinkError> {
    let file = format!("streams: [ {{ name: test, to: {{ syslog: {yaml} }} }} ]");
    let read = Connections::parse(&file, std::path::Path::new("/")).unwrap();
    let mut seams = Seams::real("/nonexistent");
    if let Some(clock) = clock {
        seams.clock = clock;
    }
    let to: &To = &read.streams[0].to;
    to.open(&Context { stream: "test".into(), runtime: tokio::runtime::Handle::current(), seams })
}

fn events(range: std::ops::Range<u64>) -> Vec<Outgoing> {
    let one = |seq: u64| {
        let id = EventId::foreign("test", &seq.to_string());
        let json = format!(
            r#"{{"trail":"shop","seq":{seq},"id":"{id}","recorded_at":"2026-01-31T10:00:00.000000Z","action":"file.delete","outcome":"denied","actor":{{"type":"user","id":"a\\b=\"c|d]"}},"context":{{"ip":"192.0.2.7","host":"web1"}},"details":{{"text":"ü\nx"}},"leaf":"{}"}}"#,
            "ab".repeat(32)
        );
        Outgoing {
            pos: seq,
            trail: "shop".into(),
            seq,
            id,
            leaf: [0xab; 32],
            recorded_at: Micros(0),
            json: json.into(),
        }
    };
    range.map(one).collect()
}

/// Sends on a thread of its own, as a stream does.
async fn send(
    mut sink: Box<dyn Sink>,
    events: Vec<Outgoing>,
) -> (Box<dyn Sink>, Result<(), SinkError>) {
    let sent = tokio::task::spawn_blocking(move || {
        let result = sink.send(&events);
        (sink, result)
    });
    sent.await.unwrap()
}

/// Sends until it is taken, as a stream does.
async fn send_surely(mut sink: Box<dyn Sink>, events: Vec<Outgoing>) -> Box<dyn Sink> {
    for _ in 0..300 {
        let result;
        (sink, result) = send(sink, events.clone()).await;
        match result {
            Ok(()) => return sink,
            Err(SinkError::Later { .. }) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("it was never taken");
}

async fn wrong(yaml: &str) -> (String, String) {
    let sink = open(yaml, None);
    let probed = tokio::task::spawn_blocking(move || sink.and_then(|mut sink| sink.probe()));
    match probed.await.unwrap() {
        Err(SinkError::Wrong { why, hint }) => (why, hint),
        other => panic!("{other:?}"),
    }
}

/// The seqs in lines of a receiver's file, in their order, without repeats of what was there.
fn seqs(place: &Place) -> Vec<u64> {
    let mut seen = Vec::new();
    for line in place.lines("out") {
        // A receiver that was killed may leave half a line.
        let seq = line.split("seq=\"").nth(1).and_then(|rest| rest.split_once('"'));
        let Some(seq) = seq.and_then(|(seq, _)| seq.parse().ok()) else { continue };
        if !seen.contains(&seq) {
            seen.push(seq);
        }
    }
    seen
}

fn rsyslog(place: &Place, port: u16, tls: Option<&Certificates>) -> String {
    let (global, driver) = match tls {
        None => (String::new(), ""),
        Some(of) => {
            let path = |name: &str| of.path(name).display().to_string();
            let global = format!(
                "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\")\n",
                path("ca.pem"),
                path("receiver.pem"),
                path("receiver.key")
            );
            let driver = "StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"x509/certvalid\"";
            (global, driver)
        }
    };
    format!(
        r#"{global}module(load="imtcp" {driver})
        template(name="raw" type="string" string="%rawmsg%\n")
        input(type="imtcp" address="127.0.0.1" port="{port}")
        action(type="omfile" file="{}" template="raw" asyncWriting="off" flushOnTXEnd="on")
        "#,
        place.path("out")
    )
}

#[tokio::test]
async fn rsyslog_receives_json_and_cef() {
    let certificates = Certificates::new();
    certificates.issue("receiver");
    certificates.issue("node");
    for (format, tls) in [("json", false), ("cef", false), ("json", true), ("cef", true)] {
        let Some(place) = Place::new() else { return };
        let port = free_port();
        let _daemon = place.rsyslog(&rsyslog(&place, port, tls.then_some(&certificates)));
        let (scheme, certificates) = match tls {
            true => ("tls", format!(", tls: {}", certificates.client("ca", Some("node")))),
            false => ("tcp", String::new()),
        };
        let yaml =
            format!("{{ url: \"{scheme}://localhost:{port}\", format: {format}{certificates} }}");
        let mut sink = open(&yaml, None).unwrap();
        for batch in 0..4 {
            sink = send_surely(sink, events(batch * 50..batch * 50 + 50)).await;
        }
        until(&format!("all arrive: {}", place.log()), || seqs(&place).len() == 200).await;
        assert_eq!(seqs(&place), (0..200).collect::<Vec<u64>>());
        let line = &place.lines("out")[7];
        let head = format!(
            "<108>1 2026-01-31T10:00:00.000000Z web1 indelible - file.delete [indelible@32473 trail=\"shop\" seq=\"7\" id=\"{}\" leaf=\"{}\"] ",
            EventId::foreign("test", "7"),
            "ab".repeat(32)
        );
        let text = line.strip_prefix(&head).unwrap_or_else(|| panic!("{line}"));
        if format == "json" {
            let event: Value = serde_json::from_str(text).unwrap();
            assert_eq!((&event["details"]["text"], &event["seq"]), (&"ü\nx".into(), &7.into()));
        } else {
            assert!(text.starts_with("CEF:0|Indelible|Indelible|"), "{text}");
            assert!(text.contains(r#" suid=a\\b\="c|d] "#), "{text}");
        }
    }
}

#[tokio::test]
async fn syslog_ng_reads_every_field() {
    let certificates = Certificates::new();
    certificates.issue("receiver");
    certificates.issue("node");
    for tls in [false, true] {
        let Some(place) = Place::new() else { return };
        let port = free_port();
        let path = |name: &str| certificates.path(name).display().to_string();
        let transport = match tls {
            false => "transport(tcp)".to_owned(),
            true => format!(
                "transport(tls) tls(ca-file(\"{}\") cert-file(\"{}\") key-file(\"{}\") peer-verify(required-trusted))",
                path("ca.pem"),
                path("receiver.pem"),
                path("receiver.key")
            ),
        };
        let _daemon = place.syslog_ng(&format!(
            "options {{ keep-hostname(yes); }};\n\
             source s {{ syslog(ip(127.0.0.1) port({port}) {transport}); }};\n\
             parser p {{ json-parser(prefix(\".j.\")); }};\n\
             destination d {{ file(\"{}\" template(\"seq=\\\"${{.SDATA.indelible@32473.seq}}\\\" ${{.SDATA.indelible@32473.trail}} $FACILITY $LEVEL $HOST $PROGRAM $MSGID ${{.j.actor.id}} ${{.j.leaf}}\\n\")); }};\n\
             log {{ source(s); parser(p); destination(d); }};\n",
            place.path("out")
        ));
        let (scheme, own) = match tls {
            true => ("tls", format!(", tls: {}", certificates.client("ca", Some("node")))),
            false => ("tcp", String::new()),
        };
        let mut sink =
            open(&format!("{{ url: \"{scheme}://127.0.0.1:{port}\"{own} }}"), None).unwrap();
        for batch in 0..4 {
            sink = send_surely(sink, events(batch * 50..batch * 50 + 50)).await;
        }
        until(&format!("all arrive: {}", place.log()), || seqs(&place).len() == 200).await;
        assert_eq!(seqs(&place), (0..200).collect::<Vec<u64>>());
        let told = format!(
            "seq=\"7\" shop security warning web1 indelible file.delete a\\b=\"c|d] {}",
            "ab".repeat(32)
        );
        assert_eq!(place.lines("out")[7], told);
    }
}

#[tokio::test]
async fn a_receiver_that_is_killed_gets_all_in_order() {
    let Some(place) = Place::new() else { return };
    let port = free_port();
    let configuration = rsyslog(&place, port, None);
    let mut sink = open(&format!("{{ url: \"tcp://127.0.0.1:{port}\" }}"), None).unwrap();
    let mut next = 0;
    for round in 0..3 {
        // Killed with what it has read and not written, and with what nobody read.
        let daemon = place.rsyslog(&configuration);
        for _ in 0..20 {
            sink = send_surely(sink, events(next..next + 25)).await;
            next += 25;
        }
        if round < 2 {
            drop(daemon);
            let result;
            (sink, result) = send(sink, events(next..next + 25)).await;
            assert!(matches!(result, Err(SinkError::Later { .. })), "{result:?}");
        } else {
            until("all arrive", || seqs(&place).len() as u64 == next).await;
        }
    }
    assert_eq!(seqs(&place), (0..next).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_has_to_be_put_right_is_told_with_what_to_do() {
    let certificates = Certificates::new();
    certificates.issue("receiver");
    certificates.issue("node");
    certificates.expired("old");
    certificates.authority("other");
    let refused = open(&format!("{{ url: \"tcp://127.0.0.1:{}\" }}", free_port()), None).unwrap();
    let (_, result) = send(refused, events(0..1)).await;
    assert!(
        matches!(&result, Err(SinkError::Later { why, .. }) if why.contains("refused")),
        "{result:?}"
    );
    // A receiver that wants certificates, each time one of its own.
    for (server, own, told, what) in [
        (
            "old",
            certificates.client("ca", Some("node")),
            "the receiver's certificate has expired",
            "renew",
        ),
        (
            "receiver",
            certificates.client("other", Some("node")),
            "authority that is not believed",
            "with ca",
        ),
        (
            "receiver",
            certificates.client("ca", None),
            "wants a certificate of ours",
            "cert and key",
        ),
        (
            "receiver",
            certificates.client("ca", Some("old")),
            "old.pem: the certificate expired",
            "renewed",
        ),
    ] {
        let receiver = super::stand::Running::start(&format!(
            "{{ listen: \"127.0.0.1:0\", tls: {} }}",
            certificates.server("receiver", true)
        ));
        let port = if server == "old" {
            expired_receiver(&certificates).await
        } else {
            receiver.port().await
        };
        let (why, hint) =
            wrong(&format!("{{ url: \"tls://localhost:{port}\", tls: {own} }}")).await;
        assert!(why.contains(told) && hint.contains(what), "{why}; {hint}");
    }
    let receiver = super::stand::Running::start("{ listen: \"127.0.0.1:0\" }");
    let port = receiver.port().await;
    let own = certificates.client("ca", None);
    // One that speaks no TLS says nothing to a greeting that it does not understand, or closes: both are told.
    let sink = open(&format!("{{ url: \"tls://localhost:{port}\", tls: {own} }}"), None);
    assert!(sink.is_ok());
    for (yaml, told) in [
        ("{ url: \"udp://h:1\" }", "the address is none"),
        ("{ url: \"tcp://h:0\" }", "the address is none"),
        ("{ url: \"tcp://user@h\" }", "the address is none"),
        ("{ url: \"tcp://h\", facility: 24 }", "facility is 0 to 23"),
        ("{ url: \"tcp://h\", message_bytes_max: 100 }", "message_bytes_max is 480 to"),
        ("{ url: \"tcp://h\", repeat_seconds: 4000 }", "repeat_seconds is at most"),
        ("{ url: \"tcp://h\", tls: { ca: /x } }", "address without TLS"),
        ("{ url: { env: INDELIBLE_NOT_SET } }", "INDELIBLE_NOT_SET is not set"),
    ] {
        let Err(SinkError::Wrong { why, .. }) = open(yaml, None) else { panic!("{yaml}") };
        assert!(why.contains(told), "{yaml}: {why}");
    }
}

/// A receiver whose certificate has expired: by our own input, at a time when it had not.
async fn expired_receiver(certificates: &Certificates) -> u16 {
    let clock = Arc::new(ManualClock::at(1_579_000_000_000_000));
    let yaml = format!("{{ listen: \"127.0.0.1:0\", tls: {} }}", certificates.server("old", false));
    let running = super::stand::Running::start_at(&yaml, clock);
    let port = running.port().await;
    // It goes on until the test ends.
    std::mem::forget(running);
    port
}

/// Receives by hand: each connection's bytes until it ends or so many have come.
fn receive(listener: &TcpListener, count: usize) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut text, mut buffer) = (String::new(), [0; 65_536]);
    while text.matches("seq=\"").count() < count {
        let len = stream.read(&mut buffer).unwrap();
        assert!(len > 0);
        text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
    }
    (stream, text)
}

/// Until the system knows that the other side of a connection to this port has closed it: the news may take a moment.
async fn await_closed_by_peer(port: u16) {
    const CLOSE_WAIT: &str = "08";
    let remote = format!(":{port:04X}");
    for _ in 0..1000 {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let known = table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(2);
            fields.next().is_some_and(|address| address.ends_with(&remote))
                && fields.next() == Some(CLOSE_WAIT)
        });
        if known {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the connection was not closed");
}

#[tokio::test]
async fn what_a_broken_connection_may_have_swallowed_comes_again_for_a_minute() {
    for (moved, first) in [(0, 0), (61_000_000, 2)] {
        let clock = Arc::new(ManualClock::at(1_000_000_000));
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink =
            open(&format!("{{ url: \"tcp://127.0.0.1:{port}\" }}"), Some(clock.clone())).unwrap();
        let (close, closing) = mpsc::channel();
        let receiver = std::thread::spawn(move || {
            let (stream, text) = receive(&listener, 3);
            assert!(text.contains("seq=\"2\""));
            // Not before the sender knows that it has sent: it would be told of the break by that.
            closing.recv().unwrap();
            drop(stream);
            // Open until it is joined: closed sooner, it would not count as received.
            receive(&listener, 5 - first)
        });
        let (sink, result) = send(sink, events(0..2)).await;
        result.unwrap();
        clock.advance(moved);
        let (sink, result) = send(sink, events(2..3)).await;
        result.unwrap();
        close.send(()).unwrap();
        await_closed_by_peer(port).await;
        // However late it shows.
        clock.advance(1_000_000_000);
        let sink = send_surely(sink, events(3..5)).await;
        drop(sink);
        let (_, text) = receiver.join().unwrap();
        let seqs: Vec<u64> = text
            .split("seq=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(seqs, (first as u64..5).collect::<Vec<u64>>());
    }
}

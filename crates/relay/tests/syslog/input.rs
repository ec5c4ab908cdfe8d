use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indelible_relay::limits::SYSLOG_CONNECTIONS_EACH_MAX;
use indelible_relay::status::State;
use indelible_sim::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::peers::{Place, free_port};
use super::sets::Certificates;
use super::stand::{Running, until};

const COUNT: usize = 500;
const PLAIN: &str = "{ listen: \"127.0.0.1:0\" }";

fn texts() -> Vec<String> {
    (0..COUNT).map(|n| format!("message number {n} – ü")).collect()
}

/// Has a daemon's loggers write all messages, and waits until they are in the log.
async fn all_arrive(place: &Place, running: &Running) {
    let logger = place.logger().await;
    for text in texts() {
        logger.send(format!("<38>Feb  5 17:32:18 app[7]: {text}").as_bytes()).unwrap();
    }
    let kept = &running.kept;
    until(&format!("all arrive: {}", place.log()), || kept.count() >= COUNT).await;
    assert_eq!(kept.texts(), texts());
    let events = kept.events.lock().unwrap();
    for event in &*events {
        assert_eq!(
            (&event["action"], &event["context"]["service"]),
            (&"syslog.app".into(), &"app".into())
        );
        let syslog = &event["details"]["syslog"];
        assert_eq!(
            (&syslog["facility"], &syslog["severity"], &syslog["procid"]),
            (&"auth".into(), &"info".into(), &"7".into())
        );
        assert_eq!(event["details"]["sender"]["address"], "127.0.0.1");
    }
    assert_eq!(running.status.lock().unwrap().kept, COUNT as u64);
}

/// rsyslog's own socket, and where it sends.
fn rsyslog(place: &Place, port: u16, more: &str) -> String {
    format!(
        r#"module(load="imuxsock" SysSock.Use="off")
        input(type="imuxsock" Socket="{}" RateLimit.Interval="0" ParseHostname="off")
        action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" {more} action.resumeRetryCount="-1" action.resumeInterval="1")
        "#,
        place.path("dev-log")
    )
}

fn syslog_ng(place: &Place, destination: &str) -> String {
    format!(
        "source s {{ unix-dgram(\"{}\"); }}; destination d {{ {destination} }}; log {{ source(s); destination(d); }};\n",
        place.path("dev-log")
    )
}

#[tokio::test]
async fn rsyslog_sends_octet_counted_and_lines() {
    for (framing, template) in [
        ("octet-counted", "RSYSLOG_SyslogProtocol23Format"),
        ("traditional", "RSYSLOG_SyslogProtocol23Format"),
        ("traditional", "RSYSLOG_ForwardFormat"),
        ("octet-counted", "RSYSLOG_TraditionalForwardFormat"),
    ] {
        let Some(place) = Place::new() else { return };
        let running = Running::start(PLAIN);
        let port = running.port().await;
        let more = format!("TCP_Framing=\"{framing}\" template=\"{template}\"");
        let _daemon = place.rsyslog(&rsyslog(&place, port, &more));
        all_arrive(&place, &running).await;
        let dated = template != "RSYSLOG_TraditionalForwardFormat";
        let kept = running.stop().await;
        let events = kept.events.lock().unwrap();
        assert!(events.iter().all(|event| event["occurred_at"].is_string() == dated), "{template}");
        assert!(
            events.iter().all(|event| event["id"].is_string() == dated),
            "known again: {template}"
        );
    }
}

#[tokio::test]
async fn syslog_ng_sends_lines_and_octet_counted() {
    for destination in [
        "syslog(\"127.0.0.1\" transport(tcp) port(PORT) ts-format(iso) frac-digits(6));",
        "network(\"127.0.0.1\" transport(tcp) port(PORT) flags(syslog-protocol));",
        "network(\"127.0.0.1\" transport(tcp) port(PORT));",
    ] {
        let Some(place) = Place::new() else { return };
        let running = Running::start(PLAIN);
        let port = running.port().await;
        let destination = destination.replace("PORT", &port.to_string());
        let _daemon = place.syslog_ng(&syslog_ng(&place, &destination));
        all_arrive(&place, &running).await;
    }
}

#[tokio::test]
async fn both_send_over_mutual_tls() {
    let certificates = Certificates::new();
    certificates.issue("node");
    certificates.issue("sender");
    let own = |name: &str| certificates.path(name).display().to_string();
    let (ca, cert, key) = (own("ca.pem"), own("sender.pem"), own("sender.key"));
    let yaml = format!("{{ listen: \"127.0.0.1:0\", tls: {} }}", certificates.server("node", true));
    for peer in ["rsyslog", "syslog-ng"] {
        let Some(place) = Place::new() else { return };
        let running = Running::start(&yaml);
        let port = running.port().await;
        let _daemon = if peer == "rsyslog" {
            let global = format!(
                "global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"{ca}\" defaultNetstreamDriverCertFile=\"{cert}\" defaultNetstreamDriverKeyFile=\"{key}\")\n"
            );
            let more = "TCP_Framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\" StreamDriver=\"ossl\" \
                StreamDriverMode=\"1\" StreamDriverAuthMode=\"x509/certvalid\"";
            place.rsyslog(&(global + &rsyslog(&place, port, more)))
        } else {
            let destination = format!(
                "syslog(\"127.0.0.1\" transport(tls) port({port}) tls(ca-file(\"{ca}\") cert-file(\"{cert}\") key-file(\"{key}\") peer-verify(required-trusted)));"
            );
            place.syslog_ng(&syslog_ng(&place, &destination))
        };
        all_arrive(&place, &running).await;
        let kept = running.stop().await;
        let events = kept.events.lock().unwrap();
        assert_eq!(events[0]["details"]["sender"]["certificate"], "sender.example.com");
    }
}

#[tokio::test]
async fn a_sender_without_a_certificate_is_turned_away_and_the_input_goes_on() {
    let certificates = Certificates::new();
    certificates.issue("node");
    let yaml = format!("{{ listen: \"127.0.0.1:0\", tls: {} }}", certificates.server("node", true));
    let running = Running::start(&yaml);
    let port = running.port().await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"<13>1 - - - - - - no TLS at all\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    until("it is told", || running.status.lock().unwrap().last_refused.is_some()).await;
    let status = running.status.lock().unwrap().clone();
    assert_eq!((status.state, status.kept), (State::Running, 0));
    let told = status.last_refused.unwrap();
    assert!(told.starts_with("127.0.0.1: the sender does not speak TLS"), "{told}");
}

#[tokio::test]
async fn what_keeps_it_from_listening_is_told_with_what_to_do() {
    let certificates = Certificates::new();
    certificates.issue("node");
    certificates.expired("old");
    let tls = |tls: String| format!("{{ listen: \"127.0.0.1:0\", tls: {tls} }}");
    let (message, hint) = Running::start(&tls(certificates.server("old", false))).trouble().await;
    assert!(
        message.contains("old.pem: the certificate expired at 2020-02-01T00:00:00.000000Z"),
        "{message}"
    );
    assert!(hint.contains("renewed"), "{hint}");
    // One that counts now does not in a hundred years.
    let clock = Arc::new(ManualClock::at(6_000_000_000_000_000));
    let (message, _) =
        Running::start_at(&tls(certificates.server("node", false)), clock).trouble().await;
    assert!(message.contains("expired at 2099"), "{message}");
    let (message, hint) =
        Running::start(&tls(certificates.server("missing", false))).trouble().await;
    assert!(message.contains("missing.pem: No such file"), "{message}");
    assert!(hint.contains("PEM file"), "{hint}");
    std::fs::copy(certificates.path("node.pem"), certificates.path("mixed.pem")).unwrap();
    std::fs::copy(certificates.path("old.key"), certificates.path("mixed.key")).unwrap();
    let (message, _) = Running::start(&tls(certificates.server("mixed", false))).trouble().await;
    assert!(message.contains("do not go together"), "{message}");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let yaml = format!("{{ listen: \"127.0.0.1:{port}\" }}");
    let (message, hint) = Running::start(&yaml).trouble().await;
    assert!(message.contains(&format!("127.0.0.1:{port} cannot be listened on")), "{message}");
    assert!(hint.contains("another program has this port"), "{hint}");
}

#[tokio::test]
async fn a_busy_node_reads_no_more_and_loses_nothing() {
    let running = Running::start(PLAIN);
    running.kept.busy.store(true, Ordering::SeqCst);
    let port = running.port().await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // More than all buffers on the way hold: the sender gets stuck, which is what it is to notice.
    let text = "x".repeat(60_000);
    let mut sent = 0;
    let stuck = async {
        loop {
            let message = format!("<13>1 - - - - - - {sent} {text}\n");
            stream.write_all(message.as_bytes()).await.unwrap();
            sent += 1;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(2), stuck).await.is_err());
    assert_eq!(running.kept.count(), 0);
    let status = running.status.lock().unwrap().clone();
    assert_eq!(status.state, State::Failing);
    assert_eq!(status.trouble.unwrap().message, "the disk is full");
    running.kept.busy.store(false, Ordering::SeqCst);
    until("what was sent arrives", || running.kept.count() >= sent).await;
    until("it is well again", || running.status.lock().unwrap().state == State::Running).await;
    let texts = running.kept.texts();
    assert!(texts.iter().enumerate().all(|(n, told)| told.starts_with(&format!("{n} xx"))));
    // The message in which it got stuck is kept as far as it came.
    drop(stream);
    until("the last is kept", || running.kept.count() == sent + 1).await;
}

#[tokio::test]
async fn what_was_read_is_appended_before_it_stops() {
    let running = Running::start("{ listen: \"127.0.0.1:0\", trails: [named] }");
    let port = running.port().await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let json =
        r#"{"action":"user.login","trail":"named","id":"0190b1a0-0000-7000-8000-000000000000"}"#;
    let refused = r#"{"action":"user.login","outcome":"nobody knows"}"#;
    for text in [json, json, refused] {
        let message = format!("<13>1 - - - - - - {text}");
        stream.write_all(format!("{} {message}", message.len()).as_bytes()).await.unwrap();
    }
    stream.write_all(b"garbage\n<13>1 - - - - - - one\n<13>1 - - - - - - not whole").await.unwrap();
    until("whole ones are kept", || running.kept.count() == 4).await;
    let status = running.status.clone();
    let kept = running.stop().await;
    let events = kept.events.lock().unwrap().clone();
    assert_eq!(
        (&events[0]["action"], &events[0]["trail"]),
        (&"user.login".into(), &"named".into())
    );
    let actions: Vec<&str> = events.iter().map(|e| e["action"].as_str().unwrap()).collect();
    // What is refused as it is comes behind its batch.
    assert_eq!(actions.iter().filter(|action| **action == "syslog.unreadable").count(), 2);
    let of_refused =
        events.iter().find(|e| e["details"]["raw"].as_str().is_some_and(|r| r.contains("nobody")));
    assert!(of_refused.unwrap()["details"]["why"].as_str().unwrap().contains("outcome"));
    assert_eq!(events.last().unwrap()["details"]["message"], "not whole");
    let status = status.lock().unwrap().clone();
    assert_eq!((status.kept, status.known, status.refused), (5, 1, 1));
    // Nobody listens any more.
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(free_port() > 0);
}

#[tokio::test]
async fn one_address_does_not_take_all_the_room() {
    let running = Running::start(PLAIN);
    let port = running.port().await;
    let connect = || TcpStream::connect(("127.0.0.1", port));
    let mut held = Vec::new();
    for _ in 0..SYSLOG_CONNECTIONS_EACH_MAX {
        held.push(connect().await.unwrap());
    }
    let mut buffer = [0; 1];
    let mut more = connect().await.unwrap();
    assert!(!matches!(more.read(&mut buffer).await, Ok(1..)), "it is closed");
    // One that goes makes room for another.
    drop(held.pop());
    let again = async {
        while running.kept.count() == 0 {
            let mut stream = connect().await.unwrap();
            // One that is closed at once may break already here.
            drop(stream.write_all(b"<13>1 - - - - - - again\n").await);
            drop(tokio::time::timeout(Duration::from_millis(50), stream.read(&mut buffer)).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("there is room again");
}

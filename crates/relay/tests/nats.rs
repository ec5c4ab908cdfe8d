use std::sync::Arc;
use std::time::Duration;

use indelible_log::Seams;
use indelible_nats::{Broker, ConsumerSpec, Delivery, Outgoing, Server};
use indelible_relay::status::State;
use indelible_relay::streams::SinkError;
use peer::make_stream;

use crate::brokers::{Node, Running, event, send_all, sink};
use crate::server::{NatsServer, certificates};

/// The tests speak to the server as its own tools would.
mod peer {
    use super::*;

    /// Makes a stream by the protocol's own request.
    pub async fn make_stream(server: &NatsServer, name: &str, subjects: &str) {
        let body = format!(
            r#"{{"name":"{name}","subjects":[{subjects}],"storage":"file","retention":"limits","discard":"old","num_replicas":1,"max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"duplicate_window":120000000000}}"#
        );
        let broker = connect(server).await;
        let subject = format!("$JS.API.STREAM.CREATE.{name}");
        let request = Outgoing { subject, payload: body.into(), id: None, headers: vec![] };
        broker.publish_plain(&[request]).await.unwrap();
        let first = subjects.trim_matches('"').replace(['>', '*'], "x");
        let first = first.split('"').next().unwrap().to_owned();
        for _ in 0..200 {
            if broker.stream_of(&first).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the stream was not made");
    }
}

async fn connect(server: &NatsServer) -> Broker {
    let server = Server { url: server.url(), name: "test".into(), ..Server::default() };
    for _ in 0..200 {
        if let Ok(broker) = Broker::connect(&server).await {
            return broker;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no session");
}

fn message(subject: &str, payload: &str) -> Outgoing {
    Outgoing {
        subject: subject.into(),
        payload: payload.to_owned().into(),
        id: None,
        headers: vec![],
    }
}

/// Everything that is in a stream.
async fn read(server: &NatsServer, stream: &str, count: usize) -> Vec<Delivery> {
    let broker = connect(server).await;
    let spec = ConsumerSpec {
        stream: stream.into(),
        durable: "reader".into(),
        filters: vec![],
        ack_wait: Duration::from_secs(30),
        max_ack_pending: 10_000,
    };
    let mut consumer = broker.consumer(&spec).await.unwrap();
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(consumer.next().await.unwrap());
    }
    let more = tokio::time::timeout(Duration::from_millis(100), consumer.next()).await;
    assert!(more.is_err(), "more than {count}");
    all
}

fn file(server: &NatsServer, more: &str) -> String {
    format!(
        "inputs:
  - name: devices
    trail: config
    from:
      nats:
        url: \"{}\"
        stream: CONFIG
        ack_wait_seconds: 1
        subjects:
          - {{ subject: \"config.*.snapshot\", action: config_snapshot.create, resource_type: device, resource_id: \"{{2}}\", fields: {{ user_id: /by }} }}
          - {{ subject: \"config.own.>\", trail: own }}
        {more}
",
        server.url()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_the_server_lose_nothing_and_double_nothing() {
    let mut server = NatsServer::start();
    make_stream(&server, "CONFIG", "\"config.>\"").await;
    let count = 3_000;
    let messages: Vec<_> = (0..count)
        .map(|n| {
            message(
                &format!("config.dev-{}.snapshot", n % 5),
                &format!(r#"{{"by":"u{n}","n":{n}}}"#),
            )
        })
        .collect();
    connect(&server).await.publish(&messages).await.unwrap();
    let input = Running::start(&file(&server, ""), Arc::new(Node::default()));
    for part in [500, 1_500] {
        input.until("some are kept", |status, _| status.kept >= part).await;
        tokio::task::block_in_place(|| {
            server.kill();
            server.again();
        });
    }
    input.until("all are kept", |status, _| status.kept == count).await;
    input.until("it works", |status, _| status.state == State::Running).await;
    let kept = input.node.kept.lock().unwrap().clone();
    let mut numbers: Vec<_> =
        kept.iter().map(|(_, json)| json["details"]["payload"]["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
    let (trail, first) = &kept[0];
    assert_eq!((&**trail, &first["action"]), ("config", &"config_snapshot.create".into()));
    assert_eq!(first["targets"][0]["id"], "dev-0");
    assert_eq!(first["actor"]["id"], "u0");
    input.end().await;
    // Everything is acknowledged: a new start finds nothing new.
    let again = Running::start(&file(&server, ""), Arc::new(Node::default()));
    again.until("it works", |status, _| status.state == State::Running).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let status = again.status();
    assert!(status.kept < 600, "what was acknowledged came again: {status:?}");
    again.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_goes_to_the_dead_letters_with_its_reason() {
    let server = NatsServer::start();
    make_stream(&server, "CONFIG", "\"config.>\"").await;
    make_stream(&server, "DEAD", "\"dead.>\"").await;
    let broker = connect(&server).await;
    let mut marked = message("config.own.x", "no json");
    marked.headers = vec![("Mine".into(), "kept".into())];
    marked.id = Some("their-id".into());
    let messages = [
        message("config.a.snapshot", "{}"),
        marked,
        message("config.own.y", r#"{"action":"refuse"}"#),
        message("config.own.z", r#"{"action":"file.read"}"#),
        message("config.other", "{}"),
    ];
    broker.publish(&messages).await.unwrap();
    let more = "dead_letter: dead.config\n        filter: [ \"config.>\" ]";
    let input = Running::start(&file(&server, more), Arc::new(Node::default()));
    input.until("it is done", |status, _| status.kept == 2 && status.dead == 3).await;
    let mut dead = read(&server, "DEAD", 3).await;
    dead.sort_by_key(|one| one.header("Indelible-Sequence").unwrap().to_owned());
    assert_eq!(&dead[0].payload[..], b"no json");
    assert_eq!(dead[0].header("Mine"), Some("kept"));
    assert_eq!(dead[0].header("Indelible-Msg-Id"), Some("their-id"));
    assert_eq!(dead[0].header("Indelible-Subject"), Some("config.own.x"));
    assert_eq!(dead[0].header("Indelible-Stream"), Some("CONFIG"));
    assert!(dead[0].header("Indelible-Reason").unwrap().contains("no JSON object"));
    assert_eq!(dead[1].header("Indelible-Field"), Some("action"));
    assert_eq!(dead[1].header("Indelible-Reason"), Some("is refused"));
    assert!(dead[2].header("Indelible-Reason").unwrap().contains("fits no rule"));
    let own = input.node.kept.lock().unwrap().iter().any(|(trail, _)| trail == "own");
    assert!(own);
    assert!(input.node.notices.lock().unwrap().is_empty());
    assert!(input.status().last_refused.is_some());
    input.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_without_a_place_for_it_is_told_and_does_not_come_again() {
    let server = NatsServer::start();
    make_stream(&server, "CONFIG", "\"config.>\"").await;
    let broker = connect(&server).await;
    broker.publish(&[message("config.own.x", "no json")]).await.unwrap();
    let input = Running::start(&file(&server, ""), Arc::new(Node::default()));
    input.until("it is told", |status, _| status.dead == 1).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let notices = input.node.notices.lock().unwrap().clone();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].action, "input.refuse");
    assert_eq!(notices[0].details["count"], 1);
    assert_eq!(notices[0].details["messages"][0]["sequence"], 1);
    input.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_busy_node_cannot_take_waits_in_its_order() {
    let server = NatsServer::start();
    make_stream(&server, "CONFIG", "\"config.>\"").await;
    let broker = connect(&server).await;
    let messages: Vec<_> =
        (0..50).map(|n| message("config.a.snapshot", &format!(r#"{{"n":{n}}}"#))).collect();
    broker.publish(&messages).await.unwrap();
    let node = Arc::new(Node { busy: 3.into(), ..Node::default() });
    let input = Running::start(&file(&server, ""), node);
    input.until("it is red", |status, _| status.trouble.is_some()).await;
    let trouble = input.status().trouble.unwrap();
    assert_eq!(trouble.message, "the disk is full");
    input.until("all are kept", |status, _| status.kept == 50).await;
    input.until("it is green", |status, _| status.trouble.is_none()).await;
    let kept = input.node.kept.lock().unwrap().clone();
    let numbers: Vec<_> =
        kept.iter().map(|(_, json)| json["details"]["payload"]["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    input.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_with_what_to_do_and_ends_by_itself() {
    let mut server = NatsServer::start();
    server.kill();
    let input = Running::start(&file(&server, ""), Arc::new(Node::default()));
    input.until("it is red", |status, _| status.trouble.is_some()).await;
    let status = input.status();
    assert_eq!(status.state, State::Failing);
    let trouble = status.trouble.unwrap();
    assert!(trouble.message.contains("cannot be reached"), "{trouble:?}");
    assert!(trouble.hint.unwrap().contains("start the NATS server"));
    tokio::task::block_in_place(|| server.again());
    input
        .until("the stream is missing", |status, _| {
            status.trouble.as_ref().is_some_and(|t| t.message.contains("no stream CONFIG"))
        })
        .await;
    make_stream(&server, "CONFIG", "\"config.>\"").await;
    input.until("it is green", |status, _| status.state == State::Running).await;
    input.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_past_its_date_makes_an_input_red() {
    let tls = "tls { cert_file: \"DIR/cert.pem\", key_file: \"DIR/key.pem\" }";
    let server = NatsServer::prepared(tls, |dir| certificates(dir, -1));
    let more = format!("tls: {{ ca: \"{}\" }}", server.path("ca.pem").display());
    let file = file(&server, &more).replace("nats://127.0.0.1", "tls://localhost");
    let input = Running::start(&file, Arc::new(Node::default()));
    input.until("it is red", |status, _| status.trouble.is_some()).await;
    let trouble = input.status().trouble.unwrap();
    assert!(trouble.message.contains("Expired"), "{trouble:?}");
    assert!(trouble.hint.unwrap().contains("renew the certificate"));
    input.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_subjects_come_in_while_somebody_listens() {
    let server = NatsServer::start();
    let file = format!(
        "inputs: [ {{ name: doors, from: {{ nats: {{ url: \"{}\", subjects: [ {{ subject: \"door.>\", action: \"{{1}}.{{2}}\" }} ] }} }} }} ]",
        server.url()
    );
    let input = Running::start(&file, Arc::new(Node::default()));
    input.until("it listens", |status, _| status.state == State::Running).await;
    let broker = connect(&server).await;
    let messages: Vec<_> = (0..20).map(|n| message("door.opened", &n.to_string())).collect();
    broker.publish_plain(&messages).await.unwrap();
    input.until("all are kept", |status, _| status.kept == 20).await;
    let kept = input.node.kept.lock().unwrap().clone();
    assert_eq!(kept[7].1["action"], "door.opened");
    assert_eq!(kept[7].1["details"]["payload"], 7);
    input.end().await;
}

fn to(server: &NatsServer, more: &str) -> String {
    format!("streams: [ {{ name: out, to: {{ nats: {{ url: \"{}\" {more} }} }} }} ]", server.url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_into_jetstream_survives_kills_in_order() {
    let mut server = NatsServer::start();
    make_stream(&server, "AUDIT", "\"audit.>\"").await;
    let events: Vec<_> = (0..3_000).map(event).collect();
    let mut out = sink(&to(&server, ""), Seams::real(std::env::temp_dir())).unwrap();
    let server = tokio::task::block_in_place(|| {
        out.probe().unwrap();
        let (begun, wait) = std::sync::mpsc::channel();
        let killer = std::thread::spawn(move || {
            for _ in 0..3 {
                let _ = wait.recv();
                std::thread::sleep(Duration::from_millis(5));
                server.kill();
                server.again();
            }
            server
        });
        let mut failures = 0;
        let _ = begun.send(());
        send_all(&mut *out, &events, |error| {
            assert!(matches!(error, SinkError::Later { .. }), "{error:?}");
            failures += 1;
            let _ = begun.send(());
            std::thread::sleep(Duration::from_millis(50));
        });
        assert!(failures > 0, "no kill was in the middle");
        drop(begun);
        killer.join().unwrap()
    });
    let all = read(&server, "AUDIT", 3_000).await;
    for (event, message) in events.iter().zip(&all) {
        assert_eq!(message.payload, event.json);
    }
    assert_eq!(all[0].subject, "audit.acme.file.read");
    assert_eq!(all[7].header("Indelible-Seq"), Some("7"));
    assert_eq!(all[7].header("Indelible-Leaf"), Some(&*"ab".repeat(32)));
    assert_eq!(all[7].header("Nats-Msg-Id"), Some(&*format!("acme/{}", events[7].id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_says_what_is_wrong_at_the_broker() {
    let server = NatsServer::with("authorization { users: [ { user: audit, password: right } ] }");
    let refused = |more: &str| {
        let file = to(&server, more);
        tokio::task::block_in_place(|| {
            let out = sink(&file, Seams::real(std::env::temp_dir()));
            match out.and_then(|mut out| out.send(&[event(1)])).unwrap_err() {
                SinkError::Wrong { why, hint } => (why, hint),
                other => panic!("{other:?}"),
            }
        })
    };
    let (why, hint) = refused("");
    assert!(why.contains("does not take these credentials") && hint.contains("credentials"));
    let (why, hint) = refused(", auth: { user: audit, password: { env: NOT_SET_IN_THIS_TEST } }");
    assert!(why.contains("NOT_SET_IN_THIS_TEST"), "{why} {hint}");
    let password = server.path("password");
    std::fs::write(&password, "right\n").unwrap();
    let auth =
        format!(", auth: {{ user: audit, password: {{ file: \"{}\" }} }}", password.display());
    let (why, hint) = refused(&auth);
    assert!(
        why.contains("no stream takes audit.acme") && hint.contains("create the stream"),
        "{why}"
    );
}

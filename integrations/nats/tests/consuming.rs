use std::collections::BTreeMap;
use std::time::Duration;

use indelible_nats::{ConsumerSpec, Kind};

use crate::server::NatsServer;
use crate::support::{connect, make_stream, message, reconnect, spec, to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_acknowledged_comes_again_and_the_rest_does_not() {
    let server = NatsServer::start();
    make_stream(&server, "CONFIG", &["config.>"]).await;
    let broker = connect(&server).await;
    broker.publish(&(0..6).map(message).collect::<Vec<_>>()).await.unwrap();
    let mut consumer = broker.consumer(&spec()).await.unwrap();
    let mut first = Vec::new();
    while first.len() < 6 {
        first.extend(consumer.next().await.unwrap());
    }
    let places: Vec<_> = first.iter().map(|one| one.place.clone().unwrap()).collect();
    assert_eq!(places.iter().map(|place| place.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!((&*places[0].stream, places[0].deliveries), ("CONFIG", 1));
    assert_eq!(first[3].subject, "config.device-3.snapshot");
    assert_eq!(
        (first[3].header("Number"), first[3].header("nats-msg-id")),
        (Some("3"), Some("id-3"))
    );
    // Done with, for later, never again, and one that nothing is said of.
    for done in [0, 1, 2] {
        first[done].ack().await.unwrap();
    }
    first[3].later(Duration::from_millis(10)).await.unwrap();
    first[4].never().await.unwrap();
    consumer.flush().await.unwrap();
    let mut again = Vec::new();
    while again.len() < 2 {
        for one in consumer.next().await.unwrap() {
            one.ack().await.unwrap();
            again.push((one.place.as_ref().unwrap().sequence, one.place.unwrap().deliveries));
        }
    }
    again.sort_unstable();
    assert_eq!(again, [(4, 2), (6, 2)]);
    let more = tokio::time::timeout(Duration::from_millis(900), consumer.next()).await;
    assert!(more.is_err(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_loses_nothing() {
    let mut server = NatsServer::start();
    make_stream(&server, "CONFIG", &["config.>"]).await;
    let all = 600;
    let broker = connect(&server).await;
    broker.publish(&(0..all).map(message).collect::<Vec<_>>()).await.unwrap();
    drop(broker);

    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut kills = 0;
    while seen.len() < all {
        let broker = reconnect(&to(&server)).await;
        let spec = ConsumerSpec { ack_wait: Duration::from_millis(300), ..spec() };
        let Ok(mut consumer) = broker.consumer(&spec).await else { continue };
        while seen.len() < all {
            let batch = match consumer.next().await {
                Ok(batch) => batch,
                Err(e) => {
                    assert_eq!(e.kind, Kind::Lost, "{e}");
                    break;
                }
            };
            for one in batch {
                *seen.entry(one.header("number").unwrap().into()).or_default() += 1;
                if seen.len().is_multiple_of(150) && kills < 3 {
                    kills += 1;
                    server.kill();
                    server.again();
                }
                // Of no use over a session that is gone: then it comes again.
                let _ = one.ack().await;
            }
        }
    }
    assert_eq!((seen.len(), kills), (all, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_there_is_brought_up_to_date_or_refused() {
    let server = NatsServer::start();
    let js = make_stream(&server, "CONFIG", &["config.>"]).await;
    let broker = connect(&server).await;
    drop(broker.consumer(&spec()).await.unwrap());
    let changed = ConsumerSpec { filters: vec!["config.a".into(), "config.b".into()], ..spec() };
    drop(broker.consumer(&changed).await.unwrap());
    let stream = js.get_stream("CONFIG").await.unwrap();
    let info = stream.consumer_info("indelible-test").await.unwrap();
    assert_eq!(info.config.filter_subjects, ["config.a", "config.b"]);

    use async_nats::jetstream::consumer::{AckPolicy, pull};
    let config = pull::Config {
        durable_name: Some("theirs".into()),
        ack_policy: AckPolicy::None,
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    let theirs = ConsumerSpec { durable: "theirs".into(), ..spec() };
    let error = broker.consumer(&theirs).await.map(drop).unwrap_err();
    assert_eq!(error.kind, Kind::Consumer);
    assert!(error.why.contains("theirs of the stream CONFIG does not ask for"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_subject_brings_what_is_published_while_somebody_listens() {
    let server = NatsServer::start();
    let broker = connect(&server).await;
    let mut a = broker.subscribe(&["plain.>".into()], Some("group")).await.unwrap();
    let other = connect(&server).await;
    let mut messages: Vec<_> = (0..20).map(message).collect();
    for message in &mut messages {
        message.subject = "plain.x".into();
    }
    other.publish_plain(&messages).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 20 {
        for one in a.next().await.unwrap() {
            assert!(one.place.is_none());
            one.ack().await.unwrap();
            seen.push(one.header("number").unwrap().parse::<usize>().unwrap());
        }
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

use std::time::Duration;

use async_nats::jetstream::{self, stream::Config};
use bytes::Bytes;
use indelible_nats::{Broker, ConsumerSpec, Error, Outgoing, Server};

use crate::server::NatsServer;

pub fn to(server: &NatsServer) -> Server {
    Server { url: server.url(), name: "test".into(), ..Server::default() }
}

pub async fn connect(server: &NatsServer) -> Broker {
    Broker::connect(&to(server)).await.unwrap()
}

/// As it is done by whoever runs the broker.
pub async fn make_stream(server: &NatsServer, name: &str, subjects: &[&str]) -> jetstream::Context {
    let client = async_nats::connect(server.url()).await.unwrap();
    let js = jetstream::new(client);
    let config = Config {
        name: name.into(),
        subjects: subjects.iter().map(|&subject| subject.into()).collect(),
        ..Config::default()
    };
    js.create_stream(config).await.unwrap();
    js
}

pub fn spec() -> ConsumerSpec {
    ConsumerSpec {
        stream: "CONFIG".into(),
        durable: "indelible-test".into(),
        filters: vec!["config.>".into()],
        ack_wait: Duration::from_millis(500),
        max_ack_pending: 1000,
    }
}

pub fn message(number: usize) -> Outgoing {
    Outgoing {
        subject: format!("config.device-{}.snapshot", number % 7),
        payload: Bytes::from(number.to_string()),
        id: Some(format!("id-{number}")),
        headers: vec![("number".into(), number.to_string())],
    }
}

/// A session, as soon as the server is there again.
pub async fn reconnect(server: &Server) -> Broker {
    for _ in 0..200 {
        match Broker::connect(server).await {
            Ok(broker) => return broker,
            Err(Error { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("no session");
}

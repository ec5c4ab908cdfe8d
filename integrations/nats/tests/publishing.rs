use futures_util::StreamExt as _;
use indelible_nats::Kind;

use crate::server::NatsServer;
use crate::support::{connect, make_stream, message, reconnect, to};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_middle_leave_every_message_once_and_in_order() {
    let mut server = NatsServer::start();
    make_stream(&server, "CONFIG", &["config.>"]).await;
    let all: Vec<_> = (0..2_000).map(message).collect();
    let mut next = 0;
    let mut kills = 0;
    while next < all.len() {
        let broker = reconnect(&to(&server)).await;
        while next < all.len() {
            let batch = &all[next..(next + 500).min(all.len())];
            let sent = if kills < 3 {
                kills += 1;
                let sending = broker.publish(batch);
                let kill = async {
                    // Some of the batch are on their way, and some confirmed.
                    tokio::time::sleep(std::time::Duration::from_millis(2 * kills)).await;
                    tokio::task::block_in_place(|| server.kill());
                };
                tokio::join!(sending, kill).0
            } else {
                broker.publish(batch).await
            };
            match sent {
                Ok(()) => next += batch.len(),
                Err(e) => {
                    assert!(matches!(e.error.kind, Kind::Lost), "{e}");
                    // As a stream does: from the place that is known, all of it again.
                    break;
                }
            }
        }
        if kills <= 3 && next < all.len() {
            server.again();
        }
    }
    let js = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let stream = js.get_stream("CONFIG").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 2_000);
    let ordered = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let mut messages = stream.create_consumer(ordered).await.unwrap().messages().await.unwrap();
    for number in 0..2_000 {
        let message = messages.next().await.unwrap().unwrap();
        assert_eq!(message.payload, number.to_string().as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_stream_takes_and_what_is_too_large_is_told_by_place() {
    let server = NatsServer::with("max_payload: 4096");
    make_stream(&server, "CONFIG", &["config.>"]).await;
    let broker = connect(&server).await;
    let mut messages: Vec<_> = (0..5).map(message).collect();
    messages[3].subject = "elsewhere".into();
    let error = broker.publish(&messages).await.unwrap_err();
    assert_eq!((error.at, error.error.kind), (3, Kind::NoStream));
    assert!(error.error.hint().contains("create the stream"), "{}", error.error.hint());
    messages[3] = message(3);
    messages[2].payload = vec![b'x'; 5000].into();
    let error = broker.publish(&messages).await.unwrap_err();
    assert_eq!((error.at, error.error.kind), (2, Kind::Message));
    assert_eq!(broker.stream_of("config.x").await.unwrap(), "CONFIG");
    assert_eq!(broker.stream_of("elsewhere").await.unwrap_err().kind, Kind::NoStream);
}

use std::net::TcpListener;

use indelible_nats::{Auth, Broker, Error, Kind, Server, Tls};

use crate::server::{NatsServer, certificates};
use crate::support::{connect, make_stream, message, spec, to};

async fn refused(server: &Server) -> Error {
    Broker::connect(server).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn nobody_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server { url: format!("nats://127.0.0.1:{port}"), ..Server::default() };
    let error = refused(&server).await;
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
    assert!(error.why.contains("refused") && !error.lasts(), "{error}");
    for url in ["", "http://x", "nats://", "ws://x:1", "nats://a,,b"] {
        let server = Server { url: url.into(), ..Server::default() };
        assert_eq!(refused(&server).await.kind, Kind::Setting, "{url}");
    }
}

#[tokio::test]
async fn credentials_are_taken_or_not() {
    let settings = "authorization { users: [ { user: audit, password: secret-of-the-test } ] }";
    let server = NatsServer::with(settings);
    let with = |auth| Server { auth, ..to(&server) };
    let password =
        |password: &str| Auth::Password { user: "audit".into(), password: password.into() };
    Broker::connect(&with(password("secret-of-the-test"))).await.unwrap();
    for auth in [password("wrong"), Auth::None, Auth::Token("no".into())] {
        let error = refused(&with(auth)).await;
        assert_eq!(error.kind, Kind::Denied, "{error}");
        assert!(error.lasts() && error.hint().contains("credentials"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let url = format!("nats://audit:secret-of-the-test@127.0.0.1:{}", server.port);
    Broker::connect(&Server { url, ..Server::default() }).await.unwrap();
    assert!(!format!("{:?}", with(password("hidden"))).contains("hidden"));
}

#[tokio::test]
async fn tokens_and_nkeys() {
    let server = NatsServer::with("authorization { token: t0ken }");
    let with = |auth| Server { auth, ..to(&server) };
    Broker::connect(&with(Auth::Token("t0ken".into()))).await.unwrap();
    assert_eq!(refused(&with(Auth::Token("other".into()))).await.kind, Kind::Denied);

    let pair = nkeys::KeyPair::new_user();
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", pair.public_key());
    let server = NatsServer::with(&users);
    let with = |seed: String| Server { auth: Auth::Nkey(seed), ..to(&server) };
    Broker::connect(&with(pair.seed().unwrap())).await.unwrap();
    let other = nkeys::KeyPair::new_user().seed().unwrap();
    assert_eq!(refused(&with(other)).await.kind, Kind::Denied);
    assert_eq!(refused(&with("SUNONSENSE".into())).await.kind, Kind::Setting);
    let creds = Server { auth: Auth::Creds("no creds".into()), ..to(&server) };
    assert_eq!(refused(&creds).await.kind, Kind::Setting);
}

#[tokio::test]
async fn certificates_that_are_good_or_past_their_date() {
    let tls = "tls { cert_file: \"DIR/cert.pem\", key_file: \"DIR/key.pem\" }";
    let good = NatsServer::prepared(tls, |dir| certificates(dir, 30));
    let with = |server: &NatsServer, ca| Server {
        url: format!("tls://localhost:{}", server.port),
        tls: Tls { ca, ..Tls::default() },
        ..Server::default()
    };
    Broker::connect(&with(&good, Some(good.path("ca.pem")))).await.unwrap();
    let stranger = refused(&with(&good, None)).await;
    assert_eq!(stranger.kind, Kind::Tls, "{stranger}");
    assert!(stranger.hint().contains("tls.ca"), "{}", stranger.hint());
    let missing = refused(&with(&good, Some(good.path("nowhere.pem")))).await;
    assert_eq!(missing.kind, Kind::Tls, "{missing}");

    let old = NatsServer::prepared(tls, |dir| certificates(dir, -1));
    let expired = refused(&with(&old, Some(old.path("ca.pem")))).await;
    assert_eq!(expired.kind, Kind::Tls, "{expired}");
    assert!(expired.why.contains("Expired") && expired.hint().contains("renew"), "{expired}");
}

#[tokio::test]
async fn a_server_that_wants_our_certificate() {
    let tls = "tls { cert_file: \"DIR/cert.pem\", key_file: \"DIR/key.pem\", ca_file: \"DIR/ca.pem\", verify: true }";
    let server = NatsServer::prepared(tls, |dir| certificates(dir, 30));
    let url = format!("tls://localhost:{}", server.port);
    let ca = Some(server.path("ca.pem"));
    let identity = Some((server.path("cert.pem"), server.path("key.pem")));
    let with = |identity| Server {
        url: url.clone(),
        tls: Tls { ca: ca.clone(), identity, required: true },
        ..Server::default()
    };
    Broker::connect(&with(identity)).await.unwrap();
    let error = refused(&with(None)).await;
    assert!(matches!(error.kind, Kind::Tls | Kind::Unreachable), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_missing_and_jetstream_that_is_off() {
    let server = NatsServer::start();
    let broker = connect(&server).await;
    let error = broker.consumer(&spec()).await.map(drop).unwrap_err();
    assert_eq!(error.kind, Kind::NoStream, "{error}");
    assert!(error.why.contains("no stream CONFIG"), "{error}");
    assert!(error.hint().contains("create the stream"));

    let off = NatsServer::bare("", |_| ());
    let broker = connect(&off).await;
    let error = broker.consumer(&spec()).await.map(drop).unwrap_err();
    assert_eq!(error.kind, Kind::NoJetStream, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_that_are_not_permitted_are_told_at_once() {
    let settings = "authorization { users: [
        { user: all, password: x }
        { user: some, password: x, permissions: { publish: [\"_INBOX.>\", \"$JS.API.>\"], subscribe: [\"_INBOX.>\"] } }
    ] }";
    let server = NatsServer::with(settings);
    let with = |user: &str| Server {
        auth: Auth::Password { user: user.into(), password: "x".into() },
        ..to(&server)
    };
    let all = Broker::connect(&with("all")).await.unwrap();
    drop(all);
    let some = Broker::connect(&with("some")).await.unwrap();
    let error = some.publish(&[message(1)]).await.unwrap_err().error;
    assert_eq!(error.kind, Kind::Denied, "{error}");
    assert!(error.why.contains("config.device-1.snapshot"), "{error}");
    let some = Broker::connect(&with("some")).await.unwrap();
    let error = some.subscribe(&["secret.>".into()], None).await.map(drop).unwrap_err();
    assert_eq!(error.kind, Kind::Denied, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_server_and_is_not_begun_behind_our_back() {
    let mut server = NatsServer::start();
    make_stream(&server, "CONFIG", &["config.>"]).await;
    let broker = connect(&server).await;
    broker.publish(&[message(1)]).await.unwrap();
    server.kill();
    server.again();
    let error = broker.publish(&[message(2)]).await.unwrap_err().error;
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(broker.is_over());
    assert_eq!(broker.publish(&[message(2)]).await.unwrap_err().error.kind, Kind::Lost);
    // The stream that was made keeps what was confirmed, and nothing else.
    let js = async_nats::jetstream::new(async_nats::connect(server.url()).await.unwrap());
    assert_eq!(js.get_stream("CONFIG").await.unwrap().cached_info().state.messages, 1);
}

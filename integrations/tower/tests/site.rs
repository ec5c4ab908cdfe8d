//! An application behind a real socket, and a client that sends what it is told to, byte by byte.

use std::net::SocketAddr;

use axum::Router;
use indelible_recorder::{Event, Recorded, Recorder};
use indelible_tower::{AuditLayer, HttpAudit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub struct Site {
    pub recorder: Recorder,
    address: SocketAddr,
}

impl Site {
    /// Serves these routes with the layer around each.
    pub async fn open(app: Router) -> Site {
        Site::with(app, HttpAudit::default()).await
    }

    pub async fn with(app: Router, audit: HttpAudit) -> Site {
        let recorder = Recorder::memory();
        let layer = AuditLayer::new(recorder.clone()).with(audit);
        Site::serve(recorder, app.layer(layer)).await
    }

    /// Serves an application that brings its layers.
    pub async fn serve(recorder: Recorder, app: Router) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Site { recorder, address }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own and gives all that comes back.
    pub async fn ask(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// All that was recorded.
    pub fn events(&self) -> Vec<Recorded> {
        self.recorder.record(Event::new("the.end"));
        let mut events = self.recorder.events();
        events.retain(|event| event.action() != "the.end");
        events
    }

    /// The one event there is, once a request came to its end.
    pub async fn ended(&self) -> Recorded {
        while self.requests() == 0 {
            tokio::task::yield_now().await;
        }
        // A request is counted right before it is recorded.
        loop {
            if let Some(event) = self.events().pop() {
                return event;
            }
        }
    }

    fn requests(&self) -> u64 {
        self.recorder.coverage().routes().iter().map(|route| route.requests).sum()
    }
}

pub fn text(event: &Recorded, path: &str) -> String {
    event.get(path).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

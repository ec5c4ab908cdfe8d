//! An application behind a real socket, and a client that sends what it is told to, byte by byte.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, rt};
use indelible_actix::{AuditMiddleware, HttpAudit};
use indelible_recorder::{Event, Recorded, Recorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any request takes, so that one that is never recorded fails its test.
const ENDED_WITHIN: Duration = Duration::from_secs(20);

pub struct Site {
    pub recorder: Recorder,
    address: SocketAddr,
    server: ServerHandle,
}

impl Site {
    /// Serves these routes with the middleware around all.
    pub fn open(routes: fn(&mut ServiceConfig)) -> Site {
        Site::with(routes, HttpAudit::default())
    }

    pub fn with(
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
        audit: HttpAudit,
    ) -> Site {
        let recorder = Recorder::memory();
        let middleware = AuditMiddleware::new(recorder.clone()).with(audit);
        let (listener, address) = Site::listener();
        let app = move || App::new().wrap(middleware.clone()).configure(routes.clone());
        let server = HttpServer::new(app).workers(2).h1_allow_half_closed(false).disable_signals();
        Site::running(recorder, address, server.listen(listener).unwrap().run())
    }

    pub fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A server that somebody made by themselves.
    pub fn running(recorder: Recorder, address: SocketAddr, server: Server) -> Site {
        let handle = server.handle();
        rt::spawn(server);
        Site { recorder, address, server: handle }
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
        let ended = async {
            while self.requests() == 0 {
                rt::task::yield_now().await;
            }
            // A request is counted right before it is recorded.
            loop {
                if let Some(event) = self.events().pop() {
                    return event;
                }
                rt::task::yield_now().await;
            }
        };
        rt::time::timeout(ENDED_WITHIN, ended).await.expect("a request that ends is recorded")
    }

    fn requests(&self) -> u64 {
        self.recorder.coverage().routes().iter().map(|route| route.requests).sum()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The word goes out at once; there is no need to wait for its answer.
        drop(self.server.stop(false));
    }
}

/// Serves an application that brings its middleware.
macro_rules! serve {
    ($recorder:expr, $app:expr) => {{
        let (listener, address) = crate::site::Site::listener();
        let server = actix_web::HttpServer::new(move || $app).workers(1).disable_signals();
        let server = server.listen(listener).unwrap().run();
        crate::site::Site::running($recorder, address, server)
    }};
}
pub(crate) use serve;

pub fn text(event: &Recorded, path: &str) -> String {
    event.get(path).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

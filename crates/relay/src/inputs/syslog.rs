//! Syslog over TCP and TLS: RFC 5424 and RFC 3164, octet-counted or in lines.
//!
//! Each connection is read, taken apart and appended in turn: nothing more is read from it before what was read is
//! durable, so a node that is busy pushes back through TCP, and a sender that is slow holds up nobody else. Syslog
//! acknowledges nothing: what a node had read when it was killed, its sender takes for delivered.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use indelible_connect::syslog::{self, Frame, Frames, Sender};
use indelible_event::Micros;
use serde::Deserialize;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::{Door, Input, InputContext, InputError};
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BUSY_PAUSE, CERTIFICATE_LOOK_EVERY, HANDSHAKE_TIMEOUT,
    STOP_PATIENCE, SYSLOG_CONNECTIONS_EACH_MAX, SYSLOG_CONNECTIONS_MAX, SYSLOG_KEEPALIVE,
    SYSLOG_READ_BYTES,
};
use crate::seam::{Incoming, Later, Taken};
use crate::tls::{self, ServerTls, Side};
use crate::x509;

/// Where to listen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogFrom {
    /// The address; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// TLS.
    #[serde(default)]
    pub tls: Option<ServerTls>,
    /// The trails that senders may name in events that are JSON of ours; all others go to the input's own.
    #[serde(default)]
    pub trails: Vec<String>,
}

impl SyslogFrom {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        if let Some(tls) = &mut self.tls {
            tls.below(dir);
        }
    }

    /// Where from, without secrets.
    pub fn place(&self) -> String {
        self.place_at(self.listen)
    }

    fn place_at(&self, at: SocketAddr) -> String {
        format!("{}://{at}", if self.tls.is_some() { "tls" } else { "tcp" })
    }

    /// Makes the input.
    pub fn open(&self, _: &InputContext) -> Result<Box<dyn Input>, InputError> {
        let bad = |name: &&String| indelible_event::TrailName::parse(name).is_err();
        if let Some(name) = self.trails.iter().find(bad) {
            return Err(InputError {
                why: format!("trails: {name:?} is no trail's name"),
                hint: "name trails as the API does; _system is nobody's to write to".into(),
            });
        }
        Ok(Box::new(SyslogInput { from: self.clone() }))
    }

    /// Whether it could begin now: a certificate that cannot be used is waited for once it runs.
    pub fn ready(&self, context: &InputContext) -> Result<(), InputError> {
        let read = self.tls.as_ref().map(|tls| Certificate::read(tls, context.seams.clock.now()));
        let read = read.transpose().map(drop);
        read.map_err(|tls::TlsTrouble { why, hint }| InputError { why, hint })
    }
}

struct SyslogInput {
    from: SyslogFrom,
}

impl Input for SyslogInput {
    fn run(self: Box<Self>, door: Door) -> Later<'static, ()> {
        Box::pin(async move { listen(self.from, door).await })
    }
}

/// The certificate in use. A renewed one counts from the next look at the file.
struct Certificate {
    tls: ServerTls,
    acceptor: TlsAcceptor,
    to: Micros,
}

impl Certificate {
    fn read(tls: &ServerTls, now: Micros) -> Result<Certificate, tls::TlsTrouble> {
        let (config, to) = tls.config(now)?;
        Ok(Certificate { tls: tls.clone(), acceptor: TlsAcceptor::from(config), to })
    }

    /// Looks at the files again. Where they make no sense, the one in use goes on being used, and it is said.
    fn look(&mut self, door: &Door) {
        match Certificate::read(&self.tls, door.clock.now()) {
            Ok(read) => {
                let troubled = door.status().trouble.is_some();
                *self = read;
                if troubled {
                    door.fine();
                }
            }
            Err(trouble) => {
                let until =
                    if door.clock.now() > self.to { "" } else { " (the one before is used)" };
                door.trouble(format!("{}{until}", trouble.why), Some(trouble.hint));
            }
        }
    }
}

async fn listen(from: SyslogFrom, door: Door) {
    let certificate = from.tls.as_ref().map(|tls| Certificate::read(tls, door.clock.now()));
    let mut certificate = match certificate.transpose() {
        Ok(certificate) => certificate,
        Err(trouble) => return door.trouble(trouble.why, Some(trouble.hint)),
    };
    let listener = match TcpListener::bind(from.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            let (why, hint) = cannot_listen(&from, &error);
            return door.trouble(why, Some(hint));
        }
    };
    if let Ok(at) = listener.local_addr() {
        door.status().from = from.place_at(at);
    }
    door.fine();
    let room = Arc::new(Semaphore::new(SYSLOG_CONNECTIONS_MAX));
    let (shares, mut cramped) = (Shares::default(), false);
    let trails: Arc<[String]> = from.trails.into();
    let mut connections = JoinSet::new();
    let mut look = interval(CERTIFICATE_LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.tick().await;
    let mut stop = door.clone();
    loop {
        // Those that find no room wait where the system keeps them: unread, so that nothing of theirs can be lost.
        let enter = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, place)
        };
        tokio::select! {
            () = stop.stopped() => break,
            _ = look.tick() => if let Some(certificate) = &mut certificate { certificate.look(&door) },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (accepted, place) = enter => match accepted {
                Ok((stream, peer)) => {
                    if std::mem::take(&mut cramped) {
                        door.fine();
                    }
                    let address = peer.ip().to_canonical();
                    let Some(share) = Share::take(&shares, address) else {
                        tracing::warn!(%address, "has too many connections; one more is closed");
                        continue;
                    };
                    let connection = Connection {
                        door: door.clone(),
                        address,
                        certificate: None,
                        trails: Arc::clone(&trails),
                        frames: Frames::default(),
                    };
                    let acceptor = certificate.as_ref().map(|one| one.acceptor.clone());
                    connections.spawn(async move {
                        connection.run(stream, acceptor).await;
                        drop((place, share));
                    });
                }
                // Too many files are open, say: it would come again at once.
                Err(error) => {
                    cramped = true;
                    door.trouble(
                        format!("no connection can be taken: {error}"),
                        Some("allow the process more open files (ulimit -n)".into()),
                    );
                    sleep(BUSY_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn cannot_listen(from: &SyslogFrom, error: &io::Error) -> (String, String) {
    let why = format!("{} cannot be listened on: {error}", from.listen);
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has this port; stop it, or give another one with listen"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 take a privilege; use a higher one such as 6514, or grant CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have the address; 0.0.0.0 and [::] are all it has"
        }
        _ => "give another address with listen",
    };
    (why, hint.into())
}

/// How many connections each address has.
type Shares = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One of an address's connections, while it lives.
struct Share {
    of: Shares,
    address: IpAddr,
}

impl Share {
    fn take(of: &Shares, address: IpAddr) -> Option<Share> {
        let mut held = of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= SYSLOG_CONNECTIONS_EACH_MAX {
            return None;
        }
        *count += 1;
        Some(Share { of: Arc::clone(of), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// A sender that is connected. It is the only one that touches its frames.
struct Connection {
    door: Door,
    address: IpAddr,
    certificate: Option<String>,
    trails: Arc<[String]>,
    frames: Frames,
}

impl Connection {
    async fn run(mut self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // A machine that went away without a word would keep its place for ever. Where the system knows no such thing,
        // it does.
        let alive = TcpKeepalive::new().with_time(SYSLOG_KEEPALIVE);
        let _ = SockRef::from(&stream).set_tcp_keepalive(&alive);
        let Some(acceptor) = acceptor else { return self.read(stream).await };
        let mut door = self.door.clone();
        let agreed = tokio::select! {
            () = door.stopped() => return,
            agreed = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)) => agreed,
        };
        match agreed {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(|certs| certs.first());
                self.certificate = shown.and_then(|cert| x509::read(cert)).and_then(|of| of.name);
                self.read(stream).await;
            }
            Ok(Err(error)) => {
                let why = tls::trouble(&error, Side::Server);
                self.turned_away(&why.map_or_else(|| error.to_string(), |why| why.to_string()));
            }
            Err(_) => self.turned_away("it did not agree on TLS in time"),
        }
    }

    /// Any stranger can make this happen, so it is told and is no trouble of the input's.
    fn turned_away(&self, why: &str) {
        let (input, address) = (&*self.door.name, self.address);
        tracing::warn!(input, %address, why, "a syslog sender was turned away");
        self.door.status().last_refused = Some(format!("{address}: {why}"));
    }

    async fn read<S: AsyncRead + Unpin>(mut self, mut stream: S) {
        let mut door = self.door.clone();
        let mut buffer = vec![0; SYSLOG_READ_BYTES];
        loop {
            let read = tokio::select! {
                biased;
                () = door.stopped() => break,
                read = stream.read(&mut buffer) => read,
            };
            let Ok(mut len @ 1..) = read else { break };
            // TLS brings 16 KiB at a time; what is there already goes into the same batch.
            while len < buffer.len()
                && let Some(Ok(more @ 1..)) = stream.read(&mut buffer[len..]).now_or_never()
            {
                len += more;
            }
            self.frames.push(&buffer[..len]);
            while let Some(batch) = self.batch() {
                self.append(batch).await;
            }
        }
        // What was read is nobody else's any more, whole or not.
        if let Some(frame) = std::mem::take(&mut self.frames).finish() {
            self.append(vec![frame]).await;
        }
    }

    /// As many whole messages as go together.
    fn batch(&mut self) -> Option<Vec<Frame>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(frame) = self.frames.next() else { break };
            bytes += frame.bytes.len();
            batch.push(frame);
        }
        (!batch.is_empty()).then_some(batch)
    }

    fn event(&self, frame: &Frame, refused: Option<&str>) -> Incoming {
        let address = self.address.to_string();
        let sender = Sender {
            address: &address,
            certificate: self.certificate.as_deref(),
            trails: &self.trails,
        };
        let json = match refused {
            None => syslog::event(frame, &sender),
            Some(why) => syslog::unreadable(frame, &sender, why),
        };
        // The connection is its relay's, and says nothing of where somebody acted from.
        self.door.incoming(json, None)
    }

    /// Appends these, however long it takes; what cannot be an event as it is goes in as its text.
    async fn append(&mut self, batch: Vec<Frame>) {
        let mut left: Vec<(Frame, Option<String>)> =
            batch.into_iter().map(|frame| (frame, None)).collect();
        let mut patience = STOP_PATIENCE;
        let mut troubled = false;
        while !left.is_empty() {
            let events = left.iter().map(|(frame, why)| self.event(frame, why.as_deref()));
            match self.door.take(events.collect()).await {
                Ok(taken) => left = again(left, taken),
                Err(busy) => {
                    self.door.trouble(busy.0, Some("senders wait meanwhile".into()));
                    troubled = true;
                }
            }
            if left.iter().any(|(_, why)| why.is_none()) || troubled && !left.is_empty() {
                if self.door.stopping() {
                    patience = patience.saturating_sub(BUSY_PAUSE);
                    if patience == Duration::ZERO {
                        let (input, count) = (&*self.door.name, left.len());
                        tracing::error!(
                            input,
                            count,
                            "messages that were read could not be appended"
                        );
                        return;
                    }
                }
                sleep(BUSY_PAUSE).await;
            }
        }
        if troubled {
            self.door.fine();
        }
    }
}

/// What has to go in again: what was not kept for now, and once more as a text what will never be an event as it is.
fn again(sent: Vec<(Frame, Option<String>)>, taken: Vec<Taken>) -> Vec<(Frame, Option<String>)> {
    let left = sent.into_iter().zip(taken).filter_map(|((frame, why), taken)| match taken {
        Taken::Kept { .. } => None,
        Taken::Failed(_) => Some((frame, why)),
        Taken::Refused { field, message } if why.is_none() => {
            Some((frame, Some(format!("{field} {message}").trim_start().to_owned())))
        }
        // A text always fits; a trail that refuses even that takes nothing at all.
        Taken::Refused { field, message } => {
            let text = String::from_utf8_lossy(&frame.bytes);
            tracing::error!(field, message, %text, "a message was not kept, not even as a text");
            None
        }
    });
    left.collect()
}

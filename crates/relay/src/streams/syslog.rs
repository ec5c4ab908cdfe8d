//! RFC 5424 over TCP and TLS, octet-counted.
//!
//! Syslog acknowledges nothing: "sent" is what the system took, on a connection that was whole before and after. What was
//! sent within the last minute on a connection that then broke may never have been read, so it is sent again, ahead of
//! what comes next; receivers know it by `id` or `seq`. What a receiver's machine does not take within half a minute
//! breaks the connection, so nothing older can be in doubt.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible_connect::Event;
use indelible_connect::syslog::{self, Form, Header};
use indelible_event::Micros;
use indelible_log::{Clock, hex};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use serde::Deserialize;
use socket2::SockRef;

use super::{Context, Sink, SinkError};
use crate::limits::{
    CONNECT_TIMEOUT, SEND_TIMEOUT, SYSLOG_MESSAGE_BYTES_MAX, SYSLOG_REPEAT_BYTES_MAX,
    SYSLOG_REPEAT_SECONDS_MAX, SYSLOG_SETTLE_TIMEOUT, SYSLOG_UNHEARD,
};
use crate::seam::Outgoing;
use crate::secret::Value;
use crate::tls::{self, ClientTls, Side, TlsTrouble};

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTo {
    /// The address: `tls://HOST:PORT` or `tcp://HOST:PORT`. The port is 6514 with TLS and 601 without, where none is given.
    pub url: Value,
    /// What the text of a message is.
    #[serde(default)]
    pub format: Format,
    /// The facility: 13 is the log audit's.
    #[serde(default = "audit")]
    pub facility: u8,
    /// What stands as the machine's name where an event does not say on which one it happened.
    #[serde(default)]
    pub host: Option<String>,
    /// The most bytes of a message: receivers must take 2,048 and should take 8,192. What is larger goes without its
    /// free members.
    #[serde(default = "common_bytes_max")]
    pub message_bytes_max: usize,
    /// Seconds of what was sent before a connection broke that are sent again on the next one; 0 for none.
    #[serde(default = "a_minute")]
    pub repeat_seconds: u32,
    /// Certificates, where the address begins with `tls://`.
    #[serde(default)]
    pub tls: ClientTls,
}

/// What the text of a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The event as the API shows it, with its leaf hash.
    #[default]
    Json,
    /// CEF.
    Cef,
}

fn audit() -> u8 {
    13
}

fn common_bytes_max() -> usize {
    8192
}

fn a_minute() -> u32 {
    60
}

impl SyslogTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.tls.below(dir);
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        match &self.url {
            Value::Plain(url) if Address::parse(url).is_ok() => url.clone(),
            Value::Plain(_) => "an address that cannot be read".into(),
            Value::Secret(secret) => format!("{secret:?}"),
        }
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        let url = self.url.reveal().map_err(|why| wrong(why, "set it, and start again"))?;
        let address = Address::parse(&url)?;
        let range = 480..=SYSLOG_MESSAGE_BYTES_MAX;
        if self.facility > 23 || !range.contains(&self.message_bytes_max) {
            let why = if self.facility > 23 {
                "facility is 0 to 23".to_owned()
            } else {
                format!("message_bytes_max is {} to {}", range.start(), range.end())
            };
            return Err(wrong(why, "give another one"));
        }
        if self.repeat_seconds > SYSLOG_REPEAT_SECONDS_MAX {
            let why = format!("repeat_seconds is at most {SYSLOG_REPEAT_SECONDS_MAX}");
            return Err(wrong(why, "give a smaller one"));
        }
        if !address.tls && self.tls != ClientTls::default() {
            return Err(wrong(
                "certificates are given for an address without TLS".to_owned(),
                "begin it with tls://, or take them out",
            ));
        }
        if address.tls {
            self.tls.config(context.seams.clock.now()).map_err(told)?;
        }
        Ok(Box::new(SyslogSink {
            to: self.clone(),
            address,
            clock: Arc::clone(&context.seams.clock),
            line: None,
            sent: VecDeque::new(),
            sent_bytes: 0,
            broke: false,
        }))
    }
}

fn wrong(why: String, hint: &str) -> SinkError {
    SinkError::Wrong { why, hint: hint.into() }
}

fn later(why: String) -> SinkError {
    SinkError::Later { why, wait: None }
}

#[derive(Debug)]
struct Address {
    tls: bool,
    host: String,
    port: u16,
}

impl Address {
    fn parse(url: &str) -> Result<Address, SinkError> {
        let bad = || {
            let hint = "give an address such as tls://siem.example.com:6514 or tcp://192.0.2.7:601";
            // Not repeated: it may hold a password, or be a secret of something else.
            wrong("the address is none of a syslog receiver".to_owned(), hint)
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
        let tls = match scheme {
            "tls" => true,
            "tcp" => false,
            _ => return Err(bad()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => {
                if tls {
                    6514
                } else {
                    601
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?,
        };
        if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
            return Err(bad());
        }
        Ok(Address { tls, host: host.into(), port })
    }

    /// Connects to the first of its addresses that answers.
    fn connect(&self) -> Result<TcpStream, SinkError> {
        let all = (&*self.host, self.port).to_socket_addrs();
        let all = all.map_err(|e| later(format!("{} is not found: {e}", self.host)))?;
        let mut last = None;
        for address in all {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(format!("{address} cannot be reached: {error}")),
            }
        }
        Err(later(last.unwrap_or_else(|| format!("{} has no address", self.host))))
    }
}

/// A connection that is open.
enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Line {
    fn socket(&self) -> &TcpStream {
        match self {
            Line::Plain(stream) => stream,
            Line::Tls(stream) => &stream.sock,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Line::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Fails if the other side has closed the connection or broken it off. What it says otherwise is none of syslog's, and
    /// passed over. Waits so long for it to say something.
    fn check(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let closed =
            || io::Error::new(ErrorKind::ConnectionAborted, "the receiver closed the connection");
        match wait {
            None => self.socket().set_nonblocking(true)?,
            Some(_) => self.socket().set_read_timeout(wait)?,
        }
        let mut said = [0; 1024];
        let result = loop {
            let read = match self {
                Line::Plain(stream) => stream.read(&mut said),
                // One record at a time: what a session begins with is none of its text.
                Line::Tls(stream) => match stream.conn.read_tls(&mut stream.sock) {
                    Ok(0) => Ok(0),
                    Ok(_) => match stream.conn.process_new_packets() {
                        Ok(state) if state.peer_has_closed() => Ok(0),
                        Ok(_) => stream.conn.reader().read(&mut said).map(|_| 1).or(Ok(1)),
                        Err(error) => Err(io::Error::new(ErrorKind::InvalidData, error)),
                    },
                    Err(error) => Err(error),
                },
            };
            match read {
                Ok(0) => break Err(closed()),
                // It has said something: whoever waited for that need not any more.
                Ok(_) if wait.is_some() => break Ok(()),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    break Ok(());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        match wait {
            None => self.socket().set_nonblocking(false)?,
            Some(_) => self.socket().set_read_timeout(Some(SEND_TIMEOUT))?,
        }
        result
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Line::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        // Written already; a receiver that is gone is no news.
        let _ = self.socket().shutdown(Shutdown::Write);
    }
}

struct SyslogSink {
    to: SyslogTo,
    address: Address,
    clock: Arc<dyn Clock>,
    line: Option<Line>,
    /// What was sent lately, and when: the last connection may have swallowed it.
    sent: VecDeque<(Micros, Vec<u8>)>,
    sent_bytes: usize,
    /// The last connection broke, so that its receiver may not have read what was sent.
    broke: bool,
}

impl Sink for SyslogSink {
    /// Certificates are read with each connection, so nothing is stale in it.
    fn owes(&self) -> bool {
        !self.sent.is_empty()
    }

    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let batch = self.messages(events)?;
        let result = self.exchange(&batch);
        if result.is_err() {
            self.broke |= self.line.take().is_some();
        } else {
            self.remember(batch);
        }
        result
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        self.connect().map(drop)
    }
}

impl SyslogSink {
    fn messages(&self, events: &[Outgoing]) -> Result<Vec<u8>, SinkError> {
        let header = Header {
            facility: self.to.facility,
            host: self.to.host.as_deref(),
            form: match self.to.format {
                Format::Json => Form::Json,
                Format::Cef => Form::Cef,
            },
            bytes_max: self.to.message_bytes_max,
        };
        let (mut batch, mut message) = (Vec::new(), Vec::new());
        for (at, one) in events.iter().enumerate() {
            let json = std::str::from_utf8(&one.json).ok();
            let Some((json, event)) = json.and_then(|json| Some((json, Event::read(json)?))) else {
                return Err(SinkError::Poison { at, why: "it is no event".into() });
            };
            message.clear();
            syslog::write(&event, json, &hex::encode(&one.leaf), &header, &mut message);
            syslog::count(&message, &mut batch);
        }
        Ok(batch)
    }

    /// Sends a batch over a connection that is whole before and after; what a broken one may have swallowed goes first.
    fn exchange(&mut self, batch: &[u8]) -> Result<(), SinkError> {
        if let Some(line) = &mut self.line
            && line.check(None).is_err()
        {
            // A receiver that was started anew is no failure of this batch.
            self.line = None;
            self.broke = true;
        }
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.connect()?,
        };
        let repeated = self.sent.iter().filter(|_| self.broke);
        let write = || -> io::Result<()> {
            for (_, sent) in repeated {
                line.write(sent)?;
            }
            line.write(batch)?;
            line.check(None)
        };
        let result = write().map_err(|error| self.failed(&error));
        self.line = Some(line);
        if result.is_ok() {
            self.broke = false;
        }
        result
    }

    fn connect(&self) -> Result<Line, SinkError> {
        let stream = self.address.connect()?;
        let set = stream.set_nodelay(true).and_then(|()| {
            stream.set_write_timeout(Some(SEND_TIMEOUT))?;
            SockRef::from(&stream).set_tcp_user_timeout(Some(SYSLOG_UNHEARD))?;
            stream.set_read_timeout(Some(SEND_TIMEOUT))
        });
        set.map_err(|e| later(format!("{}: {e}", self.to.place())))?;
        if !self.address.tls {
            return Ok(Line::Plain(stream));
        }
        let config = self.to.tls.config(self.clock.now()).map_err(told)?;
        let name = ServerName::try_from(self.address.host.clone()).map_err(|_| {
            wrong(
                format!("{:?} is no name of a machine", self.address.host),
                "give another address",
            )
        })?;
        let conn = ClientConnection::new(config, name)
            .map_err(|e| wrong(format!("TLS cannot begin: {e}"), "look at its certificates"))?;
        let mut tls = StreamOwned::new(conn, stream);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock).map_err(|error| self.failed(&error))?;
        }
        let mut line = Line::Tls(Box::new(tls));
        // TLS 1.3 lets us speak before the receiver has looked at our certificate. One that takes it sends a ticket, one
        // that does not says so; what keeps silent is taken as it is.
        line.check(Some(SYSLOG_SETTLE_TIMEOUT)).map_err(|error| self.failed(&error))?;
        Ok(line)
    }

    fn failed(&self, error: &io::Error) -> SinkError {
        match tls::trouble(error, Side::Client) {
            Some(trouble) => told(trouble),
            None => later(format!("{}: {error}", self.to.place())),
        }
    }

    fn remember(&mut self, batch: Vec<u8>) {
        if self.to.repeat_seconds == 0 {
            return;
        }
        // By what was sent last, not by when the break shows: a stream that is quiet may find out late.
        let now = self.clock.now();
        let since = now.0 - i64::from(self.to.repeat_seconds) * 1_000_000;
        self.sent_bytes += batch.len();
        self.sent.push_back((now, batch));
        while self.sent.len() > 1
            && (self.sent_bytes > SYSLOG_REPEAT_BYTES_MAX
                || self.sent.front().is_some_and(|(at, _)| at.0 < since))
        {
            if let Some((_, batch)) = self.sent.pop_front() {
                self.sent_bytes -= batch.len();
            }
        }
    }
}

fn told(trouble: TlsTrouble) -> SinkError {
    SinkError::Wrong { why: trouble.why, hint: trouble.hint }
}

#[cfg(test)]
#[path = "syslog_tests.rs"]
mod tests;

//! What is said to a mail server (RFC 5321), and what its answers mean.
//!
//! By hand, over the TLS that all streams have: whoever is between us and the server can answer beforehand while nothing
//! is encrypted yet, and a client that reads on after STARTTLS from what it had read before takes that for the server's
//! word, up to "I have your mail". Here what came too early ends the connection.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_event::Micros;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::{StartTls, wrong};
use crate::limits::{
    CONNECT_TIMEOUT, SAID_BYTES_MAX, SEND_TIMEOUT, SMTP_ANSWER_BYTES_MAX, SMTP_TAKEN_TIMEOUT,
};
use crate::streams::SinkError;
use crate::tls::{self, ClientTls, Side, TlsTrouble};

pub(super) fn told(trouble: TlsTrouble) -> SinkError {
    SinkError::Wrong { why: trouble.why, hint: trouble.hint }
}

fn later(why: String) -> SinkError {
    SinkError::Later { why, wait: None }
}

/// A server.
#[derive(Debug)]
pub(super) struct Address {
    /// TLS from the first byte.
    tls: bool,
    host: String,
    port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "smtps" } else { "smtp" };
        let bare = self.host.contains(':');
        let (open, close) = if bare { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl Address {
    pub fn parse(url: &str) -> Result<Address, SinkError> {
        // Not repeated: it may hold a password.
        let bad = || {
            wrong(
                "the address is none of a mail server",
                "give an address such as smtps://mail.example.com or smtp://mail.example.com:587; user and password have lines of their own",
            )
        };
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(bad)?;
        let (tls, common) = match scheme {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            _ => return Err(bad()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(common), |port| port.parse().map_err(|_| bad()))?;
        let named = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        if named && port > 0 { Ok(Address { tls, host: host.into(), port }) } else { Err(bad()) }
    }

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

/// Bytes to and from the server.
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
}

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.read(into),
            Line::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.write(bytes),
            Line::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.flush(),
            Line::Tls(stream) => stream.flush(),
        }
    }
}

/// An answer: its number, and what it says.
struct Answer {
    code: u16,
    lines: Vec<String>,
}

/// What a server will not do.
pub(super) enum Refusal {
    /// For now, or because it cannot be reached any more.
    Later(SinkError),
    /// For now, and this only.
    Now(String),
    /// As long as nobody puts it right.
    Forever(String),
}

impl Refusal {
    /// About a receiver.
    pub fn of(self, receiver: &str) -> SinkError {
        match self {
            Refusal::Later(error) => error,
            Refusal::Now(said) => {
                later(format!("the mail server refuses {receiver} for now: {said}"))
            }
            Refusal::Forever(said) => wrong(
                format!("the mail server refuses {receiver}: {said}"),
                "look at the address; other receivers were told, and it is tried again within an hour",
            ),
        }
    }

    fn wrong(self, hint: &str) -> SinkError {
        match self {
            Refusal::Later(error) => error,
            Refusal::Now(said) => later(format!("the mail server said: {said}")),
            Refusal::Forever(said) => wrong(format!("the mail server said: {said}"), hint),
        }
    }
}

impl From<SinkError> for Refusal {
    fn from(error: SinkError) -> Refusal {
        Refusal::Later(error)
    }
}

impl Answer {
    fn said(&self) -> String {
        let text = format!("{} {}", self.code, self.lines.join(" "));
        text[..text.floor_char_boundary(SAID_BYTES_MAX.min(text.len()))].to_owned()
    }

    fn expect(self, codes: &[u16]) -> Result<Answer, Refusal> {
        match self.code {
            code if codes.contains(&code) => Ok(self),
            500..=599 => Err(Refusal::Forever(self.said())),
            // It closes the connection, whatever was asked.
            421 => Err(later(format!("the mail server said: {}", self.said())).into()),
            400..=499 => Err(Refusal::Now(self.said())),
            _ => {
                Err(later(format!("the mail server answered out of turn: {}", self.said())).into())
            }
        }
    }
}

/// A connection on which mails can be sent.
pub(super) struct Session {
    line: BufReader<Line>,
    place: String,
    /// What the server can do, as it says; in capitals.
    offers: Vec<String>,
}

impl Session {
    /// Connects, agrees on TLS and logs in.
    pub fn open(
        address: &Address,
        starttls: StartTls,
        tls: &ClientTls,
        login: Option<(&str, &str)>,
        now: Micros,
    ) -> Result<Session, SinkError> {
        let place = address.to_string();
        let stream = address.connect()?;
        let set = stream.set_nodelay(true).and_then(|()| {
            stream.set_write_timeout(Some(SEND_TIMEOUT))?;
            stream.set_read_timeout(Some(SEND_TIMEOUT))
        });
        set.map_err(|e| later(format!("{place}: {e}")))?;
        let line =
            if address.tls { encrypted(stream, address, tls, now)? } else { Line::Plain(stream) };
        let mut session = Session { line: BufReader::new(line), place, offers: Vec::new() };
        let greeting = session.answer()?.expect(&[220]);
        greeting
            .map_err(|refusal| refusal.wrong("look whether this machine may send mail by it"))?;
        session.hello()?;
        if !address.tls && starttls != StartTls::Never {
            session = session.starttls(address, starttls, tls, now)?;
        }
        if let Some((user, password)) = login {
            session.log_in(user, password)?;
        }
        Ok(session)
    }

    fn hello(&mut self) -> Result<(), SinkError> {
        // Our address, which is what a machine says that may have no name.
        let own = self.line.get_ref().socket().local_addr().map(|own| own.ip());
        let name = match own {
            Ok(IpAddr::V4(ip)) => format!("[{ip}]"),
            Ok(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            Err(_) => "localhost".into(),
        };
        let answer = self.command(&format!("EHLO {name}"), &[250]);
        let answer = answer.map_err(|refusal| {
            refusal.wrong("look whether the server speaks ESMTP and takes mail from this machine")
        })?;
        self.offers = answer.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn offers(&self, what: &str) -> Option<&str> {
        let of = |line: &String| line.split_whitespace().next() == Some(what);
        self.offers.iter().find(|line| of(line)).map(String::as_str)
    }

    fn starttls(
        mut self,
        address: &Address,
        want: StartTls,
        tls: &ClientTls,
        now: Micros,
    ) -> Result<Session, SinkError> {
        if self.offers("STARTTLS").is_none() {
            return match want {
                StartTls::Required => Err(wrong(
                    "the mail server offers no STARTTLS",
                    "use smtps:// if it has a port for that (465), or switch it on there; `starttls: optional` sends without",
                )),
                StartTls::Optional | StartTls::Never => Ok(self),
            };
        }
        let answer = self.command("STARTTLS", &[220]);
        answer.map_err(|refusal| refusal.wrong("look at the mail server's certificate"))?;
        if !self.line.buffer().is_empty() {
            return Err(wrong(
                "somebody answered in the mail server's place before TLS began",
                "look at what is between this machine and the mail server, or use smtps://",
            ));
        }
        let Line::Plain(stream) = self.line.into_inner() else {
            return Err(later("TLS was begun twice".into()));
        };
        self.line = BufReader::new(encrypted(stream, address, tls, now)?);
        // What it said before was not said in confidence.
        self.offers.clear();
        self.hello()?;
        Ok(self)
    }

    fn log_in(&mut self, user: &str, password: &str) -> Result<(), SinkError> {
        if matches!(self.line.get_ref(), Line::Plain(_)) {
            return Err(wrong(
                "a password is not sent over a connection without TLS",
                "use smtps://, or `starttls: required` with a server that has it; or take user and password out",
            ));
        }
        let offered = self.offers("AUTH").unwrap_or_default().to_owned();
        let hint =
            "look at user and password; many providers want one that is made for applications";
        let refused = |refusal: Refusal| refusal.wrong(hint);
        let ways: Vec<&str> = offered.split_whitespace().skip(1).collect();
        if ways.contains(&"PLAIN") {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command(&format!("AUTH PLAIN {secret}"), &[235]).map_err(refused)?;
        } else if ways.contains(&"LOGIN") {
            self.command("AUTH LOGIN", &[334]).map_err(refused)?;
            self.command(&STANDARD.encode(user), &[334]).map_err(refused)?;
            self.command(&STANDARD.encode(password), &[235]).map_err(refused)?;
        } else {
            return Err(wrong(
                "the mail server offers no login by PLAIN or LOGIN",
                "switch one on there, or take user and password out",
            ));
        }
        Ok(())
    }

    /// Begins a mail.
    pub fn mail_from(&mut self, sender: &str) -> Result<(), SinkError> {
        let answer = self.command(&format!("MAIL FROM:<{sender}>"), &[250]);
        answer.map_err(|refusal| {
            refusal
                .wrong("look whether this sender may send mail there, and whether it wants a login")
        })?;
        Ok(())
    }

    /// Names a receiver of it.
    pub fn mail_to(&mut self, receiver: &str) -> Result<(), Refusal> {
        self.command(&format!("RCPT TO:<{receiver}>"), &[250, 251]).map(drop)
    }

    /// Sends its text. What is refused here for good is this mail.
    pub fn data(&mut self, mail: &[u8]) -> Result<(), SinkError> {
        let answer = self.command("DATA", &[354]);
        answer
            .map_err(|refusal| refusal.wrong("look at what the mail server wrote into its log"))?;
        let mut text = stuffed(mail);
        text.extend_from_slice(b".\r\n");
        self.write(&text)?;
        self.patience(SMTP_TAKEN_TIMEOUT);
        let answer = self.answer()?.expect(&[250]);
        self.patience(SEND_TIMEOUT);
        answer.map(drop).map_err(|refusal| match refusal {
            Refusal::Later(error) => error,
            Refusal::Now(said) => later(format!("the mail server said: {said}")),
            Refusal::Forever(said) => SinkError::Poison {
                at: 0,
                why: format!("the mail server refuses the mail: {said}"),
            },
        })
    }

    /// Lets go of a mail that was begun.
    pub fn reset(&mut self) -> Result<(), SinkError> {
        let answer = self.command("RSET", &[250]);
        answer
            .map(drop)
            .map_err(|refusal| refusal.wrong("look at what the mail server wrote into its log"))
    }

    /// Says goodbye. Nothing is waited for: all mails were answered for.
    pub fn quit(mut self) {
        let _ = self.write(b"QUIT\r\n");
        if let Line::Tls(stream) = self.line.get_mut() {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }

    fn patience(&self, longest: std::time::Duration) {
        // A connection that has ended says so when it is read.
        let _ = self.line.get_ref().socket().set_read_timeout(Some(longest));
    }

    fn command(&mut self, command: &str, codes: &[u16]) -> Result<Answer, Refusal> {
        self.write(format!("{command}\r\n").as_bytes())?;
        self.answer()?.expect(codes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let line = self.line.get_mut();
        let written = line.write_all(bytes).and_then(|()| line.flush());
        written.map_err(|error| failed(&self.place, &error))
    }

    /// One answer, of one line or several.
    fn answer(&mut self) -> Result<Answer, SinkError> {
        let mut lines = Vec::new();
        let mut left = SMTP_ANSWER_BYTES_MAX;
        loop {
            let mut line = Vec::new();
            let read = self.line.by_ref().take(left).read_until(b'\n', &mut line);
            read.map_err(|error| failed(&self.place, &error))?;
            left -= line.len() as u64;
            if line.last() != Some(&b'\n') {
                let why = if left == 0 { "says too much at once" } else { "closed the connection" };
                return Err(later(format!("{} {why}", self.place)));
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            let code = text.get(..3).and_then(|code| code.parse().ok());
            let (Some(code), rest) = (code, text.get(3..).unwrap_or_default()) else {
                return Err(wrong(
                    format!("{} does not speak SMTP", self.place),
                    "give the mail server's address and port; smtps:// is for 465, smtp:// for 587 and 25",
                ));
            };
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(Answer { code, lines });
            }
        }
    }
}

/// TLS on a connection that nothing was read from but what belongs to it.
fn encrypted(
    stream: TcpStream,
    address: &Address,
    tls: &ClientTls,
    now: Micros,
) -> Result<Line, SinkError> {
    let config = tls.config(now).map_err(told)?;
    let name = ServerName::try_from(address.host.clone());
    let name = name.map_err(|_| {
        wrong(format!("{:?} is no name of a machine", address.host), "give another address")
    })?;
    let conn = ClientConnection::new(config, name)
        .map_err(|e| wrong(format!("TLS cannot begin: {e}"), "look at its certificates"))?;
    let mut stream = StreamOwned::new(conn, stream);
    let place = address.to_string();
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| failed(&place, &error))?;
    }
    Ok(Line::Tls(Box::new(stream)))
}

fn failed(place: &str, error: &io::Error) -> SinkError {
    let not_tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|error| matches!(error, rustls::Error::InvalidMessage(_)));
    match tls::trouble(error, Side::Client) {
        Some(_) if not_tls => wrong(
            format!("{place} does not speak TLS from the first byte"),
            "smtp:// begins without TLS and changes to it (587, 25); smtps:// is for 465",
        ),
        Some(trouble) => told(trouble),
        None => later(format!("{place}: {error}")),
    }
}

/// A text whose lines that begin with a point have another one before it, so that none of them ends the mail; it ends
/// with a line break.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|b| *b == b'\n') {
        if line.first() == Some(&b'.') {
            made.push(b'.');
        }
        made.extend_from_slice(line);
    }
    if !made.ends_with(b"\r\n") {
        made.extend_from_slice(b"\r\n");
    }
    made
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;

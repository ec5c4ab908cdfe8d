//! The least HTTP/1.1 client that measures honestly: it shares the cores with the server it measures.
//!
//! One blocking connection, kept alive, one request at a time, one write a request. It understands what
//! a server may answer: a length, chunks, or an interim status before the real one.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Longer than any answer takes; a server that hangs must not hang the benchmark.
const ANSWER_SECONDS_MAX: u64 = 300;
/// More than any header has.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// What one read takes at most.
const READ_BYTES: usize = 64 << 10;

/// NDJSON, an event a line.
pub const NDJSON: &str = "application/x-ndjson";
/// One event, or an array of them.
pub const JSON: &str = "application/json";

/// Where a node is, and what lets us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Host and port.
    pub host: String,
    /// The key, as it goes into the header.
    pub key: String,
}

impl Address {
    /// From `http://host:port`.
    pub fn parse(url: &str, key: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").context("the address must begin with http://")?;
        let host = rest.trim_end_matches('/');
        ensure!(!host.is_empty() && !host.contains('/'), "{url} is not http://host:port");
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host, key: key.to_owned() })
    }
}

/// A connection to a node.
pub struct Connection {
    stream: TcpStream,
    /// The headers that every request has.
    common: String,
    request: Vec<u8>,
    answer: Vec<u8>,
    body: Vec<u8>,
    /// When the first byte of the answer came.
    first_byte: Option<Instant>,
}

/// An answer, until the next request.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// How long an answer took, and how much of it there was.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Until its first byte.
    pub first: Duration,
    /// Until its last.
    pub last: Duration,
    /// Bytes of the body as it was sent, compressed.
    pub body_bytes: usize,
}

impl Connection {
    /// Connects.
    pub fn open(address: &Address) -> Result<Self> {
        let mut found = address.host.to_socket_addrs()?;
        let place = found.next().with_context(|| format!("{} is nowhere", address.host))?;
        let stream = TcpStream::connect(place)
            .with_context(|| format!("nobody answers at {}", address.host))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
        let common = format!("Host: {}\r\nAuthorization: Bearer {}\r\n", address.host, address.key);
        let (request, answer, body) = Default::default();
        Ok(Self { stream, common, request, answer, body, first_byte: None })
    }

    /// Asks for a path.
    pub fn get(&mut self, path: &str) -> Result<Answer<'_>> {
        self.request.clear();
        write!(self.request, "GET {path} HTTP/1.1\r\n{}\r\n", self.common)?;
        self.exchange()
    }

    /// Asks for a path as a browser does, compressed, by the clock. Any status but 200 is an error.
    pub fn load(&mut self, path: &str) -> Result<Took> {
        self.request.clear();
        write!(
            self.request,
            "GET {path} HTTP/1.1\r\n{}Accept-Encoding: gzip\r\n\r\n",
            self.common
        )?;
        let start = Instant::now();
        let answer = self.exchange()?;
        let last = start.elapsed();
        let (status, body_bytes) = (answer.status, answer.body.len());
        ensure!(status == 200, "{path}: {status}");
        let first = self.first_byte.context("an answer without a byte")?;
        Ok(Took { first: first.saturating_duration_since(start), last, body_bytes })
    }

    /// Sends a body.
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer<'_>> {
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\n{}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.common,
            body.len()
        )?;
        self.request.extend_from_slice(body);
        self.exchange()
    }

    fn exchange(&mut self) -> Result<Answer<'_>> {
        let sent = self.stream.write_all(&self.request);
        // A server that refuses a body may have answered before it took all of it.
        let status = match (self.read_answer(), sent) {
            (Ok(status), _) => status,
            (Err(_), Err(sent)) => return Err(sent).context("the server took no request"),
            (Err(read), Ok(())) => return Err(read),
        };
        Ok(Answer { status, body: &self.body })
    }

    fn read_answer(&mut self) -> Result<u16> {
        self.answer.clear();
        self.body.clear();
        self.first_byte = None;
        loop {
            let head = self.read_head()?;
            let (status, kind) = parse_head(&self.answer[..head])?;
            self.answer.drain(..head);
            match kind {
                // An interim answer; the real one follows.
                _ if (100..200).contains(&status) => continue,
                Length::Bytes(length) => {
                    while self.answer.len() < length {
                        self.read_more()?;
                    }
                    self.body.extend(self.answer.drain(..length));
                }
                Length::Chunks => self.read_chunks()?,
            }
            ensure!(self.answer.is_empty(), "the server sent more than its answer");
            return Ok(status);
        }
    }

    fn read_head(&mut self) -> Result<usize> {
        loop {
            if let Some(at) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(at + 4);
            }
            ensure!(self.answer.len() < HEAD_BYTES_MAX, "the answer's header has no end");
            self.read_more()?;
        }
    }

    fn read_chunks(&mut self) -> Result<()> {
        loop {
            let line = loop {
                if let Some(at) = self.answer.windows(2).position(|two| two == b"\r\n") {
                    break at;
                }
                self.read_more()?;
            };
            let text = std::str::from_utf8(&self.answer[..line])?;
            let digits = text.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16).context("a chunk without a length")?;
            // No trailers are asked for, so the last chunk is an empty line.
            let end = line + 2 + length + 2;
            while self.answer.len() < end {
                self.read_more()?;
            }
            self.body.extend_from_slice(&self.answer[line + 2..end - 2]);
            self.answer.drain(..end);
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn read_more(&mut self) -> Result<()> {
        let filled = self.answer.len();
        self.answer.resize(filled + READ_BYTES, 0);
        let read = self.stream.read(&mut self.answer[filled..]);
        self.answer.truncate(filled + read.as_ref().copied().unwrap_or(0));
        ensure!(read? > 0, "the server closed the connection before it answered");
        self.first_byte.get_or_insert_with(Instant::now);
        Ok(())
    }
}

enum Length {
    Bytes(usize),
    Chunks,
}

fn parse_head(head: &[u8]) -> Result<(u16, Length)> {
    let text = std::str::from_utf8(head).context("the answer's header is not text")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let Some(status) = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)) else {
        bail!("no HTTP/1.1 answer: {first}");
    };
    let status = status.parse().context("the answer has no status")?;
    let mut length = Length::Bytes(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Bytes(value.trim().parse().context("a length that is no number")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(value.trim().eq_ignore_ascii_case("chunked"), "an encoding we did not ask for");
            length = Length::Chunks;
        }
    }
    Ok((status, length))
}

#[cfg(test)]
#[path = "http_tests.rs"]
pub(crate) mod tests;

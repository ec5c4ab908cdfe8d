//! The live stream: server-sent events, followed over broken connections.

use std::io::{BufRead, BufReader, Read};

use crate::backoff::{Backoff, pause};
use crate::client::Client;
use crate::error::Error;
use crate::limits::LINE_BYTES_MAX;

/// What the node says when this client was too slow; it closes then, and a new connection goes on.
const DROPPED: &str = "dropped";

/// A message of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Message {
    /// Where to resume after it.
    pub id: Option<String>,
    /// Its kind, if it is not an event of the trail.
    pub event: Option<String>,
    /// Its text.
    pub data: String,
}

/// The messages of a stream as they come. It ends only by an error that trying again does not mend.
pub struct Stream {
    client: Client,
    path: String,
    params: Vec<(String, String)>,
    backoff: Backoff,
    last_id: Option<String>,
    lines: Option<Box<dyn BufRead + Send>>,
    failures: u32,
}

impl Client {
    /// Follows a stream from after `last_id`, or from now on. It is connected when this returns, so that
    /// nothing recorded later can be missed.
    pub fn stream(
        &self,
        path: &str,
        params: &[(String, String)],
        last_id: Option<&str>,
        backoff: Backoff,
    ) -> Result<Stream, Error> {
        let mut stream = Stream {
            client: self.clone(),
            path: path.to_owned(),
            params: params.to_vec(),
            backoff,
            last_id: last_id.map(str::to_owned),
            lines: None,
            failures: 0,
        };
        stream.connect()?;
        Ok(stream)
    }
}

impl Stream {
    fn connect(&mut self) -> Result<(), Error> {
        let bytes = self.client.open(&self.path, &self.params, self.last_id.as_deref())?;
        self.lines = Some(Box::new(BufReader::new(bytes)));
        Ok(())
    }

    /// The next message of this connection; nothing once it is broken.
    fn read(&mut self) -> Option<Message> {
        let lines = self.lines.as_mut()?;
        let message = read_message(lines);
        let message = message.ok().flatten().filter(|m| m.event.as_deref() != Some(DROPPED));
        match message {
            Some(message) => {
                self.failures = 0;
                if message.id.is_some() {
                    self.last_id.clone_from(&message.id);
                }
                Some(message)
            }
            None => {
                self.lines = None;
                None
            }
        }
    }
}

impl Iterator for Stream {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.read() {
                return Some(Ok(message));
            }
            // A connection that broke without a message counts as a failure too, so that a node which
            // closes at once is not asked in a tight circle.
            self.failures += 1;
            let wait = self.backoff.wait(self.failures, None);
            match wait {
                Some(wait) => pause(wait),
                None => {
                    let why = "the stream broke off again and again".into();
                    let url = self.client.url().to_owned();
                    return Some(Err(Error::Unreachable { url, why }));
                }
            }
            match self.connect() {
                Ok(()) => {}
                Err(e) if e.may_pass() && self.failures < self.backoff.tries => {}
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

/// Reads lines up to the empty one that ends a message. A message that was cut off by the end of the
/// connection is none: it comes again.
fn read_message(lines: &mut (impl BufRead + ?Sized)) -> std::io::Result<Option<Message>> {
    let mut message = Message::default();
    let mut data: Option<String> = None;
    loop {
        let Some(line) = read_line(lines)? else { return Ok(None) };
        if line.is_empty() {
            match data.take() {
                Some(data) => return Ok(Some(Message { data, ..message })),
                // Comments and lone ids end so too.
                None => continue,
            }
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => message.id = Some(value.to_owned()),
            "event" => message.event = Some(value.to_owned()),
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
}

fn read_line(lines: &mut (impl BufRead + ?Sized)) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    lines.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        // Cut off, or longer than anything that a node sends.
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_half_ones_are_not() {
        let mut text: &[u8] =
            b": hello\n\nid: 7\ndata: {\"a\":1}\n\nevent:dropped\r\ndata: 3\r\n\r\ndata:x\ndata:y\n\nid: 9\ndata: cut";
        let mut messages = Vec::new();
        while let Some(message) = read_message(&mut text).unwrap() {
            messages.push(message);
        }
        let message = |id: Option<&str>, event: Option<&str>, data: &str| Message {
            id: id.map(Into::into),
            event: event.map(Into::into),
            data: data.into(),
        };
        assert_eq!(
            messages,
            [
                message(Some("7"), None, "{\"a\":1}"),
                message(None, Some("dropped"), "3"),
                message(None, None, "x\ny")
            ]
        );
    }
}

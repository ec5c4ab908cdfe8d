//! As much of PostgreSQL's protocol as a question needs: simple queries over the server's own socket.
//!
//! A client process for each question would cost more than the question.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// Version 3.0 of the protocol.
const VERSION: u32 = 3 << 16;
/// More than any message of a page of rows has.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A connection that the server trusts, as it does over its own socket here.
pub struct Wire {
    stream: BufReader<UnixStream>,
    message: Vec<u8>,
}

/// What a statement answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many rows.
    pub count: u64,
    /// The first column of the first row, if it is a number.
    pub number: Option<i64>,
}

impl Wire {
    /// Connects and waits until the server is ready.
    pub fn open(socket: &Path, user: &str, database: &str) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("PostgreSQL is not at {}", socket.display()))?;
        let mut wire =
            Self { stream: BufReader::with_capacity(64 << 10, stream), message: Vec::new() };
        let mut start = VERSION.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, ""] {
            start.extend_from_slice(text.as_bytes());
            start.push(0);
        }
        let length = start.len() as u32 + 4;
        wire.stream.get_mut().write_all(&[&length.to_be_bytes()[..], &start].concat())?;
        wire.until_ready()?;
        Ok(wire)
    }

    /// Runs one statement and reads its whole answer.
    pub fn query(&mut self, statement: &str) -> Result<Rows> {
        let length = statement.len() as u32 + 5;
        let mut message = Vec::with_capacity(statement.len() + 6);
        message.push(b'Q');
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(statement.as_bytes());
        message.push(0);
        self.stream.get_mut().write_all(&message)?;
        self.until_ready().with_context(|| statement.to_owned())
    }

    fn until_ready(&mut self) -> Result<Rows> {
        let (mut rows, mut refused) = (Rows::default(), None);
        loop {
            let kind = match (self.read_message(), &refused) {
                (Ok(kind), _) => kind,
                // An error before the server was ever ready is its last word.
                (Err(_), Some(text)) => bail!("PostgreSQL: {text}"),
                (Err(error), None) => return Err(error),
            };
            match kind {
                b'D' => {
                    if rows.count == 0 {
                        rows.number = first_number(&self.message);
                    }
                    rows.count += 1;
                }
                b'E' => refused = Some(error_text(&self.message)),
                b'R' => ensure!(self.message == [0; 4], "PostgreSQL asks for a password"),
                b'Z' => break,
                // Descriptions, parameters, notices, completions.
                _ => {}
            }
        }
        refused.map_or(Ok(rows), |text| bail!("PostgreSQL: {text}"))
    }

    fn read_message(&mut self) -> Result<u8> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).context("PostgreSQL closed the connection")?;
        let [kind, length @ ..] = head;
        let length = (u32::from_be_bytes(length) as usize).checked_sub(4).context("no message")?;
        ensure!(length <= MESSAGE_BYTES_MAX, "a message of {length} bytes");
        self.message.resize(length, 0);
        self.stream.read_exact(&mut self.message)?;
        Ok(kind)
    }
}

/// A row: a count of columns, then each with its length and its text.
fn first_number(row: &[u8]) -> Option<i64> {
    let length = u32::from_be_bytes(row.get(2..6)?.try_into().ok()?) as usize;
    std::str::from_utf8(row.get(6..6 + length)?).ok()?.parse().ok()
}

/// Fields of a letter and a text each; M is the message.
fn error_text(fields: &[u8]) -> String {
    let message = fields.split(|&byte| byte == 0).find(|field| field.first() == Some(&b'M'));
    message.map_or_else(
        || "an error without words".into(),
        |m| String::from_utf8_lossy(&m[1..]).into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rows_first_column_may_be_a_number() {
        assert_eq!(first_number(b"\0\x02\0\0\0\x0242\0\0\0\x01x"), Some(42));
        assert_eq!(first_number(b"\0\x01\0\0\0\x01x"), None);
        assert_eq!(first_number(b"\0\x01\xff\xff\xff\xff"), None);
        assert_eq!(error_text(b"SERROR\0Mno such table\0\0"), "no such table");
    }
}

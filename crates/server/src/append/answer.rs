//! The answer to an append, written straight into its bytes.

use std::io::Write as _;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_event::TrailName;
use indelible_log::{AppendError, Appended};

use super::parse::Refused;
use crate::metrics::Fate;

/// Bytes that a result takes, about.
const RESULT_BYTES: usize = 288;

/// The results of a request, one behind the other.
pub struct Answer {
    body: Vec<u8>,
    ndjson: bool,
    new: u64,
    known: u64,
    conflict: u64,
    refused: u64,
    failed: u64,
}

impl Answer {
    pub fn new(results: usize, ndjson: bool) -> Answer {
        let mut body = Vec::with_capacity(64 + results * RESULT_BYTES);
        if !ndjson {
            body.extend_from_slice(b"{\"results\":[");
        }
        Answer { body, ndjson, new: 0, known: 0, conflict: 0, refused: 0, failed: 0 }
    }

    /// An item that was no event, or may not go where it wants to.
    pub fn refused(&mut self, refused: &Refused) {
        self.begin(Fate::Refused);
        self.error(&refused.field, &refused.message);
        if let Some(offset) = refused.offset {
            self.print(format_args!(",\"offset\":{offset}"));
        }
        self.end(b"}}");
    }

    /// An event that came to the log. `proof` is set where the answer waited for one.
    pub fn appended(
        &mut self,
        trail: &TrailName,
        result: Option<&Result<Appended, AppendError>>,
        proof: Option<Option<&str>>,
    ) {
        self.begin(super::fate(result));
        match result {
            Some(Ok(Appended::Kept(receipt))) => {
                // A trail's name, an id, a hash and a time have nothing that would have to be escaped.
                self.print(format_args!(
                    ",\"trail\":\"{trail}\",\"seq\":{},\"id\":\"{}\",\"leaf\":\"{}\",\"recorded_at\":\"",
                    receipt.seq.0,
                    Text(&receipt.id.text()),
                    Text(&hex(&receipt.leaf.0)),
                ));
                receipt.recorded_at.write_to(&mut self.body);
                self.body.push(b'"');
                if let Some(proof) = proof {
                    self.body.extend_from_slice(b",\"proof\":");
                    self.json(&proof);
                }
                self.end(b"}");
            }
            Some(Ok(Appended::Conflict { id, seq, field })) => {
                self.print(format_args!(
                    ",\"trail\":\"{trail}\",\"seq\":{},\"id\":\"{id}\",\"field\":\"{field}\"",
                    seq.0
                ));
                let message = "is taken by a different event, which stays as it is";
                self.error("id", message);
                self.end(b"}}");
            }
            Some(Err(error)) => {
                let field = match error {
                    AppendError::Refused(_) | AppendError::TooManyTrails => "trail",
                    _ => "",
                };
                self.error(field, &error.to_string());
                self.end(b"}}");
            }
            None => {
                self.error(
                    "",
                    "it cannot be told whether it was kept; send it again with the same id",
                );
                self.end(b"}}");
            }
        }
    }

    /// The response.
    pub fn finish(mut self) -> Response {
        let status = self.status();
        let kind = if self.ndjson {
            "application/x-ndjson"
        } else {
            let refused = self.refused + self.conflict;
            let Answer { new, known, failed, .. } = self;
            self.print(format_args!(
                "],\"new\":{new},\"known\":{known},\"refused\":{refused},\"failed\":{failed}}}"
            ));
            "application/json"
        };
        let mut response = (status, [(header::CONTENT_TYPE, kind)], self.body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(5));
        }
        response
    }

    fn status(&self) -> StatusCode {
        let (kept, refused) = (self.new + self.known, self.refused + self.conflict);
        match (kept, refused, self.failed) {
            // A batch of none is a batch.
            (0, 0, 0) => StatusCode::OK,
            (0, _, 0) => StatusCode::BAD_REQUEST,
            (0, _, _) => StatusCode::SERVICE_UNAVAILABLE,
            (_, 0, 0) if self.known == 0 => StatusCode::CREATED,
            (_, 0, 0) if self.new == 0 => StatusCode::OK,
            _ => StatusCode::MULTI_STATUS,
        }
    }

    fn begin(&mut self, fate: Fate) {
        let first = self.new + self.known + self.conflict + self.refused + self.failed == 0;
        if !first && !self.ndjson {
            self.body.push(b',');
        }
        *match fate {
            Fate::New => &mut self.new,
            Fate::Known => &mut self.known,
            Fate::Conflict => &mut self.conflict,
            Fate::Refused => &mut self.refused,
            Fate::Failed => &mut self.failed,
        } += 1;
        self.print(format_args!("{{\"status\":\"{}\"", fate.name()));
    }

    /// Opens the member `error`; the caller closes it.
    fn error(&mut self, field: &str, message: &str) {
        self.body.extend_from_slice(b",\"error\":{\"field\":");
        self.json(&field);
        self.body.extend_from_slice(b",\"message\":");
        self.json(&message);
    }

    fn end(&mut self, brackets: &[u8]) {
        self.body.extend_from_slice(brackets);
        if self.ndjson {
            self.body.push(b'\n');
        }
    }

    fn json(&mut self, value: &impl serde::Serialize) {
        serde_json::to_writer(&mut self.body, value).expect("a text is written to memory");
    }

    fn print(&mut self, text: std::fmt::Arguments<'_>) {
        self.body.write_fmt(text).expect("writing to memory cannot fail");
    }
}

/// ASCII bytes as text.
struct Text<'a>(&'a [u8]);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(self.0).unwrap_or_default())
    }
}

fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        (pair[0], pair[1]) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
    }
    text
}

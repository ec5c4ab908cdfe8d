//! Taking a body in: bounded in bytes, in time, and over all requests together.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits;
use crate::problem::Problem;

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// The coding that the request names.
pub fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    let mut given = headers.get_all(header::CONTENT_ENCODING).iter();
    let first = given.next().map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    let coding = match first.as_deref() {
        None | Some("identity" | "") => Some(Coding::Identity),
        Some("gzip" | "x-gzip") => Some(Coding::Gzip),
        Some("zstd") => Some(Coding::Zstd),
        Some(_) => None,
    };
    coding.filter(|_| given.next().is_none()).ok_or_else(|| {
        Problem::unsupported("the content coding must be gzip, zstd or none")
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))
    })
}

/// The share of the bytes in flight that one request holds. Given back when it is dropped.
pub struct Held {
    all: Arc<Semaphore>,
    share: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub fn new(all: &Arc<Semaphore>) -> Held {
        Held { all: all.clone(), share: None }
    }

    /// Holds more. Refused where too much is held already: whoever waited for it would hold what he has meanwhile.
    pub fn more(&mut self, bytes: usize) -> Result<(), Problem> {
        let crowded = || Problem::unavailable("the node is taking in too much at once", 1);
        let bytes = u32::try_from(bytes).map_err(|_| crowded())?;
        let more = self.all.clone().try_acquire_many_owned(bytes).map_err(|_| crowded())?;
        match &mut self.share {
            Some(share) => share.merge(more),
            None => self.share = Some(more),
        }
        Ok(())
    }
}

/// What is said where a body is larger than its limit.
pub fn too_large() -> Problem {
    let max = limits::BODY_BYTES_MAX;
    Problem::too_large(format!("a body has at most {max} bytes, also after decompression"))
        .with("limit", max)
}

/// Receives a body as it was sent.
pub async fn receive(headers: &HeaderMap, body: Body, held: &mut Held) -> Result<Bytes, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced
        .and_then(|text| text.parse().ok())
        .is_some_and(|n: u64| n > limits::BODY_BYTES_MAX as u64)
    {
        return Err(too_large());
    }
    let whole = tokio::time::timeout(limits::BODY_TIMEOUT, pieces(body, held)).await;
    whole
        .map_err(|_| Problem::too_slow())?
        .and_then(|received| received.ok_or_else(Problem::too_slow))
}

/// `None` if a piece did not come in time.
async fn pieces(mut body: Body, held: &mut Held) -> Result<Option<Bytes>, Problem> {
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    loop {
        let Ok(frame) = tokio::time::timeout(limits::BODY_PIECE_TIMEOUT, body.frame()).await else {
            return Ok(None);
        };
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|e| Problem::bad_request(format!("the body broke off: {e}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if all.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > limits::BODY_BYTES_MAX {
            return Err(too_large());
        }
        held.more(data.len())?;
        // Most bodies are one piece, which is not copied.
        if first.is_none() && all.is_empty() {
            first = Some(data);
        } else {
            if let Some(first) = first.take() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Some(first.unwrap_or_else(|| all.freeze())))
}

//! Buckets of S3 and what speaks it, or a directory: one file a batch, never written again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indelible_keep::target::{self, Target, TargetError};
use indelible_log::hex;
use serde::Deserialize;

use super::{Batch, Context, Sink, SinkError, http};
use crate::limits::{
    FILE_BYTES_DEFAULT, FILE_BYTES_MAX, FILE_BYTES_MIN, FILE_EVENTS_MAX, FILE_SECONDS_DEFAULT,
    FILE_SECONDS_MAX,
};
use crate::seam::Outgoing;
use crate::secret::Value;

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3To {
    /// `s3://BUCKET/PREFIX`, or a directory. Credentials, region and endpoint are those of the environment
    /// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` and so on).
    pub url: Value,
    /// How long events are gathered for one file.
    #[serde(default = "seconds")]
    pub every_seconds: u64,
    /// About how many bytes a file has, before it is compressed.
    #[serde(default = "bytes")]
    pub max_bytes: usize,
}

fn seconds() -> u64 {
    FILE_SECONDS_DEFAULT
}

fn bytes() -> usize {
    FILE_BYTES_DEFAULT
}

impl S3To {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        if let Value::Plain(place) = &mut self.url
            && !place.contains("://")
        {
            *place = dir.join(&*place).to_string_lossy().into_owned();
        }
        self.url.below(dir);
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        match &self.url {
            Value::Plain(place) => place.clone(),
            Value::Secret(secret) => format!("{secret:?}"),
        }
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        let wrong = |why: String, hint: &str| SinkError::Wrong { why, hint: hint.into() };
        if self.every_seconds > FILE_SECONDS_MAX
            || !(FILE_BYTES_MIN..=FILE_BYTES_MAX).contains(&self.max_bytes)
        {
            let why = "so much cannot be gathered for a file".to_owned();
            let hint = format!(
                "`every_seconds` is at most {FILE_SECONDS_MAX}, `max_bytes` {FILE_BYTES_MIN} to {FILE_BYTES_MAX}"
            );
            return Err(SinkError::Wrong { why, hint });
        }
        let url =
            self.url.reveal().map_err(|why| wrong(why, "set it where the server is started"))?;
        let target = target::open(&url, Some(&context.seams)).map_err(told)?;
        let batch = Batch {
            events: FILE_EVENTS_MAX,
            bytes: self.max_bytes,
            patience: Duration::from_secs(self.every_seconds),
        };
        Ok(Box::new(Files { target, stream: Arc::clone(&context.stream), batch }))
    }
}

struct Files {
    target: Arc<dyn Target>,
    stream: Arc<str>,
    batch: Batch,
}

impl Sink for Files {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        let mut lines = Vec::with_capacity(events.iter().map(|event| event.json.len() + 1).sum());
        for event in events {
            lines.extend_from_slice(&event.json);
            lines.push(b'\n');
        }
        let packed = http::gzip(&lines);
        let key = key(&self.stream, first, last);
        self.target.put(&key, packed.len() as u64, &mut &packed[..]).map_err(told)
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        // Nothing is there under such a name: that it can be said is what is asked.
        self.target.len(&format!("{}/probe", self.stream)).map(drop).map_err(told)
    }

    fn batch(&self) -> Batch {
        self.batch
    }
}

/// Where a batch goes: the same batch to the same place, and names in the order of the log.
fn key(stream: &str, first: &Outgoing, last: &Outgoing) -> String {
    let day = first.recorded_at.to_string();
    let day = day.get(..10).unwrap_or("0000-00-00").replace('-', "/");
    // Of a log that was put back to an earlier state, the same places are other events: theirs do not go over these.
    let leaf = hex::encode(&last.leaf[..4]);
    format!("{stream}/{day}/{:020}-{:020}-{leaf}.ndjson.gz", first.pos, last.pos)
}

fn told(error: TargetError) -> SinkError {
    let why = error.to_string();
    let wrong = |hint: &str| SinkError::Wrong { why: why.clone(), hint: hint.into() };
    match error {
        TargetError::Bad(_) => wrong("`url` is s3://BUCKET/PREFIX, or a directory outside the log"),
        TargetError::Expired { .. } => wrong("renew the credentials where the server is started"),
        TargetError::Denied { .. } => wrong(
            "allow these credentials to put objects into the bucket (s3:PutObject, s3:ListBucket)",
        ),
        TargetError::Missing { .. } => wrong("create the bucket"),
        TargetError::Io { .. } => SinkError::Later { why, wait: None },
    }
}

#[cfg(test)]
#[path = "s3_tests.rs"]
mod tests;

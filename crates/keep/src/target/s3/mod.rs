//! A bucket as a target: any service that speaks S3.
//!
//! Requests are sent again with growing pauses, a body that breaks off is asked for again from where it
//! broke, and large files go up in parts, of which those that arrived are kept in mind beside the log
//! ([`upload`]), so that another try or another process goes on from there.

mod config;
mod said;
mod upload;

use std::future::Future;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use indelible_log::storage::Storage;
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;

pub use config::S3Options;

use self::config::Settings;
use super::{Target, TargetError, check_key};
use crate::limits;

/// A bucket, or what lies below a prefix in it.
pub struct S3Target {
    name: String,
    bucket: String,
    prefix: String,
    options: S3Options,
    /// Where it is kept how far uploads are.
    journal: Option<Arc<dyn Storage>>,
    runtime: Runtime,
    client: Mutex<Option<Client>>,
}

/// A client, and what it was made of.
#[derive(Clone)]
struct Client {
    settings: Settings,
    s3: Arc<AmazonS3>,
}

/// Why a request failed, and the code that the service gave.
type Refused = (TargetError, Option<String>);

impl S3Target {
    /// Opens `bucket/prefix`. Nothing is asked of the service yet.
    pub fn open(
        place: &str,
        options: S3Options,
        journal: Option<Arc<dyn Storage>>,
    ) -> Result<S3Target, TargetError> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_end_matches('/');
        let letters = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.bytes().all(letters) {
            // Not repeated: somebody may have put a password where tools for other services take one.
            let why =
                "s3:// takes BUCKET/PREFIX, with a bucket of 3 to 63 letters, digits and - . _";
            return Err(TargetError::Bad(why.into()));
        }
        if !prefix.is_empty() {
            check_key(prefix)?;
        }
        let name = if prefix.is_empty() { bucket.to_owned() } else { format!("{bucket}/{prefix}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| TargetError::Bad(format!("s3://{name}: {e}")))?;
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        let client = Mutex::new(None);
        Ok(S3Target {
            name: format!("s3://{name}"),
            bucket,
            prefix,
            options,
            journal,
            runtime,
            client,
        })
    }

    /// The client for the credentials as they are now.
    fn client(&self) -> Result<Client, TargetError> {
        let settings = Settings::read(&self.options.variables)?;
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.as_ref().filter(|client| client.settings == settings) {
            return Ok(client.clone());
        }
        let s3 = Arc::new(settings.client(&self.bucket, &self.options)?);
        Ok(kept.insert(Client { settings, s3 }).clone())
    }

    fn path(&self, key: &str) -> Result<Path, TargetError> {
        check_key(key)?;
        let full =
            if self.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.prefix) };
        Path::parse(full).map_err(|e| TargetError::Bad(e.to_string()))
    }

    /// Sends a request, and once more if the credentials have expired and there are others by now.
    fn ask<T, F>(&self, key: &str, request: impl Fn(Arc<AmazonS3>) -> F) -> Result<T, Refused>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let bad = |e| (e, None);
        let mut client = self.client().map_err(bad)?;
        loop {
            let error = match self.runtime.block_on(request(client.s3.clone())) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let refused = self.explain(key, &error, &client);
            let now = self.client().map_err(bad)?;
            if !matches!(refused.0, TargetError::Expired { .. }) || now.settings == client.settings
            {
                return Err(refused);
            }
            client = now;
        }
    }

    fn explain(&self, key: &str, error: &object_store::Error, client: &Client) -> Refused {
        said::explain(&self.name, key, error, &client.settings.secrets())
    }

    fn put_whole(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<(), TargetError> {
        let path = self.path(key)?;
        let whole = self.read_part(key, bytes, from)?;
        self.at_end(key, from)?;
        let payload = PutPayload::from_bytes(whole);
        let put = self.ask(key, |s3| {
            let (path, payload) = (&path, payload.clone());
            async move { s3.put(path, payload).await }
        });
        put.map(drop).map_err(|(e, _)| e)
    }

    /// Reads so many bytes of what is to be sent.
    fn read_part(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<Bytes, TargetError> {
        let mut part = Vec::new();
        from.take(bytes).read_to_end(&mut part).map_err(self.io(key))?;
        if part.len() as u64 != bytes {
            return Err(self.io(key)(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(part.into())
    }

    /// What is to be sent ends here; if its reader finds fault with it, it says so now.
    fn at_end(&self, key: &str, from: &mut dyn Read) -> Result<(), TargetError> {
        let mut more = [0];
        match from.read(&mut more).map_err(self.io(key))? {
            0 => Ok(()),
            _ => Err(self.io(key)(io::Error::other("it is longer than was said"))),
        }
    }

    fn io(&self, key: &str) -> impl FnOnce(io::Error) -> TargetError {
        let (target, key) = (self.name.clone(), key.to_owned());
        move |source| TargetError::Io { target, key, source }
    }

    fn head(&self, key: &str) -> Result<u64, TargetError> {
        let path = self.path(key)?;
        let head = self.ask(key, |s3| {
            let path = &path;
            async move { s3.head(path).await }
        });
        head.map(|meta| meta.size).map_err(|(e, _)| e)
    }

    fn list_below(&self, dir: Path, out: &mut Vec<(String, u64)>) -> Result<(), TargetError> {
        let found = self.ask(dir.as_ref(), |s3| {
            let dir = &dir;
            async move { s3.list_with_delimiter(Some(dir)).await }
        });
        let found = found.map_err(|(e, _)| e)?;
        let skip = if self.prefix.is_empty() { 0 } else { self.prefix.len() + 1 };
        for object in found.objects {
            // Some tools make objects of directories: they have no name below the prefix.
            if let Some(key) = object.location.as_ref().get(skip..) {
                out.push((key.to_owned(), object.size));
            }
        }
        found.common_prefixes.into_iter().try_for_each(|dir| self.list_below(dir, out))
    }
}

impl Target for S3Target {
    fn name(&self) -> &str {
        &self.name
    }

    fn put(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<(), TargetError> {
        if bytes <= self.options.part_bytes {
            return self.put_whole(key, bytes, from);
        }
        self.put_parts(key, bytes, from)
    }

    fn get(&self, key: &str) -> Result<Box<dyn Read + Send + '_>, TargetError> {
        let missing = || TargetError::Missing { target: self.name.clone(), key: key.to_owned() };
        let len = self.len(key)?.ok_or_else(missing)?;
        let path = self.path(key)?;
        Ok(Box::new(Pieces {
            target: self,
            key: key.to_owned(),
            path,
            at: 0,
            len,
            piece: Bytes::new(),
        }))
    }

    fn len(&self, key: &str) -> Result<Option<u64>, TargetError> {
        match self.head(key) {
            Err(TargetError::Missing { .. }) => Ok(None),
            Err(TargetError::Io { .. } | TargetError::Denied { .. }) => {
                // An answer to HEAD has no body, so it does not say why; one to a listing does.
                self.list_below(self.path(key)?, &mut Vec::new())?;
                match self.head(key) {
                    Err(TargetError::Missing { .. }) => Ok(None),
                    head => head.map(Some),
                }
            }
            head => head.map(Some),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, TargetError> {
        let mut out = Vec::new();
        let below = [self.prefix.as_str(), prefix.trim_end_matches('/')];
        let below: Vec<&str> = below.into_iter().filter(|part| !part.is_empty()).collect();
        let dir = Path::parse(below.join("/")).map_err(|e| TargetError::Bad(e.to_string()))?;
        self.list_below(dir, &mut out)?;
        out.sort();
        Ok(out)
    }

    fn delete(&self, key: &str) -> Result<(), TargetError> {
        let path = self.path(key)?;
        let deleted = self.ask(key, |s3| {
            let path = &path;
            async move { s3.delete(path).await }
        });
        match deleted {
            Ok(()) | Err((TargetError::Missing { .. }, _)) => Ok(()),
            Err((e, _)) => Err(e),
        }
    }

    fn free(&self) -> Result<Option<u64>, TargetError> {
        Ok(None)
    }

    fn forget(&self, prefix: &str) -> Result<(), TargetError> {
        self.forget_uploads(prefix)
    }
}

/// A file read piece by piece, each in a request of its own: one that breaks off costs no more than itself.
struct Pieces<'t> {
    target: &'t S3Target,
    key: String,
    path: Path,
    at: u64,
    len: u64,
    piece: Bytes,
}

impl Pieces<'_> {
    fn next(&self) -> Result<Bytes, TargetError> {
        let end = self.len.min(self.at + self.target.options.part_bytes);
        let mut pause = self.target.options.backoff.0;
        for tried in 1.. {
            let piece = self
                .target
                .ask(&self.key, |s3| async move { s3.get_range(&self.path, self.at..end).await });
            match piece {
                Ok(piece) if piece.len() as u64 == end - self.at => return Ok(piece),
                Err((e @ TargetError::Io { .. }, _)) if tried >= limits::READ_TRIES_MAX => {
                    return Err(e);
                }
                Ok(_) if tried >= limits::READ_TRIES_MAX => break,
                Err((TargetError::Io { .. }, _)) | Ok(_) => {}
                Err((e, _)) => return Err(e),
            }
            self.target.runtime.block_on(tokio::time::sleep(pause));
            pause = (pause * 2).min(self.target.options.backoff.1);
        }
        Err(self.target.io(&self.key)(io::ErrorKind::UnexpectedEof.into()))
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && self.at < self.len {
            // Wrapped whole, so that whoever reads finds what to do about it (`TargetError::of`).
            self.piece = self.next().map_err(io::Error::other)?;
            self.at += self.piece.len() as u64;
        }
        let n = buf.len().min(self.piece.len());
        buf[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}

//! Large files in parts. What has arrived is noted beside the log after each part, with the hash of what was
//! sent, so that a later try sends only what is missing, and never takes a part for another.

use std::io::Read;

use bytes::Bytes;
use indelible_log::storage::{read_whole, replace_durably};
use indelible_log::{hex, sha256};
use object_store::PutPayload;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Refused, S3Target, said};
use crate::limits;
use crate::target::TargetError;

/// The directory of what is known of unfinished uploads.
pub(super) const DIR: &str = "uploads";

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    target: String,
    key: String,
    bytes: u64,
    part_bytes: u64,
    upload_id: String,
    /// By number; `None` where it has not arrived.
    parts: Vec<Option<Part>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    content_id: String,
    sha256: String,
}

/// A part on its way.
struct Piece {
    number: usize,
    sha256: String,
    bytes: Bytes,
}

impl S3Target {
    /// Puts a large file, going on with what an earlier try has sent.
    pub(super) fn put_parts(
        &self,
        key: &str,
        bytes: u64,
        from: &mut dyn Read,
    ) -> Result<(), TargetError> {
        let path = self.path(key)?;
        let mut upload = self.begin(key, &path, bytes)?;
        match self.send_all(&path, &mut upload, from) {
            Ok(()) => self.forget_note(key),
            Err((e, code)) => {
                // An upload that the service has given up is begun anew the next time.
                if code.as_deref() == Some(said::NO_SUCH_UPLOAD) {
                    self.forget_note(key)?;
                }
                Err(e)
            }
        }
    }

    fn begin(&self, key: &str, path: &Path, bytes: u64) -> Result<Upload, TargetError> {
        let part_bytes = self.options.part_bytes.max(bytes.div_ceil(limits::PARTS_MAX));
        if let Some(upload) = self.noted(key)? {
            if (upload.bytes, upload.part_bytes) == (bytes, part_bytes) {
                return Ok(upload);
            }
            self.abort(&upload)?;
        }
        let begun = self.ask(key, |s3| async move { s3.create_multipart(path).await });
        let upload = Upload {
            target: self.name.clone(),
            key: key.to_owned(),
            bytes,
            part_bytes,
            upload_id: begun.map_err(|(e, _)| e)?,
            parts: vec![None; bytes.div_ceil(part_bytes) as usize],
        };
        self.note(&upload)?;
        Ok(upload)
    }

    fn send_all(
        &self,
        path: &Path,
        upload: &mut Upload,
        from: &mut dyn Read,
    ) -> Result<(), Refused> {
        let mut waiting = Vec::new();
        for number in 0..upload.parts.len() {
            let left = upload.bytes - number as u64 * upload.part_bytes;
            let bytes = self.read_part(&upload.key, left.min(upload.part_bytes), from);
            let bytes = bytes.map_err(|e| (e, None))?;
            let sha256 = hex::encode(&sha256(&bytes));
            if upload.parts[number].as_ref().is_none_or(|part| part.sha256 != sha256) {
                waiting.push(Piece { number, sha256, bytes });
            }
            if waiting.len() >= limits::PARTS_AT_ONCE {
                self.send(path, upload, std::mem::take(&mut waiting))?;
            }
        }
        self.send(path, upload, waiting)?;
        self.at_end(&upload.key, from).map_err(|e| (e, None))?;
        let part = |part: &Option<Part>| {
            let part = part.as_ref().expect("every part was sent or known");
            PartId { content_id: part.content_id.clone() }
        };
        let parts: Vec<PartId> = upload.parts.iter().map(part).collect();
        let done = self.ask(&upload.key, |s3| {
            let (id, parts) = (&upload.upload_id, parts.clone());
            async move { s3.complete_multipart(path, id, parts).await }
        });
        done.map(drop)
    }

    /// Sends some parts side by side. Those that arrive are noted, whatever becomes of the others.
    fn send(
        &self,
        path: &Path,
        upload: &mut Upload,
        mut pieces: Vec<Piece>,
    ) -> Result<(), Refused> {
        while !pieces.is_empty() {
            let client = self.client().map_err(|e| (e, None))?;
            let mut sending = JoinSet::new();
            for piece in pieces.drain(..) {
                let (s3, path, id) = (client.s3.clone(), path.clone(), upload.upload_id.clone());
                let send = async move {
                    let payload = PutPayload::from_bytes(piece.bytes.clone());
                    (s3.put_part(&path, &id, piece.number, payload).await, piece)
                };
                sending.spawn_on(send, self.runtime.handle());
            }
            let mut failed = None;
            while let Some(sent) = self.runtime.block_on(sending.join_next()) {
                let (sent, piece) = sent.expect("sending does not panic, and nobody cancels it");
                match sent {
                    Ok(PartId { content_id }) => {
                        let Piece { number, sha256, .. } = piece;
                        upload.parts[number] = Some(Part { content_id, sha256 });
                    }
                    Err(error) => {
                        failed = Some(self.explain(&upload.key, &error, &client));
                        pieces.push(piece);
                    }
                }
            }
            self.note(upload).map_err(|e| (e, None))?;
            if let Some(refused) = failed {
                let renewed = self.client().map_err(|e| (e, None))?.settings != client.settings;
                if !matches!(refused.0, TargetError::Expired { .. }) || !renewed {
                    return Err(refused);
                }
            }
        }
        Ok(())
    }

    fn note_path(&self, key: &str) -> String {
        let of = sha256(format!("{}\n{key}", self.name).as_bytes());
        format!("{DIR}/{}.json", hex::encode(&of[..16]))
    }

    fn note(&self, upload: &Upload) -> Result<(), TargetError> {
        let Some(storage) = &self.journal else { return Ok(()) };
        let text = serde_json::to_vec(upload).expect("it has string keys only");
        let path = self.note_path(&upload.key);
        let made = storage.list(DIR).map(drop).or_else(|_| {
            storage.create_dir(DIR)?;
            storage.sync_dir("")
        });
        made.and_then(|()| replace_durably(&**storage, &path, &text)).map_err(self.io(&path))
    }

    /// What is known of an upload; one whose note cannot be read is begun anew.
    fn noted(&self, key: &str) -> Result<Option<Upload>, TargetError> {
        let Some(storage) = &self.journal else { return Ok(None) };
        let path = self.note_path(key);
        match read_whole(&**storage, &path, limits::DESCRIPTION_BYTES_MAX) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)
                .ok()
                .filter(|upload: &Upload| upload.key == key && upload.target == self.name)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.io(&path)(e)),
        }
    }

    fn forget_note(&self, key: &str) -> Result<(), TargetError> {
        let Some(storage) = &self.journal else { return Ok(()) };
        let path = self.note_path(key);
        match storage.remove(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(self.io(&path)),
        }
    }

    fn abort(&self, upload: &Upload) -> Result<(), TargetError> {
        let path = self.path(&upload.key)?;
        let aborted = self.ask(&upload.key, |s3| {
            let path = &path;
            async move { s3.abort_multipart(path, &upload.upload_id).await }
        });
        match aborted {
            Err((e, code)) if code.as_deref() != Some(said::NO_SUCH_UPLOAD) => return Err(e),
            _ => {}
        }
        self.forget_note(&upload.key)
    }

    /// Ends the uploads below a prefix that were begun here.
    pub(super) fn forget_uploads(&self, prefix: &str) -> Result<(), TargetError> {
        let Some(storage) = &self.journal else { return Ok(()) };
        let Ok(names) = storage.list(DIR) else { return Ok(()) };
        for name in names {
            let path = format!("{DIR}/{name}");
            let Ok(bytes) = read_whole(&**storage, &path, limits::DESCRIPTION_BYTES_MAX) else {
                continue;
            };
            let Ok(upload) = serde_json::from_slice::<Upload>(&bytes) else { continue };
            if upload.target == self.name && upload.key.starts_with(prefix) {
                self.abort(&upload)?;
            }
        }
        Ok(())
    }
}

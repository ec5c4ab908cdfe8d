//! Plain files: an event a line. No proof, no search; for programs that have nowhere else to write.

#![expect(
    clippy::disallowed_methods,
    reason = "plain files are what this is about, and it is no log"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use indelible_recorder::{EventId, Micros, Receipt, SendError, Sent, Transport};
use serde::Deserialize;

/// The largest a file grows before the next one is begun.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// What every file's name begins with, and what it ends in.
const PREFIX: &str = "audit-";
const SUFFIX: &str = ".ndjson";
const MB: u64 = 1_000_000;
const DAY: Duration = Duration::from_secs(86_400);

/// A directory of NDJSON files, `audit-<time>.ndjson`, a new one each day and each 64 MiB. Each batch is synced before
/// it is acknowledged. What is older than the days, or the oldest beyond the size, is removed, and a line in the
/// file that is then written says so. An event that is sent twice, after a crash, may be there twice: ids tell.
pub struct Files {
    dir: PathBuf,
    retention_days: Option<u32>,
    size_max: Option<u64>,
    current: Mutex<Option<Current>>,
}

struct Current {
    file: File,
    bytes: u64,
    day: i64,
}

impl Files {
    /// Writes into this directory, which is made if there is none.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Files> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        // However it is spelled, what waits in a spool is for this one.
        let dir = dir.canonicalize()?;
        Ok(Files { dir, retention_days: None, size_max: None, current: Mutex::new(None) })
    }

    /// Removes files whose last event is older than so many days.
    pub fn retention_days(mut self, days: u32) -> Files {
        self.retention_days = Some(days);
        self
    }

    /// Removes the oldest files beyond so many megabytes of 1,000,000 bytes.
    pub fn max_size_mb(mut self, mb: u64) -> Files {
        self.size_max = Some(mb.saturating_mul(MB));
        self
    }

    fn write(&self, lines: &[u8]) -> io::Result<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        let day = now.0.div_euclid(86_400_000_000);
        if current.as_ref().is_none_or(|c| c.day != day || c.bytes >= FILE_BYTES_MAX) {
            *current = None;
            let removed = self.expire()?;
            let mut begun = self.begin(now, day)?;
            for line in removed {
                begun.file.write_all(line.as_bytes())?;
            }
            *current = Some(begun);
        }
        let open = current.as_mut().expect("begun above");
        let written = open.file.write_all(lines).and_then(|()| open.file.sync_data());
        open.bytes += lines.len() as u64;
        if written.is_err() {
            // Half a line may be at its end; the next one begins a new file.
            *current = None;
        }
        written
    }

    fn begin(&self, now: Micros, day: i64) -> io::Result<Current> {
        let name = format!("{PREFIX}{}{SUFFIX}", now.to_string().replace(':', "-"));
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.dir.join(name))?;
        File::open(&self.dir)?.sync_all()?;
        Ok(Current { file, bytes: 0, day })
    }

    /// Removes what is too old or too much, and gives the lines that say so.
    fn expire(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Others may keep files of their own here.
            if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
                let about = entry.metadata()?;
                files.push((entry.path(), about.len(), about.modified()?));
            }
        }
        // Newest first: what is kept is counted before what goes.
        files.sort_by(|a, b| b.0.cmp(&a.0));
        let (mut kept, mut lines) = (0, Vec::new());
        for (path, bytes, modified) in files {
            kept += bytes;
            let age = modified.elapsed().unwrap_or_default();
            let old = self.retention_days.is_some_and(|days| age > DAY * days);
            let much = self.size_max.is_some_and(|max| kept > max);
            if old || much {
                fs::remove_file(&path)?;
                lines.push(removed(
                    &path,
                    bytes,
                    if old { "retention_days" } else { "max_size_mb" },
                ));
            }
        }
        Ok(lines)
    }
}

fn removed(path: &Path, bytes: u64, why: &str) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "{{\"occurred_at\":\"{}\",\"action\":\"audit.expire\",\"category\":\"system\",\"outcome\":\"success\",\"details\":\
         {{\"file\":\"{name}\",\"bytes\":{bytes},\"policy\":\"{why}\"}}}}\n",
        now()
    )
}

fn now() -> Micros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl Transport for Files {
    fn destination(&self) -> String {
        format!("files:{}", self.dir.display())
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let lines = [events.join(&b'\n'), vec![b'\n']].concat();
        self.write(&lines)
            .map_err(|error| SendError::passing(format!("{}: {error}", self.dir.display())))?;
        Ok(events.iter().map(|event| Sent::Kept(receipt(event))).collect())
    }
}

#[derive(Deserialize)]
struct Identified<'a> {
    id: &'a str,
}

/// A file gives no place and no leaf; only that the event is there.
fn receipt(event: &[u8]) -> Receipt {
    let id = serde_json::from_slice(event).ok();
    let id = id.and_then(|Identified { id }| EventId::parse(id).ok()).unwrap_or_default();
    Receipt { id, trail: String::new(), seq: None, leaf: None }
}

//! The records of files, on a thread of their own.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use flate2::bufread::MultiGzDecoder;
use indelible_connect::import::Split;
use indelible_connect::limits::RECORD_BYTES_MAX;

use super::mapping::{Mapping, Task};
use crate::args::FileFormat;
use crate::failure::Failure;
use crate::files;

/// Bytes read at once.
const CHUNK: usize = 256 << 10;
/// When a chunk of records is handed over: each is appended together, and that is a sync.
const RECORDS_MAX: usize = 4_000;
const BYTES_MAX: usize = 4 << 20;
/// Bytes of a row, with what the reader of rows has read ahead.
const ROW_BYTES_MAX: usize = RECORD_BYTES_MAX + CHUNK;
/// Bytes of a file by which its columns are told.
pub const HEAD_BYTES_MAX: usize = 256 << 10;

/// Some records of one file, in their order.
pub struct Chunk {
    pub file: usize,
    pub path: Arc<Path>,
    pub mapping: Arc<Mapping>,
    /// Their bytes, one behind the other.
    pub bytes: Vec<u8>,
    /// The number of each, and where it ends or why it is none.
    pub records: Vec<(u64, Result<usize, String>)>,
    /// Bytes of the file that were read since the last chunk, packed as they are.
    pub read: u64,
    /// Records that were passed over, since they were imported before.
    pub passed: u64,
}

/// Reads all files, and hands chunks over until nobody takes them.
pub fn all(task: &Task, paths: &[PathBuf], done: &[u64], to: &SyncSender<Result<Chunk, Failure>>) {
    for (file, path) in paths.iter().enumerate() {
        let done = done.get(file).copied().unwrap_or(0);
        let read = one(task, file, path, done, to);
        if let Err(failure) = read {
            let _ = to.send(Err(failure));
            return;
        }
    }
}

/// What a file holds, unpacked, and how many bytes of it were read so far.
struct Source {
    bytes: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

/// The beginning of a file, unpacked.
pub fn head(path: &Path) -> Result<Vec<u8>, Failure> {
    if files::is_standard(path) {
        return Err(Failure::Usage("--dry-run does not read standard input".into()));
    }
    let mut source = open(path)?;
    head_of(&mut source.bytes).map_err(Failure::io(path.display()))
}

fn head_of(bytes: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    bytes.take(HEAD_BYTES_MAX as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn open(path: &Path) -> Result<Source, Failure> {
    let input = files::open(path)?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = Counted { from: input.bytes, count: count.clone() };
    let mut from = BufReader::with_capacity(CHUNK, counted);
    let mut magic = Vec::with_capacity(2);
    from.by_ref().take(2).read_to_end(&mut magic).map_err(Failure::io(path.display()))?;
    let packed = magic == [0x1f, 0x8b];
    let whole = Cursor::new(magic).chain(from);
    let bytes: Box<dyn Read + Send> = match packed {
        true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole))),
        false => Box::new(whole),
    };
    Ok(Source { bytes, count })
}

struct Counted {
    from: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.from.read(buffer)?;
        self.count.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

/// Nobody takes chunks any more.
struct Unwanted;

/// Collects records into chunks.
struct Collector<'a> {
    chunk: Chunk,
    /// Records up to this number were imported before.
    done: u64,
    /// The number of the last one.
    last: u64,
    told: u64,
    count: Arc<AtomicU64>,
    to: &'a SyncSender<Result<Chunk, Failure>>,
}

impl Collector<'_> {
    fn record(&mut self, number: u64, record: Result<&[u8], String>) -> Result<(), Unwanted> {
        self.last = number;
        if number <= self.done {
            self.chunk.passed += 1;
            return Ok(());
        }
        let record = record.map(|bytes| {
            self.chunk.bytes.extend_from_slice(bytes);
            self.chunk.bytes.len()
        });
        self.chunk.records.push((number, record));
        let full = self.chunk.records.len() >= RECORDS_MAX || self.chunk.bytes.len() >= BYTES_MAX;
        if full { self.send() } else { Ok(()) }
    }

    fn send(&mut self) -> Result<(), Unwanted> {
        let read = self.count.load(Ordering::Relaxed);
        self.chunk.read = read - self.told;
        self.told = read;
        let next = Chunk {
            file: self.chunk.file,
            path: self.chunk.path.clone(),
            mapping: self.chunk.mapping.clone(),
            bytes: Vec::with_capacity(BYTES_MAX),
            records: Vec::with_capacity(RECORDS_MAX),
            read: 0,
            passed: 0,
        };
        self.to.send(Ok(std::mem::replace(&mut self.chunk, next))).map_err(|_| Unwanted)
    }
}

fn one(
    task: &Task,
    file: usize,
    path: &Path,
    done: u64,
    to: &SyncSender<Result<Chunk, Failure>>,
) -> Result<(), Failure> {
    let mut source = open(path)?;
    let io = || Failure::io(path.display());
    // The columns of a file show at its beginning.
    let head = match task.needs_head() {
        true => head_of(&mut source.bytes).map_err(io())?,
        false => Vec::new(),
    };
    let mapping = Arc::new(task.mapping(path, &head)?);
    let chunk = Chunk {
        file,
        path: path.into(),
        mapping,
        bytes: Vec::new(),
        records: Vec::new(),
        read: 0,
        passed: 0,
    };
    let mut collector = Collector { chunk, done, last: 0, told: 0, count: source.count, to };
    let bytes = Cursor::new(head).chain(source.bytes);
    let read = match task.format {
        FileFormat::Csv => rows(bytes, &mut collector),
        _ => objects(bytes, task.lists(), &mut collector),
    };
    // What was read before a fault is good all the same, and so are the other files.
    if let Err(Some(error)) = read {
        let _ = collector
            .record(collector.last + 1, Err(format!("the file cannot be read on: {error}")));
    }
    let _ = collector.send();
    Ok(())
}

/// `None` where nobody wants more.
type Fault = Option<io::Error>;

fn objects(
    mut from: impl Read,
    lists: &'static [&'static str],
    collector: &mut Collector<'_>,
) -> Result<(), Fault> {
    let mut split = Split::new(lists);
    let mut buffer = vec![0; CHUNK];
    let mut wanted = true;
    loop {
        let len = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Some(e)),
        };
        split.feed(&buffer[..len], |number, record| {
            wanted =
                wanted && collector.record(number, record.map_err(|lost| lost.message())).is_ok();
        });
        if !wanted {
            return Err(None);
        }
    }
    split.finish(|number, record| {
        wanted = wanted && collector.record(number, record.map_err(|lost| lost.message())).is_ok();
    });
    Ok(())
}

/// Gives no more than a row may have: a quote that is never closed would take the rest of the file into memory.
struct Bounded<'a, R> {
    from: R,
    /// What the row that is being read may still have.
    left: &'a Cell<usize>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.from.read(buffer)?;
        if len > self.left.get() {
            let why = format!("a row is longer than {ROW_BYTES_MAX} bytes: is a quote not closed?");
            return Err(io::Error::other(why));
        }
        self.left.set(self.left.get() - len);
        Ok(len)
    }
}

/// Rows, each as a JSON array of texts.
fn rows(from: impl Read, collector: &mut Collector<'_>) -> Result<(), Fault> {
    let Mapping::Rows { delimiter, .. } = &*collector.chunk.mapping.clone() else { return Ok(()) };
    let left = Cell::new(ROW_BYTES_MAX);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(*delimiter)
        .flexible(true)
        .has_headers(true)
        .from_reader(Bounded { from, left: &left });
    let mut record = csv::ByteRecord::new();
    let mut number = 0;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => {
                return Err(Some(match error.into_kind() {
                    csv::ErrorKind::Io(error) => error,
                    other => io::Error::other(format!("{other:?}")),
                }));
            }
        }
        left.set(ROW_BYTES_MAX);
        number += 1;
        let texts: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
        let row = texts.map_err(|_| "is not UTF-8".to_owned());
        let row =
            row.and_then(|texts| serde_json::to_vec(&texts).map_err(|error| error.to_string()));
        if collector.record(number, row.as_deref().map_err(Clone::clone)).is_err() {
            return Err(None);
        }
    }
}

//! From records to events that are ready to be appended.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use indelible_connect::draft::Unmapped;
use indelible_connect::import::{Format, Split, finish};
use indelible_connect::limits::MAP_BYTES_MAX;
use indelible_connect::rows::{Cell, Column, Map, Row, delimiter, guess, object, row};
use indelible_event::{Checked, EventId, TrailName, check};
use indelible_store::Item;

use super::read::{self, Chunk};
use crate::args::{FileFormat, Import};
use crate::failure::Failure;
use crate::files;

/// Chunks and lots that wait, so that memory stays bounded.
const WAITING_MAX: usize = 4;

/// What is asked for.
pub struct Task {
    pub format: FileFormat,
    trail: Option<TrailName>,
    /// The text of the map, and what it is called.
    map: Option<(String, PathBuf)>,
    source: Option<String>,
}

/// How the records of a file become events.
pub enum Mapping {
    /// By a format's own table.
    Of(Format),
    /// Objects: events of ours, unless a map is given, else by the map.
    Objects { map: Map, own: bool },
    /// Rows of a CSV file.
    Rows { map: Map, delimiter: u8 },
}

/// What a record became.
pub enum Mapped {
    /// An event until it is appended, and its JSON.
    Event(Option<Item>, Box<[u8]>),
    /// None.
    Refused { field: String, reason: String, original: Box<[u8]> },
}

/// The records of a chunk.
pub struct Lot {
    pub file: usize,
    pub path: Arc<Path>,
    /// Bytes of the file that they were read from.
    pub bytes: u64,
    /// Records that were passed over.
    pub passed: u64,
    /// The number of the last one.
    pub last: u64,
    pub mapped: Vec<(u64, Mapped)>,
}

impl Task {
    pub fn of(args: &Import, format: FileFormat) -> Result<Task, Failure> {
        let rows = matches!(format, FileFormat::Csv | FileFormat::Ndjson);
        if !rows && (args.files.map.is_some() || args.files.source.is_some()) {
            let why = "--map and --source are for csv and ndjson: other formats have a table of their own";
            return Err(Failure::Usage(why.into()));
        }
        let map = match &args.files.map {
            None => None,
            Some(path) => {
                let text = files::read(path, MAP_BYTES_MAX as u64)?;
                let text = String::from_utf8(text);
                let text = text.map_err(|_| {
                    Failure::cannot(format_args!("{}: is not UTF-8", path.display()))
                })?;
                Some((text, path.clone()))
            }
        };
        Ok(Task { format, trail: args.trail.clone(), map, source: args.files.source.clone() })
    }

    /// Whether the beginning of a file has to be seen first.
    pub fn needs_head(&self) -> bool {
        matches!(self.format, FileFormat::Csv | FileFormat::Ndjson)
    }

    /// Members of a file's object whose elements are records.
    pub fn lists(&self) -> &'static [&'static str] {
        self.own_format().map_or(&[], Format::list)
    }

    fn own_format(&self) -> Option<Format> {
        match self.format {
            FileFormat::Cloudtrail => Some(Format::CloudTrail),
            FileFormat::Kubernetes => Some(Format::Kubernetes),
            FileFormat::Github => Some(Format::GitHub),
            FileFormat::Csv | FileFormat::Ndjson => None,
        }
    }

    /// The mapping of a file that begins like that.
    pub fn mapping(&self, path: &Path, head: &[u8]) -> Result<Mapping, Failure> {
        if let Some(format) = self.own_format() {
            return Ok(Mapping::Of(format));
        }
        if self.format == FileFormat::Csv {
            let (columns, delimiter) = header(path, head)?;
            let map = self.map(path, &columns)?;
            if let Some(why) = map.missing() {
                return Err(Failure::cannot(format_args!("{}: {why}", path.display())));
            }
            return Ok(Mapping::Rows { map, delimiter });
        }
        let own = self.map.is_none();
        let map = self.map(path, &members(head, own))?;
        Ok(Mapping::Objects { map, own })
    }

    fn map(&self, path: &Path, columns: &[Column]) -> Result<Map, Failure> {
        let source = self.source.clone().unwrap_or_else(|| source_name(path));
        let map = match &self.map {
            None => guess(&source, columns),
            Some((yaml, file)) => Map::read(yaml, &source, columns)
                .map_err(|error| Failure::cannot(format_args!("{}: {error}", file.display())))?,
        };
        Ok(if self.trail.is_some() { map.without_trail() } else { map })
    }

    /// What becomes what in the first file, as lines for people, and the map as a file.
    pub fn explain(&self, paths: &[PathBuf]) -> Result<String, Failure> {
        let Some(path) = paths.first().filter(|_| self.needs_head()) else {
            return Ok(String::new());
        };
        let (Mapping::Objects { map, .. } | Mapping::Rows { map, .. }) =
            self.mapping(path, &read::head(path)?)?
        else {
            return Ok(String::new());
        };
        Ok(explained(&map))
    }
}

/// What becomes what, as lines for people, and the map as a file.
pub fn explained(map: &Map) -> String {
    let lines = map.explain();
    let width = lines.iter().map(|line| line.from.chars().count()).max().unwrap_or(0).min(40);
    let mut text = String::new();
    for line in lines {
        let from = crate::look::clean(&line.from);
        text += &format!("# {from:width$}  ->  {}\n", crate::look::clean(&line.member));
    }
    text + "# as a file for --map:\n" + &map.yaml()
}

/// The name of a file without its directories and endings: that of rows that have no better one.
fn source_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut name = &name[..];
    for ending in [".gz", ".csv", ".tsv", ".txt", ".ndjson", ".jsonl", ".json", ".log"] {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    name.to_owned()
}

/// The columns of a CSV file.
fn header(path: &Path, head: &[u8]) -> Result<(Vec<Column>, u8), Failure> {
    let delimiter = delimiter(head);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(head);
    let mut record = csv::ByteRecord::new();
    let read = reader.read_byte_record(&mut record).unwrap_or(false);
    if !read {
        return Err(Failure::cannot(format_args!("{}: has no header line", path.display())));
    }
    let name = |name: &[u8]| {
        Column::named(String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim())
    };
    Ok((record.iter().map(name).collect(), delimiter))
}

/// The members of the objects at the beginning of a file; of those that are no events of ours, where these go as they are.
fn members(head: &[u8], own: bool) -> Vec<Column> {
    /// Objects that are looked at, and members that are told.
    const OBJECTS_MAX: u64 = 1000;
    const MEMBERS_MAX: usize = 500;
    let mut columns: Vec<Column> = Vec::new();
    Split::new(&[]).feed(head, |number, record| {
        let record = record.ok().filter(|bytes| !own || check(bytes).is_err());
        let text = record.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(members) =
            text.filter(|_| number <= OBJECTS_MAX).and_then(|text| object(text).ok())
        else {
            return;
        };
        for (name, _) in members {
            if columns.len() < MEMBERS_MAX && !columns.iter().any(|column| column.name == name) {
                columns.push(Column::named(name));
            }
        }
    });
    columns
}

/// What comes of it, and the thread that it comes from.
pub type Lots = (Receiver<Result<Lot, Failure>>, JoinHandle<()>);

/// Starts reading and mapping. `done` says of each file how many records of it were imported before.
pub fn start(task: Task, paths: &[PathBuf], done: Vec<u64>) -> Result<Lots, Failure> {
    let (chunks_to, chunks) = sync_channel(WAITING_MAX);
    let (lots_to, lots) = sync_channel(WAITING_MAX);
    let paths = paths.to_vec();
    let trail = task.trail.clone();
    let thread = |name: &str| std::thread::Builder::new().name(name.into());
    let reading = thread("indelible-input")
        .spawn(move || read::all(&task, &paths, &done, &chunks_to))
        .map_err(Failure::io("a thread"))?;
    let mapping = thread("indelible-map").spawn(move || {
        map_all(&chunks, trail.as_ref(), &lots_to);
        // Whoever waits for this one waits for both; a panic there is one here.
        drop(chunks);
        reading.join().expect("the reader ends by itself");
    });
    Ok((lots, mapping.map_err(Failure::io("a thread"))?))
}

fn map_all(
    chunks: &Receiver<Result<Chunk, Failure>>,
    trail: Option<&TrailName>,
    to: &SyncSender<Result<Lot, Failure>>,
) {
    let mut line = Vec::new();
    for chunk in chunks {
        let lot = chunk.map(|chunk| map_chunk(chunk, trail, &mut line));
        if to.send(lot).is_err() {
            return;
        }
    }
}

fn map_chunk(chunk: Chunk, trail: Option<&TrailName>, line: &mut Vec<u8>) -> Lot {
    let Chunk { file, path, mapping, bytes, records, read, passed } = chunk;
    let mut start = 0;
    let mut last = 0;
    let mut mapped = Vec::with_capacity(records.len());
    for (number, end) in records {
        last = number;
        let (record, event) = match end {
            Ok(end) => {
                let record = &bytes[start..end];
                start = end;
                (record, mapping.event(number, record, line))
            }
            Err(reason) => (&[][..], Err(Unmapped::new("", reason))),
        };
        let event = event.and_then(|event| item(event, trail));
        let one = match event {
            Ok(item) => Mapped::Event(Some(item), (&line[..]).into()),
            Err(Unmapped { field, message }) => {
                Mapped::Refused { field, reason: message, original: record.into() }
            }
        };
        mapped.push((number, one));
    }
    Lot { file, path, bytes: read, passed, last, mapped }
}

/// Finds the event's trail.
pub fn item(event: Checked, trail: Option<&TrailName>) -> Result<Item, Unmapped> {
    let trail = match (&event.trail, trail) {
        (Some(own), Some(given)) if own != given => {
            return Err(Unmapped::new(
                "trail",
                format!("is {own}, but this goes to --trail {given}"),
            ));
        }
        (Some(own), _) => own.clone(),
        (None, given) => given.cloned().unwrap_or_else(TrailName::unnamed),
    };
    Ok(Item { trail, event, recorded_by: None })
}

impl Mapping {
    /// Makes an event of a record, and leaves its JSON in `line`.
    fn event(&self, number: u64, record: &[u8], line: &mut Vec<u8>) -> Result<Checked, Unmapped> {
        let text = || std::str::from_utf8(record).map_err(|_| Unmapped::new("", "is not UTF-8"));
        match self {
            Mapping::Of(format) => format.event(record, line),
            Mapping::Objects { map, own: true } => match own(map.source(), number, record, line) {
                Some(checked) => Ok(checked),
                None => by_map(map, number, text()?, line),
            },
            Mapping::Objects { map, own: false } => by_map(map, number, text()?, line),
            Mapping::Rows { map, .. } => by_row(map, number, text()?, line),
        }
    }
}

/// An event of ours, as it is; one without an id gets one, the same each time.
fn own(source: &str, number: u64, record: &[u8], line: &mut Vec<u8>) -> Option<Checked> {
    let mut checked = check(record).ok()?;
    line.clear();
    if checked.id.is_some() {
        line.extend_from_slice(record);
        return Some(checked);
    }
    let text = std::str::from_utf8(record).ok()?;
    let id = EventId::foreign(source, &format!("{number}\u{1f}{text}"));
    checked.id = Some(id);
    let members = record.trim_ascii_start().strip_prefix(b"{")?;
    line.extend_from_slice(format!("{{\"id\":\"{id}\",").as_bytes());
    line.extend_from_slice(members);
    Some(checked)
}

fn by_map(map: &Map, number: u64, text: &str, line: &mut Vec<u8>) -> Result<Checked, Unmapped> {
    if let Some(why) = map.missing() {
        return Err(Unmapped::new("action", why));
    }
    let arranged = map.arrange(object(text)?);
    let row = row(number, &arranged);
    finish(map.event(&row)?, text, line)
}

fn by_row(map: &Map, number: u64, text: &str, line: &mut Vec<u8>) -> Result<Checked, Unmapped> {
    let texts: Vec<Cow<'_, str>> =
        serde_json::from_str(text).map_err(|e| Unmapped::new("", e.to_string()))?;
    let (has, needs) = (texts.len(), map.columns().len());
    if has != needs {
        return Err(Unmapped::new("", format!("has {has} values, the header {needs}")));
    }
    let cell =
        |text| if matches!(&text, Cow::Borrowed("")) { Cell::Null } else { Cell::Text(text) };
    let cells: Vec<Cell<'_>> = texts.into_iter().map(cell).collect();
    let row = Row { position: number, cells: &cells, more: &[] };
    finish(map.event(&row)?, text, line)
}

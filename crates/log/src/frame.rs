//! The bytes of the active file: a file header, then groups, each a header and its records.
//!
//! All integers are little-endian. `docs/format.md` holds the byte tables. Writer, recovery, readers and
//! verification share these codecs and nothing else.

use indelible_event::{Entry, EntryError, Part};

use crate::limits;
use crate::record::{PartRef, Pos, Record, Salts, Seq, TrailNo};

/// Length of the header at the front of an active file.
pub const FILE_HEADER_LEN: usize = 64;
/// Length of the header before each group.
pub const GROUP_HEADER_LEN: usize = 64;
/// Length of the fixed fields before a record's bytes.
pub const RECORD_HEADER_LEN: usize = 52;

/// Names the format and, through the bytes that never occur in UTF-8, keeps an event's text from
/// looking like a header.
const FILE_MAGIC: [u8; 8] = *b"\xf5INDLOG\xff";
const GROUP_MAGIC: [u8; 4] = *b"\xf5GRP";
const VERSION: u32 = 1;

const CODEC_PLAIN: u8 = 0;
const CODEC_ABSENT: u8 = 0xff;

/// Why bytes are not a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The file ends inside the structure.
    #[error("the file ends inside a {0}")]
    Short(&'static str),
    /// The magic bytes are not there.
    #[error("no {0} begins here")]
    Magic(&'static str),
    /// Written by a version this program does not know.
    #[error("format version {0} is not known")]
    Version(u32),
    /// The checksum does not fit the bytes.
    #[error("the checksum of the {0} does not match")]
    Checksum(&'static str),
    /// A field has a value that no writer would have written.
    #[error("{0}")]
    Field(&'static str),
    /// The entry inside a record is not an entry.
    #[error("a record's entry is malformed: {0}")]
    Entry(#[from] EntryError),
}

/// The header at the front of an active file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Which log the file belongs to, so that a file of another directory is noticed.
    pub log_id: [u8; 16],
    /// The position of the first record in it.
    pub first_pos: Pos,
}

impl FileHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; FILE_HEADER_LEN] {
        let mut out = [0; FILE_HEADER_LEN];
        out[0..8].copy_from_slice(&FILE_MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[16..24].copy_from_slice(&self.first_pos.0.to_le_bytes());
        out[24..40].copy_from_slice(&self.log_id);
        let crc = crc32c::crc32c(&out[..60]);
        out[60..64].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header, checking everything in it.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let b = bytes.first_chunk::<FILE_HEADER_LEN>().ok_or(FrameError::Short("file header"))?;
        if b[0..8] != FILE_MAGIC {
            return Err(FrameError::Magic("log file"));
        }
        if u32_at(b, 60) != crc32c::crc32c(&b[..60]) {
            return Err(FrameError::Checksum("file header"));
        }
        if u32_at(b, 8) != VERSION {
            return Err(FrameError::Version(u32_at(b, 8)));
        }
        if b[12..16] != [0; 4] || b[40..60] != [0; 20] {
            return Err(FrameError::Field("a file header's reserved bytes are not zero"));
        }
        let mut log_id = [0; 16];
        log_id.copy_from_slice(&b[24..40]);
        Ok(FileHeader { log_id, first_pos: Pos(u64_at(b, 16)) })
    }
}

/// The header before a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHeader {
    /// Bytes of records after this header.
    pub payload_len: u32,
    /// How many records those are.
    pub count: u32,
    /// Position of the first of them.
    pub first_pos: Pos,
    /// The offset in this file below which everything was durable when the group was written.
    pub durable: u64,
    /// Checksum of the records' bytes.
    pub payload_crc: u32,
}

impl GroupHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; GROUP_HEADER_LEN] {
        let mut out = [0; GROUP_HEADER_LEN];
        out[0..4].copy_from_slice(&GROUP_MAGIC);
        out[4..8].copy_from_slice(&VERSION.to_le_bytes());
        out[8..12].copy_from_slice(&self.payload_len.to_le_bytes());
        out[12..16].copy_from_slice(&self.count.to_le_bytes());
        out[16..24].copy_from_slice(&self.first_pos.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.durable.to_le_bytes());
        out[32..36].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..60]);
        out[60..64].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header; its own checksum covers it, the payload's is checked by [`group_at`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let b = bytes.first_chunk::<GROUP_HEADER_LEN>().ok_or(FrameError::Short("group header"))?;
        if b[0..4] != GROUP_MAGIC {
            return Err(FrameError::Magic("group"));
        }
        if u32_at(b, 60) != crc32c::crc32c(&b[..60]) {
            return Err(FrameError::Checksum("group header"));
        }
        if u32_at(b, 4) != VERSION {
            return Err(FrameError::Version(u32_at(b, 4)));
        }
        if b[36..60] != [0; 24] {
            return Err(FrameError::Field("a group header's reserved bytes are not zero"));
        }
        Ok(GroupHeader {
            payload_len: u32_at(b, 8),
            count: u32_at(b, 12),
            first_pos: Pos(u64_at(b, 16)),
            durable: u64_at(b, 24),
            payload_crc: u32_at(b, 32),
        })
    }
}

/// A group whose header and payload checksums hold.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Where its header begins in the file.
    pub offset: u64,
    /// The header.
    pub header: GroupHeader,
    /// The records' bytes.
    pub payload: &'a [u8],
}

/// A record with the bytes it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Framed<'a> {
    /// Where the frame begins in the file.
    pub offset: u64,
    /// The frame's bytes.
    pub frame: &'a [u8],
    /// What they say.
    pub record: Record<'a>,
}

impl<'a> Group<'a> {
    /// Where the next group begins.
    pub fn end(&self) -> u64 {
        self.offset + (GROUP_HEADER_LEN + self.payload.len()) as u64
    }

    /// The records, each with its frame's bytes and their offset in the file.
    pub fn records(&self) -> impl Iterator<Item = Result<Framed<'a>, FrameError>> + use<'a> {
        self.records_by(Entry::decode)
    }

    /// Like [`Group::records`], for those whose work is compared with the leaves afterwards; see
    /// [`Entry::read`].
    pub fn records_as_written(
        &self,
    ) -> impl Iterator<Item = Result<Framed<'a>, FrameError>> + use<'a> {
        self.records_by(Entry::read)
    }

    fn records_by(
        &self,
        entry: DecodeEntry<'a>,
    ) -> impl Iterator<Item = Result<Framed<'a>, FrameError>> + use<'a> {
        let (payload, count, first) = (self.payload, self.header.count, self.header.first_pos.0);
        let base = self.offset + GROUP_HEADER_LEN as u64;
        let (mut at, mut index) = (0usize, 0u32);
        std::iter::from_fn(move || {
            if index == count {
                // Bytes that no record accounts for would be hashed by nobody.
                return (at != payload.len()).then(|| {
                    at = payload.len();
                    Err(FrameError::Field("a group has bytes after its last record"))
                });
            }
            let record = record_by(&payload[at..], Pos(first + u64::from(index)), entry);
            match record {
                Ok((record, len)) => {
                    let frame = &payload[at..at + len];
                    let framed = Framed { offset: base + at as u64, frame, record };
                    at += len;
                    index += 1;
                    Some(Ok(framed))
                }
                Err(e) => {
                    (at, index) = (payload.len(), count);
                    Some(Err(e))
                }
            }
        })
    }
}

/// Reads the group that begins at `offset` of a file's bytes.
pub fn group_at(file: &[u8], offset: usize) -> Result<Group<'_>, FrameError> {
    let rest = file.get(offset..).ok_or(FrameError::Short("group header"))?;
    let header = GroupHeader::decode(rest)?;
    let len = header.payload_len as usize;
    if len > limits::GROUP_BYTES_MAX + limits::RECORD_BYTES_MAX {
        return Err(FrameError::Field("a group is longer than any writer makes it"));
    }
    let payload = rest[GROUP_HEADER_LEN..].get(..len).ok_or(FrameError::Short("group"))?;
    if crc32c::crc32c(payload) != header.payload_crc {
        return Err(FrameError::Checksum("group"));
    }
    Ok(Group { offset: offset as u64, header, payload })
}

/// Whether a group header, intact by its own checksum, begins at the front of these bytes.
pub fn header_here(bytes: &[u8]) -> Option<GroupHeader> {
    if !bytes.starts_with(&GROUP_MAGIC) {
        return None;
    }
    GroupHeader::decode(bytes).ok()
}

/// Appends a record's frame with its place still blank: the sequencer fills in `seq` and the entry's
/// `recorded_at`. Returns where in `out` the entry begins and how long it is.
pub fn encode_record(
    out: &mut Vec<u8>,
    trail: TrailNo,
    salt: &[u8; 16],
    entry: &[u8],
    parts: [Option<&[u8]>; 3],
) -> usize {
    let body: usize = entry.len() + parts.iter().flatten().map(|p| p.len()).sum::<usize>();
    let len = RECORD_HEADER_LEN + body;
    assert!(
        len <= limits::RECORD_BYTES_MAX,
        "an event within its limits makes a record within them"
    );
    out.reserve(len);
    let mut head = [0u8; RECORD_HEADER_LEN];
    // The bound above keeps every length within 32 bits, the entry's limit within 16.
    head[0..4].copy_from_slice(&(len as u32).to_le_bytes());
    head[4..8].copy_from_slice(&trail.0.to_le_bytes());
    head[16..32].copy_from_slice(salt);
    head[32..34].copy_from_slice(&(entry.len() as u16).to_le_bytes());
    for (i, part) in parts.iter().enumerate() {
        head[34 + i] = if part.is_some() { CODEC_PLAIN } else { CODEC_ABSENT };
        let part_len = part.map_or(0, <[u8]>::len) as u32;
        head[40 + 4 * i..44 + 4 * i].copy_from_slice(&part_len.to_le_bytes());
    }
    out.extend_from_slice(&head);
    out.extend_from_slice(entry);
    for part in parts.into_iter().flatten() {
        out.extend_from_slice(part);
    }
    len
}

/// Writes a record's seq into its frame.
pub fn set_seq(frame: &mut [u8], seq: Seq) {
    frame[8..16].copy_from_slice(&seq.0.to_le_bytes());
}

/// The entry's bytes inside a record's frame made by [`encode_record`].
pub fn entry_mut(frame: &mut [u8]) -> &mut [u8] {
    let len = usize::from(u16::from_le_bytes([frame[32], frame[33]]));
    &mut frame[RECORD_HEADER_LEN..RECORD_HEADER_LEN + len]
}

/// Reads the record at the front of `bytes`; gives it and its length.
pub fn record_at(bytes: &[u8], pos: Pos) -> Result<(Record<'_>, usize), FrameError> {
    record_by(bytes, pos, Entry::decode)
}

type DecodeEntry<'a> = fn(&'a [u8]) -> Result<Entry<'a>, EntryError>;

fn record_by<'a>(
    bytes: &'a [u8],
    pos: Pos,
    decode: DecodeEntry<'a>,
) -> Result<(Record<'a>, usize), FrameError> {
    let head = bytes.first_chunk::<RECORD_HEADER_LEN>().ok_or(FrameError::Short("record"))?;
    let len = u32_at(head, 0) as usize;
    let record = bytes.get(..len).ok_or(FrameError::Short("record"))?;
    if head[37..40] != [0; 3] {
        return Err(FrameError::Field("a record's reserved bytes are not zero"));
    }
    let entry_len = usize::from(u16::from_le_bytes([head[32], head[33]]));
    let mut at = RECORD_HEADER_LEN;
    let entry = record.get(at..at + entry_len).ok_or(FrameError::Short("record"))?;
    at += entry_len;
    let mut parts = [PartRef::Absent; 3];
    for part in Part::ALL {
        let i = part as usize;
        let part_len = u32_at(head, 40 + 4 * i) as usize;
        match head[34 + i] {
            CODEC_PLAIN => {
                let end = at.checked_add(part_len).ok_or(FrameError::Short("record"))?;
                parts[i] = PartRef::Kept(record.get(at..end).ok_or(FrameError::Short("record"))?);
                at = end;
            }
            CODEC_ABSENT if part_len == 0 => {}
            CODEC_ABSENT => return Err(FrameError::Field("an absent part has a length")),
            _ => {
                return Err(FrameError::Field(
                    "a part has a codec that this version does not know",
                ));
            }
        }
    }
    if at != len {
        return Err(FrameError::Field("a record's length does not fit its fields"));
    }
    let mut salt = [0; 16];
    salt.copy_from_slice(&head[16..32]);
    let record = Record {
        pos,
        trail: TrailNo(u32_at(head, 4)),
        seq: Seq(u64_at(head, 8)),
        entry: decode(entry)?,
        salts: Salts::Event(salt),
        parts,
    };
    Ok((record, len))
}

/// The entry's bytes of the record at the front of `frame`, which [`record_at`] has accepted.
pub fn entry_bytes(frame: &[u8]) -> &[u8] {
    let len = usize::from(u16::from_le_bytes([frame[32], frame[33]]));
    &frame[RECORD_HEADER_LEN..RECORD_HEADER_LEN + len]
}

/// Length of the side word beside an active file.
pub const MARK_LEN: usize = 24;

/// The side word: the durable offset as last acknowledged, written after each sync and itself synced
/// only by the system in its own time. It can lag, never lead.
pub fn encode_mark(first_pos: Pos, durable: u64) -> [u8; MARK_LEN] {
    let mut out = [0; MARK_LEN];
    out[0..8].copy_from_slice(&durable.to_le_bytes());
    out[8..16].copy_from_slice(&first_pos.0.to_le_bytes());
    out[16..20].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c(&out[..20]);
    out[20..24].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Reads the side word; `None` if it is torn or belongs to another file, and so says nothing.
pub fn decode_mark(bytes: &[u8], first_pos: Pos) -> Option<u64> {
    let b = bytes.first_chunk::<MARK_LEN>()?;
    let intact = u32_at(b, 20) == crc32c::crc32c(&b[..20])
        && u32_at(b, 16) == VERSION
        && u64_at(b, 8) == first_pos.0;
    intact.then(|| u64_at(b, 0))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}

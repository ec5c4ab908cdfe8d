//! The file around the sections: pages with checksums, and the footer.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::index::IndexError;

const MAGIC: &[u8; 8] = b"INDLTERM";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;
/// What one checksum covers: small, so that a needle reads little.
const PAGE_BYTES: usize = 16 << 10;

/// Sections that stand once in a file.
const PLAIN_SECTIONS: usize = 11;
/// Sections that each facet has.
const FACET_SECTIONS: usize = 4;
/// All sections.
const SECTIONS: usize = PLAIN_SECTIONS + FACET_SECTIONS * crate::Facet::COUNT;
pub(super) const FOOTER_BYTES: usize = 4 + 4 + 8 + 8 + 8 + 8 * SECTIONS + 4 + 4 + 8;

/// A part of the file. They stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Terms,
    Directory,
    Groups,
    UniqueEntries,
    UniqueBuckets,
    PosRuns,
    Recorded,
    RecordedBlocks,
    Occurred,
    OccurredBlocks,
    Partial,
    Codes(usize),
    Values(usize),
    ValueGroups(usize),
    Counts(usize),
}

impl Section {
    fn index(self) -> usize {
        let of_facet = |facet: usize, which: usize| PLAIN_SECTIONS + FACET_SECTIONS * facet + which;
        match self {
            Section::Terms => 0,
            Section::Directory => 1,
            Section::Groups => 2,
            Section::UniqueEntries => 3,
            Section::UniqueBuckets => 4,
            Section::PosRuns => 5,
            Section::Recorded => 6,
            Section::RecordedBlocks => 7,
            Section::Occurred => 8,
            Section::OccurredBlocks => 9,
            Section::Partial => 10,
            Section::Codes(facet) => of_facet(facet, 0),
            Section::Values(facet) => of_facet(facet, 1),
            Section::ValueGroups(facet) => of_facet(facet, 2),
            Section::Counts(facet) => of_facet(facet, 3),
        }
    }
}

/// What the footer says beside the sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Rows of the map.
    pub(crate) rows: u32,
    /// Entries of the table of unique fields.
    pub(crate) unique: u64,
    /// The least and the greatest `occurred_at`, as microseconds; zero without rows.
    pub(crate) occurred: (i64, i64),
}

/// Writes sections one after the other and the footer last, so that it needs no seek.
pub(crate) struct FileWriter<'a> {
    out: &'a mut dyn Write,
    page: Vec<u8>,
    sums: Vec<u8>,
    at: u64,
    ends: Vec<u64>,
}

impl<'a> FileWriter<'a> {
    /// Begins a file.
    pub(crate) fn new(out: &'a mut dyn Write) -> io::Result<FileWriter<'a>> {
        let page = Vec::with_capacity(PAGE_BYTES);
        let mut writer = FileWriter { out, page, sums: Vec::new(), at: 0, ends: Vec::new() };
        writer.write(MAGIC)?;
        writer.write(&VERSION.to_le_bytes())?;
        writer.write(&[0; 4])?;
        Ok(writer)
    }

    /// Appends to the section being written.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PAGE_BYTES - self.page.len()));
            self.page.extend_from_slice(now);
            bytes = later;
            if self.page.len() == PAGE_BYTES {
                self.end_page()?;
            }
        }
        Ok(())
    }

    /// Ends the section, and begins the next.
    pub(crate) fn end(&mut self, section: Section) {
        assert_eq!(section.index(), self.ends.len(), "sections are written in their order");
        self.ends.push(self.at);
    }

    fn end_page(&mut self) -> io::Result<()> {
        self.sums.extend_from_slice(&crc32c::crc32c(&self.page).to_le_bytes());
        self.out.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    /// Writes the checksums and the footer.
    pub(crate) fn finish(mut self, facts: &Facts) -> io::Result<()> {
        assert_eq!(self.ends.len(), SECTIONS, "every section is written");
        if !self.page.is_empty() {
            self.end_page()?;
        }
        self.out.write_all(&self.sums)?;
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&VERSION.to_le_bytes());
        footer.extend_from_slice(&facts.rows.to_le_bytes());
        footer.extend_from_slice(&facts.unique.to_le_bytes());
        footer.extend_from_slice(&facts.occurred.0.to_le_bytes());
        footer.extend_from_slice(&facts.occurred.1.to_le_bytes());
        for end in &self.ends {
            footer.extend_from_slice(&end.to_le_bytes());
        }
        footer.extend_from_slice(&crc32c::crc32c(&self.sums).to_le_bytes());
        footer.extend_from_slice(&crc32c::crc32c(&footer).to_le_bytes());
        footer.extend_from_slice(MAGIC);
        self.out.write_all(&footer)?;
        self.out.flush()
    }
}

/// A file being read: no byte is given out before its page was checked, once.
#[derive(Debug)]
pub(crate) struct PagedFile {
    bytes: Bytes,
    /// Where the sections end and the checksums begin.
    body: usize,
    /// One bit a page: found sound. Set by whoever checks it first.
    sound: Vec<AtomicU64>,
    ends: [u64; SECTIONS],
}

impl PagedFile {
    /// Reads the footer and the checksums, nothing else.
    pub(crate) fn open(bytes: Bytes) -> Result<(PagedFile, Facts), IndexError> {
        let start = bytes.len().checked_sub(FOOTER_BYTES).ok_or_else(|| bad("it is too short"))?;
        let (front, footer) = bytes.split_at(start);
        if footer[FOOTER_BYTES - 8..] != *MAGIC || !front.starts_with(MAGIC) {
            return Err(bad("it does not begin and end as one"));
        }
        let mut fields = Fields(footer);
        let version = fields.u32();
        if version != VERSION {
            return Err(bad(&format!("its version is {version}")));
        }
        let sum_at = FOOTER_BYTES - 12;
        if Fields(&footer[sum_at..]).u32() != crc32c::crc32c(&footer[..sum_at]) {
            return Err(bad("the checksum of its footer does not fit"));
        }
        let (rows, unique) = (fields.u32(), fields.u64());
        let occurred = (fields.u64() as i64, fields.u64() as i64);
        let ends: [u64; SECTIONS] = std::array::from_fn(|_| fields.u64());
        let body = usize::try_from(ends[SECTIONS - 1]).map_err(|_| bad("it is too large"))?;
        if ends[0] < HEAD_BYTES as u64 || !ends.is_sorted() || body > start {
            return Err(bad("its sections do not follow each other"));
        }
        let pages = body.div_ceil(PAGE_BYTES);
        if start - body != 4 * pages || fields.u32() != crc32c::crc32c(&front[body..]) {
            return Err(bad("the checksums of its pages are not those written"));
        }
        let sound = (0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let file = PagedFile { bytes, body, sound, ends };
        Ok((file, Facts { rows, unique, occurred }))
    }

    /// Where a section is.
    pub(crate) fn range(&self, section: Section) -> Range<u64> {
        let index = section.index();
        let start = if index == 0 { HEAD_BYTES as u64 } else { self.ends[index - 1] };
        start..self.ends[index]
    }

    /// How long a section is.
    pub(crate) fn len(&self, section: Section) -> u64 {
        let range = self.range(section);
        range.end - range.start
    }

    /// A whole section.
    pub(crate) fn section(&self, section: Section) -> Result<&[u8], IndexError> {
        self.checked(self.range(section))
    }

    /// Part of a section, counted from its beginning.
    #[inline]
    pub(crate) fn part(&self, section: Section, part: Range<u64>) -> Result<&[u8], IndexError> {
        let range = self.range(section);
        let length = range.end - range.start;
        if part.start > part.end || part.end > length {
            return Err(bad("a place lies beyond its section"));
        }
        self.checked(range.start + part.start..range.start + part.end)
    }

    /// Checks every page.
    pub(crate) fn check(&self) -> Result<(), IndexError> {
        self.checked(0..self.body as u64).map(|_| ())
    }

    /// The first byte that is not that of another file, its length included.
    pub(crate) fn first_difference(&self, other: &PagedFile) -> Option<usize> {
        if self.bytes == other.bytes {
            return None;
        }
        let pairs = self.bytes.iter().zip(&other.bytes);
        Some(pairs.take_while(|(here, there)| here == there).count())
    }

    #[inline]
    fn checked(&self, range: Range<u64>) -> Result<&[u8], IndexError> {
        // The sections lie within the file, whose length is a `usize`.
        let (start, end) = (range.start as usize, range.end as usize);
        if start < end {
            for page in start / PAGE_BYTES..=(end - 1) / PAGE_BYTES {
                if self.sound[page / 64].load(Ordering::Relaxed) >> (page % 64) & 1 == 0 {
                    self.check_page(page)?;
                }
            }
        }
        Ok(&self.bytes[start..end])
    }

    #[cold]
    fn check_page(&self, page: usize) -> Result<(), IndexError> {
        let start = page * PAGE_BYTES;
        let bytes = &self.bytes[start..self.body.min(start + PAGE_BYTES)];
        let sum = Fields(&self.bytes[self.body + 4 * page..]).u32();
        if sum != crc32c::crc32c(bytes) {
            return Err(bad(&format!("the checksum of the page at byte {start} does not fit")));
        }
        self.sound[page / 64].fetch_or(1 << (page % 64), Ordering::Relaxed);
        Ok(())
    }
}

/// Little-endian numbers one after the other. What is missing is zero; lengths are checked before.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    /// The next four bytes.
    #[inline]
    pub(crate) fn u32(&mut self) -> u32 {
        self.number(4) as u32
    }

    /// The next eight bytes.
    #[inline]
    pub(crate) fn u64(&mut self) -> u64 {
        match self.0.split_first_chunk() {
            Some((now, later)) => {
                self.0 = later;
                u64::from_le_bytes(*now)
            }
            None => self.number(8),
        }
    }

    /// The next bytes, at most eight.
    #[inline]
    pub(crate) fn number(&mut self, width: usize) -> u64 {
        let (now, later) = self.0.split_at(width.min(self.0.len()).min(8));
        self.0 = later;
        // To copy so few bytes would be a call each time.
        now.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Damage, in words.
pub(crate) fn bad(what: &str) -> IndexError {
    IndexError(what.into())
}

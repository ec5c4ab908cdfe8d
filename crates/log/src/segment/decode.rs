//! Values out of pages: the four layouts our writer uses, and nothing else.
//!
//! The Parquet library can do this too. It hands out every value as a counted reference, which doubles
//! what a scan costs, and panics over some damaged pages. Here a value is a place in a page, and what
//! lies outside a page is an error.

use bytes::Bytes;

use super::SegmentError;
use super::packed::{Delta, Hybrid};
use super::pages::{CheckedPages, DataPage, Encoding};

/// A value's place in the buffers of a batch; a null has no length.
#[derive(Clone, Copy, Debug)]
struct Span {
    buffer: u32,
    start: u32,
    len: u32,
}

const NULL: Span = Span { buffer: 0, start: 0, len: u32::MAX };

/// Byte values of some rows of a column.
#[derive(Debug, Default)]
pub(super) struct ByteValues {
    buffers: Vec<Bytes>,
    spans: Vec<Span>,
}

impl ByteValues {
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        let span = self.spans.get(row)?;
        // The length of a null reaches beyond every buffer.
        let start = span.start as usize;
        self.buffers.get(span.buffer as usize)?.get(start..start + span.len as usize)
    }
}

/// The decoded rows of a column.
#[derive(Debug)]
pub(super) enum Values {
    /// Not read, or null in every row.
    Missing,
    Numbers(Vec<Option<i64>>),
    Bytes(ByteValues),
}

/// A page's bytes and their place among the batch's buffers, once they have one.
struct Buffer {
    bytes: Bytes,
    slot: Option<u32>,
}

impl Buffer {
    fn new(bytes: Bytes) -> Buffer {
        Buffer { bytes, slot: None }
    }

    fn slot(&mut self, buffers: &mut Vec<Bytes>) -> u32 {
        *self.slot.get_or_insert_with(|| {
            buffers.push(self.bytes.clone());
            (buffers.len() - 1) as u32
        })
    }
}

/// How the values of the current page lie.
enum Layout {
    /// From here on, one after the other.
    Plain { at: usize },
    /// Places in the dictionary.
    Codes(Hybrid),
    /// Differences.
    Delta(Delta),
}

/// Reads a column chunk forwards, page by page.
pub(super) struct Cursor {
    pages: CheckedPages,
    /// Bytes of a value, or `None` for texts, which say their own length.
    width: Option<usize>,
    numbers: bool,
    dictionary: Buffer,
    /// Where each word of the dictionary is: its start and length.
    words: Vec<(u32, u32)>,
    page: Buffer,
    /// Rows of the current page that are still to come.
    left: usize,
    /// Which rows have a value, in a page where some do and some do not.
    levels: Option<Hybrid>,
    all_null: bool,
    layout: Layout,
    present: Vec<u32>,
    codes: Vec<u32>,
    deltas: Vec<i64>,
    out_numbers: Vec<Option<i64>>,
    out_bytes: ByteValues,
}

impl Cursor {
    pub(super) fn new(mut pages: CheckedPages) -> Result<Cursor, SegmentError> {
        let kind = pages.column().kind;
        let width = kind.width();
        let (mut dictionary, mut words) = (Bytes::new(), Vec::new());
        if let Some((bytes, count)) = pages.dictionary()? {
            words = read_words(&bytes, count, width)?;
            dictionary = bytes;
        }
        Ok(Cursor {
            pages,
            width,
            numbers: kind.is_number(),
            dictionary: Buffer::new(dictionary),
            words,
            page: Buffer::new(Bytes::new()),
            left: 0,
            levels: None,
            all_null: false,
            layout: Layout::Plain { at: 0 },
            present: Vec::new(),
            codes: Vec::new(),
            deltas: Vec::new(),
            out_numbers: Vec::new(),
            out_bytes: ByteValues::default(),
        })
    }

    /// Decodes the next rows.
    pub(super) fn read(&mut self, mut rows: usize) -> Result<(), SegmentError> {
        while rows > 0 {
            let here = self.enter(rows)?;
            let values = self.levels(here)?;
            self.values(here, values)?;
            self.left -= here;
            rows -= here;
        }
        Ok(())
    }

    /// Passes over the next rows; whole pages are never looked into.
    pub(super) fn skip(&mut self, mut rows: usize) -> Result<(), SegmentError> {
        while rows > 0 {
            if self.left > 0 && rows >= self.left {
                rows -= self.left;
                self.left = 0;
                continue;
            }
            let here = self.enter(rows)?;
            if here < self.left {
                let values = self.levels(here)?;
                self.pass(values)?;
            }
            self.left -= here;
            rows -= here;
        }
        Ok(())
    }

    /// What was decoded since the last call.
    pub(super) fn take(&mut self) -> Values {
        (self.page.slot, self.dictionary.slot) = (None, None);
        match self.numbers {
            true => Values::Numbers(std::mem::take(&mut self.out_numbers)),
            false => Values::Bytes(std::mem::take(&mut self.out_bytes)),
        }
    }

    /// Makes sure that a page is open, and says how many of the rows it has.
    fn enter(&mut self, rows: usize) -> Result<usize, SegmentError> {
        if self.left == 0 {
            let page =
                self.pages.next()?.ok_or_else(|| damaged("a column ends before its rows do"))?;
            self.open(page)?;
        }
        Ok(rows.min(self.left))
    }

    fn open(&mut self, page: DataPage) -> Result<(), SegmentError> {
        let DataPage { body, level_bytes, rows, nulls, encoding } = page;
        let (some, all) = (nulls > 0, nulls == rows);
        let levels = body.slice(..level_bytes);
        self.levels = (some && !all).then(|| Hybrid::new(levels, 1));
        self.all_null = all;
        let values = body.slice(level_bytes..);
        self.layout = match encoding {
            Encoding::Plain => Layout::Plain { at: level_bytes },
            Encoding::Dictionary if all => Layout::Plain { at: level_bytes },
            Encoding::Delta if all => Layout::Plain { at: level_bytes },
            Encoding::Dictionary => {
                let width = *values.first().ok_or_else(|| damaged("a page without its width"))?;
                if width > 32 {
                    return Err(damaged("dictionary codes wider than 32 bits"));
                }
                Layout::Codes(Hybrid::new(values.slice(1..), width))
            }
            Encoding::Delta => Layout::Delta(Delta::new(values, (rows - nulls) as usize)?),
        };
        self.page = Buffer::new(body);
        self.left = rows as usize;
        Ok(())
    }

    /// Reads which of the next rows have a value, and says how many.
    fn levels(&mut self, rows: usize) -> Result<usize, SegmentError> {
        self.present.clear();
        match &mut self.levels {
            None if self.all_null => Ok(0),
            None => Ok(rows),
            Some(levels) => {
                levels.read(rows, &mut self.present)?;
                Ok(self.present.iter().map(|level| *level as usize).sum())
            }
        }
    }

    fn pass(&mut self, values: usize) -> Result<(), SegmentError> {
        match (&mut self.layout, self.width) {
            (Layout::Plain { at }, Some(width)) => *at += values * width,
            (Layout::Plain { at }, None) => {
                for _ in 0..values {
                    *at = text_at(&self.page.bytes, *at)?.1;
                }
            }
            (Layout::Codes(codes), _) => codes.skip(values)?,
            (Layout::Delta(delta), _) => {
                self.deltas.clear();
                delta.read(values, &mut self.deltas)?;
            }
        }
        Ok(())
    }

    /// Decodes so many values and spreads them over the rows that have one.
    fn values(&mut self, rows: usize, values: usize) -> Result<(), SegmentError> {
        let buffers = &mut self.out_bytes.buffers;
        match (&mut self.layout, self.width) {
            (Layout::Delta(delta), _) => {
                self.deltas.clear();
                delta.read(values, &mut self.deltas)?;
                let mut next = self.deltas.iter().copied();
                spread(rows, values, &self.present, &mut self.out_numbers, None, || Ok(next.next()))
            }
            (Layout::Plain { at }, Some(width)) if self.numbers => {
                let bytes = &self.page.bytes;
                let next = || {
                    let start = advance(at, width);
                    Ok(Some(number(bytes, start, width)?))
                };
                spread(rows, values, &self.present, &mut self.out_numbers, None, next)
            }
            (Layout::Plain { at }, Some(width)) => {
                let (buffer, len) = (self.page.slot(buffers), width as u32);
                let end = *at + values * width;
                if end > self.page.bytes.len() {
                    return Err(damaged("a page shorter than its values"));
                }
                let next = || Ok(Span { buffer, start: advance(at, width) as u32, len });
                spread(rows, values, &self.present, &mut self.out_bytes.spans, NULL, next)
            }
            (Layout::Plain { at }, None) => {
                let buffer = self.page.slot(buffers);
                let bytes = &self.page.bytes;
                let next = || {
                    let (start, end) = text_at(bytes, *at)?;
                    *at = end;
                    Ok(Span { buffer, start: start as u32, len: (end - start) as u32 })
                };
                spread(rows, values, &self.present, &mut self.out_bytes.spans, NULL, next)
            }
            (Layout::Codes(codes), _) => {
                self.codes.clear();
                codes.read(values, &mut self.codes)?;
                let buffer = self.dictionary.slot(buffers);
                let (mut codes, words) = (self.codes.iter(), &self.words);
                let next = || {
                    let word = codes.next().and_then(|code| words.get(*code as usize));
                    let (start, len) =
                        *word.ok_or_else(|| damaged("a code beyond its dictionary"))?;
                    Ok(Span { buffer, start, len })
                };
                spread(rows, values, &self.present, &mut self.out_bytes.spans, NULL, next)
            }
        }
    }
}

/// Appends a value or a null a row.
fn spread<V: Copy>(
    rows: usize,
    values: usize,
    present: &[u32],
    out: &mut Vec<V>,
    null: V,
    mut next: impl FnMut() -> Result<V, SegmentError>,
) -> Result<(), SegmentError> {
    out.reserve(rows);
    if values == 0 {
        out.resize(out.len() + rows, null);
    } else if values == rows {
        for _ in 0..rows {
            out.push(next()?);
        }
    } else {
        for level in present {
            out.push(if *level == 0 { null } else { next()? });
        }
    }
    Ok(())
}

fn advance(at: &mut usize, width: usize) -> usize {
    let start = *at;
    *at += width;
    start
}

fn number(bytes: &[u8], start: usize, width: usize) -> Result<i64, SegmentError> {
    let short = || damaged("a page shorter than its values");
    let bytes = bytes.get(start..start + width).ok_or_else(short)?;
    match bytes.try_into() {
        Ok(bytes) => Ok(i64::from_le_bytes(bytes)),
        Err(_) => Ok(i64::from(i32::from_le_bytes(bytes.try_into().map_err(|_| short())?))),
    }
}

/// Start and end of the text whose length stands here.
fn text_at(bytes: &[u8], at: usize) -> Result<(usize, usize), SegmentError> {
    let len = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    let start = at + 4;
    let end = len.map(|len| start + u32::from_le_bytes(*len) as usize);
    end.filter(|end| *end <= bytes.len())
        .map(|end| (start, end))
        .ok_or_else(|| damaged("a text that reaches beyond its page"))
}

fn read_words(
    bytes: &[u8],
    count: usize,
    width: Option<usize>,
) -> Result<Vec<(u32, u32)>, SegmentError> {
    let mut at = 0;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (start, end) = match width {
            Some(width) => (at, at + width),
            None => text_at(bytes, at)?,
        };
        words.push((start as u32, (end - start) as u32));
        at = end;
    }
    if at == bytes.len() { Ok(words) } else { Err(damaged("a dictionary of a wrong length")) }
}

fn damaged(what: &str) -> SegmentError {
    SegmentError::damaged(what)
}

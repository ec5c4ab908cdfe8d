//! Where a segment's bytes go while it is written, and the columns that are filled on the way.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use sha2::{Digest, Sha256};

use super::schema::{Column, Kind};

/// Hashes what passes through, and keeps a copy of the file's tail for its checksums.
pub(super) struct HashingSink<W> {
    pub inner: W,
    pub sha256: Sha256,
    pub len: u64,
    pub tail: Option<Vec<u8>>,
}

impl<W> HashingSink<W> {
    pub(super) fn new(inner: W) -> HashingSink<W> {
        HashingSink { inner, sha256: Sha256::new(), len: 0, tail: None }
    }
}

impl<W: Write> Write for HashingSink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let bytes = &bytes[..written];
        self.sha256.update(bytes);
        self.len += written as u64;
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(bytes);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A column chunk's pages, in memory until their row group is complete. The column writer owns one
/// end and its lane the other; the two never run at once, so the lock is never waited for.
#[derive(Clone, Default)]
struct Chunk(Arc<Mutex<Vec<u8>>>);

impl Write for Chunk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct PageSink(TrackedWrite<Chunk>);

impl PageWriter for PageSink {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        SerializedPageWriter::new(&mut self.0).write_page(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(self.0.flush()?)
    }
}

/// One column of the row group being written: values wait here for a batch, are encoded and
/// compressed batch by batch, and their pages wait for the end of the row group. That bounds memory
/// to the compressed row group, where buffering values would take three times as much.
pub(super) struct Lane<T: DataType> {
    column: &'static Column,
    writer: ColumnWriterImpl<'static, T>,
    chunk: Chunk,
    values: Vec<T::T>,
    levels: Vec<i16>,
}

impl<T: DataType> Lane<T> {
    fn new(column: &'static Column, descr: ColumnDescPtr, props: WriterPropertiesPtr) -> Lane<T> {
        let chunk = Chunk::default();
        let pages = Box::new(PageSink(TrackedWrite::new(chunk.clone())));
        let writer = ColumnWriterImpl::new(descr, props, pages);
        Lane { column, writer, chunk, values: Vec::new(), levels: Vec::new() }
    }

    fn mark(&mut self, present: bool) {
        if !self.column.required {
            self.levels.push(i16::from(present));
        }
    }

    /// Hands the waiting values to the encoder, never more than a page's rows at once, since it looks
    /// for the end of a page only between calls.
    fn flush(&mut self) -> Result<(), ParquetError> {
        if self.column.required {
            for values in self.values.chunks(self.column.page_rows) {
                self.writer.write_batch(values, None, None)?;
            }
        } else {
            let mut rest = &self.values[..];
            for levels in self.levels.chunks(self.column.page_rows) {
                let taken = self.writer.write_batch(rest, Some(levels), None)?;
                rest = &rest[taken..];
            }
        }
        self.values.clear();
        self.levels.clear();
        Ok(())
    }

    fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let closed = self.writer.close()?;
        let bytes =
            std::mem::take(&mut *self.chunk.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((Bytes::from(bytes), closed))
    }
}

/// A lane whose values are bytes. They are copied into one buffer a batch, of which the values are
/// slices, so that a row costs no allocation.
pub(super) struct BytesLane<T: DataType> {
    lane: Lane<T>,
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl<T: DataType> BytesLane<T>
where
    T::T: From<ByteArray>,
{
    fn put(&mut self, value: Option<&[u8]>) {
        self.lane.mark(value.is_some());
        if let Some(value) = value {
            self.buffer.extend_from_slice(value);
            self.ends.push(self.buffer.len());
        }
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let capacity = self.buffer.len() + self.buffer.len() / 8;
        let buffer = std::mem::replace(&mut self.buffer, Vec::with_capacity(capacity));
        let buffer = Bytes::from(buffer);
        let mut start = 0;
        for end in self.ends.drain(..) {
            self.lane.values.push(ByteArray::from(buffer.slice(start..end)).into());
            start = end;
        }
        self.lane.flush()
    }
}

/// A column being written.
pub(super) enum AnyLane {
    Int(Lane<Int64Type>),
    Small(Lane<Int32Type>),
    Text(BytesLane<ByteArrayType>),
    Fixed(BytesLane<FixedLenByteArrayType>),
}

impl AnyLane {
    pub(super) fn new(
        column: &'static Column,
        descr: ColumnDescPtr,
        props: WriterPropertiesPtr,
    ) -> AnyLane {
        fn bytes<T: DataType>(lane: Lane<T>) -> BytesLane<T> {
            BytesLane { lane, buffer: Vec::new(), ends: Vec::new() }
        }
        match column.kind {
            Kind::Int | Kind::Unsigned | Kind::Time => {
                AnyLane::Int(Lane::new(column, descr, props))
            }
            Kind::Small => AnyLane::Small(Lane::new(column, descr, props)),
            Kind::Text => AnyLane::Text(bytes(Lane::new(column, descr, props))),
            Kind::Uuid | Kind::Fixed(_) => AnyLane::Fixed(bytes(Lane::new(column, descr, props))),
        }
    }

    pub(super) fn put_int(&mut self, value: Option<i64>) {
        if let AnyLane::Int(lane) = self {
            lane.mark(value.is_some());
            lane.values.extend(value);
        }
    }

    pub(super) fn put_bytes(&mut self, value: Option<&[u8]>) {
        match self {
            AnyLane::Text(lane) => lane.put(value),
            AnyLane::Fixed(lane) => lane.put(value),
            AnyLane::Int(_) | AnyLane::Small(_) => debug_assert!(false, "bytes for a number"),
        }
    }

    pub(super) fn put_null(&mut self) {
        match self {
            AnyLane::Int(lane) => lane.mark(false),
            AnyLane::Small(lane) => lane.mark(false),
            AnyLane::Text(lane) => lane.lane.mark(false),
            AnyLane::Fixed(lane) => lane.lane.mark(false),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), ParquetError> {
        match self {
            AnyLane::Int(lane) => lane.flush(),
            AnyLane::Small(lane) => lane.flush(),
            AnyLane::Text(lane) => lane.flush(),
            AnyLane::Fixed(lane) => lane.flush(),
        }
    }

    pub(super) fn close(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        match self {
            AnyLane::Int(lane) => lane.close(),
            AnyLane::Small(lane) => lane.close(),
            AnyLane::Text(lane) => lane.lane.close(),
            AnyLane::Fixed(lane) => lane.lane.close(),
        }
    }
}

//! A trail as one Parquet file for other people's tools, with or without the exact entries. With them,
//! anybody's SQL recomputes each leaf: `sha256('\x00' || entry)`.

use std::io::Write;
use std::sync::Arc;

use indelible_event::Part;
use indelible_merkle::leaf_hash;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use crate::record::KeptRecord;

/// Records in a row group: what is held in memory at a time.
const GROUP_ROWS: usize = 16_384;

/// Writes an export front to back in flat memory.
pub struct ExportWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    trail: String,
    entries: bool,
    waiting: Vec<KeptRecord>,
}

fn field(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    len: i32,
    required: bool,
) -> Result<Arc<Type>, ParquetError> {
    let repetition = if required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    builder.with_logical_type(logical).with_length(len).build().map(Arc::new)
}

fn schema(entries: bool) -> Result<Arc<Type>, ParquetError> {
    let (int, bytes, fixed) =
        (Physical::INT64, Physical::BYTE_ARRAY, Physical::FIXED_LEN_BYTE_ARRAY);
    let (text, time) =
        (Some(LogicalType::String), Some(LogicalType::timestamp(true, TimeUnit::MICROS)));
    let mut fields = vec![
        field("trail", bytes, text.clone(), 0, true)?,
        field("seq", int, None, 0, true)?,
        field("id", fixed, Some(LogicalType::Uuid), 16, true)?,
        field("recorded_at", int, time.clone(), 0, true)?,
        field("occurred_at", int, time, 0, false)?,
        field("action", bytes, text.clone(), 0, true)?,
        field("category", bytes, text.clone(), 0, false)?,
        field("outcome", bytes, text.clone(), 0, true)?,
    ];
    for part in Part::ALL {
        fields.push(field(part.name(), bytes, text.clone(), 0, false)?);
    }
    if entries {
        fields.push(field("entry", bytes, None, 0, true)?);
        fields.push(field("leaf", fixed, None, 32, true)?);
    }
    Type::group_type_builder("record").with_fields(fields).build().map(Arc::new)
}

impl<W: Write + Send> ExportWriter<W> {
    /// Begins an export of one trail.
    pub fn new(out: W, trail: &str, entries: bool) -> Result<ExportWriter<W>, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("indelible ", env!("CARGO_PKG_VERSION")).to_owned());
        let file = SerializedFileWriter::new(out, schema(entries)?, Arc::new(properties.build()))?;
        Ok(ExportWriter { file, trail: trail.to_owned(), entries, waiting: Vec::new() })
    }

    /// Adds a record.
    pub fn push(&mut self, record: KeptRecord) -> Result<(), ParquetError> {
        self.waiting.push(record);
        if self.waiting.len() == GROUP_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes what is left and the footer.
    pub fn finish(mut self) -> Result<W, ParquetError> {
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        self.file.into_inner()
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.waiting);
        let text = |s: &str| Some(ByteArray::from(s.as_bytes().to_vec()));
        let entries: Vec<_> = rows.iter().map(KeptRecord::entry).collect();
        let mut group = self.file.next_row_group()?;
        let g = &mut group;
        column::<ByteArrayType, _>(g, rows.iter().map(|_| text(&self.trail)))?;
        // A seq is a leaf index, which a tree keeps within signed 64 bits.
        column::<Int64Type, _>(g, rows.iter().map(|r| Some(r.seq.0 as i64)))?;
        column::<FixedLenByteArrayType, _>(g, entries.iter().map(|e| Some(fixed(&e.id.0))))?;
        column::<Int64Type, _>(g, entries.iter().map(|e| Some(e.recorded_at.0)))?;
        column::<Int64Type, _>(g, entries.iter().map(|e| e.occurred_at.map(|at| at.0)))?;
        column::<ByteArrayType, _>(g, entries.iter().map(|e| text(e.action)))?;
        column::<ByteArrayType, _>(g, entries.iter().map(|e| e.category.and_then(text)))?;
        column::<ByteArrayType, _>(g, entries.iter().map(|e| text(e.outcome.name())))?;
        for part in Part::ALL {
            let bytes = |r: &KeptRecord| r.part(part).map(|b| ByteArray::from(b.to_vec()));
            column::<ByteArrayType, _>(g, rows.iter().map(bytes))?;
        }
        if self.entries {
            let entry = |r: &KeptRecord| Some(ByteArray::from(r.entry.clone()));
            column::<ByteArrayType, _>(g, rows.iter().map(entry))?;
            let leaf = |r: &KeptRecord| Some(fixed(&leaf_hash(&r.entry).0));
            column::<FixedLenByteArrayType, _>(g, rows.iter().map(leaf))?;
        }
        group.close()?;
        Ok(())
    }
}

fn fixed(bytes: &[u8]) -> FixedLenByteArray {
    ByteArray::from(bytes.to_vec()).into()
}

/// Writes the next column of a row group.
fn column<D: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<D::T>>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than are written".into());
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        present.extend(value);
    }
    // Of a required column every value is there, and the levels are ignored.
    writer.typed::<D>().write_batch(&present, Some(&levels), None)?;
    writer.close()
}

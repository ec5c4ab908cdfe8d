//! Records as one Parquet file for other people's tools, with or without the exact entries. With them,
//! anybody's SQL recomputes each leaf: `sha256('\x00' || entry)`.

use std::io::Write;
use std::sync::Arc;

use indelible_event::{Entry, Facets, Part};
use indelible_merkle::leaf_hash;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::limits::{BLOOM_FALSE_POSITIVES, EXPORT_GROUP_BYTES, EXPORT_GROUP_ROWS};
use crate::record::KeptRecord;

/// Writes an export front to back in flat memory: what waits for its row group is bounded by rows and bytes.
pub struct ExportWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    entries: bool,
    waiting: Vec<Row>,
    bytes: usize,
}

/// A record, and the name of its trail.
struct Row {
    trail: Arc<str>,
    record: KeptRecord,
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

/// The columns that have bloom filters, where they are asked for.
const BLOOMS: [&str; 4] = ["id", "ref", "actor_id", "target_id"];

fn properties() -> WriterPropertiesBuilder {
    // Statistics a page would stay in memory up to the footer, of every page.
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("indelible ", env!("CARGO_PKG_VERSION")).to_owned())
}

/// The facet columns, in the order of the fields of [`Facets`].
const FACETS: [&str; Facets::COUNT] =
    ["actor_type", "actor_id", "actor_email", "target_type", "target_id", "ip", "service"];

fn schema(entries: bool) -> Result<Arc<Type>, ParquetError> {
    let (int, bytes, fixed) =
        (Physical::INT64, Physical::BYTE_ARRAY, Physical::FIXED_LEN_BYTE_ARRAY);
    let (text, time) =
        (Some(LogicalType::String), Some(LogicalType::timestamp(true, TimeUnit::MICROS)));
    let unsigned = Some(LogicalType::integer(64, false));
    let optional = |name| field(name, bytes, text.clone(), 0, false);
    let mut fields = vec![
        field("trail", bytes, text.clone(), 0, true)?,
        field("seq", int, None, 0, true)?,
        field("id", fixed, Some(LogicalType::Uuid), 16, true)?,
        field("recorded_at", int, time.clone(), 0, true)?,
        field("occurred_at", int, time, 0, false)?,
        field("action", bytes, text.clone(), 0, true)?,
        optional("category")?,
        field("outcome", bytes, text.clone(), 0, true)?,
        optional("phase")?,
        field("ref", fixed, Some(LogicalType::Uuid), 16, false)?,
        field("source_id", fixed, None, 16, false)?,
        field("source_seq", int, unsigned, 0, false)?,
        optional("recorded_by")?,
    ];
    for name in FACETS.iter().copied().chain(Part::ALL.map(Part::name)) {
        fields.push(optional(name)?);
    }
    if entries {
        fields.push(field("entry", bytes, None, 0, true)?);
        fields.push(field("leaf", fixed, None, 32, true)?);
    }
    Type::group_type_builder("record").with_fields(fields).build().map(Arc::new)
}

impl<W: Write + Send> ExportWriter<W> {
    /// Begins an export.
    pub fn new(out: W, entries: bool) -> Result<ExportWriter<W>, ParquetError> {
        ExportWriter::with(out, entries, properties())
    }

    /// Begins a file that many queries will look into for one id: its ids have bloom filters, by which a row
    /// group that does not have the one is passed over.
    pub fn with_blooms(out: W, entries: bool) -> Result<ExportWriter<W>, ParquetError> {
        let blooms = |properties: WriterPropertiesBuilder, name: &str| {
            let path = ColumnPath::from(name);
            properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path, EXPORT_GROUP_ROWS as u64)
        };
        ExportWriter::with(
            out,
            entries,
            BLOOMS.iter().fold(properties(), |p, name| blooms(p, name)),
        )
    }

    fn with(
        out: W,
        entries: bool,
        properties: WriterPropertiesBuilder,
    ) -> Result<ExportWriter<W>, ParquetError> {
        let file = SerializedFileWriter::new(out, schema(entries)?, Arc::new(properties.build()))?;
        Ok(ExportWriter { file, entries, waiting: Vec::new(), bytes: 0 })
    }

    /// Adds a record of the trail of this name.
    pub fn push(&mut self, trail: &Arc<str>, record: KeptRecord) -> Result<(), ParquetError> {
        let parts = Part::ALL.map(|part| record.part(part).map_or(0, <[u8]>::len));
        self.bytes += record.entry.len() + parts.iter().sum::<usize>();
        self.waiting.push(Row { trail: trail.clone(), record });
        let full = self.waiting.len() >= EXPORT_GROUP_ROWS || self.bytes >= EXPORT_GROUP_BYTES;
        if full { self.flush() } else { Ok(()) }
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
        self.bytes = 0;
        let entries: Vec<Entry<'_>> = rows.iter().map(|row| row.record.entry()).collect();
        let mut group = self.file.next_row_group()?;
        entry_columns(&mut group, &rows, &entries)?;
        facet_columns(&mut group, &rows)?;
        for part in Part::ALL {
            let bytes = |row: &Row| row.record.part(part).map(|b| ByteArray::from(b.to_vec()));
            column::<ByteArrayType, _>(&mut group, rows.iter().map(bytes))?;
        }
        if self.entries {
            let entry = |row: &Row| Some(ByteArray::from(row.record.entry.clone()));
            column::<ByteArrayType, _>(&mut group, rows.iter().map(entry))?;
            let leaf = |row: &Row| Some(fixed(&leaf_hash(&row.record.entry).0));
            column::<FixedLenByteArrayType, _>(&mut group, rows.iter().map(leaf))?;
        }
        group.close()?;
        Ok(())
    }
}

/// The place and what the entry says.
fn entry_columns<W: Write + Send>(
    g: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
    entries: &[Entry<'_>],
) -> Result<(), ParquetError> {
    column::<ByteArrayType, _>(g, rows.iter().map(|row| Some(text(&row.trail))))?;
    // A seq is a leaf index, which a tree keeps within signed 64 bits.
    column::<Int64Type, _>(g, rows.iter().map(|row| Some(row.record.seq.0 as i64)))?;
    column::<FixedLenByteArrayType, _>(g, entries.iter().map(|e| Some(fixed(&e.id.0))))?;
    column::<Int64Type, _>(g, entries.iter().map(|e| Some(e.recorded_at.0)))?;
    column::<Int64Type, _>(g, entries.iter().map(|e| e.occurred_at.map(|at| at.0)))?;
    column::<ByteArrayType, _>(g, entries.iter().map(|e| Some(text(e.action))))?;
    column::<ByteArrayType, _>(g, entries.iter().map(|e| e.category.map(text)))?;
    column::<ByteArrayType, _>(g, entries.iter().map(|e| Some(text(e.outcome.name()))))?;
    column::<ByteArrayType, _>(g, entries.iter().map(|e| e.phase.map(|p| text(p.name()))))?;
    column::<FixedLenByteArrayType, _>(
        g,
        entries.iter().map(|e| e.reference.map(|id| fixed(&id.0))),
    )?;
    column::<FixedLenByteArrayType, _>(g, entries.iter().map(|e| e.source.map(|s| fixed(&s.id))))?;
    // The column is declared unsigned: these are its 64 bits.
    column::<Int64Type, _>(g, entries.iter().map(|e| e.source.map(|s| s.seq as i64)))?;
    column::<ByteArrayType, _>(g, entries.iter().map(|e| e.recorded_by.map(text)))
}

fn facet_columns<W: Write + Send>(
    g: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
) -> Result<(), ParquetError> {
    let mut facets = Vec::with_capacity(rows.len());
    for row in rows {
        let part = |part| row.record.part(part);
        let read = Facets::read(part(Part::Who), part(Part::Where), part(Part::What));
        facets.push(read.map_err(|e| ParquetError::General(e.to_string()))?);
    }
    let fields: [fn(&Facets<'_>) -> Option<ByteArray>; Facets::COUNT] = [
        |f| f.actor_type.as_deref().map(text),
        |f| f.actor_id.as_deref().map(text),
        |f| f.actor_email.as_deref().map(text),
        |f| f.target_type.as_deref().map(text),
        |f| f.target_id.as_deref().map(text),
        |f| f.ip.as_deref().map(text),
        |f| f.service.as_deref().map(text),
    ];
    fields.iter().try_for_each(|field| column::<ByteArrayType, _>(g, facets.iter().map(field)))
}

fn text(s: &str) -> ByteArray {
    ByteArray::from(s.as_bytes().to_vec())
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

//! The columns of a segment: one table that the writer, the reader and the format page share.

use std::sync::{Arc, OnceLock};

use parquet::basic::{
    Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion,
};
use parquet::schema::types::{ColumnPath, SchemaDescPtr, SchemaDescriptor, Type};

/// Rows a page of exact bytes. A single record costs the decompression of one such page a part, so
/// this is the knob between needles (small) and compression (large).
pub(super) const EXACT_PAGE_ROWS: usize = 64;
/// Rows a page of the columns an entry is rebuilt from. Delta-coded pages are decoded from their
/// start, so a single record pays for half a page of each.
pub(super) const ENTRY_PAGE_ROWS: usize = 1_024;
/// Rows a page of the columns only scans and strangers' SQL read.
pub(super) const FACET_PAGE_ROWS: usize = 16_384;
/// A dictionary larger than this falls back to plain values.
pub(super) const DICTIONARY_BYTES_MAX: usize = 256 * 1024;
/// Bytes at which a data page is cut even if it has room for more rows.
pub(super) const PAGE_BYTES_LIMIT: usize = 1024 * 1024;
/// No page we write decompresses to more than this: a page is cut at `PAGE_BYTES_LIMIT` and one
/// event is at most 256 KiB. A header that claims more is damaged, and is refused before allocating.
pub(super) const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A column, by its place in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Col {
    Pos,
    Trail,
    Seq,
    Id,
    RecordedAt,
    OccurredAt,
    Action,
    Category,
    Outcome,
    Phase,
    Ref,
    SourceId,
    SourceSeq,
    RecordedBy,
    ActorType,
    ActorId,
    ActorEmail,
    TargetType,
    TargetId,
    Ip,
    Service,
    Salt,
    Who,
    Where,
    What,
    SaltWho,
    SaltWhere,
    SaltWhat,
    CommitWho,
    CommitWhere,
    CommitWhat,
    Codec,
}

/// How many columns a segment has.
pub(super) const COLUMNS: usize = Col::Codec as usize + 1;

/// The stored part columns, in `Part` order.
pub(super) const PART: [Col; 3] = [Col::Who, Col::Where, Col::What];
/// The part salts kept after an erasure, in `Part` order.
pub(super) const PART_SALT: [Col; 3] = [Col::SaltWho, Col::SaltWhere, Col::SaltWhat];
/// The commitments of parts that are gone, in `Part` order.
pub(super) const PART_COMMIT: [Col; 3] = [Col::CommitWho, Col::CommitWhere, Col::CommitWhat];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A 64-bit number.
    Int,
    /// A 64-bit number that may use its highest bit.
    Unsigned,
    /// Microseconds since 1970, UTC.
    Time,
    /// UTF-8.
    Text,
    /// A UUID's sixteen bytes.
    Uuid,
    /// So many bytes.
    Fixed(i32),
    /// A 32-bit number.
    Small,
}

/// How a column's values are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// A dictionary, falling back to plain, compressed or not.
    Dictionary { zstd: bool },
    /// Differences, bit-packed.
    Delta,
    /// As they are.
    Plain,
    /// As they are, through zstd-1.
    Compressed,
}

/// One column's layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Which column this is; equal to its index in `TABLE`.
    pub col: Col,
    /// Its name in the file.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether every row has a value.
    pub required: bool,
    /// How it is laid out.
    pub coding: Coding,
    /// Rows a page.
    pub page_rows: usize,
    /// What is said about its values in footer and page index.
    pub statistics: EnabledStatistics,
}

const fn column(
    col: Col,
    name: &'static str,
    kind: Kind,
    required: bool,
    coding: Coding,
    page_rows: usize,
    statistics: EnabledStatistics,
) -> Column {
    Column { col, name, kind, required, coding, page_rows, statistics }
}

const DICT: Coding = Coding::Dictionary { zstd: false };
const DICT_ZSTD: Coding = Coding::Dictionary { zstd: true };
const ENTRY: usize = ENTRY_PAGE_ROWS;
const FACET: usize = FACET_PAGE_ROWS;
const EXACT: usize = EXACT_PAGE_ROWS;
// Page minima and maxima where values follow time, so that they prune; a column such as `action` has
// nearly all its values in every page, where they would only cost space.
const PAGE: EnabledStatistics = EnabledStatistics::Page;
const CHUNK: EnabledStatistics = EnabledStatistics::Chunk;
const NONE: EnabledStatistics = EnabledStatistics::None;

/// The schema, in file order.
pub(super) static TABLE: [Column; COLUMNS] = [
    column(Col::Pos, "pos", Kind::Int, true, Coding::Delta, ENTRY, PAGE),
    column(Col::Trail, "trail", Kind::Text, true, DICT, ENTRY, CHUNK),
    column(Col::Seq, "seq", Kind::Int, true, Coding::Delta, ENTRY, PAGE),
    column(Col::Id, "id", Kind::Uuid, true, Coding::Plain, ENTRY, PAGE),
    column(Col::RecordedAt, "recorded_at", Kind::Time, true, Coding::Delta, ENTRY, PAGE),
    column(Col::OccurredAt, "occurred_at", Kind::Time, false, Coding::Delta, ENTRY, PAGE),
    column(Col::Action, "action", Kind::Text, true, DICT, ENTRY, CHUNK),
    column(Col::Category, "category", Kind::Text, false, DICT, ENTRY, CHUNK),
    column(Col::Outcome, "outcome", Kind::Text, true, DICT, ENTRY, CHUNK),
    column(Col::Phase, "phase", Kind::Text, false, DICT, ENTRY, CHUNK),
    column(Col::Ref, "ref", Kind::Uuid, false, Coding::Plain, ENTRY, CHUNK),
    column(Col::SourceId, "source_id", Kind::Fixed(16), false, DICT, ENTRY, CHUNK),
    column(Col::SourceSeq, "source_seq", Kind::Unsigned, false, Coding::Delta, ENTRY, CHUNK),
    column(Col::RecordedBy, "recorded_by", Kind::Text, false, DICT, ENTRY, CHUNK),
    column(Col::ActorType, "actor_type", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::ActorId, "actor_id", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::ActorEmail, "actor_email", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::TargetType, "target_type", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::TargetId, "target_id", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::Ip, "ip", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::Service, "service", Kind::Text, false, DICT_ZSTD, FACET, CHUNK),
    column(Col::Salt, "salt", Kind::Fixed(16), false, Coding::Plain, ENTRY, NONE),
    column(Col::Who, "who", Kind::Text, false, Coding::Compressed, EXACT, NONE),
    column(Col::Where, "where", Kind::Text, false, Coding::Compressed, EXACT, NONE),
    column(Col::What, "what", Kind::Text, false, Coding::Compressed, EXACT, NONE),
    column(Col::SaltWho, "salt_who", Kind::Fixed(16), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::SaltWhere, "salt_where", Kind::Fixed(16), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::SaltWhat, "salt_what", Kind::Fixed(16), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::CommitWho, "commit_who", Kind::Fixed(32), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::CommitWhere, "commit_where", Kind::Fixed(32), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::CommitWhat, "commit_what", Kind::Fixed(32), false, Coding::Plain, ENTRY, CHUNK),
    column(Col::Codec, "codec", Kind::Small, false, Coding::Plain, ENTRY, CHUNK),
];

impl Kind {
    /// Whether its values are numbers, and not bytes.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Int | Kind::Unsigned | Kind::Time | Kind::Small)
    }

    /// The bytes of one value, where that is the same for all.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Kind::Int | Kind::Unsigned | Kind::Time => Some(8),
            Kind::Small => Some(4),
            Kind::Uuid => Some(16),
            Kind::Fixed(width) => usize::try_from(width).ok(),
            Kind::Text => None,
        }
    }
}

impl Column {
    fn parquet_type(&self) -> Result<Type, ParquetError> {
        let (physical, logical, length) = match self.kind {
            Kind::Int => (Physical::INT64, None, 0),
            Kind::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false)), 0),
            Kind::Time => {
                (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)), 0)
            }
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), 0),
            Kind::Uuid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), 16),
            Kind::Fixed(length) => (Physical::FIXED_LEN_BYTE_ARRAY, None, length),
            Kind::Small => (Physical::INT32, None, 0),
        };
        let repetition = if self.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        Type::primitive_type_builder(self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .with_length(length)
            .build()
    }

    /// Whether its pages go through zstd.
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.coding, Coding::Compressed | Coding::Dictionary { zstd: true })
    }

    /// Whether only scans want this column: it is derived from the parts, and no entry needs it.
    pub(super) fn is_facet(&self) -> bool {
        (Col::ActorType as usize..=Col::Service as usize).contains(&(self.col as usize))
    }
}

/// The schema as Parquet sees it. Built once: it is the same for every segment.
pub(super) fn descriptor() -> Result<SchemaDescPtr, ParquetError> {
    static DESCRIPTOR: OnceLock<SchemaDescPtr> = OnceLock::new();
    if let Some(known) = DESCRIPTOR.get() {
        return Ok(known.clone());
    }
    let fields = TABLE
        .iter()
        .map(|column| column.parquet_type().map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let root = Type::group_type_builder("record").with_fields(fields).build()?;
    Ok(DESCRIPTOR.get_or_init(|| Arc::new(SchemaDescriptor::new(Arc::new(root)))).clone())
}

/// The writer's settings, column by column.
pub(super) fn writer_properties() -> WriterPropertiesPtr {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let mut builder = WriterProperties::builder()
        // Pages of version 2 keep the nulls apart from the values, so that an uncompressed page is
        // read in place, and say how many rows they hold.
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(concat!("indelible ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(None)
        .set_data_page_size_limit(PAGE_BYTES_LIMIT)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_statistics_truncate_length(Some(64))
        .set_column_index_truncate_length(Some(64))
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false);
    for column in &TABLE {
        let path = ColumnPath::from(column.name);
        builder = builder
            .set_column_data_page_row_count_limit(path.clone(), column.page_rows)
            .set_column_statistics_enabled(path.clone(), column.statistics);
        builder = match column.coding {
            Coding::Dictionary { zstd: compressed } => {
                let compression = if compressed { zstd } else { Compression::UNCOMPRESSED };
                builder
                    .set_column_dictionary_enabled(path.clone(), true)
                    .set_column_compression(path.clone(), compression)
                    .set_column_encoding(path, Encoding::PLAIN)
            }
            Coding::Delta => builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Coding::Plain => builder.set_column_encoding(path, Encoding::PLAIN),
            Coding::Compressed => builder
                .set_column_encoding(path.clone(), Encoding::PLAIN)
                .set_column_compression(path, zstd),
        };
    }
    Arc::new(builder.build())
}

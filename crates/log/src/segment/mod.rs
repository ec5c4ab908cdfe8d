//! A segment: an immutable Parquet file of records and its row table.

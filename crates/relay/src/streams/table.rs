//! The classic table, in PostgreSQL or SQLite: what reports and BI tools read with plain SQL.

use std::path::{Path, PathBuf};

use indelible_tables::{Address, Classic, ClassicRow, TableError, TableName};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::{Context, Sink, SinkError};
use crate::seam::Outgoing;
use crate::secret::Value;

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableTo {
    /// The database: `postgres://…` or `sqlite:FILE`.
    pub url: Value,
    /// The table.
    #[serde(default = "usual_table")]
    pub table: String,
    /// The schema it is in; the first of the user's search path where it is not given.
    #[serde(default)]
    pub schema: Option<String>,
    /// Whether the table is made where it is not there.
    #[serde(default = "yes")]
    pub migrate: bool,
    /// Where relative files begin.
    #[serde(skip)]
    dir: PathBuf,
}

fn usual_table() -> String {
    "audit_logs".to_owned()
}

fn yes() -> bool {
    true
}

impl TableTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.dir = dir.to_owned();
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        match self.address() {
            Ok(address) => format!("{address}, table {}", self.name()),
            Err(_) => format!("a database whose address cannot be read, table {}", self.name()),
        }
    }

    /// Makes the sink. An address that is not there yet is told when it is needed.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        self.table()?;
        Ok(Box::new(TableSink { to: self.clone(), runtime: context.runtime.clone(), open: None }))
    }

    fn name(&self) -> TableName {
        TableName { schema: self.schema.clone(), table: self.table.clone() }
    }

    fn address(&self) -> Result<Address, SinkError> {
        let url = self.url.reveal().map_err(|why| SinkError::Wrong {
            why,
            hint: "set it where the server is started".into(),
        })?;
        Ok(Address::parse(&url).map_err(said)?.below(&self.dir))
    }

    fn table(&self) -> Result<Classic, SinkError> {
        Classic::new(self.address()?, self.name(), self.migrate).map_err(said)
    }
}

struct TableSink {
    to: TableTo,
    runtime: Handle,
    open: Option<Classic>,
}

impl TableSink {
    /// Does something with the table. After an error the address is fetched again: a password may have been renewed.
    fn with<T>(
        &mut self,
        deed: impl AsyncFnOnce(&mut Classic) -> Result<T, TableError>,
    ) -> Result<T, SinkError> {
        let mut table = match self.open.take() {
            Some(table) => table,
            None => self.to.table()?,
        };
        let done = self.runtime.block_on(deed(&mut table));
        if matches!(done, Ok(_) | Err(TableError::Row { .. })) {
            self.open = Some(table);
        }
        done.map_err(said)
    }
}

impl Sink for TableSink {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        self.with(async |table| {
            let (mut rows, mut bad) = (Vec::with_capacity(events.len()), None);
            for (at, event) in events.iter().enumerate() {
                let json = std::str::from_utf8(&event.json).unwrap_or_default();
                match ClassicRow::of(table.kind(), &event.trail, event.seq, &event.leaf, json) {
                    Some(row) => rows.push(row),
                    None => {
                        bad = Some(TableError::Row { at, why: "it is no JSON object".into() });
                        break;
                    }
                }
            }
            // Those before it are to be there when it is set aside.
            table.write(&rows).await?;
            bad.map_or(Ok(()), Err)
        })
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        self.with(async |table| table.prepare().await)
    }
}

fn said(error: TableError) -> SinkError {
    match error {
        TableError::Later { why } => SinkError::Later { why, wait: None },
        TableError::Wrong { why, hint } => SinkError::Wrong { why, hint },
        TableError::Row { at, why } => SinkError::Poison { at, why },
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;

//! How a table of somebody else is imported.

use clap::Args;

/// The audit table that an application has until now.
#[derive(Debug, Args)]
#[command(next_help_heading = "A table of others")]
pub struct FromTable {
    /// The database: postgres://USER@HOST/DATABASE, sqlite:FILE, or env:NAME for what that variable says
    #[arg(long, value_name = "URL", requires = "table", group = "foreign",
          conflicts_with_all = ["what", "into", "as_trail", "vkey", "sha256", "node_key"])]
    pub from: Option<String>,
    /// The table: NAME or SCHEMA.NAME
    #[arg(long, value_name = "TABLE", requires = "from")]
    pub table: Option<String>,
    /// The column to read it by, where it has no key, or a random one: later rows are larger
    #[arg(long, value_name = "COLUMN", requires = "from")]
    pub order_by: Option<String>,
    /// Go on with what is added, until Ctrl-C or --until
    #[arg(long, requires = "from")]
    pub follow: bool,
    /// When to stop following: 8h, "2026-11-20 14:00"
    #[arg(long, value_name = "TIME", requires = "follow")]
    pub until: Option<String>,
    /// Do not ask whether the mapping is right
    #[arg(long, requires = "from")]
    pub yes: bool,
}

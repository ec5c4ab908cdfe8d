//! Names of tables and columns.

use std::fmt;
use std::str::FromStr;

use crate::error::TableError;
use crate::limits::NAME_BYTES_MAX;

/// A table's name, with its schema where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The schema; in SQLite an attached database.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

/// An identifier as both databases read it, whatever is in it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl TableName {
    /// As it stands in a statement.
    pub(crate) fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.table)),
            None => quoted(&self.table),
        }
    }

    /// A name beside it: of an index, a trigger, another table.
    pub(crate) fn beside(&self, table: &str) -> TableName {
        TableName { schema: self.schema.clone(), table: table.to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

impl FromStr for TableName {
    type Err = TableError;

    /// `table` or `schema.table`; what has a dot in it stands in double quotes, as in SQL.
    fn from_str(text: &str) -> Result<TableName, TableError> {
        let refused = |why: &str| {
            let hint = "write table or schema.table; a name with a dot in it in double quotes";
            TableError::wrong(format!("the table's name {why}"), hint)
        };
        let mut parts = vec![String::new()];
        let mut quoted = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let part = parts.last_mut().expect("there is always one");
            match letter {
                '"' if quoted && letters.next_if_eq(&'"').is_some() => part.push('"'),
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                '\0' => return Err(refused("has U+0000 in it")),
                letter => part.push(letter),
            }
        }
        if quoted {
            return Err(refused("has a quote that is not closed"));
        }
        if parts.iter().any(|part| part.is_empty() || part.len() > NAME_BYTES_MAX) {
            return Err(refused("is empty or too long"));
        }
        let table = parts.pop().expect("there is always one");
        let schema = parts.pop();
        if parts.is_empty() {
            Ok(TableName { schema, table })
        } else {
            Err(refused("has too many dots"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_in_sql_and_quoted() {
        let sql = |text: &str| text.parse::<TableName>().map(|name| name.sql());
        assert_eq!(sql("audit_log").unwrap(), r#""audit_log""#);
        assert_eq!(sql("app.Audit").unwrap(), r#""app"."Audit""#);
        assert_eq!(sql(r#""a.b"."c""d""#).unwrap(), r#""a.b"."c""d""#);
        assert_eq!(sql("x; drop table y").unwrap(), r#""x; drop table y""#);
        for bad in ["", ".a", "a.", "a.b.c", "\"a", "a\0b"] {
            assert!(matches!(sql(bad), Err(TableError::Wrong { .. })), "{bad:?}");
        }
    }
}

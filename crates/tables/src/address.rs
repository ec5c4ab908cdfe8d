//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

use crate::error::TableError;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// An address: `postgres://…` or `sqlite:FILE`. Its password is shown nowhere.
#[derive(Clone)]
pub struct Address(pub(crate) At);

#[derive(Clone)]
pub(crate) enum At {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

const HINT: &str = "write postgres://USER:PASSWORD@HOST/DATABASE or sqlite:FILE; in a password, what is no letter or \
                    digit stands as %XX";

impl Address {
    /// Reads one. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Address, TableError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // What is wrong with an address may be the password's fault, and the parser may say so.
            let options = PgConnectOptions::from_str(text)
                .map_err(|_| TableError::wrong("the database's address makes no sense", HINT))?;
            return Ok(Address(At::Postgres(Box::new(options))));
        }
        let file = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        match file.map(|file| file.split_once('?').map_or(file, |(file, _)| file)) {
            Some("") | Some(":memory:") => {
                Err(TableError::wrong("the database's address names no file", HINT))
            }
            Some(file) => Ok(Address(At::Sqlite(file.into()))),
            None => Err(TableError::wrong(
                "the database's address begins neither with postgres: nor with sqlite:",
                HINT,
            )),
        }
    }

    /// A relative file becomes one from this directory on.
    pub fn below(self, dir: &Path) -> Address {
        match self.0 {
            At::Sqlite(file) => Address(At::Sqlite(dir.join(file))),
            at => Address(at),
        }
    }

    /// Which database it is.
    pub fn kind(&self) -> Kind {
        match self.0 {
            At::Postgres(_) => Kind::Postgres,
            At::Sqlite(_) => Kind::Sqlite,
        }
    }

    /// The database's name: what rows are said to come from, wherever the server is.
    pub fn database(&self) -> String {
        match &self.0 {
            At::Postgres(options) => {
                options.get_database().unwrap_or_else(|| options.get_username()).to_owned()
            }
            At::Sqlite(file) => {
                file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
            }
        }
    }
}

/// For people, without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            At::Postgres(options) => {
                let host = options
                    .get_socket()
                    .map_or_else(|| options.get_host().to_owned(), |dir| dir.display().to_string());
                let (user, port) = (options.get_username(), options.get_port());
                write!(f, "postgres://{user}@{host}:{port}/{}", self.database())
            }
            At::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address = Address::parse("postgres://app:s3cr%2Ft@db.example.com:6432/shop").unwrap();
        assert_eq!(address.to_string(), "postgres://app@db.example.com:6432/shop");
        assert_eq!((address.database(), address.kind()), ("shop".into(), Kind::Postgres));
        let address = Address::parse("sqlite:data/app.db").unwrap().below(Path::new("/srv"));
        assert_eq!(format!("{address:?}"), "sqlite:/srv/data/app.db");
        assert_eq!(address.database(), "app.db");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for bad in [
            "",
            "mysql://a:s3cret@b/c",
            "postgres://a:s3cret@b:port/c",
            "sqlite:",
            "sqlite::memory:",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}

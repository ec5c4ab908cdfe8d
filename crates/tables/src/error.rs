//! What can go wrong with a database, by what is to be done about it.

use std::io::ErrorKind;

/// Why a database did not do what was asked. Nothing in it shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// It cannot be reached, is starting, overloaded or locked: the same again after a pause.
    #[error("{why}")]
    Later {
        /// What it was.
        why: String,
    },
    /// Somebody has to put something right.
    #[error("{why}")]
    Wrong {
        /// What it was.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// It will never take this row; those before it, it has.
    #[error("{why}")]
    Row {
        /// Which one of those that were to be written.
        at: usize,
        /// Why.
        why: String,
    },
}

impl TableError {
    pub(crate) fn wrong(why: impl Into<String>, hint: impl Into<String>) -> TableError {
        TableError::Wrong { why: why.into(), hint: hint.into() }
    }

    pub(crate) fn later(why: impl Into<String>) -> TableError {
        TableError::Later { why: why.into() }
    }
}

/// What an error of the driver means.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// As for everybody.
    Is(TableError),
    /// A value was not taken.
    Data(String),
}

impl Meaning {
    /// Where no value was sent, so that none can be at fault.
    pub(crate) fn plain(self) -> TableError {
        match self {
            Meaning::Is(error) => error,
            Meaning::Data(why) => {
                TableError::wrong(why, "see the database's own log for what it was about")
            }
        }
    }
}

/// What an error means at this place, which is an address without a password.
pub(crate) fn meaning(place: &str, error: &sqlx::Error) -> Meaning {
    let wrong = |why: String, hint: &str| Meaning::Is(TableError::wrong(why, hint));
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let why = format!("{place}: {}", error.message());
            match error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                Some(_) => postgres(&code, why),
                None => sqlite(&code, why),
            }
        }
        sqlx::Error::Tls(error) => wrong(format!("{place}: {error}"), CERTIFICATE),
        // What rustls says of a certificate comes as an error of reading.
        sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            wrong(format!("{place}: {error}"), CERTIFICATE)
        }
        sqlx::Error::Io(error) if error.kind() == ErrorKind::PermissionDenied => {
            wrong(format!("{place}: {error}"), "let this user open it")
        }
        sqlx::Error::Configuration(error) => {
            wrong(format!("{place}: {error}"), "correct the address")
        }
        error => Meaning::Is(TableError::later(format!("{place}: {error}"))),
    }
}

const CERTIFICATE: &str = "check the server's certificate and its date; a private authority is named by \
                           sslrootcert=FILE in the address, and sslmode=verify-full asks for it";

/// Classes and codes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres(code: &str, why: String) -> Meaning {
    let hint = match code {
        "28P01" | "28000" => "check the user and the password, and what pg_hba.conf lets in",
        "3D000" => "create the database, or correct its name in the address",
        "42P01" => "check the table's name and its schema",
        "3F000" => "create the schema, or correct its name",
        "42501" => {
            "grant it: SELECT on the table to read it; to write it USAGE on the schema, SELECT and INSERT on \
             the table, and CREATE on the schema the first time"
        }
        "42703" | "42804" | "42P10" => {
            "the table has another layout than expected: `indelible stream schema` prints it"
        }
        "25006" => "the server takes no writes: name the primary server, not a standby",
        "P0001" => "a trigger of the table refused it",
        _ => "",
    };
    if !hint.is_empty() {
        return Meaning::Is(TableError::wrong(why, hint));
    }
    match code.get(..2).unwrap_or_default() {
        // Data, constraints, and limits such as the length of a row in an index.
        "22" | "23" | "54" => Meaning::Data(why),
        "08" | "40" | "53" | "55" | "57" | "58" | "XX" => Meaning::Is(TableError::later(why)),
        _ => {
            Meaning::Is(TableError::wrong(why, "see the database's own log for what it was about"))
        }
    }
}

/// Result codes of <https://www.sqlite.org/rescode.html>; the lowest byte is the primary one.
fn sqlite(code: &str, why: String) -> Meaning {
    let primary = code.parse::<i32>().unwrap_or(0) & 0xff;
    let hint = match primary {
        // Busy, locked, out of memory, interrupted, input or output, full, protocol.
        5 | 6 | 7 | 9 | 10 | 13 | 15 => return Meaning::Is(TableError::later(why)),
        // Too large, a constraint, a mismatch.
        18..=20 => return Meaning::Data(why),
        3 | 8 | 23 => "let this user write the file and its directory",
        11 | 26 => "the file is damaged, or no SQLite database",
        14 => "check that the file is there, and that this user may open it and its directory",
        _ => {
            "check the table's name and layout: `indelible stream schema` prints the one that is written"
        }
    };
    Meaning::Is(TableError::wrong(why, hint))
}

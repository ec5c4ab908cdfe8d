//! Errors of a backend, as events tell them.

use std::fmt;

use indelible_recorder::{Event, Outcome};
use opendal_core::{Error, ErrorKind};

/// Why an operation did not succeed.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: String,
    message: String,
    denied: bool,
}

impl Fault {
    /// Only the message is told: the context and the source of an error may hold addresses that are signed.
    pub(crate) fn of(error: &Error) -> Fault {
        let kind = error.kind();
        let said = Some(error.message()).filter(|said| !said.is_empty());
        Fault {
            code: snake_case(kind.into_static()),
            message: said.unwrap_or(kind.into_static()).to_owned(),
            denied: kind == ErrorKind::PermissionDenied,
        }
    }

    /// The caller gave it up.
    pub(crate) fn aborted() -> Fault {
        Fault { code: "aborted".into(), message: "aborted by the caller".into(), denied: false }
    }

    pub(crate) fn is_denied(&self) -> bool {
        self.denied
    }

    pub(crate) fn tell(self, event: Event) -> Event {
        let outcome = if self.denied { Outcome::Denied } else { Outcome::Failure };
        event.outcome(outcome).error_code(self.code).error(self.message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// `NotFound` as `not_found`: derived, so that kinds that are added later have a code too.
fn snake_case(name: &str) -> String {
    let mut code = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            code.push('_');
        }
        code.push(letter.to_ascii_lowercase());
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_become_codes() {
        let code = |kind| Fault::of(&Error::new(kind, "")).code;
        assert_eq!(code(ErrorKind::NotFound), "not_found");
        assert_eq!(code(ErrorKind::IsADirectory), "is_a_directory");
        assert_eq!(code(ErrorKind::Unexpected), "unexpected");
    }

    #[test]
    fn a_message_says_nothing_of_context_and_source() {
        let error = Error::new(ErrorKind::Unexpected, "broken")
            .with_context("uri", "https://storage.example.com/a?signature=s3cret");
        assert_eq!(Fault::of(&error).to_string(), "broken");
        assert_eq!(Fault::of(&Error::new(ErrorKind::NotFound, "")).to_string(), "NotFound");
    }
}

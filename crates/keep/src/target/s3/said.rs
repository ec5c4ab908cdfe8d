//! What a bucket says, as an error that tells what to do, without a secret in it.

use std::error::Error as _;
use std::io;

use crate::deed::cut_to;
use crate::limits;
use crate::target::TargetError;

/// What services call credentials that were good once.
const EXPIRED: [&str; 5] = [
    "ExpiredToken",
    "RequestExpired",
    "ExpiredTokenException",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
];
/// What they call credentials that are not good for this, or for anything.
const DENIED: [&str; 7] = [
    "AccessDenied",
    "AllAccessDisabled",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "AccountProblem",
    "NotSignedUp",
];
/// What they call a bucket that is not there.
const NO_SUCH_BUCKET: &str = "NoSuchBucket";
/// What they call an upload that is not there any more.
pub(super) const NO_SUCH_UPLOAD: &str = "NoSuchUpload";

/// The error of one request, and the code that the service gave.
pub(super) fn explain(
    target: &str,
    key: &str,
    error: &object_store::Error,
    secrets: &[String],
) -> (TargetError, Option<String>) {
    let full = chain(error);
    let code = element(&full, "Code").map(str::to_owned);
    // The whole body is not for showing: that of an expired token repeats the token.
    let reason = match (&code, element(&full, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.clone(),
        (None, _) => full.split('<').next().unwrap_or_default().trim_end().to_owned(),
    };
    let reason = cut_to(&hide(&reason, secrets), limits::REASON_BYTES_MAX).to_owned();
    let (target, key) = (target.to_owned(), key.to_owned());
    // The code says more than the status: a listing fails in a general way, whatever the reason.
    let is_one_of = |codes: &[&str]| code.as_deref().is_some_and(|code| codes.contains(&code));
    let said = match error {
        _ if is_one_of(&EXPIRED) => TargetError::Expired { target, reason },
        _ if is_one_of(&DENIED) => TargetError::Denied { target, reason },
        _ if is_one_of(&[NO_SUCH_BUCKET]) => {
            TargetError::Bad(format!("{target}: there is no such bucket"))
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => TargetError::Denied { target, reason },
        object_store::Error::NotFound { .. } if !is_one_of(&[NO_SUCH_UPLOAD]) => {
            TargetError::Missing { target, key }
        }
        _ => TargetError::Io { target, key, source: io::Error::other(reason) },
    };
    (said, code)
}

/// A text with every secret in it hidden.
pub(super) fn hide(text: &str, secrets: &[String]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= 4);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
}

fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}

/// The text of an XML element.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(value, _)| value.trim())
}

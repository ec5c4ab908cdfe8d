//! Audit logs of others, record by record: AWS CloudTrail, the Kubernetes API server, GitHub.
//!
//! Each format is a table of which of its members goes where, and a few lines for what no table can say. Members that an
//! event can keep as they are move to their place; the rest of the record stays in `details`, as it was written and in
//! its order. So nothing is lost, and hardly anything is kept twice. [`Split`] finds the records of a file.

mod cloudtrail;
mod fields;
mod github;
mod kubernetes;
mod split;

use std::borrow::Cow;

use indelible_event::{Checked, check};

use crate::draft::{Draft, Unmapped};

pub use split::{Lost, Split};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"Records": […]}` of a trail's bucket, or a record a line.
    CloudTrail,
    /// `audit.k8s.io/v1`: an event a line, or an `EventList`.
    Kubernetes,
    /// The audit log of an organisation or enterprise: an array, or an event a line.
    GitHub,
}

impl Format {
    /// Makes an event of a record. The field of what is refused is the record's own.
    ///
    /// ```
    /// use indelible_connect::import::Format;
    ///
    /// let record = r#"{"eventID":"1","eventTime":"2026-01-31T10:00:00Z","eventSource":"s3.amazonaws.com",
    ///                  "eventName":"DeleteBucket","errorCode":"AccessDenied"}"#;
    /// let draft = Format::CloudTrail.map(record).map_err(|unmapped| unmapped.message)?;
    /// assert_eq!((&*draft.action, draft.outcome.as_deref()), ("s3.delete_bucket", Some("denied")));
    /// # Ok::<(), String>(())
    /// ```
    pub fn map(self, record: &str) -> Result<Draft<'_>, Unmapped> {
        match self {
            Format::CloudTrail => cloudtrail::map(record),
            Format::Kubernetes => kubernetes::map(record),
            Format::GitHub => github::map(record),
        }
    }

    /// The member of a file's object whose elements are the records.
    pub fn list(self) -> &'static [&'static str] {
        match self {
            Format::CloudTrail => &["Records"],
            Format::Kubernetes => &["items"],
            Format::GitHub => &[],
        }
    }

    /// Makes a record the JSON of an event, and checks it. `line` is written anew.
    pub fn event(self, record: &[u8], line: &mut Vec<u8>) -> Result<Checked, Unmapped> {
        let text = std::str::from_utf8(record).map_err(|_| Unmapped::new("", "is not UTF-8"))?;
        finish(self.map(text)?, text, line)
    }
}

/// Writes an event and checks it. Where only the JSON that was taken over is not fit for an event (keys twice, more keys
/// than an event may have, too deep), the original is kept in `details.original` as the text that it is.
pub fn finish(
    mut draft: Draft<'_>,
    original: &str,
    line: &mut Vec<u8>,
) -> Result<Checked, Unmapped> {
    line.clear();
    draft.write(line);
    let refusal = match check(line) {
        Ok(checked) => return Ok(checked),
        Err(refusal) => refusal,
    };
    if refusal.field.starts_with('/')
        || refusal.field.starts_with("details")
        || refusal.field.starts_with("changes")
    {
        let mut details = String::from("{\"original\":");
        fields::write_text(original, &mut details);
        details.push('}');
        (draft.details, draft.before, draft.after) = (Some(Cow::Owned(details)), None, None);
        line.clear();
        draft.write(line);
        if let Ok(checked) = check(line) {
            return Ok(checked);
        }
    }
    Err(Unmapped::new(refusal.field, refusal.reason.to_string()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! Nothing secret leaves the process: secrets are taken out of an event before it is queued for sending, kept in a
//! spool or written anywhere.
//!
//! What is secret is told by, the stronger one first:
//!
//! 1. [`Redaction::hmac`] with a path: the value becomes `hmac-sha256:<hex>`, so that equal ones can still be found;
//! 2. [`Redaction::deny`]: everything at and below a path goes;
//! 3. [`Redaction::allow`]: everything at and below a path stays;
//! 4. **keys** in free JSON (`changes`, `details`): [`SECRET_KEYS`] and one's own patterns. The whole value goes, be it
//!    a text, a number or an object; `null`, `true` and `false` stay, for that a password was absent is no secret;
//! 5. **shapes** in every text but those that must keep their form (ids of events, trail, action, …): JWTs, private
//!    keys in PEM, keys of cloud services, `Bearer` and `Basic`, passwords in URLs and connection strings, secret
//!    parameters and headers; card numbers only in free JSON, error messages, user agents and HTTP paths, because a
//!    number of 16 digits is too often the id of something. Only the secret part of a text is replaced.
//!
//! What is replaced becomes `[redacted]`; in an object's keys `[redacted key 1]` and so on. All else stays byte for
//! byte, numbers included; a text in which a part was replaced is written with as few escapes as JSON allows. Redacting
//! twice is the same as once. It takes time linear in the event: an ordinary one of 680 bytes without secrets was
//! measured at 1.4 µs. What is nested deeper than [`REDACT_DEPTH_MAX`](crate::limits::REDACT_DEPTH_MAX), or is no JSON, is
//! not looked at: it is no event and will be refused as such.
//!
//! It is a net, not a proof: numbers are not looked at as cards, and a password in prose ("her password is …") has neither key nor shape.

mod cards;
mod keys;
mod paths;
mod shapes;
mod text;
mod walk;

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub use keys::{NO_SECRETS, SECRET_KEYS, STILL_THE_SAME};

use keys::{Keys, Words};
use paths::{Paths, Treatment};
use shapes::Finder;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";
/// What an HMAC that stands where a value stood begins with.
pub const HMAC_MARK: &str = "hmac-sha256:";

/// What is taken out of events before they leave the process. On by default.
///
/// ```
/// use indelible_recorder::Redaction;
///
/// let redaction = Redaction::default()
///     .key_pattern("door_code")
///     .deny("changes.*.salary")
///     .allow("details.demo.token")
///     .hmac("details.email")
///     .hmac_key([7; 32]);
/// let event = r#"{"action":"user.update","details":{"newPassword":"hunter2","doorCode":4711,"size":1.50}}"#;
/// let (redacted, count) = redaction.apply(event);
/// assert_eq!(
///     redacted.as_deref(),
///     Some(r#"{"action":"user.update","details":{"newPassword":"[redacted]","doorCode":"[redacted]","size":1.50}}"#),
/// );
/// assert_eq!(count, 2);
/// ```
#[derive(Clone)]
pub struct Redaction(Option<Arc<Inner>>);

#[derive(Clone)]
struct Inner {
    keys: Keys,
    paths: Paths,
    hmac_key: Option<Box<[u8]>>,
}

impl Default for Redaction {
    /// On, with the built-in keys and shapes.
    fn default() -> Redaction {
        let inner = Inner { keys: Keys::built_in(), paths: Paths::default(), hmac_key: None };
        Redaction(Some(Arc::new(inner)))
    }
}

impl fmt::Debug for Redaction {
    /// Says whether it is on, and nothing of its key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").field("on", &self.0.is_some()).finish_non_exhaustive()
    }
}

impl Redaction {
    /// Takes nothing out.
    ///
    /// ```
    /// use indelible_recorder::Redaction;
    ///
    /// assert_eq!(Redaction::off().apply(r#"{"details":{"password":"hunter2"}}"#), (None, 0));
    /// ```
    pub fn off() -> Redaction {
        Redaction(None)
    }

    /// Whether it does anything.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// One more pattern of keys whose values are secret, such as `door_code`. It is matched like
    /// [`SECRET_KEYS`]: `doorCode`, `DOOR-CODE` and `user_door_code_hash` too.
    pub fn key_pattern(self, pattern: impl AsRef<str>) -> Redaction {
        self.with(|inner| inner.keys.add_own(pattern.as_ref()))
    }

    /// Everything at and below a path goes: `changes.after.ssn`. `*` stands for any one member, and is how
    /// an array's elements are told: `targets.*.name`. In the members of the schema the texts go, and the form stays.
    pub fn deny(self, path: impl AsRef<str>) -> Redaction {
        self.with(|inner| inner.paths.add(path.as_ref(), Treatment::Deny))
    }

    /// Everything at and below a path stays, whatever its key or shape.
    pub fn allow(self, path: impl AsRef<str>) -> Redaction {
        self.with(|inner| inner.paths.add(path.as_ref(), Treatment::Allow))
    }

    /// A path (`details.email`, `actor.id`) or, without a dot, a pattern of keys (`email`): the value becomes
    /// `hmac-sha256:` and its HMAC-SHA-256 in hex, over what a text says or any other value's JSON. Equal
    /// values stay equal, and whoever has the key can look for one. Without a key it becomes `[redacted]`.
    ///
    /// ```
    /// use indelible_recorder::Redaction;
    ///
    /// let redaction = Redaction::default().hmac("details.email").hmac_key([7; 32]);
    /// let (one, _) = redaction.apply(r#"{"details":{"email":"maria@example.com"}}"#);
    /// assert!(one.unwrap().starts_with(r#"{"details":{"email":"hmac-sha256:"#));
    /// ```
    pub fn hmac(self, path_or_key: impl AsRef<str>) -> Redaction {
        let asked = path_or_key.as_ref();
        self.with(|inner| match asked.contains('.') {
            true => inner.paths.add(asked, Treatment::Hmac),
            false => inner.keys.add_hmac(asked),
        })
    }

    /// The key of the HMACs; 32 random bytes are right.
    pub fn hmac_key(self, key: impl AsRef<[u8]>) -> Redaction {
        self.with(|inner| inner.hmac_key = Some(key.as_ref().into()))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Redaction {
        if let Some(inner) = &mut self.0 {
            change(Arc::make_mut(inner));
        }
        self
    }

    /// An event's JSON (in the nested form) without its secrets, or `None` if it has none; and how many values were
    /// replaced.
    ///
    /// ```
    /// use indelible_recorder::Redaction;
    ///
    /// let redaction = Redaction::default();
    /// assert_eq!(redaction.apply(r#"{"action":"file.read","details":{"tokens_used":17}}"#), (None, 0));
    /// let (redacted, count) = redaction.apply(r#"{"error":{"message":"GET /?token=s3cret failed"}}"#);
    /// assert_eq!(redacted.as_deref(), Some(r#"{"error":{"message":"GET /?token=[redacted] failed"}}"#));
    /// assert_eq!(count, 1);
    /// ```
    pub fn apply(&self, event_json: &str) -> (Option<String>, usize) {
        self.0.as_deref().map_or((None, 0), |inner| walk::Walk::through(inner, event_json))
    }

    /// A text that has to be cut without what looks like a secret in it, wherever it stands and whatever paths say.
    pub(crate) fn without_shapes(&self, text: &str) -> Option<String> {
        let mut finder = Finder { keys: &self.0.as_deref()?.keys, words: Words::default() };
        finder.redacted(text, true)
    }
}

impl Inner {
    fn hmac_of(&self, content: &str) -> Option<String> {
        let key = self.hmac_key.as_deref()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(content.as_bytes());
        let hex: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("{HMAC_MARK}{hex}"))
    }
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;

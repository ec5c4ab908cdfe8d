//! Syslog, both ways.
//!
//! In: [`Frames`] takes a connection's bytes apart into messages (RFC 6587, octets counted or lines), [`Message::parse`]
//! reads one (RFC 5424 strictly, RFC 3164 as far as it goes), and [`event()`] makes an event of it. Nothing is lost on the
//! way: what cannot be read becomes an event too ([`unreadable`]), with its text and why. Out: [`write()`] makes a
//! message of RFC 5424.

mod event;
mod frame;
mod known;
pub(crate) mod members;
mod old;
mod parse;
mod write;

use std::borrow::Cow;

pub use event::{Sender, event, unreadable};
pub use frame::{Frame, Frames};
pub use write::{Form, Header, count, write};

/// A message, taken apart. Texts are as they were written; what was not UTF-8 was replaced before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What part of the system it is about: 0 to 23.
    pub facility: u8,
    /// How bad it is: 0 (emergency) to 7 (debug).
    pub severity: u8,
    /// Whether it is of RFC 3164, the older form.
    pub old: bool,
    /// When it was written: RFC 3339, or `Mmm dd hh:mm:ss` of the older form.
    pub timestamp: Option<&'a str>,
    /// Which machine.
    pub hostname: Option<&'a str>,
    /// Which program.
    pub app_name: Option<&'a str>,
    /// Which process.
    pub procid: Option<&'a str>,
    /// What kind of message.
    pub msgid: Option<&'a str>,
    /// Names and values.
    pub structured_data: Vec<Element<'a>>,
    /// What it says.
    pub msg: &'a str,
}

/// An element of structured data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its name, such as `origin` or `x@32473`.
    pub id: &'a str,
    /// What it says, in its order. A name may stand there several times.
    pub params: Vec<(&'a str, Cow<'a, str>)>,
}

/// Why a text is no message: from which byte on, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub at: usize,
    /// What, as a sentence.
    pub why: &'static str,
}

/// What the numbers of facilities mean, where they do.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// What the numbers of severities mean.
const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

impl<'a> Message<'a> {
    /// Reads a message, without the octets' count or the line break around it.
    ///
    /// ```
    /// use indelible_connect::syslog::Message;
    ///
    /// let text = "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\"] An event";
    /// let message = Message::parse(text)?;
    /// assert_eq!((message.facility, message.severity, message.msgid), (20, 5, Some("ID47")));
    /// assert_eq!((message.structured_data[0].id, message.msg), ("exampleSDID@32473", "An event"));
    /// # Ok::<(), indelible_connect::syslog::Unreadable>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<Message<'a>, Unreadable> {
        let (priority, rest) = parse::priority(text)?;
        let (facility, severity) = (priority >> 3, priority & 7);
        // A version follows at once in the newer form, and never in the older.
        let message =
            if parse::has_version(rest) { parse::message(text, rest)? } else { old::message(rest) };
        Ok(Message { facility, severity, ..message })
    }

    /// What the facility's number means.
    pub fn facility_name(&self) -> &'static str {
        FACILITIES.get(usize::from(self.facility)).copied().unwrap_or("unknown")
    }

    /// What the severity's number means.
    pub fn severity_name(&self) -> &'static str {
        SEVERITIES.get(usize::from(self.severity)).copied().unwrap_or("unknown")
    }
}

#[cfg(test)]
#[path = "syslog/tests.rs"]
mod tests;

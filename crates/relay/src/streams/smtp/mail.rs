//! An event as a mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Message as Mail, SinglePart};

use super::{SmtpTo, wrong};
use crate::limits::MAIL_COLUMNS;
use crate::seam::Outgoing;
use crate::streams::SinkError;
use crate::streams::alert::Message;

/// The last second that a mail's date can tell: that of the year 9999.
const SECOND_MAX: i64 = 253_402_300_799;

/// The mail, as it goes over the wire, but for its last line.
pub(super) fn of(
    to: &SmtpTo,
    stream: &str,
    event: &Outgoing,
    message: &Message,
) -> Result<Vec<u8>, SinkError> {
    let domain = to.from.0.email.domain();
    let second = event.recorded_at.0.div_euclid(1_000_000).clamp(0, SECOND_MAX);
    let date = UNIX_EPOCH + Duration::from_secs(second.unsigned_abs());
    let mut mail = Mail::builder()
        .from(to.from.0.clone())
        .date(date)
        .subject(message.headline.clone())
        // The same event is the same mail, however often it is sent.
        .message_id(Some(format!("<{}.{stream}@{domain}>", event.id)));
    for receiver in &to.to {
        mail = mail.to(receiver.0.clone());
    }
    // No answer by a machine is wanted, and lists and vacation notices heed that.
    mail = mail.raw_header(header("Auto-Submitted", "auto-generated"));
    mail = mail.raw_header(header("X-Auto-Response-Suppress", "All"));
    if let Some(alert) = &message.alert {
        mail = mail.raw_header(header("X-Indelible-Alert", alert));
        // What belongs to one alert is shown as one conversation.
        let id: String = alert.chars().filter(char::is_ascii_alphanumeric).collect();
        mail = mail.references(format!("<{id}.alert@{domain}>"));
    }
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text(event, message));
    let mail = mail.singlepart(text).map_err(|error| {
        wrong(format!("no mail can be made: {error}"), "look at `from` and `to`")
    })?;
    Ok(mail.formatted())
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The text: no line that need be wrapped is longer than [`MAIL_COLUMNS`].
fn text(event: &Outgoing, message: &Message) -> String {
    let mut text = String::new();
    wrap(&mut text, "", &message.summary);
    text.push('\n');
    for (name, value) in &message.facts {
        wrap(&mut text, "", &format!("{name}: {value}"));
    }
    for (name, value) in &message.paragraphs {
        text += &format!("\n{name}:\n");
        wrap(&mut text, "  ", value);
    }
    if !message.events.is_empty() {
        text += "\nEvents:\n";
        for event in &message.events {
            wrap(&mut text, "  ", event);
        }
    }
    if let Some(url) = &message.url {
        text += &format!("\n{url}\n");
    }
    // What begins so is left out of answers.
    text += &format!("\n-- \nIndelible, {}/{}, {}\n", event.trail, event.seq, event.id);
    text
}

/// Adds a paragraph in lines. A word that is longer than a line stays whole: it may be an address.
fn wrap(text: &mut String, indent: &str, paragraph: &str) {
    let mut column = 0;
    for word in paragraph.split_whitespace() {
        let chars = word.chars().count();
        if column > 0 && column + 1 + chars > MAIL_COLUMNS {
            text.push('\n');
            column = 0;
        }
        if column == 0 {
            text.push_str(indent);
            column = indent.len();
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += chars;
    }
    text.push('\n');
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;

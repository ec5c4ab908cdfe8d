//! RFC 3164, which tells what was seen on the wire: time, host and tag, each perhaps not there. Whatever does not look
//! like them belongs to the text, so that this never fails.

use super::Message;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Mmm dd hh:mm:ss`.
const TIME_BYTES: usize = 15;

/// The most bytes of a tag: 32 by the RFC, which programs have outgrown.
const TAG_BYTES_MAX: usize = 64;

/// Reads what comes behind the priority.
pub(super) fn message(rest: &str) -> Message<'_> {
    let (timestamp, rest) = match timestamp(rest) {
        Some((time, rest)) => (Some(time), rest),
        None => (None, rest),
    };
    // A host is there only behind a time; a word that ends a tag is none (programs on the same machine leave it out).
    let (hostname, rest) = match rest.split_once(' ') {
        Some((word, behind)) if timestamp.is_some() && is_host(word) => (Some(word), behind),
        _ => (None, rest),
    };
    let (app_name, procid, msg) = tag(rest).unwrap_or((None, None, rest));
    Message {
        facility: 0,
        severity: 0,
        old: true,
        timestamp,
        hostname,
        app_name,
        procid,
        msgid: None,
        structured_data: Vec::new(),
        msg,
    }
}

/// The time of the RFC, or one of RFC 3339, which rsyslog and others write there.
fn timestamp(text: &str) -> Option<(&str, &str)> {
    if let Some((word, rest)) = text.split_once(' ')
        && indelible_event::Micros::parse(word).is_ok()
    {
        return Some((word, rest));
    }
    let (time, rest) = text.split_at_checked(TIME_BYTES)?;
    let like = time.bytes().zip(*b"Mmm dd hh:mm:ss").all(|(byte, form)| match form {
        b' ' | b':' => byte == form,
        b'd' => byte.is_ascii_digit() || byte == b' ',
        b'h' | b'm' | b's' if !byte.is_ascii_alphabetic() => byte.is_ascii_digit(),
        _ => byte.is_ascii_alphabetic(),
    });
    (like && MONTHS.contains(&time.get(..3)?)).then_some((time, rest.strip_prefix(' ')?))
}

fn is_host(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    !word.is_empty() && word.len() <= 255 && !word.ends_with(':') && word.bytes().all(plain)
}

/// `sshd[4711]: text` or `su: text`.
fn tag(text: &str) -> Option<(Option<&str>, Option<&str>, &str)> {
    let is_tag = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'[' | b':' | b'{' | b'<' | b'"');
    let len = text.bytes().take_while(is_tag).count();
    if len == 0 || len > TAG_BYTES_MAX {
        return None;
    }
    let (name, rest) = text.split_at(len);
    let (procid, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((id, rest)) if !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()) => {
            (Some(id), rest)
        }
        _ => (None, rest),
    };
    let msg = rest.strip_prefix(':')?;
    Some((Some(name), procid, msg.strip_prefix(' ').unwrap_or(msg)))
}

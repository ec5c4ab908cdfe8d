//! RFC 5424, section 6, to the letter; but for lengths, which are bounded as a whole and not field by field.

use std::borrow::Cow;

use super::{Element, Message, Unreadable};

/// What is written where there is nothing to say.
const NIL: &str = "-";

/// Some senders begin with the mark that says UTF-8.
const BOM: char = '\u{feff}';

/// Takes the number between `<` and `>`: 0 to 191, one to three digits.
pub(super) fn priority(text: &str) -> Result<(u8, &str), Unreadable> {
    let bad = Unreadable { at: 0, why: "it does not begin with a priority, <0> to <191>" };
    let (number, rest) =
        text.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(bad.clone())?;
    if number.is_empty() || number.len() > 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad);
    }
    let number: u8 = number.parse().map_err(|_| bad.clone())?;
    if number > 191 { Err(bad) } else { Ok((number, rest)) }
}

/// Whether a version and a space follow.
pub(super) fn has_version(rest: &str) -> bool {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && rest.as_bytes().get(digits) == Some(&b' ')
}

/// Reads what comes behind the priority. `text` is the whole, for places in errors.
pub(super) fn message<'a>(text: &'a str, rest: &'a str) -> Result<Message<'a>, Unreadable> {
    let mut scan = Scan { text, at: text.len() - rest.len() };
    if scan.field()? != "1" {
        return Err(scan.bad("it is of a version other than 1"));
    }
    let timestamp = scan.nilable()?;
    if timestamp.is_some_and(|time| !is_timestamp(time)) {
        return Err(scan.bad("its time is not as RFC 5424 says"));
    }
    let hostname = scan.nilable()?;
    let app_name = scan.nilable()?;
    let procid = scan.nilable()?;
    let msgid = scan.nilable()?;
    let structured_data = scan.structured_data()?;
    let rest = scan.rest();
    let msg = match rest.strip_prefix(' ') {
        // rsyslog writes what stood behind the older form's tag, and that began with a space.
        Some(msg) => {
            let msg = msg.strip_prefix(BOM).unwrap_or(msg);
            msg.strip_prefix(' ').unwrap_or(msg)
        }
        None if rest.is_empty() => "",
        None => return Err(scan.bad("a space has to follow its structured data")),
    };
    Ok(Message {
        facility: 0,
        severity: 0,
        old: false,
        timestamp,
        hostname,
        app_name,
        procid,
        msgid,
        structured_data,
        msg,
    })
}

/// RFC 3339, with capital letters and at most six digits of a second.
fn is_timestamp(text: &str) -> bool {
    let digits = text
        .split_once('.')
        .map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    digits <= 6 && !text.contains(['t', 'z']) && indelible_event::Micros::parse(text).is_ok()
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn bad(&self, why: &'static str) -> Unreadable {
        Unreadable { at: self.at, why }
    }

    /// A field of the header, and the space behind it.
    fn field(&mut self) -> Result<&'a str, Unreadable> {
        let rest = self.rest();
        let Some((field, _)) = rest.split_once(' ') else {
            return Err(self.bad("its header ends too soon"));
        };
        if field.is_empty() || !field.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(self.bad("a field of its header is empty or not plain ASCII"));
        }
        self.at += field.len() + 1;
        Ok(field)
    }

    fn nilable(&mut self) -> Result<Option<&'a str>, Unreadable> {
        self.field().map(|field| (field != NIL).then_some(field))
    }

    fn eat(&mut self, byte: u8) -> bool {
        let is = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is);
        is
    }

    fn structured_data(&mut self) -> Result<Vec<Element<'a>>, Unreadable> {
        let mut elements = Vec::new();
        if self.eat(b'-') {
            return Ok(elements);
        }
        while self.eat(b'[') {
            let id = self.name()?;
            let mut params = Vec::new();
            while self.eat(b' ') {
                let name = self.name()?;
                if !self.eat(b'=') || !self.eat(b'"') {
                    return Err(self.bad("a name of its structured data has no value in quotes"));
                }
                params.push((name, self.value()?));
            }
            if !self.eat(b']') {
                return Err(self.bad("an element of its structured data does not end"));
            }
            elements.push(Element { id, params });
        }
        if elements.is_empty() {
            return Err(self.bad("it has no structured data, and no - in its place"));
        }
        Ok(elements)
    }

    fn name(&mut self) -> Result<&'a str, Unreadable> {
        let is_name = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'=' | b']' | b'"');
        let len = self.rest().bytes().take_while(|b| is_name(b)).count();
        if len == 0 {
            return Err(self.bad("a name in its structured data is missing or not plain ASCII"));
        }
        let name = &self.rest()[..len];
        self.at += len;
        Ok(name)
    }

    /// A value up to its quote. A backslash before anything but `"`, `\` and `]` is one of the text, as the RFC says.
    fn value(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        let rest = self.rest();
        let (mut value, mut from) = (Cow::Borrowed(""), 0);
        let mut bytes = rest.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    add(&mut value, &rest[from..at]);
                    self.at += at + 1;
                    return Ok(value);
                }
                b']' => break,
                b'\\' if matches!(rest.as_bytes().get(at + 1), Some(b'"' | b'\\' | b']')) => {
                    add(&mut value, &rest[from..at]);
                    from = at + 1;
                    bytes.next();
                }
                _ => {}
            }
        }
        Err(self.bad("a value in its structured data does not end, or has a ] without a backslash"))
    }
}

fn add<'a>(value: &mut Cow<'a, str>, more: &'a str) {
    if value.is_empty() {
        *value = Cow::Borrowed(more);
    } else if !more.is_empty() {
        value.to_mut().push_str(more);
    }
}

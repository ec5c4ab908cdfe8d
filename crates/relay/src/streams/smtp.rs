//! Mail, by a server that takes it from us: one mail an event, a batch of them over one connection.
//!
//! Sent means that the server took it. One that it may have taken without our hearing of it is sent again, with the same
//! `Message-ID`. A receiver that the server refuses for good keeps none of the others from being told: they get the mail,
//! the refusal is told, and the receiver is left out for an hour. One that it refuses for now is waited for, but
//! not for longer than the others can wait. A mail that is refused for its text goes once more without what others wrote.

mod mail;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_log::Clock;
use lettre::message::Mailbox;
use serde::Deserialize;

use super::alert::Message;
use super::outside::OneByOne;
use super::{Batch, Context, Sink, SinkError};
use crate::limits::{MAIL_EVENTS_MAX, MAIL_RECEIVERS_MAX, MAIL_REFUSED_MICROS, MAIL_WAIT_MICROS};
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};
use crate::tls::ClientTls;
use wire::{Address, Refusal, Session};

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpTo {
    /// The server: `smtps://HOST[:465]` speaks TLS from the first byte, `smtp://HOST[:587]` after STARTTLS.
    pub url: Value,
    /// What is to be with `smtp://`.
    #[serde(default)]
    pub starttls: StartTls,
    /// Who sends: `indelible@example.com`, or with a name before it in `<>`.
    pub from: MailAddress,
    /// Who receives.
    pub to: Vec<MailAddress>,
    /// As whom we log in, where the server wants that.
    #[serde(default)]
    pub user: Option<String>,
    /// With which password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whom we believe, and which certificate we show.
    #[serde(default)]
    pub tls: ClientTls,
}

/// Whether a connection that begins without TLS gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartTls {
    /// A server that does not offer it gets nothing.
    #[default]
    Required,
    /// Where the server offers it: whoever is in between can take that out.
    Optional,
    /// Not at all.
    Never,
}

/// Somebody's address for mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailAddress(Mailbox);

impl TryFrom<String> for MailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<MailAddress, String> {
        let bad = || {
            format!(
                "{text:?} is no address for mail, such as ada@example.com or \"Ada <ada@example.com>\""
            )
        };
        let read: Mailbox = text.parse().map_err(|_| bad())?;
        // What is sent to a server must not be more than one line of its own.
        let address: &str = read.email.as_ref();
        let plain = address.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        let named = read.name.as_ref().is_none_or(|name| !name.contains(char::is_control));
        if plain && named { Ok(MailAddress(read)) } else { Err(bad()) }
    }
}

impl MailAddress {
    fn bare(&self) -> &str {
        self.0.email.as_ref()
    }
}

fn wrong(why: impl Into<String>, hint: &str) -> SinkError {
    SinkError::Wrong { why: why.into(), hint: hint.into() }
}

impl SmtpTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.tls.below(dir);
        if let Some(password) = &mut self.password {
            password.below(dir);
        }
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        let address = self.url.reveal().ok().and_then(|url| Address::parse(&url).ok());
        address
            .map_or_else(|| "an address that cannot be read".into(), |address| address.to_string())
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        self.address()?;
        if self.to.is_empty() || self.to.len() > MAIL_RECEIVERS_MAX {
            let why = format!("`to` has {} addresses", self.to.len());
            return Err(wrong(why, "name one receiver at least, and fifty at most"));
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(wrong("one of user and password is missing", "give both, or none"));
        }
        let clock = Arc::clone(&context.seams.clock);
        self.tls.config(clock.now()).map_err(wire::told)?;
        self.login()?;
        let (stream, to) = (Arc::clone(&context.stream), self.clone());
        Ok(Box::new(Smtp { to, stream, clock, sent: OneByOne::default(), heard: Heard::default() }))
    }

    fn address(&self) -> Result<Address, SinkError> {
        let url =
            self.url.reveal().map_err(|why| wrong(why, "set it where the server is started"))?;
        Address::parse(&url)
    }

    /// User and password as they are now.
    fn login(&self) -> Result<Option<(&str, String)>, SinkError> {
        let (Some(user), Some(password)) = (&self.user, &self.password) else { return Ok(None) };
        let password =
            password.reveal().map_err(|why| wrong(why, "set it where the server is started"))?;
        Ok(Some((user, password)))
    }

    fn connect(&self, now: Micros) -> Result<Session, SinkError> {
        let login = self.login()?;
        let login = login.as_ref().map(|(user, password)| (*user, password.as_str()));
        Session::open(&self.address()?, self.starttls, &self.tls, login, now)
    }
}

/// A server of mail.
struct Smtp {
    to: SmtpTo,
    /// The stream's name, which is part of a mail's id: two streams may send one event to the same person.
    stream: Arc<str>,
    clock: Arc<dyn Clock>,
    sent: OneByOne,
    heard: Heard,
}

/// What the server would not do.
#[derive(Default)]
struct Heard {
    /// Receivers that it refused and that are left out, by their place, and when.
    refused: BTreeMap<usize, Micros>,
    /// Receivers that it refused for now, and since when.
    waited: BTreeMap<usize, Micros>,
    /// The event whose text it refused: after that it may have closed the connection.
    text: Option<EventId>,
}

impl Sink for Smtp {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let (to, stream, heard) = (&self.to, &*self.stream, &mut self.heard);
        let now = self.clock.now();
        heard.refused.retain(|_, at| (0..MAIL_REFUSED_MICROS).contains(&(now.0 - at.0)));
        let mut session = None;
        let sent = self.sent.send(events, |event| {
            if session.is_none() {
                session = Some(to.connect(now)?);
            }
            let open = session.as_mut().expect("it was just opened");
            one(to, stream, open, heard, now, event)
        });
        // One that broke off says nothing more; a server that hears no farewell has the mails all the same.
        if let Some(session) = session {
            session.quit();
        }
        sent
    }

    fn owes(&self) -> bool {
        !self.heard.refused.is_empty() || !self.heard.waited.is_empty()
    }

    /// Few: the place moves when all of a batch are taken, and stopping waits for it.
    fn batch(&self) -> Batch {
        Batch { events: MAIL_EVENTS_MAX, ..Batch::default() }
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let mut session = self.to.connect(self.clock.now())?;
        session.mail_from(self.to.from.bare())?;
        for to in &self.to.to {
            session.mail_to(to.bare()).map_err(|refusal| refusal.of(to.bare()))?;
        }
        session.reset()?;
        session.quit();
        Ok(())
    }
}

/// Sends one mail. What is given back beside success: that some receivers were refused.
fn one(
    to: &SmtpTo,
    stream: &str,
    session: &mut Session,
    heard: &mut Heard,
    now: Micros,
    event: &Outgoing,
) -> Result<Option<SinkError>, SinkError> {
    let mut refused = None;
    if heard.text != Some(event.id) {
        let mail = mail::of(to, stream, event, &Message::of(event))?;
        refused = begin(to, session, heard, now)?;
        match session.data(&mail) {
            // Perhaps for what others wrote: whoever is the reason for an alert must not have it refused.
            Err(SinkError::Poison { .. }) => heard.text = Some(event.id),
            sent => return sent.map(|()| refused),
        }
    }
    let mail = mail::of(to, stream, event, &Message::bare(event))?;
    let again = begin(to, session, heard, now)?;
    session.data(&mail)?;
    Ok(again.or(refused))
}

/// Begins a mail, and names all receivers of it that are taken. What is given back: that some were refused.
fn begin(
    to: &SmtpTo,
    session: &mut Session,
    heard: &mut Heard,
    now: Micros,
) -> Result<Option<SinkError>, SinkError> {
    session.mail_from(to.from.bare())?;
    // If all are refused, all are tried each time.
    if heard.refused.len() == to.to.len() {
        heard.refused.clear();
    }
    let (mut taken, mut trouble, mut late) = (0, None, Vec::new());
    for (at, receiver) in to.to.iter().enumerate() {
        if heard.refused.contains_key(&at) {
            continue;
        }
        match session.mail_to(receiver.bare()) {
            Ok(()) => {
                heard.waited.remove(&at);
                taken += 1;
            }
            Err(Refusal::Forever(said)) => {
                heard.refused.insert(at, now);
                trouble = Some(Refusal::Forever(said).of(receiver.bare()));
            }
            // All are asked, so that they are waited for at the same time.
            Err(Refusal::Now(said)) => late.push((at, receiver.bare(), said)),
            Err(other) => return Err(other.of(receiver.bare())),
        }
    }
    // Where nobody else is told, nobody is kept from it.
    let mut patient = taken == 0;
    for (at, _, _) in &late {
        let since = *heard.waited.entry(*at).or_insert(now);
        patient |= (0..MAIL_WAIT_MICROS).contains(&(now.0 - since.0));
    }
    for (at, receiver, said) in late {
        if patient {
            return Err(Refusal::Now(said).of(receiver));
        }
        heard.refused.insert(at, now);
        trouble = Some(Refusal::Forever(said).of(receiver));
    }
    if taken == 0 {
        session.reset()?;
        let nobody = || wrong("no receiver is left", "name receivers that the server takes");
        return Err(trouble.unwrap_or_else(nobody));
    }
    Ok(trouble)
}

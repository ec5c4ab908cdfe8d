//! What can go wrong with a broker, and what to do about it.

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The address, a credential or a file makes no sense.
    Setting,
    /// No server answers there.
    Unreachable,
    /// The session is over, or no answer came in time.
    Lost,
    /// The server does not take these credentials, or they may not do this.
    Denied,
    /// No trust between the two: a certificate that has expired, say.
    Tls,
    /// There is no such stream, or no stream takes such a subject.
    NoStream,
    /// JetStream is not switched on.
    NoJetStream,
    /// The consumer is not as it has to be.
    Consumer,
    /// The server will never take this message.
    Message,
    /// The server says no, for a reason of its own.
    Refused,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Error {
    /// What kind.
    pub kind: Kind,
    /// What it was; no secret is in it.
    pub why: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, why: impl Into<String>) -> Error {
        Error { kind, why: why.into() }
    }

    /// Whether it stays until somebody does something.
    pub fn lasts(&self) -> bool {
        !matches!(self.kind, Kind::Unreachable | Kind::Lost | Kind::Refused)
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self.kind {
            Kind::Setting => "correct the setting",
            Kind::Unreachable => {
                "start the NATS server, or correct host and port of the address; a firewall may be between"
            }
            Kind::Lost => "nothing, if the server was restarted: the session is begun anew",
            Kind::Denied => {
                "give the credentials that the server knows, and allow their user these subjects ($JS.API.> and _INBOX.> are needed for JetStream)"
            }
            Kind::Tls if self.why.to_lowercase().contains("expired") => {
                "renew the certificate: it is past its date (or a clock is wrong)"
            }
            Kind::Tls => {
                "name the authority of the server's certificate (tls.ca) and use the host name that it is for; where the server asks for one, give a certificate of ours (tls.cert, tls.key)"
            }
            Kind::NoStream => {
                "create the stream (nats stream add NAME --subjects …), or correct its name or the subject"
            }
            Kind::NoJetStream => {
                "switch JetStream on at the server (jetstream: enabled, or nats-server -js), or use plain subjects"
            }
            Kind::Consumer => {
                "delete the consumer (nats consumer rm STREAM NAME), so that it is made as it has to be, or name another"
            }
            Kind::Message => "raise max_payload at the server, or send less",
            Kind::Refused => "see what the server says",
        }
    }
}

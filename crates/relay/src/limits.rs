//! Every bound of inputs and streams, in one place.

use std::time::Duration;

/// Bytes of the file that describes them.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// How deep it may nest.
pub const CONFIG_DEPTH_MAX: usize = 32;
/// Values in it.
pub const CONFIG_NODES_MAX: usize = 50_000;
/// Anchors and aliases in it.
pub const CONFIG_ALIASES_MAX: usize = 1_000;
/// Inputs of a node.
pub const INPUTS_MAX: usize = 64;
/// Streams of a node: each has a thread.
pub const STREAMS_MAX: usize = 64;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a secret's file.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a certificate or key file.
pub const PEM_BYTES_MAX: u64 = 1 << 20;

/// Events that a stream hands to its sink at a time.
pub const BATCH_EVENTS_MAX: usize = 500;
/// Bytes of them; one that is larger goes alone.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// How long connecting to a receiver may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a receiver may take for an answer, or to take what is written to it.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after the first failure; it doubles with each.
pub const RETRY_MICROS: i64 = 1_000_000;
/// The longest pause.
pub const RETRY_MICROS_MAX: i64 = 60_000_000;
/// How often a thread that waits looks whether it is to stop, or whether the clock has moved.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often it is looked whether a thread has ended that was told to.
pub const END_LOOK_EVERY: Duration = Duration::from_millis(10);
/// Bytes of what a receiver says that are shown.
pub const SAID_BYTES_MAX: usize = 512;
/// The longest pause that a receiver may ask for.
pub const WAIT_MICROS_MAX: i64 = 3_600_000_000;
/// How long something fails until a notice says so, where nobody has to put it right by hand: at once where somebody has.
pub const TOLD_AFTER_MICROS: i64 = 60_000_000;
/// The shortest time between two notices that the same stream or input fails.
pub const TOLD_EVERY_MICROS: i64 = 600_000_000;
/// How often a record that cannot be read is tried before it is set aside.
pub const ALARM_TRIES: u32 = 8;
/// Events that are set aside one after the other. If the receiver refuses more, the fault is not theirs: the stream
/// waits for somebody to look.
pub const SET_ASIDE_RUN_MAX: u32 = 20;
/// The shortest time between two writings of a stream's place, which a batch moves.
pub const PLACE_EVERY_MICROS: i64 = 1_000_000;
/// Bytes of the file of a stream's place.
pub const PLACE_BYTES_MAX: u64 = 4096;
/// Bytes of why something was refused or fails, in a notice.
pub const WHY_BYTES_MAX: usize = 1024;

/// Connections of a syslog input; more wait until one ends.
pub const SYSLOG_CONNECTIONS_MAX: usize = 512;
/// Those of one address, so that no one stranger takes them all; more are closed at once.
pub const SYSLOG_CONNECTIONS_EACH_MAX: usize = 128;
/// How long a sender may take to agree on TLS.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are taken from a connection before what is in them is appended.
pub const SYSLOG_READ_BYTES: usize = 256 << 10;
/// The pause before a node that is busy is asked again.
pub const BUSY_PAUSE: Duration = Duration::from_millis(200);
/// How long a connection goes on trying to append what was read, once it is to stop.
pub const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often certificates are looked at anew.
pub const CERTIFICATE_LOOK_EVERY: Duration = Duration::from_secs(60);

/// The most bytes of a syslog message that a stream may be set to.
pub const SYSLOG_MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Bytes of what was sent that a syslog stream sends again when its connection broke: what two machines' buffers hold.
pub const SYSLOG_REPEAT_BYTES_MAX: usize = 8 << 20;
/// The most seconds of it.
pub const SYSLOG_REPEAT_SECONDS_MAX: u32 = 3600;
/// How long what was sent to a syslog receiver may go unacknowledged by its machine before the connection counts as
/// broken: shorter than what is sent again.
pub const SYSLOG_UNHEARD: Duration = Duration::from_secs(30);
/// How long a syslog sender may be silent before its machine is asked whether it is still there.
pub const SYSLOG_KEEPALIVE: Duration = Duration::from_secs(60);
/// How long a receiver that has agreed on TLS may take to say that it takes our certificate.
pub const SYSLOG_SETTLE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long a NATS server waits for an acknowledgement before a message comes again, where the file does not say.
pub const ACK_WAIT_SECONDS: u64 = 30;
/// How many messages may be without one, where the file does not say.
pub const ACK_PENDING_MAX: i64 = 1_000;
/// After how long a message comes again that could not be kept.
pub const NAK_AFTER: Duration = Duration::from_secs(5);
/// Messages of one batch that a notice of refused ones names; it counts all.
pub const REFUSED_NAMED_MAX: usize = 20;

/// Bytes of a receiver's answer; that of a bulk API names each document.
pub const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// The pause before it is asked again whether Splunk's indexers have something; it doubles each time.
pub const ACK_POLL_FIRST: Duration = Duration::from_millis(100);
/// The longest such pause.
pub const ACK_POLL_MAX: Duration = Duration::from_secs(2);
/// How often it is asked: about half a minute in all.
pub const ACK_POLLS_MAX: u32 = 20;
/// Events of a file in a bucket.
pub const FILE_EVENTS_MAX: usize = 20_000;
/// Bytes of one before it is compressed, where the file does not say.
pub const FILE_BYTES_DEFAULT: usize = 8 << 20;
/// The fewest that can be asked for.
pub const FILE_BYTES_MIN: usize = 64 << 10;
/// The most: it is in memory.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// How long events are gathered for one, where the file does not say.
pub const FILE_SECONDS_DEFAULT: u64 = 60;
/// The longest that can be asked for.
pub const FILE_SECONDS_MAX: u64 = 3_600;
/// How often it is looked whether enough was gathered.
pub const GATHER_LOOK_MICROS: i64 = 2_000_000;

/// Events of one batch to a webhook, which takes a request for each.
pub const WEBHOOK_EVENTS_MAX: usize = 32;

/// Characters of a headline: what Slack takes in a header.
pub const HEADLINE_CHARS_MAX: usize = 150;
/// Characters of a value that an alert is about, and of its name: with both a field stays below Slack's 2,000, however
/// many of them take five to be written.
pub const FACT_CHARS_MAX: usize = 180;
/// Facts of one message; Slack shows ten.
pub const FACTS_MAX: usize = 10;
/// Characters of what an alert says in a line, of what it means and of what to do: below Slack's 3,000, however many of
/// them take five to be written.
pub const PARAGRAPH_CHARS_MAX: usize = 580;
/// Characters of an address that a message links to.
pub const LINK_CHARS_MAX: usize = 500;
/// Events that a message names.
pub const EVENTS_NAMED_MAX: usize = 10;
/// Events of one batch to a chat, which takes a request for each.
pub const CHAT_EVENTS_MAX: usize = 32;

/// Receivers of one mail.
pub const MAIL_RECEIVERS_MAX: usize = 50;
/// Mails of one connection.
pub const MAIL_EVENTS_MAX: usize = 32;
/// Columns of a mail's text.
pub const MAIL_COLUMNS: usize = 72;
/// Bytes of a mail server's answer to one command.
pub const SMTP_ANSWER_BYTES_MAX: u64 = 16 << 10;
/// How long a mail server may take to say that it has a mail.
pub const SMTP_TAKEN_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a mail waits for a receiver that the server does not take for now, while it takes others.
pub const MAIL_WAIT_MICROS: i64 = 600_000_000;
/// How long a receiver that the server refused is left out, before it is tried again.
pub const MAIL_REFUSED_MICROS: i64 = 3_600_000_000;

//! Every bound of this crate, in one place.

use std::time::Duration;

/// How long connecting to one server may take, with TLS and credentials.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may take to answer a request or to confirm a message.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a complaint of the server's may be on its way within this process.
pub const COMPLAINT_WAIT: Duration = Duration::from_millis(20);
/// How often a silent connection is tried.
pub const PING_EVERY: Duration = Duration::from_secs(20);
/// Servers of one address list.
pub const SERVERS_MAX: usize = 32;
/// Messages that are asked for at a time. Each may be as large as the server allows (1 MiB where nobody changed that).
pub const FETCH_MESSAGES_MAX: usize = 256;
/// How long a request for messages stands at the server.
pub const FETCH_EXPIRES: Duration = Duration::from_secs(30);
/// How often the server says that it is there while there is nothing to fetch.
pub const FETCH_HEARTBEAT: Duration = Duration::from_secs(10);
/// Messages that wait for their confirmation at a time.
pub const UNCONFIRMED_MAX: usize = 256;
/// Messages of a plain subject that wait here; what comes beyond is lost, as plain subjects do.
pub const PLAIN_MESSAGES_MAX: usize = 16_384;

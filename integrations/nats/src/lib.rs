//! NATS subjects and JetStream, as a place where events come from and go to.
//!
//! A [`Broker`] is one session with a server: it does not reconnect behind its user's back, since what was half sent would
//! then go on in the middle, and out of order. When a session is over, every call says so ([`Kind::Lost`]), and whoever
//! holds it connects anew and begins again with what was not confirmed. So each failure is told with its reason: no
//! server there, a password that is not taken, a certificate that has expired, a stream that is missing.
//!
//! - [`Broker::consumer`]: a durable JetStream consumer; what is not acknowledged comes again.
//! - [`Broker::subscribe`]: a plain subject; at most once, since a plain subject keeps nothing.
//! - [`Broker::publish`]: into a JetStream stream, in order, each confirmed; [`Broker::publish_plain`] without.

mod consumer;
mod error;
pub mod limits;
mod publish;
mod server;

pub use consumer::{Consumer, ConsumerSpec, Delivery, Place, Subscription};
pub use error::{Error, Kind};
pub use publish::{Outgoing, PublishError};
pub use server::{Auth, Broker, Server, Tls};

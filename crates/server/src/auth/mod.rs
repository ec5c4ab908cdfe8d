//! Who may do what: API keys, JWTs and sessions, and what each may see.

mod caller;
pub(crate) mod fold;
mod jwt;
pub mod key;
pub mod registry;
mod role;
pub mod session;

pub use caller::{Caller, CallerKind, RequestInfo};
pub(crate) use caller::{OwnRequest, Peer, RequestId, Sender, from_own_page, session_cookie};
pub(crate) use jwt::{Issuer, read_file};
pub use role::Role;

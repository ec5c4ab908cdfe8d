//! Syslog with the daemons that people run (tests/syslog-peers), and by hand where they cannot be made to misbehave.

#![expect(
    clippy::disallowed_methods,
    reason = "what daemons read and write, and certificates, are real files"
)]

mod input;
mod output;
mod peers;
mod sets;
mod stand;

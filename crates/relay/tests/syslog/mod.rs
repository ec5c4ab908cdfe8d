//! Syslog with the daemons that people run (tests/syslog-peers), and by hand where they cannot be made to misbehave.

mod input;
mod output;
mod peers;
pub mod sets;
mod stand;

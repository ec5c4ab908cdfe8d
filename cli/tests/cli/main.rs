//! The command line from outside: the real binary, its output and its exit status.

mod append;
mod asking;
mod away;
mod copying;
mod exporting;
mod harness;
mod help;
mod importing;
mod keeping;
mod killing;
mod proofs;
mod reading;
mod serving;
mod streaming;
mod tampering;
mod twins;
mod watching;

//! Retention, holds, the clock, requests and purges.

mod clock;
mod crash;
mod expiry;
mod holds;
mod matching;
mod promises;
mod purge;
mod requests;
mod world;

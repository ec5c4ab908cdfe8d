//! Retention, holds, the clock, requests and purges.

mod clock;
mod crash;
mod expiry;
mod holds;
mod promises;
mod purge;
mod requests;
mod world;

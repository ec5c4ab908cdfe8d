//! Restoring: every refusal names what is wrong, what is in place stays in charge until the exchange is decided, and
//! from then on a crash anywhere is finished by going on.

mod crash;
mod measure;
mod place;
mod refuse;
mod trail;
mod world;

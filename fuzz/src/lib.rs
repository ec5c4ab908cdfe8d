//! The checks that the fuzz targets run. The targets are one line each, so that the same checks also
//! run in the tests.

pub mod checks;
pub mod intake;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../crates/store/tests/flips/memory.rs"]
mod memory;

//! `indelible restore`

use crate::args::{Global, Restore};
use crate::failure::Failure;
use crate::out::Out;

pub fn run(global: &Global, out: &mut Out, args: &Restore) -> Result<(), Failure> {
    let _ = (global, out, args);
    Err(Failure::cannot("not yet"))
}

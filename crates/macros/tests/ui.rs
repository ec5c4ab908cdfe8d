//! The errors of the compiler.

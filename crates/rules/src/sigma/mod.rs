//! Sigma, read.

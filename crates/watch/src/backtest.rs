//! What rules would have found.

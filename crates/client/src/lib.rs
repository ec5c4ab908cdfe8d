//! The HTTP client of a node, shared by everything that talks to one.

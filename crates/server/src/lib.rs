//! The HTTP API of a node: ingest, search, proofs, streams, and who may do what.

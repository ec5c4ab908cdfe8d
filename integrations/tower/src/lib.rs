//! Audits every request of a tower service: axum, tonic.

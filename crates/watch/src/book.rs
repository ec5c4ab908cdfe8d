//! Alerts, and what became of them.

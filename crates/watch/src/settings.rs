//! `watch.yaml`: who is told, when, and what else.

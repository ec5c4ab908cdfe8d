//! Records events in the application's own transaction, and moves them to the trail.

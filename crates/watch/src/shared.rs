//! A watch that runs, to be looked at and asked.

/// What others see of it. Cheap to ask; nothing of it waits for the watch.
#[derive(Debug, Default)]
pub struct Shared {}

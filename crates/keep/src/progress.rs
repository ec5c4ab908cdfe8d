//! How far something long is.

/// Who is told how far it is.
pub trait Progress: Sync {
    /// A stage begins, of so many bytes or records, if that is known.
    fn stage(&self, name: &str, of: Option<u64>);
    /// So many of them are done.
    fn done(&self, done: u64);
}

/// Nobody.
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn done(&self, _: u64) {}
}

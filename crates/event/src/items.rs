//! Splitting.
/// Items.
pub struct Items;

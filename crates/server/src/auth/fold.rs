//! Finds what `_system` says of keys, trails and saved searches.

use indelible_store::{Reader, StoreError};

use super::registry::{self, Registry};

/// What `_system` says until now.
pub(crate) fn fold(reader: &Reader) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    let told = reader.told(&registry::ACTIONS)?;
    told.iter().filter_map(registry::change_of).for_each(|change| registry.apply(change));
    Ok(registry)
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;

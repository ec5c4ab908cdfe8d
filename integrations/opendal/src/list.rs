//! Listers: one event for a whole listing.

use std::thread;

use opendal_core::Result;
use opendal_core::raw::oio;

use crate::deed::Deed;

/// A lister that counts what it lists.
pub(crate) struct AuditLister {
    inner: oio::Lister,
    deed: Deed,
    entries: u64,
    asked: bool,
    under_way: bool,
}

impl AuditLister {
    pub(crate) fn new(inner: oio::Lister, deed: Deed) -> AuditLister {
        AuditLister { inner, deed, entries: 0, asked: false, under_way: false }
    }

    fn count(&mut self, complete: bool) {
        let entries = self.entries;
        self.deed.note(|event| {
            let event = event.detail("entries", entries);
            if complete { event } else { event.detail("complete", false) }
        });
    }
}

impl oio::List for AuditLister {
    async fn next(&mut self) -> Result<Option<oio::Entry>> {
        (self.asked, self.under_way) = (true, true);
        let result = self.inner.next().await;
        self.under_way = false;
        match &result {
            Ok(Some(_)) => {
                self.entries += 1;
                self.deed.recovered();
            }
            Ok(None) => {
                self.count(true);
                self.deed.finish(None).await;
            }
            Err(error) => {
                if !error.is_temporary() {
                    self.count(false);
                }
                self.deed.end(&result).await;
            }
        }
        result
    }
}

impl Drop for AuditLister {
    fn drop(&mut self) {
        if !self.asked {
            // Nothing was asked of the backend.
            self.deed.forget();
            return;
        }
        self.count(false);
        // Who has seen enough may stop.
        let enough = !self.under_way && self.deed.fault().is_none() && !thread::panicking();
        if enough {
            self.deed.finish_now(None);
        }
    }
}

//! Events that happened after they were recorded, as they say.

use std::collections::BTreeMap;
use std::sync::Mutex;

use indelible_event::Micros;
use indelible_log::hex;
use indelible_store::Item;

use crate::limits;

/// Who sent how many of them, and the most that one was ahead.
#[derive(Default)]
pub(crate) struct Ahead(Mutex<BTreeMap<String, (u64, i64)>>);

impl Ahead {
    /// Counts those among what is being recorded.
    pub fn note(&self, items: &[Item], now: Micros) {
        for item in items {
            let Some(at) = item.event.occurred_at else { continue };
            let by = at.0.saturating_sub(now.0);
            if by <= limits::AHEAD_MICROS {
                continue;
            }
            let source = item.event.source.map(|source| hex::encode(&source.id));
            let who = source.or_else(|| item.recorded_by.as_deref().map(str::to_owned));
            let who = who.unwrap_or_else(|| "unknown".into());
            let mut all = self.0.lock().expect("nothing panics while holding it");
            // Those that there is no room for are seen when it was told of the others.
            if all.len() < limits::AHEAD_SOURCES_MAX || all.contains_key(&who) {
                let (events, most) = all.entry(who).or_default();
                *events += 1;
                *most = by.max(*most);
            }
        }
    }

    /// Those counted since it was told.
    pub fn shown(&self) -> Vec<(String, u64, i64)> {
        let all = self.0.lock().expect("nothing panics while holding it");
        all.iter().map(|(who, (events, by))| (who.clone(), *events, *by)).collect()
    }

    /// It was told of them.
    pub fn forget(&self) {
        self.0.lock().expect("nothing panics while holding it").clear();
    }
}

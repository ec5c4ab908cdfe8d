//! Tells all streams how far the log is searchable: one task for all of them, as long as there are any.

use std::sync::Arc;

use indelible_log::record::Pos;
use tokio::sync::watch;

use crate::read::limits;
use crate::state::AppState;

impl AppState {
    /// The place before which everything is searchable, as it goes on. Starts the task that tells, if there is none.
    pub(super) fn ticks(&self) -> watch::Receiver<u64> {
        let mut ticks = self.reading().ticks.lock().expect("nothing panics while holding it");
        if let Some(sender) = &*ticks {
            return sender.subscribe();
        }
        let sender = Arc::new(watch::Sender::new(0));
        let receiver = sender.subscribe();
        // Nothing ever changes in a directory that is only read.
        if !self.is_local() {
            *ticks = Some(sender.clone());
            drop(ticks);
            tokio::spawn(tell(self.clone(), sender));
        }
        receiver
    }

    /// Whether nobody listens any more. If so, whoever comes next starts a task of its own.
    fn is_quiet(&self, sender: &watch::Sender<u64>) -> bool {
        let mut ticks = self.reading().ticks.lock().expect("nothing panics while holding it");
        let quiet = sender.receiver_count() == 0;
        if quiet {
            *ticks = None;
        }
        quiet
    }
}

async fn tell(state: AppState, sender: Arc<watch::Sender<u64>>) {
    let stopping = state.stopping();
    while !*stopping.borrow() && !state.is_quiet(&sender) {
        let (waiting, seen) = (state.clone(), *sender.borrow());
        let end = tokio::task::spawn_blocking(move || {
            let index = waiting.reader().search().ok()?;
            Some(index.wait_indexed(Pos(seen.saturating_add(1)), limits::STREAM_WAIT).0)
        });
        if let Ok(Some(end)) = end.await {
            sender.send_if_modified(|told| {
                let news = end > *told;
                *told = end.max(*told);
                news
            });
        }
        // Many records in a moment are one piece of news, and an index that has failed is not asked without end.
        tokio::time::sleep(limits::STREAM_PAUSE).await;
    }
}

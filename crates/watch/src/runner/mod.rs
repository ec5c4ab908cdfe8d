//! The thread that looks.
//!
//! It hands each record to the rules and what fires to the book of what is decided, and records what is to be done, in
//! that order, before it looks at more. Every so often it writes down how far it is; what it had decided since then it
//! decides again after a kill, with the same ids.

mod begin;
mod head;
mod load;
mod look;
mod overdue;
mod state;
mod warm;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_log::Seams;

use self::load::Loading;
use self::look::Runner;
use crate::folder::Folder;
use crate::limits::END_LOOK_EVERY;
use crate::seam::Host;
use crate::shared::Shared;

/// A watch that runs. Dropping it has it end in its own time; [`Watch::stop`] waits for that.
pub struct Watch {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// Why it cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WatchError(pub String);

/// How the thread is told to end.
#[derive(Default)]
struct Control {
    stopping: AtomicBool,
    resting: Mutex<()>,
    changed: Condvar,
}

impl Control {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Whoever looked just before is waiting by now.
        drop(self.resting.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until it is to stop, or for so long.
    fn rest(&self, longest: Duration) {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(resting, longest, |()| !self.is_stopping()));
    }
}

impl Watch {
    /// Starts it with what the folder says now; later changes of the folder count when they are seen. The channels'
    /// streams ([`crate::settings::Settings::streams`]) run already. `public_url` is where people reach the node.
    pub fn start(
        host: Arc<dyn Host>,
        seams: &Seams,
        folder: Folder,
        public_url: Option<String>,
    ) -> Result<(Watch, Arc<Shared>), WatchError> {
        let loading = Loading::first(folder, seams.clock.now());
        let shared = Arc::new(Shared::new(Arc::clone(&loading.loaded), public_url.clone()));
        let control = Arc::new(Control::default());
        // Here, and not on the thread: what is recorded once this returns is looked at, also by a first watch.
        let began = (host.settled(), host.end());
        let runner = Runner {
            host,
            began,
            seams: seams.clone(),
            shared: Arc::clone(&shared),
            control: Arc::clone(&control),
            public_url,
            loading,
        };
        let thread = std::thread::Builder::new().name("watch".into());
        let thread = thread.spawn(move || runner.run());
        let thread = thread.map_err(|e| WatchError(format!("cannot start a thread: {e}")))?;
        Ok((Watch { control, thread: Some(thread) }, shared))
    }

    /// Has it end, and waits for that, but not longer than this. Says whether it has.
    pub fn stop(mut self, longest: Duration) -> bool {
        self.control.stop();
        let Some(thread) = self.thread.take() else { return true };
        let mut looks = longest.as_micros() / END_LOOK_EVERY.as_micros();
        while !thread.is_finished() {
            if looks == 0 {
                return false;
            }
            looks -= 1;
            std::thread::park_timeout(END_LOOK_EVERY);
        }
        // One that panicked has told so when it did.
        drop(thread.join());
        true
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.control.stop();
    }
}

//! Starting and stopping streams.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::place::Place;
use super::runner::{Opener, Outlet, Runner};
use super::shared::Shared;
use crate::config::{Begin, StreamConfig};
use crate::limits::END_LOOK_EVERY;
use crate::status::Trouble;

/// The streams of a node. Dropping it has them end in their own time; [`Streams::stop`] waits for that.
#[derive(Default)]
pub struct Streams {
    running: Vec<(Arc<Shared>, JoinHandle<()>)>,
}

impl Streams {
    /// Starts these, each on a thread of its own. A query that makes no sense is an error; whatever else is wrong is told
    /// in its status, and does not keep the node from starting.
    pub fn start(configs: &[StreamConfig], outlet: &Outlet) -> Result<Streams, String> {
        let mut streams = Streams::default();
        for config in configs {
            let bad = |why| format!("the stream {}: query: {why}", config.name);
            outlet.source.check(&config.query).map_err(bad)?;
            let (to, kind) = (config.to.clone(), config.to.kind());
            let opener: Opener = Box::new(move |context| to.open(context));
            let about = (kind, config.to.place(), config.query.clone());
            let started = streams.add(&config.name, about, config.begin, opener, outlet);
            started.map_err(|why| format!("the stream {}: {why}", config.name))?;
        }
        Ok(streams)
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        about: (&'static str, String, String),
        begin: Begin,
        opener: Opener,
        outlet: &Outlet,
    ) -> Result<(), String> {
        let place = place(name, begin, outlet);
        let storage = Arc::clone(&outlet.seams.storage);
        let shared = Arc::new(Shared::new(name.into(), about, storage, place));
        let runner = Runner::new(Arc::clone(&shared), outlet.clone(), opener);
        let thread = std::thread::Builder::new().name(format!("stream-{name}"));
        let thread = thread.spawn(move || runner.run());
        let thread = thread.map_err(|e| format!("cannot start a thread: {e}"))?;
        self.running.push((shared, thread));
        Ok(())
    }

    /// All of them, to be looked at and told what to do.
    pub fn all(&self) -> Vec<Arc<Shared>> {
        self.running.iter().map(|(shared, _)| Arc::clone(shared)).collect()
    }

    /// Has all of them end, and waits for that, but not longer than this. What a receiver had not confirmed by then is
    /// sent again at the next start. Says whether all have ended.
    pub fn stop(mut self, longest: Duration) -> bool {
        self.tell();
        let mut looks = longest.as_micros() / END_LOOK_EVERY.as_micros();
        let mut running = std::mem::take(&mut self.running);
        loop {
            for (_, thread) in running.extract_if(.., |(_, thread)| thread.is_finished()) {
                // One that panicked has told so when it did.
                drop(thread.join());
            }
            if running.is_empty() {
                return true;
            }
            if looks == 0 {
                for (shared, _) in &running {
                    // One that waits for its receiver cannot do it any more.
                    shared.save().unwrap_or_else(|why| tracing::warn!(why, "a place was not kept"));
                }
                return false;
            }
            looks -= 1;
            std::thread::park_timeout(END_LOOK_EVERY);
        }
    }

    fn tell(&self) {
        for (shared, thread) in &self.running {
            shared.stop();
            thread.thread().unpark();
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Where a stream goes on; a new one begins, and that is kept before anything is sent.
fn place(name: &str, begin: Begin, outlet: &Outlet) -> Result<Place, Trouble> {
    let trouble = |why: String| {
        let hint =
            format!("say from where it is to send: `indelible stream replay {name} --from …`");
        Trouble::again(None, why, Some(hint), outlet.seams.clock.now())
    };
    let storage = &*outlet.seams.storage;
    if let Some(place) = Place::load(storage, name).map_err(trouble)? {
        return Ok(place);
    }
    let place = Place::new(match begin {
        Begin::Beginning => 0,
        Begin::Now => outlet.source.end(),
    });
    place.store(storage, name).map_err(trouble)?;
    Ok(place)
}

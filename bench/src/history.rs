//! A directory with months of events, made in minutes: the store's clock goes with the events.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow, bail, ensure};
use indelible_event::{Micros, TrailName, check};
use indelible_log::{Appended, Clock, Seams, SystemClock};
use indelible_store::{InitOptions, Item, OpenOptions, Store};

use crate::generator::{Events, Generator};
use crate::table::thousands;

/// Events that become durable together, and are recorded at the same moment.
const GROUP: usize = 250;
/// Who makes events while another waits for the disk.
const WORKERS: usize = 2;
/// How often it is said how far it is.
const TOLD_EVERY: usize = 1_000_000;
const DAY_MICROS: i64 = 86_400_000_000;

/// What is made.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// Which events.
    pub seed: u64,
    /// How many.
    pub events: usize,
    /// Over how many days until now.
    pub days: u64,
}

/// The moment of the newest event.
struct Told(Arc<AtomicI64>);

impl Clock for Told {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

struct Source {
    generator: Generator,
    left: usize,
}

/// Makes the directory, which must be a new one, and waits until everything is indexed.
pub fn make(dir: &Path, how: &History) -> Result<()> {
    ensure!(how.events > 0 && how.days > 0, "nothing to make");
    ensure!(!dir.exists(), "{} is there already", dir.display());
    let span = i64::try_from(how.days)?.saturating_mul(DAY_MICROS);
    let start = SystemClock.now().0 - span;
    // A little less than it could be, so that chance brings none beyond now.
    let step = (2 * u64::try_from(span - span / 100)? / how.events as u64).max(1);
    let generator = Generator::paced(how.seed, u64::try_from(start)?, step);
    let clock = Arc::new(AtomicI64::new(start));
    let seams = Seams { clock: Arc::new(Told(clock.clone())), ..Seams::real(dir) };
    Store::init(&seams, &InitOptions { origin: "bench.example.com".into() })?;
    let store = Store::open(seams, OpenOptions::default())?;
    let source = Mutex::new(Source { generator, left: how.events });
    std::thread::scope(|scope| -> Result<()> {
        let work = || scope.spawn(|| append(&store, &source, &clock));
        let workers: Vec<_> = (0..WORKERS).map(|_| work()).collect();
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        ends.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a worker panicked"))?)
    })?;
    store.log().seal()?;
    store.reader().search()?.wait_frozen()?;
    store.close()?;
    Ok(())
}

fn append(store: &Store, source: &Mutex<Source>, clock: &AtomicI64) -> Result<()> {
    let recorded_by: Arc<str> = "bench".into();
    loop {
        let events = {
            let mut source = source.lock().map_err(|_| anyhow!("the other worker panicked"))?;
            let count = GROUP.min(source.left);
            if count == 0 {
                return Ok(());
            }
            source.left -= count;
            if source.left.is_multiple_of(TOLD_EVERY) {
                eprintln!("  {} events left", thousands(source.left as u64));
            }
            let events = source.generator.take(count);
            clock.fetch_max(i64::try_from(source.generator.now_us())?, Ordering::Relaxed);
            events
        };
        for answer in store.append(&items(&events, &recorded_by)?) {
            if !matches!(answer?, Appended::Kept(receipt) if !receipt.known) {
                bail!("an event was not kept as new");
            }
        }
    }
}

fn items(events: &Events, recorded_by: &Arc<str>) -> Result<Vec<Item>> {
    let item = |event| {
        let event = check(event).map_err(|e| anyhow!("{e}"))?;
        let trail = event.trail.clone().unwrap_or_else(TrailName::unnamed);
        Ok(Item { trail, event, recorded_by: Some(recorded_by.clone()) })
    };
    events.iter().map(item).collect()
}

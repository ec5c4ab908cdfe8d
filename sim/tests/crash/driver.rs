//! A log on simulated storage, the model of what it must hold, and the steps that a test drives both by.

use std::sync::Arc;

use indelible_event::{Checked, TrailName};
use indelible_log::record::TrailNo;
use indelible_log::{AppendError, Appended, Incoming, Log, LogError, SealAt, Seams, View};
use indelible_sim::{
    CallKind, Fault, FaultStorage, ManualClock, Model, NameOrder, Plan, PowerStorage, Rng,
    SeededEntropy, Trouble, make_event,
};

/// Sealing happens when a step says so, and merging with it, so that the calls come in the same order every
/// time.
pub const ON_REQUEST: SealAt = SealAt { records: u64::MAX, bytes: u64::MAX, merge_debt: 0 };

/// A log with everything it stands on.
pub struct Driver {
    pub power: PowerStorage,
    pub faults: FaultStorage,
    pub clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    /// Differs from life to life, for ids and salts must not repeat.
    life: u64,
    pub model: Model,
    pub log: Option<Log>,
    pub seal_at: SealAt,
}

/// What a workload consists of.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Trail(&'static str),
    /// Events by number, `padding` bytes larger than the smallest.
    Append {
        trail: &'static str,
        from: u64,
        count: u64,
        padding: usize,
    },
    /// The id of an event that is there, with another content.
    Conflict {
        trail: &'static str,
        n: u64,
    },
    Seal,
    Reopen,
}

/// Why a step was not done.
#[derive(Debug)]
pub enum Failed {
    Append(AppendError),
    Log(LogError),
    /// It did something that no fault excuses.
    Wrong(Trouble),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Failed::Wrong(trouble)
    }
}

pub fn events(from: u64, count: u64, padding: usize) -> Vec<Checked> {
    (from..from + count).map(|n| make_event(n, 0, padding)).collect()
}

fn says(e: impl std::fmt::Display) -> Trouble {
    e.to_string()
}

impl Driver {
    /// A new log, closed.
    pub fn new(seed: u64) -> Driver {
        let driver = Driver::over(PowerStorage::new(), Model::new(), seed);
        Log::init(&driver.seams()).expect("nothing fails yet");
        driver
    }

    /// A closed log on an image that is there.
    pub fn over(power: PowerStorage, model: Model, seed: u64) -> Driver {
        Driver {
            faults: FaultStorage::over(&power),
            power,
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(seed)),
            life: seed,
            model,
            log: None,
            seal_at: ON_REQUEST,
        }
    }

    /// The same log on a copy of its storage, without the faults.
    pub fn fork(&self, seed: u64) -> Driver {
        self.moved(self.power.kill(), seed)
    }

    /// The same log after a power cut.
    pub fn crashed(&self, seed: u64, order: NameOrder) -> Driver {
        self.moved(self.power.crash(seed, order), seed)
    }

    fn moved(&self, power: PowerStorage, seed: u64) -> Driver {
        let seal_at = self.seal_at;
        let clock = self.clock.clone();
        let life = Rng::new(self.life.rotate_left(32) ^ seed).bits();
        Driver { seal_at, clock, ..Driver::over(power, self.model.clone(), life) }
    }

    pub fn seams(&self) -> Seams {
        Seams {
            storage: Arc::new(self.faults.clone()),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    pub fn log(&self) -> &Log {
        self.log.as_ref().expect("the log is open")
    }

    /// Opens the log, and lets what was left to seal be sealed.
    pub fn open(&mut self) -> Result<(), Failed> {
        self.log = Some(Log::open(self.seams(), self.seal_at).map_err(Failed::Log)?);
        let view = self.log().view().clone();
        self.faults.paused(|| self.model.check_and_settle(&view))?;
        self.log().wait_sealed().map_err(Failed::Log)
    }

    pub fn close(&mut self) {
        self.log = None;
    }

    pub fn trail(&mut self, name: &str) -> Result<TrailNo, Failed> {
        self.model.making_trail(name);
        let parsed = TrailName::parse(name).map_err(says)?;
        let no = self.log().ensure_trail(&parsed).map_err(Failed::Append)?;
        self.model.made_trail(name, no)?;
        Ok(no)
    }

    /// Appends, and tells the model what came of it.
    pub fn append(&mut self, name: &str, events: &[Checked]) -> Result<(), Failed> {
        let trail = self.trail(name)?;
        self.model.appending(name, events);
        let batch: Vec<_> = events
            .iter()
            .map(|event| Incoming { trail, event, recorded_by: Some("sim") })
            .collect();
        let results = self.log().append(&batch);
        judge(&mut self.model, name, events, &results)?;
        results.into_iter().find_map(Result::err).map_or(Ok(()), |e| Err(Failed::Append(e)))
    }

    pub fn step(&mut self, step: Step) -> Result<(), Failed> {
        if self.log.is_none() {
            self.open()?;
        }
        match step {
            Step::Trail(name) => self.trail(name).map(drop),
            Step::Append { trail, from, count, padding } => {
                self.append(trail, &events(from, count, padding))
            }
            Step::Conflict { trail, n } => self.append(trail, &[make_event(n, 1, 0)]),
            Step::Seal => self.log().seal().map_err(Failed::Log),
            Step::Reopen => {
                self.close();
                self.open()
            }
        }
    }

    pub fn run(&mut self, script: &[Step]) -> Result<(), Failed> {
        script.iter().try_for_each(|step| self.step(*step))
    }

    /// What is readable now is what must be there, for the writer and for a new reader.
    pub fn check(&mut self) -> Result<(), Trouble> {
        if let Some(log) = &self.log {
            self.faults.paused(|| self.model.check_and_settle(log.view()))?;
        }
        let reader = View::open(Arc::new(self.power.clone())).map_err(says)?;
        self.model.check_and_settle(&reader)
    }

    /// After whatever happened the log opens, holds what it must, and goes on.
    pub fn opens(mut self) -> Result<(), Trouble> {
        self.open().map_err(|e| format!("opening again: {e:?}"))?;
        self.append("later", &events(900, 1, 0)).map_err(|e| format!("going on: {e:?}"))?;
        self.check()
    }

    /// After whatever happened the log opens, holds what it must, goes on, seals, and opens again.
    pub fn lives_on(mut self, again: &[Step]) -> Result<(), Trouble> {
        let told = |what: &str, failed: Failed| format!("{what}: {failed:?}");
        self.open().map_err(|e| told("opening again", e))?;
        self.run(again).map_err(|e| told("sending everything again", e))?;
        self.append("later", &events(900, 3, 0)).map_err(|e| told("going on", e))?;
        self.check()?;
        self.run(&[Step::Seal, Step::Append { trail: "later", from: 905, count: 2, padding: 0 }])
            .map_err(|e| told("sealing later", e))?;
        self.run(&[Step::Reopen]).map_err(|e| told("opening once more", e))?;
        self.check()
    }
}

/// Compares what an append answered with what the model expects, and notes the receipts.
pub fn judge(
    model: &mut Model,
    name: &str,
    sent: &[Checked],
    results: &[Result<Appended, AppendError>],
) -> Result<(), Trouble> {
    if results.len() != sent.len() {
        return Err(format!("{} answers to {} events", results.len(), sent.len()));
    }
    for (event, result) in sent.iter().zip(results) {
        let id = event.id.expect("every event of the simulation has an id");
        let same = model.content(name, id) == Some(event);
        let result = match result {
            Ok(result) => result,
            Err(AppendError::Full | AppendError::Closed | AppendError::Refused(_)) => {
                model.refused(name, [event]);
                continue;
            }
            Err(_) => continue,
        };
        match result {
            Appended::Kept(receipt) if same => model.acknowledged(name, event, receipt)?,
            Appended::Kept(receipt) => {
                return Err(format!("another content was kept: {receipt:?}"));
            }
            Appended::Conflict { .. } if !same && model.is_settled(name, id) => {}
            Appended::Conflict { field, .. } => {
                return Err(format!(
                    "event {id:?} was refused for its {field}, which nobody changed"
                ));
            }
        }
    }
    Ok(())
}

/// Everything that a script appended, to be sent again.
pub fn appends(script: &[Step]) -> Vec<Step> {
    script.iter().filter(|s| matches!(s, Step::Append { .. })).copied().collect()
}

/// Runs a script over one fault and does what a caller does about it.
pub fn ride_out(driver: &mut Driver, script: &[Step], fault: Fault) -> Result<(), Trouble> {
    for step in script {
        let mut tries = 0;
        while let Err(failed) = driver.step(*step) {
            tries += 1;
            if tries > 3 {
                return Err(format!("{step:?} still fails: {failed:?}"));
            }
            handle(driver, *step, failed, fault)?;
            // What the fault left half done must not wait for a crash to come out.
            driver.fork(1).opens().map_err(|e| format!("killed after handling the fault: {e}"))?;
            let cut = driver.crashed(2, NameOrder::Any);
            cut.opens().map_err(|e| format!("power cut after handling the fault: {e}"))?;
        }
    }
    driver.faults.heal();
    Ok(())
}

fn handle(driver: &mut Driver, step: Step, failed: Failed, fault: Fault) -> Result<(), Trouble> {
    let wrong = |why: &str, failed: &Failed| Err(format!("{step:?}: {why}: {failed:?}"));
    let call = driver
        .faults
        .tripped()
        .ok_or_else(|| format!("{step:?} failed without a fault: {failed:?}"))?;
    match (&failed, fault) {
        (Failed::Wrong(trouble), _) => return Err(trouble.clone()),
        (Failed::Log(LogError::Corrupt { .. } | LogError::Mismatch { .. }), _) => {
            return wrong("a passing fault was taken for damage", &failed);
        }
        (_, Fault::Short | Fault::Eintr) => return wrong("it should not be noticed", &failed),
        _ => {}
    }
    if driver.log.is_none() {
        driver.faults.heal();
        return Ok(());
    }
    driver.faults.paused(|| driver.model.check_prefix(driver.log().view(), &Default::default()))?;
    if fault == Fault::Enospc {
        return make_room(driver, step, failed);
    }
    let group = call.path.starts_with("log/")
        && call.path.ends_with(".log")
        && matches!(call.kind, CallKind::Write | CallKind::Sync)
        && !matches!(step, Step::Seal | Step::Reopen);
    driver.faults.heal();
    let again = driver.append("probe", &events(990, 1, 0));
    match again {
        Err(Failed::Append(AppendError::Poisoned(_))) => {
            driver.close();
            driver.open().map_err(|e| format!("opening after poison: {e:?}"))
        }
        Err(e) => wrong("after the fault", &e),
        Ok(()) if group => wrong("a write failed, and the log went on", &failed),
        Ok(()) => retry_sealing(driver),
    }
}

/// While the disk is full writes are refused and reads go on; with room everything goes on by itself.
fn make_room(driver: &mut Driver, step: Step, failed: Failed) -> Result<(), Trouble> {
    if let Failed::Append(e) = &failed
        && *e != AppendError::Full
    {
        return Err(format!("{step:?}: a full disk gave {e:?}"));
    }
    driver.faults.heal();
    match driver.append("probe", &events(990, 1, 0)) {
        Ok(()) => retry_sealing(driver),
        Err(e) => Err(format!("{step:?}: there is room again, and writing fails: {e:?}")),
    }
}

fn retry_sealing(driver: &Driver) -> Result<(), Trouble> {
    driver.log().maintain().map_err(|e| format!("maintaining: {e}"))?;
    driver.log().wait_sealed().map_err(|e| format!("sealing again: {e}"))
}

/// Sets a fault at a call.
pub fn plan(driver: &Driver, fault: Fault, at: u64, sticky: bool) {
    driver.faults.plan(Plan { fault, at, kind: None, sticky });
}

/// Says which case failed, and how to see it again.
#[track_caller]
pub fn expect(case: &str, driver: &FaultStorage, result: Result<(), Trouble>) {
    if let Err(trouble) = result {
        let tripped = driver.tripped().map_or("none".into(), |call| call.to_string());
        panic!("{case}: {trouble}\nfault at: {tripped}\nlast calls:\n{}", driver.last_calls(12));
    }
}

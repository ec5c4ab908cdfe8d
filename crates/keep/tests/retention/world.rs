//! A log that is kept, and days that go by.

use std::sync::Arc;

use indelible_event::{Micros, Part, TrailName, check};
use indelible_keep::retention::{SetOutcome, SetRetention};
use indelible_keep::{Keep, Silent, Who};
use indelible_log::record::{KeptPart, KeptRecord, Seq};
use indelible_log::{Clock as _, LogError, SealAt, Seams};
use indelible_sim::{ManualClock, PowerStorage, SeededEntropy};
use indelible_store::{InitOptions, Item, OpenOptions, Store, StoreError, VerifyOptions, verify};
use serde_json::{Value, json};

pub const HOUR: i64 = 3_600_000_000;

pub struct World {
    pub clock: Arc<ManualClock>,
    pub seams: Seams,
    pub power: PowerStorage,
    pub keep: Keep,
}

pub fn who(name: &str) -> Who {
    let actor = json!({"type": "user", "id": name});
    Who { id: name.into(), since: Some(Micros(0)), actor, context: None }
}

pub fn policy(rules: &str) -> SetRetention {
    SetRetention { rules: rules.into(), bytes_max: None, floor_days: 0, existing: false }
}

pub fn open(seams: &Seams, background: bool) -> Keep {
    let options = OpenOptions {
        background,
        seal_at: SealAt { merge_debt: usize::MAX, ..SealAt::default() },
        ..OpenOptions::default()
    };
    Keep::new(Arc::new(Store::open(seams.clone(), options).unwrap()), seams.clone())
}

impl World {
    /// A log whose index is kept up in the background, as a server has it.
    pub fn served() -> World {
        World::of(true)
    }

    /// A log without an index that is kept up: what is asked of it is read.
    pub fn bare() -> World {
        World::of(false)
    }

    fn of(background: bool) -> World {
        let power = PowerStorage::default();
        let clock = Arc::new(ManualClock::default());
        let seams = Seams {
            storage: Arc::new(power.clone()),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(7)),
        };
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let keep = open(&seams, background);
        World { clock, seams, power, keep }
    }

    /// The process ends, and another one begins.
    pub fn restart(self) -> World {
        let World { clock, seams, power, keep } = self;
        drop(keep);
        let keep = open(&seams, true);
        World { clock, seams, power, keep }
    }

    pub fn set(&self, rules: &str) {
        let set = self.keep.set_retention(&who("alice"), &policy(rules)).unwrap();
        assert!(matches!(set, SetOutcome::Set(_)));
    }

    /// Events of a category by some actors in turn.
    pub fn append(&self, trail: &str, category: &str, count: u64, actors: u64) {
        let item = |n: u64| {
            let event = json!({
                "action": "a.b", "category": category, "outcome": "success",
                "actor": {"type": "user", "id": format!("u{}", n % actors)},
                "details": {"n": n},
            });
            let event = check(event.to_string().as_bytes()).unwrap();
            Item { trail: TrailName::parse(trail).unwrap(), event, recorded_by: None }
        };
        let items: Vec<Item> = (0..count).map(item).collect();
        for result in self.keep.store().append(&items) {
            result.unwrap();
        }
    }

    pub fn seal(&self) {
        self.keep.store().log().seal().unwrap();
    }

    /// Half days go by, and somebody looks at the clock in each.
    pub fn days(&self, days: i64) {
        for _ in 0..2 * days {
            self.clock.advance(12 * HOUR);
            assert_eq!(self.keep.tick(self.clock.now()).unwrap().stopped, None);
        }
    }

    pub fn run(&self) -> indelible_keep::retention::Run {
        self.keep.run_retention(&who("alice"), &Silent).unwrap()
    }

    pub fn read(&self, trail: &str, seq: u64) -> Result<KeptRecord, LogError> {
        let no = self.keep.store().log().view().trail_no(&TrailName::parse(trail).unwrap());
        let read = self.keep.store().reader().read(no.unwrap(), &[Seq(seq)]);
        read.map(|mut records| records.remove(0)).map_err(|e| match e {
            StoreError::Log(e) => e,
            other => panic!("{other}"),
        })
    }

    /// How many of a trail's records are whole, and how many are stubs; the rest are pruned.
    pub fn left(&self, trail: &str) -> (u64, u64) {
        let trail_of = TrailName::parse(trail).unwrap();
        let size = self.keep.store().reader().trail(&trail_of).unwrap().size.0;
        let (mut whole, mut stubs) = (0, 0);
        for seq in 0..size {
            match self.read(trail, seq) {
                Ok(record) if is_whole(&record) => whole += 1,
                Ok(_) => stubs += 1,
                Err(LogError::Expired { .. }) => {}
                Err(e) => panic!("{e}"),
            }
        }
        (whole, stubs)
    }

    /// Verifies everything, and gives what there is to be noted.
    pub fn verify(&self) -> Vec<String> {
        let report = verify(&self.seams.storage, &VerifyOptions::default()).unwrap();
        assert_eq!(report.log.findings, []);
        report.log.notes
    }

    /// The details of events of `_system`, oldest first, with their phases.
    pub fn told(&self, action: &str) -> Vec<(String, Value)> {
        let told = self.keep.told(&[action]).unwrap();
        let phase = |record: &KeptRecord| {
            record.entry().phase.map_or_else(String::new, |phase| phase.name().to_owned())
        };
        told.iter().map(|r| (phase(r), indelible_keep::deed::details(r))).collect()
    }
}

pub fn is_whole(record: &KeptRecord) -> bool {
    let gone = |part: &Part| matches!(record.parts[*part as usize], KeptPart::Gone(_));
    !Part::ALL.iter().any(gone)
}

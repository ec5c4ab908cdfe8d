//! A fire drill: a copy of the directory is tampered with in every way we know, and each time it is
//! shown what catches it.
//!
//! The attacker here is a good one: he knows the formats, mends every checksum on his way, and where it
//! says so has the node's key. What only somebody outside can notice is called that.

mod attacks;
mod copy;
mod index;
mod rewrite;

use std::sync::Arc;

use indelible_event::{TrailName, check};
use indelible_log::storage::Storage;
use indelible_log::{SealAt, Seams};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::search::reindex;
use crate::store::{Item, OpenOptions, Store};
use crate::verify::{VerifyOptions, verify};

/// Who noticed an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaughtBy {
    /// `verify log`, from the directory alone.
    Verification,
    /// `verify index`, from the directory alone: the records are whole, but a search overlooks some.
    IndexVerification,
    /// The writer, which refuses to go on and sign.
    SignGuard,
    /// Only a checkpoint that somebody outside had kept.
    OutsideWitness,
    /// Nobody.
    Nothing,
}

impl CaughtBy {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            CaughtBy::Verification => "verify log",
            CaughtBy::IndexVerification => "verify index",
            CaughtBy::SignGuard => "sign guard",
            CaughtBy::OutsideWitness => "outside witness only",
            CaughtBy::Nothing => "NOT CAUGHT",
        }
    }
}

/// One attack and what came of it.
#[derive(Clone, Debug)]
pub struct DrillRow {
    /// What was done.
    pub attack: &'static str,
    /// What the attacker needs for it.
    pub needs: &'static str,
    /// Who noticed.
    pub caught_by: CaughtBy,
    /// Whether that is what should have noticed.
    pub as_expected: bool,
    /// What was said, and where.
    pub finding: String,
}

/// The trail that the drill's own events go to, in the copy.
const TRAIL: &str = "drill";
/// How many of them there are before the outside checkpoint is taken.
const EVENTS: usize = 300;

/// Where the pieces of a drill are: the copy everything starts from, and what somebody outside kept.
pub(crate) struct Stage {
    pub base: Seams,
    /// The directory as it was before the last events.
    pub earlier: Seams,
    /// The drill trail's checkpoint as a witness keeps it.
    pub kept: Vec<u8>,
    pub trail: TrailName,
}

/// Runs the drill on a copy of a directory that no process is writing to. `scratch` makes an empty
/// directory for each name it is given.
pub fn drill(
    source: &Arc<dyn Storage>,
    guard: Option<&Arc<dyn Storage>>,
    scratch: &dyn Fn(&str) -> Seams,
    progress: &dyn Fn(&'static str),
) -> Result<Vec<DrillRow>, StoreError> {
    let stage = prepare(source, guard, scratch)?;
    let honest = verify(
        &stage.base.storage,
        &VerifyOptions { kept: vec![stage.kept.clone()], ..Default::default() },
    )?;
    if let Some(finding) = honest.log.findings.first() {
        let why = format!("the directory does not verify even before the drill: {finding}");
        return Err(StoreError::NotFound(why));
    }
    let mut rows = Vec::new();
    for (i, attack) in attacks::LIST.iter().enumerate() {
        progress(attack.what);
        let place = scratch(&format!("attack-{i:02}"));
        rows.push(attack.run(&stage, &place)?);
    }
    Ok(rows)
}

/// Copies the directory, adds events of the drill's own so that there is a small segment, a live file
/// and a checkpoint to work on, and keeps an earlier copy and a checkpoint aside.
fn prepare(
    source: &Arc<dyn Storage>,
    guard: Option<&Arc<dyn Storage>>,
    scratch: &dyn Fn(&str) -> Seams,
) -> Result<Stage, StoreError> {
    let (base, earlier) = (scratch("base"), scratch("earlier"));
    {
        let _lock = source.lock(indelible_log::LOCK).map_err(|e| match e.kind() {
            std::io::ErrorKind::WouldBlock => StoreError::Log(indelible_log::LogError::Locked),
            _ => StoreError::io(indelible_log::LOCK)(e),
        })?;
        copy::all(&**source, &*base.storage)?;
        if let Some(guard) = guard {
            copy::guard(&**guard, &*base.storage)?;
        }
    }
    let trail = TrailName::parse(TRAIL).expect("the drill's trail has a good name");
    append(&base, &trail, 0, EVENTS, true)?;
    copy::all(&*base.storage, &*earlier.storage)?;
    append(&base, &trail, EVENTS, EVENTS / 3, true)?;
    append(&base, &trail, EVENTS + EVENTS / 3, EVENTS / 3, false)?;
    let reader = Reader::open(base.storage.clone())?;
    reindex(&base, &mut |_, _| ())?;
    let (note, _) = reader.checkpoint(&reader.trail(&trail)?)?;
    Ok(Stage { base, earlier, kept: note.into_bytes(), trail })
}

/// Appends events through the front door, and signs.
pub(crate) fn append(
    place: &Seams,
    trail: &TrailName,
    from: usize,
    count: usize,
    seal: bool,
) -> Result<(), StoreError> {
    let options =
        OpenOptions { background: false, seal_at: SealAt::default(), ..OpenOptions::default() };
    let store = Store::open(place.clone(), options)?;
    let event = |n: usize| {
        let json = format!(
            r#"{{"action":"payment.approve","category":"data_modify","outcome":"success","actor":{{"type":"user","id":"user-{}"}},"targets":[{{"type":"invoice","id":"inv-{n}"}}],"changes":{{"before":{{"state":"open"}},"after":{{"state":"approved","amount":{}}}}},"context":{{"ip":"192.0.2.{}","service":"billing"}}}}"#,
            n % 7,
            1000 + n,
            n % 200
        );
        check(json.as_bytes()).expect("the drill's events are within all limits")
    };
    let recorded_by = Some("drill".into());
    let item = |n| Item { trail: trail.clone(), event: event(n), recorded_by: recorded_by.clone() };
    let items: Vec<Item> = (from..from + count).map(item).collect();
    store.append(&items).into_iter().collect::<Result<Vec<_>, _>>()?;
    store.publish()?;
    if seal {
        store.log().seal()?;
    }
    store.close()
}

//! Every byte of the last groups cut off or changed: what was acknowledged stays, or the log says that
//! it is corrupt and leaves everything as it is.

use std::sync::Arc;

use indelible_log::active::{Groups, mark_path, path};
use indelible_log::frame::encode_mark;
use indelible_log::record::Pos;
use indelible_log::storage::Storage;
use indelible_log::{LogError, SealAt, View};
use indelible_sim::{PowerStorage, Trouble, make_event, scale};

use crate::driver::{Driver, ON_REQUEST, events, expect};

/// How many groups the active file has, and how many of them are damaged.
const GROUPS: usize = 5;
const LAST: usize = 2;

/// A closed log of one active file, and where its groups begin and the last one ends.
fn groups() -> (Driver, Vec<u64>) {
    let mut driver = Driver::new(5);
    driver.open().expect("nothing fails");
    driver.trail("alpha").expect("nothing fails");
    // The group that makes the trail is the first.
    for n in 1..GROUPS as u64 {
        driver.append("alpha", &events(n * 10, 1 + n % 2, n as usize)).expect("nothing fails");
    }
    driver.close();
    let file = driver.power.open(&path(Pos(0)), false).expect("the active file is there");
    let mut groups = Groups::new(&*file, file.len().expect("nothing fails"));
    let mut borders = vec![groups.offset()];
    while let Some(group) = groups.next().expect("nothing fails") {
        borders.push(group.expect("nothing is damaged yet").end());
    }
    assert_eq!(borders.len(), GROUPS + 1, "each append makes one group");
    (driver, borders)
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    CutAt(usize),
    Flip(usize, u8),
    ZeroFrom(usize),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Damage::CutAt(at) => bytes.truncate(at),
            Damage::Flip(at, bits) => bytes[at] ^= bits,
            Damage::ZeroFrom(at) => bytes[at..].fill(0),
        }
    }

    /// The groups that stay whole, whether anything is left behind the last of them, and whether a later
    /// group still tells of damage before it.
    fn leaves(self, borders: &[u64]) -> (usize, bool) {
        let (Damage::CutAt(at) | Damage::Flip(at, _) | Damage::ZeroFrom(at)) = self;
        let hit = borders
            .iter()
            .rposition(|border| *border <= at as u64)
            .expect("it is behind the header");
        let told = matches!(self, Damage::Flip(..)) && hit + 1 < GROUPS;
        (hit.min(GROUPS), told)
    }
}

/// What the damaged file must become.
enum Verdict {
    /// Just so many groups are there.
    Keeps(usize),
    Corrupt,
}

fn check(base: &Driver, borders: &[u64], damage: Damage, mark: Option<u64>) -> Result<(), Trouble> {
    let active = path(Pos(0));
    let power: PowerStorage = base.power.kill();
    let mut bytes = power.image().remove(&active).ok_or("the active file is gone")?;
    let before = bytes.len();
    damage.apply(&mut bytes);
    power.put(&active, Some(&bytes));
    let word = mark.map(|durable| encode_mark(Pos(0), durable));
    power.put(&mark_path(Pos(0)), word.as_ref().map(|word| &word[..]));
    let (whole, told) = damage.leaves(borders);
    let verdict = match mark {
        Some(durable) if borders[whole] < durable => Verdict::Corrupt,
        _ if told => Verdict::Corrupt,
        _ => Verdict::Keeps(whole),
    };
    let image = power.image();
    let reader = View::open(Arc::new(power.clone()));
    let mut driver = Driver::over(power, Default::default(), 77);
    let opened = indelible_log::Log::open(driver.seams(), ON_REQUEST);
    match verdict {
        Verdict::Corrupt => {
            for error in [reader.err(), opened.err()] {
                match error {
                    Some(LogError::Corrupt { path, .. }) if path == active => {}
                    other => return Err(format!("it should be corrupt in {active}, is {other:?}")),
                }
            }
            if driver.power.image() != image {
                return Err("a damaged directory was changed".into());
            }
        }
        Verdict::Keeps(whole) => {
            let kept = records(&base_view(base)?, borders, whole)?;
            let reader = reader.map_err(|e| format!("reading: {e}"))?;
            let log = opened.map_err(|e| format!("writing: {e}"))?;
            let torn = bytes.len() as u64 - borders[whole];
            if log.recovery().torn_bytes != torn {
                return Err(format!("{} torn bytes reported of {torn}", log.recovery().torn_bytes));
            }
            for view in [&reader, &**log.view()] {
                if all(view)? != kept {
                    return Err(format!("{whole} groups should be kept of {before} bytes"));
                }
            }
            driver.log = Some(log);
            let more = [make_event(500, 0, 0)];
            // The oldest trail may have gone with its group only if that was the damaged one.
            driver.append("alpha", &more).map_err(|e| format!("going on: {e:?}"))?;
            driver.close();
            let after = base_view(&driver)?;
            if all(&after)?.get(..kept.len()) != Some(&kept[..]) {
                return Err("after going on the kept records are others".into());
            }
        }
    }
    Ok(())
}

fn base_view(driver: &Driver) -> Result<View, Trouble> {
    View::open(Arc::new(driver.power.clone())).map_err(|e| e.to_string())
}

/// Entries of all trails in the order of their positions.
fn all(view: &View) -> Result<Vec<(u64, Vec<u8>)>, Trouble> {
    let mut out = Vec::new();
    for status in view.trails() {
        let seqs: Vec<_> = (0..status.size.0).map(indelible_log::record::Seq).collect();
        let records = view.read(status.info.no, &seqs).map_err(|e| e.to_string())?;
        out.extend(records.into_iter().map(|r| (r.pos.0, r.entry)));
    }
    out.sort();
    Ok(out)
}

/// The records of the first `whole` groups of the undamaged file.
fn records(view: &View, borders: &[u64], whole: usize) -> Result<Vec<(u64, Vec<u8>)>, Trouble> {
    let counts = (0..borders.len() as u64 - 1).map(|n| if n == 0 { 1 } else { 1 + n % 2 });
    let count: u64 = counts.take(whole).sum();
    Ok(all(view)?.into_iter().take(count as usize).collect())
}

fn damage_every_byte(damages: impl Fn(usize, u64) -> Damage) {
    let (base, borders) = groups();
    let stride = scale("INDELIBLE_SIM_STRIDE", 1) as usize;
    let end = borders[GROUPS];
    let marks = [Some(end), None, Some(borders[GROUPS - 1]), Some(borders[GROUPS - LAST])];
    for at in (borders[GROUPS - LAST] as usize..end as usize).step_by(stride) {
        for mark in marks {
            let damage = damages(at, end);
            let result = check(&base, &borders, damage, mark);
            expect(&format!("{damage:?} of {borders:?}, mark {mark:?}"), &base.faults, result);
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_keeps_what_was_acknowledged_or_is_corrupt() {
    damage_every_byte(|at, _| Damage::CutAt(at));
}

#[test]
fn a_file_with_any_byte_changed_keeps_what_was_acknowledged_or_is_corrupt() {
    damage_every_byte(|at, _| Damage::Flip(at, 1 << (at % 8)));
}

#[test]
fn a_file_that_ends_in_zeros_from_any_byte_keeps_what_was_acknowledged_or_is_corrupt() {
    damage_every_byte(|at, end| {
        if at as u64 + 1 == end { Damage::Flip(at, 0xff) } else { Damage::ZeroFrom(at) }
    });
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let (mut driver, _) = groups();
    driver.open().unwrap();
    let second = indelible_log::Log::open(driver.seams(), SealAt::default());
    assert!(matches!(second, Err(LogError::Locked)));
    let third = indelible_log::Log::init(&driver.seams());
    assert!(matches!(third, Err(LogError::Locked)));
    let reader = base_view(&driver).unwrap();
    let before = all(&reader).unwrap();
    driver.append("alpha", &events(600, 2, 0)).unwrap();
    assert_eq!(all(&reader).unwrap(), before, "a reader sees one moment");
    assert_eq!(all(&base_view(&driver).unwrap()).unwrap().len(), before.len() + 2);
    driver.close();
    driver.open().expect("the lock goes with the log");
}

//! Archives: made, gone on with, broken off, searched after segments left; by trail and date.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{EventId, Micros, TrailName, check};
use indelible_keep::archive::{By, NewArchive, NewOffload, Settings, model};
use indelible_keep::retention::SetRetention;
use indelible_keep::{Keep, KeepError, Progress, Silent, Who};
use indelible_log::record::{Seq, TrailNo};
use indelible_log::rewrite::{Change, Fate};
use indelible_log::storage::FileStorage;
use indelible_log::{Clock, LogError, Seams};
use indelible_sim::{ManualClock, SeededEntropy};
use indelible_store::{InitOptions, Item, OpenOptions, Store, VerifyOptions, verify};
use serde_json::{Value, json};

pub const DAY: i64 = 86_400_000_000;

/// A store in a directory, with what keeps it.
pub struct World {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub seams: Seams,
    pub keep: Option<Keep>,
}

impl World {
    pub fn new(seed: u64) -> World {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let seams = Seams {
            storage: Arc::new(FileStorage::new(dir.path().join("data"))),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let mut world = World { dir, clock, seams, keep: None };
        world.open();
        world
    }

    pub fn open(&mut self) {
        self.keep = None;
        let options = OpenOptions { background: false, ..OpenOptions::default() };
        let store = Arc::new(Store::open(self.seams.clone(), options).unwrap());
        let keep = Keep::new(store, self.seams.clone());
        keep.attach_archives(1 << 30);
        self.keep = Some(keep);
    }

    pub fn keep(&self) -> &Keep {
        self.keep.as_ref().unwrap()
    }

    pub fn at(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Appends events of actors u0, u1, … and seals.
    pub fn fill(&self, trail: &str, from: u64, count: u64) {
        let events = (from..from + count).map(|n| {
            let json = json!({
                "id": EventId::derived(trail, n).to_string(),
                "action": if n % 3 == 0 { "file.delete" } else { "file.read" },
                "actor": {"type": "user", "id": format!("u{}", n % 7)},
                "targets": [{"type": "file", "id": format!("f{n}")}],
                "details": {"n": n, "text": "a \u{1f} line\nand \u{e9}"},
            });
            let event = check(json.to_string().as_bytes()).unwrap();
            Item { trail: TrailName::parse(trail).unwrap(), event, recorded_by: None }
        });
        let items: Vec<Item> = events.collect();
        let appended = self.keep().store().append(&items);
        assert!(appended.iter().all(Result::is_ok));
        self.keep().store().log().seal().unwrap();
    }

    pub fn archive(&self, name: &str) -> indelible_keep::archive::Archived {
        self.keep().archive(&who("ann"), &whole(&self.at(name)), &Silent).unwrap()
    }

    pub fn holds(&self) {
        let archived = Arc::new(indelible_keep::archive::Fetcher::new(None));
        let options = VerifyOptions { archived: Some(archived), ..VerifyOptions::default() };
        let report = verify(&self.seams.storage, &options).unwrap();
        assert!(report.holds(), "{:?}", report.log.findings);
    }

    /// What `_system` says with this action: phase, outcome and details, oldest first.
    pub fn told(&self, action: &str) -> Vec<(Option<String>, String, Value)> {
        let records = self.keep().told(&[action]).unwrap();
        let one = |record: &indelible_log::record::KeptRecord| {
            let entry = record.entry();
            let phase = entry.phase.map(|phase| phase.name().to_owned());
            let details = indelible_keep::deed::details(record);
            (phase, entry.outcome.name().to_owned(), details)
        };
        records.iter().map(one).collect()
    }

    /// All records of a trail, as they are shown.
    pub fn records(&self, trail: &str) -> Vec<Vec<u8>> {
        let reader = self.keep().store().reader();
        let status = reader.trail(&TrailName::parse(trail).unwrap()).unwrap();
        let seqs: Vec<Seq> = (0..status.size.0).map(Seq).collect();
        let records = reader.read(status.info.no, &seqs).unwrap();
        records.iter().map(|record| record.view(trail)).collect()
    }
}

pub fn who(id: &str) -> Who {
    Who { id: id.into(), since: None, actor: json!({"type": "user", "id": id}), context: None }
}

pub fn whole(target: &str) -> NewArchive {
    NewArchive { target: target.to_owned(), ..NewArchive::default() }
}

#[expect(clippy::disallowed_methods, reason = "a look from outside")]
pub fn described(dir: &str) -> (model::Archive, Vec<u8>) {
    let bytes = std::fs::read(Path::new(dir).join("archive.json")).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), bytes)
}

pub fn files(dir: &str) -> model::Whole {
    match described(dir).0.content {
        model::Content::Whole(whole) => whole,
        model::Content::TrailDate(_) => panic!("it is by trail and date"),
    }
}

fn lake(dir: &str) -> model::Lake {
    match described(dir).0.content {
        model::Content::TrailDate(lake) => lake,
        model::Content::Whole(_) => panic!("it is whole"),
    }
}

/// Fails a test's run at the n-th report of progress.
struct BreakOff(AtomicU64);

impl Progress for BreakOff {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn done(&self, _: u64) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) > 1, "broken off");
    }
}

#[test]
fn an_archive_is_recorded_first_has_every_file_and_grows() {
    let world = World::new(1);
    world.fill("shop", 0, 700);
    let first = world.archive("a");
    let told = world.told("archive.create");
    assert_eq!((told[0].0.as_deref(), told[0].1.as_str()), (Some("intent"), "pending"));
    assert_eq!((told[1].0.as_deref(), told[1].1.as_str()), (Some("outcome"), "success"));
    let (archive, bytes) = described(&world.at("a"));
    let hash = indelible_log::hex::encode(&indelible_log::sha256(&bytes));
    assert_eq!(told[1].2["sha256"], *hash);
    assert_eq!((first.sha256, first.id), (hash, archive.id));
    let files = files(&world.at("a"));
    for end in [".parquet", ".rows", "level-0", "/checkpoint", "MANIFEST", "node.json"] {
        assert!(files.files.iter().any(|file| file.path.ends_with(end)), "{end}");
    }
    assert!(!files.files.iter().any(|file| file.path.contains("node.key")));
    // Another run copies only what is new: the segments of what was appended since, and the ends of trees.
    world.fill("shop", 700, 300);
    let second = world.archive("a");
    assert!(second.copied < second.files && second.records > first.records, "{second:?}");
    let segments = |w: &model::Whole| -> Vec<String> {
        let paths = w.files.iter().map(|file| file.path.clone());
        paths.filter(|path| path.ends_with(".parquet")).collect()
    };
    let now = self::files(&world.at("a"));
    assert!(segments(&files).iter().all(|path| segments(&now).contains(path)));
    let listed = world.keep().archives().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1].result["sha256"], *second.sha256);
    world.holds();
}

#[test]
fn what_was_broken_off_goes_on_and_is_told() {
    let mut world = World::new(2);
    world.fill("shop", 0, 900);
    let breaking = BreakOff(AtomicU64::new(3));
    let run = std::panic::AssertUnwindSafe(|| {
        drop(world.keep().archive(&who("ann"), &whole(&world.at("a")), &breaking));
    });
    assert!(std::panic::catch_unwind(run).is_err(), "it was to be broken off");
    assert!(!Path::new(&world.at("a")).join("archive.json").exists());
    world.open();
    let archived = world.archive("a");
    assert!(archived.copied < archived.files, "what was there was copied again: {archived:?}");
    let told: Vec<_> =
        world.told("archive.create").into_iter().map(|t| (t.0.unwrap(), t.1)).collect();
    let told: Vec<_> =
        told.iter().map(|(phase, outcome)| (phase.as_str(), outcome.as_str())).collect();
    let ended = [
        ("intent", "pending"),
        ("outcome", "failure"),
        ("intent", "pending"),
        ("outcome", "success"),
    ];
    assert_eq!(told, ended);
    world.holds();
}

#[test]
fn merged_segments_take_the_place_of_theirs_and_another_log_is_refused() {
    let world = World::new(3);
    for n in 0..8 {
        world.fill("shop", n * 50, 50);
    }
    let before = world.archive("a");
    world.keep().store().log().merge_now().unwrap();
    let after = world.archive("a");
    assert!(after.removed > 0 && after.files < before.files, "{before:?} {after:?}");
    let other = World::new(4);
    other.fill("shop", 0, 10);
    let refused = other.keep().archive(&who("ann"), &whole(&world.at("a")), &Silent);
    assert!(matches!(refused, Err(KeepError::Refused(why)) if why.contains("another log")));
    assert!(other.told("archive.create").is_empty());
}

#[test]
fn segments_leave_only_what_is_archived_and_come_back_to_be_read() {
    let mut world = World::new(5);
    world.fill("shop", 0, 600);
    world.clock.advance(40 * DAY);
    world.fill("shop", 600, 100);
    let records = world.records("shop");
    let away = NewOffload { target: world.at("a"), days: Some(30) };
    let none = world.keep().offload(&who("ann"), &away, &Silent);
    assert!(matches!(none, Err(KeepError::NotFound(_))));
    world.archive("a");
    let left = world.keep().offload(&who("ann"), &away, &Silent).unwrap();
    assert_eq!((left.segments, left.records), (1, 600));
    let told = world.told("archive.offload");
    assert_eq!(told[0].2["count"], 1);
    assert_eq!(told[1].2["segments"], 1);
    let data = |end: &str| names(&world.at("data/segments"), end);
    assert_eq!(data(".parquet").len() + 1, data(".rows").len());
    // Again there is nothing to do, and nothing is told.
    assert_eq!(world.keep().offload(&who("ann"), &away, &Silent).unwrap().segments, 0);
    assert_eq!(world.told("archive.offload").len(), 2);
    for _ in 0..2 {
        assert_eq!(world.records("shop"), records);
        assert_eq!(names(&world.at("data/cache"), ".parquet").len(), 1);
        world.holds();
        found(&world, "actor.id:u3 action:file.delete");
        // The same event again is known, and a new one is not looked for far away.
        world.fill("shop", 0, 3);
        assert_eq!(world.records("shop").len(), 700);
        world.archive("a");
        world.open();
    }
}

/// A search finds all of a query's events among the 700.
fn found(world: &World, query: &str) {
    let wanted = (0..700).filter(|n| n % 7 == 3 && n % 3 == 0).count();
    let page = search(world, query);
    assert_eq!((page.0, page.1.as_slice()), (wanted, &[][..]));
}

/// How many records are found, and what could not be read.
fn search(world: &World, query: &str) -> (usize, Vec<String>) {
    use indelible_index::search::{self, Access, Ask, Budget, PageAsk};
    let query = indelible_index::query::parse(query, Micros(0)).unwrap();
    let snapshot = world.keep().store().reader().search().unwrap().snapshot();
    let ask = Ask { query: &query, access: &Access::All, trails: &[] };
    let mut budget = Budget::with(u64::MAX, u64::MAX, i64::MAX, &|| Micros(0));
    let want = PageAsk { limit: 1000, ..PageAsk::default() };
    let page = search::page(&snapshot.units, &ask, &want, &mut budget).unwrap();
    (page.records.len(), page.alarms.into_iter().map(|alarm| alarm.message).collect())
}

#[expect(clippy::disallowed_methods, reason = "a look from outside")]
pub fn names(dir: &str, end: &str) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(end)).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the archive goes away behind the log's back")]
fn an_archive_that_is_gone_or_changed_is_named_and_hides_nothing_else() {
    let mut world = World::new(6);
    world.fill("shop", 0, 300);
    world.clock.advance(3 * DAY);
    world.fill("shop", 300, 300);
    world.archive("a");
    let away = NewOffload { target: world.at("a"), days: Some(1) };
    assert_eq!(world.keep().offload(&who("ann"), &away, &Silent).unwrap().segments, 1);
    // The index was made while the rows were here, or it would have to fetch them.
    assert_eq!(search(&world, "action:file.read").1.len(), 0);
    std::fs::rename(world.at("a"), world.at("gone")).unwrap();
    std::fs::remove_dir_all(world.at("data/cache")).unwrap();
    world.open();
    let reader = world.keep().store().reader();
    let each = reader.view().read_each(TrailNo(1), &[Seq(0), Seq(300)]);
    assert!(each[1].is_ok());
    let error = each[0].as_ref().unwrap_err();
    assert!(matches!(error, LogError::Away { target, .. } if *target == world.at("a")), "{error}");
    let report = verify(&world.seams.storage, &VerifyOptions::default()).unwrap();
    assert_eq!(report.log.findings.len(), 1, "{:?}", report.log.findings);
    assert!(report.log.findings[0].to_string().contains(&world.at("a")));
    // It is there again, with one byte changed.
    std::fs::rename(world.at("gone"), world.at("a")).unwrap();
    let key =
        files(&world.at("a")).files.into_iter().find(|f| f.path.ends_with(".parquet")).unwrap();
    let mut changed = 0;
    for file in files(&world.at("a")).files.iter().filter(|f| f.path.ends_with(".parquet")) {
        let path = Path::new(&world.at("a")).join(&file.at);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        changed += 1;
    }
    assert!(changed > 0, "{key:?}");
    let each = reader.view().read_each(TrailNo(1), &[Seq(0)]);
    let error = each[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("alarm") && error.contains(&world.at("a")), "{error}");
}

#[test]
fn nothing_leaves_for_an_archive_that_was_changed() {
    let world = World::new(7);
    world.fill("shop", 0, 300);
    world.clock.advance(3 * DAY);
    world.archive("a");
    let files = files(&world.at("a")).files;
    let rows: Vec<_> = files.iter().filter(|file| file.path.contains(".standard.")).collect();
    let parquet = rows.iter().find(|file| file.path.ends_with(".parquet")).unwrap();
    damage(&Path::new(&world.at("a")).join(&parquet.at));
    let away = NewOffload { target: world.at("a"), days: Some(1) };
    let refused = world.keep().offload(&who("ann"), &away, &Silent);
    assert!(matches!(refused, Err(KeepError::Damaged { .. })), "{refused:?}");
    assert_eq!(world.records("shop").len(), 300);
    assert_eq!(world.told("archive.offload")[1].1, "failure");
}

#[expect(clippy::disallowed_methods, reason = "damage from outside")]
pub fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn the_cache_stays_within_its_bound() {
    let mut world = World::new(8);
    for n in 0..4 {
        world.fill("shop", n * 200, 200);
        world.clock.advance(DAY);
    }
    world.clock.advance(DAY);
    world.archive("a");
    let away = NewOffload { target: world.at("a"), days: Some(0) };
    assert_eq!(world.keep().offload(&who("ann"), &away, &Silent).unwrap().segments, 4);
    world.keep = None;
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let store = Arc::new(Store::open(world.seams.clone(), options).unwrap());
    let keep = Keep::new(store, world.seams.clone());
    keep.attach_archives(1);
    world.keep = Some(keep);
    let records = world.records("shop");
    assert_eq!(records.len(), 800);
    assert_eq!(names(&world.at("data/cache"), "").len(), 1);
}

#[test]
fn what_is_erased_of_a_segment_that_left_is_here_again_and_the_copy_is_told() {
    let world = World::new(12);
    world.fill("shop", 0, 300);
    world.clock.advance(3 * DAY);
    world.archive("a");
    let away = NewOffload { target: world.at("a"), days: Some(1) };
    assert_eq!(world.keep().offload(&who("ann"), &away, &Silent).unwrap().segments, 1);
    let view = world.keep().store().reader().view();
    let left = view.segments().into_iter().find(|handle| handle.away().is_some()).unwrap();
    let rows = [7].into_iter().collect();
    let fate = Fate::Erase { rows, parts: [true, false, false] };
    let change = Change { file: left.file_no(), fate };
    let done = world.keep().store().log().rewrite(&[change], &[], &|_| {}).unwrap();
    assert_eq!(done.erased, 1);
    assert!(view.segments().iter().all(|handle| handle.away().is_none()));
    assert_eq!(world.records("shop").len(), 300);
    let old = |world: &World| world.keep().outdated().unwrap().remove(&world.at("a")).unwrap();
    assert_eq!(old(&world).unwrap(), [format!("segments/{}.parquet", left.name())]);
    world.archive("a");
    assert!(old(&world).unwrap().is_empty());
    assert!(!Path::new(&world.at("a")).join(format!("segments/{}.parquet", left.name())).exists());
}

#[test]
fn by_trail_and_date_only_new_days_are_written_again() {
    let world = World::new(9);
    world.fill("shop", 0, 500);
    world.fill("eu:west", 0, 50);
    world.clock.advance(DAY);
    world.fill("shop", 500, 100);
    let new = NewArchive {
        target: world.at("lake"),
        by: By::TrailDate,
        entries: true,
        ..NewArchive::default()
    };
    let first = world.keep().archive(&who("ann"), &new, &Silent).unwrap();
    let days = lake(&world.at("lake")).days;
    let shop: Vec<_> = days.iter().filter(|day| day.name == "shop").collect();
    assert_eq!(shop.len(), 2);
    assert_eq!((shop[0].finished, shop[1].finished), (true, false));
    let part = "trail=eu%3Awest/date=2026-11-15/part-0.parquet";
    assert!(days.iter().any(|day| day.parts[0].at == part));
    assert!(Path::new(&world.at("lake")).join(part).exists());
    world.fill("shop", 600, 50);
    let second = world.keep().archive(&who("ann"), &new, &Silent).unwrap();
    // The unfinished days of shop and of _system.
    assert_eq!((first.files, second.copied), (5, 2), "{first:?} {second:?}");
    assert_eq!(second.records, first.records + 50 + 1 + 1);
    let without = NewArchive { entries: false, ..new.clone() };
    assert!(matches!(
        world.keep().archive(&who("ann"), &without, &Silent),
        Err(KeepError::Refused(_))
    ));
    let one = NewArchive {
        target: world.at("one"),
        trail: Some("shop".into()),
        from: Some("2026-11-16".into()),
        ..new
    };
    let one = world.keep().archive(&who("ann"), &one, &Silent).unwrap();
    assert_eq!((one.records, one.files), (150, 1));
}

#[test]
fn by_trail_and_date_a_pruned_trail_begins_where_the_log_does() {
    let world = World::new(19);
    let rules = "trail:shop 1d, everything else forever".into();
    let set = SetRetention { rules, bytes_max: None, floor_days: 0, existing: false };
    world.keep().set_retention(&who("ann"), &set).unwrap();
    world.fill("shop", 0, 100);
    world.clock.advance(DAY / 2);
    world.fill("shop", 100, 200);
    let new = NewArchive { target: world.at("lake"), by: By::TrailDate, ..NewArchive::default() };
    world.keep().archive(&who("ann"), &new, &Silent).unwrap();
    let shop = || -> Vec<(u64, u64, u64)> {
        let days = lake(&world.at("lake")).days.into_iter().filter(|day| day.name == "shop");
        days.map(|d| (d.first_seq, d.end_seq, d.parts.iter().map(|p| p.rows).sum())).collect()
    };
    assert_eq!(shop(), [(0, 100, 100), (100, 300, 200)]);
    let older = lake(&world.at("lake")).days.into_iter().find(|day| day.name == "shop").unwrap();
    let older = Path::new(&world.at("lake")).join(&older.parts[0].at);
    assert!(older.exists());
    for _ in 0..6 {
        world.clock.advance(DAY / 2);
        world.keep().tick(world.clock.now()).unwrap();
    }
    world.fill("shop", 300, 20);
    let run = world.keep().run_retention(&who("ann"), &Silent).unwrap();
    assert_eq!((run.expired, run.pruned), (300, 256));
    // What is left of the second day are the stubs of the bundle that the trail's minimum lies in.
    let made = world.keep().archive(&who("ann"), &new, &Silent).unwrap();
    assert_eq!(shop(), [(256, 300, 44), (300, 320, 20)]);
    assert!(made.removed >= 1 && !older.exists());
    let again = world.keep().archive(&who("ann"), &new, &Silent).unwrap();
    // Only the unfinished days of shop and of _system.
    assert_eq!((shop(), again.copied), (vec![(256, 300, 44), (300, 320, 20)], 2));
    let other = NewArchive { target: world.at("other"), entries: true, ..new };
    world.keep().archive(&who("ann"), &other, &Silent).unwrap();
    let days = lake(&world.at("other")).days.into_iter().filter(|day| day.name == "shop");
    assert_eq!(days.map(|day| day.first_seq).collect::<Vec<_>>(), [256, 300]);
}

#[test]
fn what_expired_goes_from_archives_in_directories_and_is_named_in_others() {
    let world = World::new(20);
    let rules = "trail:shop 4d, everything else forever".into();
    let set = SetRetention { rules, bytes_max: None, floor_days: 0, existing: false };
    world.keep().set_retention(&who("ann"), &set).unwrap();
    world.fill("shop", 0, 300);
    world.fill("office", 0, 300);
    let days = |days: i64| {
        for _ in 0..2 * days {
            world.clock.advance(DAY / 2);
            world.keep().tick(world.clock.now()).unwrap();
        }
    };
    days(2);
    world.archive("a");
    world.archive("moved");
    let lake = NewArchive { target: world.at("lake"), by: By::TrailDate, ..NewArchive::default() };
    world.keep().archive(&who("ann"), &lake, &Silent).unwrap();
    let away = NewOffload { target: world.at("a"), days: Some(1) };
    assert!(world.keep().offload(&who("ann"), &away, &Silent).unwrap().segments >= 2);
    let view = world.keep().store().reader().view();
    let shop = view.trail_no(&TrailName::parse("shop").unwrap()).unwrap();
    let of_shop = |handle: &indelible_log::SegmentHandle| {
        handle.away().is_some() && handle.trails().any(|(no, ..)| no == shop)
    };
    let gone: Vec<String> = view.segments().iter().filter(|h| of_shop(h)).map(rows_of).collect();
    let rows = |name: &str| names(&world.at(&format!("a/{name}")), "");
    assert!(!gone.is_empty() && gone.iter().all(|file| rows("segments").contains(file)));
    // What a run that ended in the middle was writing is named by nothing.
    let aside = Path::new(&world.at("a")).join("segments/x.parquet.part");
    write(&aside, b"rows");
    rename(&world.at("moved"), &world.at("away"));
    days(4);
    let run = world.keep().run_retention(&who("ann"), &Silent).unwrap();
    assert_eq!((run.expired, run.pruned), (300, 256));
    assert!(gone.iter().all(|file| !rows("segments").contains(file)) && !aside.exists());
    let still: Vec<(&str, u64, bool)> = run
        .still_at
        .iter()
        .map(|still| (still.target.rsplit('/').next().unwrap(), still.count, still.why.is_some()))
        .collect();
    // Of the lake the days of shop and those of the others that were written then.
    assert_eq!(still.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), ["lake", "moved"]);
    assert!(run.still_at[0].objects.iter().any(|key| key.starts_with("trail=shop/")));
    assert!(still[0].1 > 0 && !still[0].2 && still[1].1 == 0 && still[1].2, "{still:?}");
    assert!(!Path::new(&world.at("moved")).exists());
    let told = world.told("retention.run").pop().unwrap().2;
    assert_eq!(told["still_at"].as_array().unwrap().len(), 2);
    world.keep().archive(&who("ann"), &lake, &Silent).unwrap();
    assert!(
        world.keep().outdated().unwrap().remove(&world.at("lake")).unwrap().unwrap().is_empty()
    );
    assert_eq!(world.records("office").len(), 300);
    world.holds();
}

fn rows_of(handle: &indelible_log::SegmentHandle) -> String {
    format!("{}.parquet", handle.name())
}

#[expect(clippy::disallowed_methods, reason = "a hand from outside")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a hand from outside")]
fn rename(from: &str, to: &str) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_recorded() {
    let world = World::new(10);
    let bad = |new: NewArchive| {
        let refused = world.keep().archive(&who("ann"), &new, &Silent);
        assert!(matches!(refused, Err(KeepError::Bad(_))), "{refused:?}");
    };
    bad(NewArchive { trail: Some("shop".into()), ..whole(&world.at("a")) });
    bad(NewArchive { entries: true, ..whole(&world.at("a")) });
    bad(NewArchive { by: By::TrailDate, from: Some("2026-02-30".into()), ..whole(&world.at("a")) });
    assert!(world.told("archive.create").is_empty());
}

#[test]
fn the_schedule_goes_by_the_clock_and_its_changes_are_recorded() {
    let world = World::new(11);
    world.fill("shop", 0, 100);
    assert!(!world.keep().run_archive_if_due(&Silent).unwrap());
    let settings = Settings {
        target: Some(world.at("a")),
        every_hours: Some(24),
        offload_days: Some(2),
        ..Settings::default()
    };
    world.keep().set_archive_settings(&who("ann"), settings.clone()).unwrap();
    let told = world.told("archive_settings.update");
    assert_eq!(told[0].2["before"]["target"], Value::Null);
    assert_eq!(told[0].2["after"]["every_hours"], 24);
    assert!(world.keep().run_archive_if_due(&Silent).unwrap());
    assert!(!world.keep().run_archive_if_due(&Silent).unwrap());
    world.clock.advance(DAY - 1);
    assert!(!world.keep().run_archive_if_due(&Silent).unwrap());
    world.clock.advance(3 * DAY);
    assert!(world.keep().run_archive_if_due(&Silent).unwrap());
    assert_eq!(world.told("archive.offload").len(), 2);
    let none = Settings { target: None, ..settings.clone() };
    assert!(world.keep().set_archive_settings(&who("ann"), none).is_err());
    let now = world.clock.now();
    assert!(settings.is_due(None, now));
    assert!(settings.is_due(Some(Micros(now.0 + 2 * DAY)), now), "a clock that was turned back");
}

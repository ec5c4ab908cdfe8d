//! Archives brought back: into nothing, and into a log in use.

use std::path::Path;
use std::sync::Arc;

use indelible_event::TrailName;
use indelible_keep::archive::{By, NewArchive};
use indelible_keep::import::{self, NewImport};
use indelible_keep::retention::SetRetention;
use indelible_keep::{KeepError, Silent};
use indelible_log::Seams;
use indelible_log::record::Seq;
use indelible_log::storage::FileStorage;
use indelible_store::Reader;

use crate::archive::{DAY, World, damage, files, who};

fn empty(world: &World, name: &str) -> Seams {
    Seams { storage: Arc::new(FileStorage::new(world.at(name))), ..world.seams.clone() }
}

fn from(world: &World, name: &str) -> NewImport {
    NewImport { from: world.at(name), ..NewImport::default() }
}

fn vkey(world: &World, trail: &str) -> String {
    let reader = world.keep().store().reader();
    let trail = reader.trail(&TrailName::parse(trail).unwrap()).unwrap();
    reader.vkey(&trail).unwrap().to_string()
}

#[expect(clippy::disallowed_methods, reason = "a look from outside")]
fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn an_archive_becomes_the_same_log_to_the_byte() {
    let world = World::new(21);
    world.fill("shop", 0, 400);
    world.clock.advance(DAY);
    world.fill("shop", 400, 100);
    let archived = world.archive("a");
    let seams = empty(&world, "copy");
    let new = NewImport {
        vkey: Some(vkey(&world, "shop")),
        sha256: Some(archived.sha256.clone()),
        ..from(&world, "a")
    };
    let verified = import::into_empty(&seams, &new, None, &Silent).unwrap();
    assert!(verified.trusted);
    assert_eq!((verified.records, verified.signatures), (archived.records, 2));
    for file in files(&world.at("a")).files.iter().filter(|file| file.path.starts_with("segments/"))
    {
        let (here, there) =
            (world.at(&format!("copy/{}", file.path)), world.at(&format!("data/{}", file.path)));
        assert_eq!(bytes(&here), bytes(&there), "{}", file.path);
    }
    // It is read, searched and proven without the key.
    let reader = Reader::open(seams.storage.clone()).unwrap();
    let shop = reader.trail(&TrailName::parse("shop").unwrap()).unwrap();
    let seqs: Vec<Seq> = (0..500).map(Seq).collect();
    let records = reader.read(shop.info.no, &seqs).unwrap();
    let views: Vec<_> = records.iter().map(|record| record.view("shop")).collect();
    assert_eq!(views, world.records("shop"));
    reader.prove(&shop, Seq(7), &[]).unwrap();
    let again = import::into_empty(&seams, &new, None, &Silent);
    assert!(matches!(again, Err(KeepError::Refused(_))), "{again:?}");
}

#[test]
fn an_archive_that_was_changed_is_no_log() {
    let world = World::new(22);
    world.fill("shop", 0, 400);
    world.archive("a");
    let other = World::new(23);
    other.fill("shop", 0, 5);
    let foreign = NewImport { vkey: Some(vkey(&other, "shop")), ..from(&world, "a") };
    let refused = import::into_empty(&empty(&world, "one"), &foreign, None, &Silent);
    assert!(matches!(refused, Err(KeepError::Refused(_))), "{refused:?}");
    assert!(!Path::new(&world.at("one/MANIFEST")).exists());
    let hash = NewImport { sha256: Some("00".repeat(32)), ..from(&world, "a") };
    let refused = import::into_empty(&empty(&world, "two"), &hash, None, &Silent);
    assert!(matches!(refused, Err(KeepError::Refused(_))), "{refused:?}");
    for end in [".parquet", ".rows", "/level-0", "/checkpoint"] {
        let world = World::new(22);
        world.fill("shop", 0, 400);
        world.archive("a");
        let files = files(&world.at("a")).files;
        let file = files.iter().find(|file| file.path.ends_with(end)).unwrap();
        damage(&Path::new(&world.at("a")).join(&file.at));
        let refused = import::into_empty(&empty(&world, "copy"), &from(&world, "a"), None, &Silent);
        assert!(
            matches!(&refused, Err(KeepError::Damaged { path, .. }) if path.contains(&file.at)),
            "{end}: {refused:?}"
        );
        assert!(!Path::new(&world.at("copy/MANIFEST")).exists());
        // Mended, it goes on where it was.
        damage(&Path::new(&world.at("a")).join(&file.at));
        import::into_empty(&empty(&world, "copy"), &from(&world, "a"), None, &Silent).unwrap();
    }
}

#[test]
fn into_a_log_in_use_records_come_once() {
    let world = World::new(24);
    world.fill("shop", 0, 300);
    world.archive("a");
    let mut other = World::new(25);
    other.fill("shop", 200, 150);
    let new = from(&world, "a");
    let first = other.keep().import(&who("bob"), &new, &Silent).unwrap();
    // The hundred that both have differ in nothing but when they happened, which the archive knows no better.
    assert_eq!((first.counts.kept, first.counts.known, first.counts.refused), (200, 0, 100));
    assert!(first.counts.reasons.keys().any(|why| why.contains("occurred_at")));
    assert!(!std::path::Path::new(&other.at("data/importing")).exists());
    let told = other.told("import.create");
    assert_eq!((told[0].0.as_deref(), told[1].1.as_str()), (Some("intent"), "success"));
    assert_eq!(told[1].2["kept"], 200);
    assert_eq!(told[1].2["archive"]["sha256"], *first.archive.sha256);
    other.open();
    let second = other.keep().import(&who("bob"), &new, &Silent).unwrap();
    assert_eq!((second.counts.kept, second.counts.known), (0, 200));
    assert_eq!(other.records("shop").len(), 350);
    other.keep().store().log().seal().unwrap();
    other.holds();
    let system = NewImport {
        trail: Some("_system".into()),
        into: Some("old.system".into()),
        ..from(&world, "a")
    };
    let system = other.keep().import(&who("bob"), &system, &Silent).unwrap();
    assert!(system.counts.kept > 2 && system.counts.refused == 0, "{system:?}");
    let nowhere = NewImport { trail: Some("_system".into()), ..from(&world, "a") };
    assert!(other.keep().import(&who("bob"), &nowhere, &Silent).is_err());
    let times = other.records("old.system");
    assert!(times.iter().all(|view| String::from_utf8_lossy(view).contains("occurred_at")));
}

#[test]
fn what_nothing_is_left_of_stops_no_archive_and_no_import() {
    let world = World::new(31);
    let rules = SetRetention {
        rules: "everything else 1d".into(),
        bytes_max: None,
        floor_days: 0,
        existing: false,
    };
    world.keep().set_retention(&who("ann"), &rules).unwrap();
    world.fill("shop", 0, 600);
    world.keep().store().log().seal().unwrap();
    for _ in 0..6 {
        world.clock.advance(DAY / 2);
        world.keep().tick(world.keep().now()).unwrap();
    }
    world.fill("shop", 600, 10);
    assert_eq!(world.keep().run_retention(&who("ann"), &Silent).unwrap().pruned, 512);
    let lake = NewArchive { target: world.at("lake"), by: By::TrailDate, ..NewArchive::default() };
    world.keep().archive(&who("ann"), &lake, &Silent).unwrap();
    world.archive("a");
    let other = World::new(32);
    let imported = other.keep().import(&who("ann"), &from(&world, "a"), &Silent).unwrap();
    assert_eq!((imported.counts.kept, imported.counts.refused), (10, 88));
}

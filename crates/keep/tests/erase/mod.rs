//! Erasure: no byte of what was erased is left, and every proof still holds.

mod crash;
mod world;

use indelible_event::Part;
use indelible_keep::archive::{By, NewArchive};
use indelible_keep::erase::{NewErasure, Place, PlaceKind, Reach, noted_at, noted_in, reapply};
use indelible_keep::holds::NewHold;
use indelible_keep::{KeepError, Silent, restore, target};
use indelible_log::record::Seq;
use indelible_log::{Log, SealAt};
use indelible_store::{VerifyOptions, verify, verify_proof};
use serde_json::json;

use world::{NAME, World, admin, trail};

fn about() -> NewErasure {
    NewErasure {
        subject: Some(NAME.into()),
        authority: "DPO ticket 4711".into(),
        ..NewErasure::default()
    }
}

#[test]
fn nothing_of_a_subject_is_left_anywhere_and_every_proof_holds() {
    let mut world = World::new();
    world.tell(0..40);
    let backups = world.dir.path().join("backups");
    let made = world.back_up(&backups);
    let snapshots = world.data().join("snapshots");
    world.back_up(&snapshots);
    world.keep_copy("r1");
    // Some of it is sealed, some not.
    world.tell(40..60);
    world.read_about("actor:zq-ulrike-77 -outcome:success");
    let spool = world.refuse_some();
    let before = world.proofs();
    let found = world.traces();
    for place in
        ["data/segments", "data/log", "backups", "data/snapshots", "data/kept", "data/spool"]
    {
        assert!(found.iter().any(|path| path.starts_with(place)), "{place}: {found:#?}");
    }

    let preview = world.keep().preview_erasure(&about(), &Silent).unwrap();
    assert_eq!(preview.records, world.concerned(), "{preview:#?}");
    let kinds: Vec<PlaceKind> = preview.places.iter().map(|place| place.kind).collect();
    for kind in [PlaceKind::Backup, PlaceKind::Snapshot, PlaceKind::Kept, PlaceKind::Spool] {
        assert!(kinds.contains(&kind), "{kind:?}: {preview:#?}");
    }
    assert_eq!(world.traces(), found, "a preview changes nothing");

    let request = world.keep().request_erasure(&admin("alice"), &about()).unwrap();
    let done = world.keep().confirm_erasure(&admin("bob"), &request, &about(), &Silent).unwrap();
    assert!(done.complete, "{}", done.text());
    assert_eq!(done.records(), preview.records);
    assert!(
        done.trails
            .iter()
            .all(|trail| trail.root_before == trail.root_now && trail.proof.is_some())
    );
    assert_eq!(world.traces(), Vec::<String>::new());
    assert!(!spool.join("refused.ndjson").exists() || world::lines(&spool) == 1);
    let text = format!("{}{}", done.text(), serde_json::to_string(&done).unwrap());
    assert!(!text.contains(NAME));

    // The event is proven to be in `_system`.
    let system = world.keep().store().reader().trails()[0].clone();
    let vkey = world.keep().store().reader().vkey(&system).unwrap();
    for trail in &done.trails {
        let proof = trail.proof.as_ref().unwrap();
        let proven = verify_proof(proof.as_bytes(), &vkey).unwrap();
        assert_eq!(proven.index, trail.event_seq);
    }
    world.check_proofs(&before);
    // Its files are those that its description names, and that is the one that was recorded.
    world.keep().verify_backup(&admin("bob"), &made, &Silent).unwrap();
    let report = verify(&world.seams().storage, &VerifyOptions::default()).unwrap();
    assert!(report.log.findings.is_empty(), "{:#?}", report.log.findings);
    world.verify_kept("r1");

    // It stays so after a restart, and there is nothing to go on with.
    world.reopen();
    assert!(world.keep().resume_erasures(&admin("bob"), &Silent).unwrap().is_empty());
    assert_eq!(world.traces(), Vec::<String>::new());
    assert_eq!(world.keep().preview_erasure(&about(), &Silent).unwrap().records, 0);
    let listed = world.keep().erasures().unwrap();
    assert_eq!((listed.len(), listed[0].complete), (1, true));
}

#[test]
fn nothing_is_left_in_an_archive_in_a_directory_and_files_of_others_are_named() {
    let mut world = World::new();
    world.tell(0..40);
    let at = |name: &str| world.dir.path().join(name).to_str().unwrap().to_owned();
    let whole = NewArchive { target: at("whole"), ..NewArchive::default() };
    world.keep().archive(&admin("alice"), &whole, &Silent).unwrap();
    // One by trail and date is only gone on with by whoever asked for it.
    let lake = NewArchive { target: at("lake"), by: By::TrailDate, ..NewArchive::default() };
    world.keep().archive(&admin("alice"), &lake, &Silent).unwrap();
    let lake_file = |path: &String| path.starts_with("lake/");
    assert!(world.traces().iter().any(|path| path.starts_with("whole/segments/")));
    let done = world.erase(&about());
    assert!(!done.complete);
    let left: Vec<String> = world.traces().into_iter().filter(|path| !lake_file(path)).collect();
    assert_eq!(left, Vec::<String>::new());
    let of = |places: &[Place], target: &str| -> Vec<String> {
        let target = world.dir.path().join(target).to_str().unwrap().to_owned();
        let of = |place: &&Place| place.kind == PlaceKind::Archive && place.place == target;
        places.iter().filter(of).map(|place| place.item.clone()).collect()
    };
    assert_eq!(of(&done.done, "whole"), [""]);
    assert_eq!(of(&done.still_to_do, "whole"), Vec::<String>::new());
    let named = of(&done.still_to_do, "lake");
    assert!(named.iter().any(|key| key.starts_with("trail=shop/")), "{named:?}");
    assert!(named.iter().all(|key| !key.starts_with("trail=_system/")), "{named:?}");
    world.keep().archive(&admin("alice"), &lake, &Silent).unwrap();
    let outdated = world.keep().outdated().unwrap();
    assert!(outdated.values().all(|files| files.as_ref().unwrap().is_empty()));
    let segment = |path: &&String| path.starts_with("whole/") || path.starts_with("data/");
    assert_eq!(world.traces().iter().filter(segment).count(), 0);
}

#[test]
fn a_redaction_takes_only_the_parts_that_were_named() {
    let mut world = World::new();
    world.tell(0..20);
    let new = NewErasure { parts: vec!["who".into()], ..about() };
    world.erase(&new);
    let reader = world.keep().store().reader();
    let shop = reader.trail(&trail("shop")).unwrap();
    let record = &reader.read(shop.info.no, &[Seq(0)]).unwrap()[0];
    assert!(record.part(Part::Who).is_none());
    assert!(record.part(Part::What).is_some() && record.part(Part::Where).is_some());
    let report = verify(&world.seams().storage, &VerifyOptions::default()).unwrap();
    assert!(report.log.findings.is_empty(), "{:#?}", report.log.findings);
}

#[test]
fn a_trail_a_resource_and_single_events_can_be_meant() {
    let mut world = World::new();
    world.tell(0..20);
    let only = NewErasure { trail: Some("shop".into()), ..about() };
    let preview = world.keep().preview_erasure(&only, &Silent).unwrap();
    assert_eq!(preview.trails.iter().map(|t| &*t.trail).collect::<Vec<_>>(), ["shop"]);

    let resource = NewErasure { subject: None, resource: Some("file/f-3".into()), ..about() };
    assert_eq!(world.keep().preview_erasure(&resource, &Silent).unwrap().records, 1);

    let ids = preview.trails[0].sample[..2].to_vec();
    let single = NewErasure { subject: None, ids, ..about() };
    assert_eq!(world.erase(&single).records(), 2);
    let after = world.keep().preview_erasure(&only, &Silent).unwrap();
    assert_eq!(after.records, preview.records - 2);
}

#[test]
fn what_only_mentions_it_is_told_and_goes_when_that_is_asked_for() {
    let mut world = World::new();
    world.mention(3);
    world.keep().store().log().seal().unwrap();
    let preview = world.keep().preview_erasure(&about(), &Silent).unwrap();
    assert_eq!((preview.records, preview.mentioned), (0, 3));
    assert_eq!(preview.mentioned_ids.len(), 3);
    let done = world.erase(&NewErasure { mentions: true, ..about() });
    assert_eq!(done.records(), 3);
    assert_eq!(world.traces(), Vec::<String>::new());
}

#[test]
fn it_takes_two_who_say_the_same() {
    let mut world = World::new();
    world.tell(0..4);
    let keep = world.keep();
    let request = keep.request_erasure(&admin("alice"), &about()).unwrap();
    let refused = |who: &str, new: &NewErasure| {
        let error = keep.confirm_erasure(&admin(who), &request, new, &Silent).unwrap_err();
        assert!(matches!(error, KeepError::Refused(_)), "{error}");
        error.to_string()
    };
    refused("alice", &about());
    let other = NewErasure { subject: Some("somebody-else".into()), ..about() };
    assert!(refused("bob", &other).contains("HMAC"));
    // Whom it is about would be recorded by confirming.
    refused(NAME, &about());
    assert!(keep.request_erasure(&admin(NAME), &about()).is_err());
    let named = NewErasure { authority: format!("asked by {NAME}"), ..about() };
    assert!(keep.request_erasure(&admin("alice"), &named).is_err());
    // Of the second only whom it is about counts.
    let more = NewErasure { parts: vec!["who".into()], authority: "x".into(), ..about() };
    let done = keep.confirm_erasure(&admin("bob"), &request, &more, &Silent).unwrap();
    assert_eq!(done.trails[0].parts.len(), 3);
    assert_eq!((&*done.requested_by.id, &*done.confirmed_by.id), ("alice", "bob"));
    refused("bob", &about());
}

#[test]
fn a_hold_stands_against_it_until_it_is_said_otherwise() {
    let mut world = World::new();
    world.tell(0..8);
    let hold = NewHold {
        name: "case 7".into(),
        query: "trail:shop".into(),
        reason: "litigation".into(),
        owner: "legal".into(),
    };
    let hold = world.keep().hold(&admin("alice"), &hold).unwrap();
    let preview = world.keep().preview_erasure(&about(), &Silent).unwrap();
    assert_eq!(preview.holds[0].hold, hold.id);
    let request = world.keep().request_erasure(&admin("alice"), &about()).unwrap();
    let error = world.keep().confirm_erasure(&admin("bob"), &request, &about(), &Silent);
    assert!(error.unwrap_err().to_string().contains(&hold.id));
    assert_eq!(world.keep().erasures().unwrap().len(), 0);
    let done = world.erase(&NewErasure { despite_hold: true, ..about() });
    assert_eq!(done.despite_holds, [hold.id]);
}

/// Puts something on hold as soon as the records are looked for.
struct Holding<'a>(&'a World, std::sync::Once);

impl indelible_keep::Progress for Holding<'_> {
    fn stage(&self, _: &str, _: Option<u64>) {
        let new = NewHold {
            name: "case 8".into(),
            query: "trail:shop".into(),
            reason: "litigation".into(),
            owner: "legal".into(),
        };
        self.1.call_once(|| drop(self.0.keep().hold(&admin("carol"), &new).unwrap()));
    }
    fn done(&self, _: u64) {}
}

#[test]
fn what_is_put_on_hold_while_it_is_looked_for_stays() {
    let mut world = World::new();
    world.tell(0..8);
    let request = world.keep().request_erasure(&admin("alice"), &about()).unwrap();
    let confirm = |progress: &dyn indelible_keep::Progress| {
        world.keep().confirm_erasure(&admin("bob"), &request, &about(), progress).unwrap_err()
    };
    let error = confirm(&Holding(&world, std::sync::Once::new()));
    assert!(error.to_string().contains("holds have changed"), "{error}");
    assert!(confirm(&Silent).to_string().contains("litigation"));
    let request = world.keep().request(&request).unwrap();
    assert_eq!(request.state, indelible_keep::requests::RequestState::Waiting);
}

#[test]
fn nothing_is_left_of_a_restore_or_an_import_that_was_cut_short() {
    let mut world = World::new();
    world.tell(0..8);
    for dir in ["restoring", "importing"] {
        let there = world.data().join(dir).join("segments");
        std::fs::create_dir_all(&there).unwrap();
        std::fs::write(there.join("copied"), format!("about {NAME}")).unwrap();
    }
    assert!(world.erase(&about()).complete);
    assert_eq!(world.traces(), Vec::<String>::new());
}

#[test]
fn a_description_that_leads_out_of_its_directory_is_not_followed() {
    let mut world = World::new();
    world.tell(0..8);
    let backups = world.dir.path().join("backups");
    let id = world.back_up(&backups);
    let path = backups.join(&id).join("backup.json");
    let lead = std::fs::read_to_string(&path).unwrap().replace(&id, "../data");
    std::fs::create_dir(backups.join("zz")).unwrap();
    std::fs::write(backups.join("zz/backup.json"), lead).unwrap();
    let done = world.erase(&about());
    assert!(!done.complete);
    assert!(done.still_to_do.iter().any(|p| p.to_do.as_ref().unwrap().contains("another backup")));
    assert!(world.data().join("MANIFEST").exists());
    let report = verify(&world.seams().storage, &VerifyOptions::default()).unwrap();
    assert!(report.log.findings.is_empty(), "{:#?}", report.log.findings);
}

#[test]
fn a_backup_that_was_erased_in_can_be_restored() {
    let mut world = World::new();
    world.tell(0..20);
    let backups = world.dir.path().join("backups");
    let id = world.back_up(&backups);
    world.erase(&about());
    let into = world.dir.path().join("into");
    let to = restore::Elsewhere {
        name: "into".into(),
        storage: std::sync::Arc::new(indelible_log::storage::FileStorage::new(&into)),
    };
    let beside = target::open(backups.to_str().unwrap(), None).unwrap();
    let new = restore::NewRestore {
        data: world.seams(),
        guard: None,
        live: Some(world.keep()),
        target: &*beside,
        backup: &id,
        into: Some(to),
        restore_type: restore::RestoreType::Full,
        snapshot: None,
        strict_delete: false,
        accept_rollback: false,
        key: None,
    };
    restore::restore(&new, &admin("alice"), &Silent).unwrap();
    assert_eq!(world.traces(), Vec::<String>::new());
}

#[test]
fn what_explains_the_log_stays_and_is_told() {
    let mut world = World::new();
    world.tell(0..4);
    let target = json!({"type": "key", "id": "k1", "name": NAME});
    let keep = world.keep();
    keep.record(&admin(NAME), "key.create", target, json!({"name": NAME})).unwrap();
    let preview = keep.preview_erasure(&about(), &Silent).unwrap();
    assert_eq!(preview.left.len(), 1, "{preview:#?}");
    assert_eq!((&*preview.left[0].what, preview.left[0].records), ("key.create", 1));
    world.erase(&about());
    let told = world.keep().told(&["key.create"]).unwrap();
    assert!(told[0].part(Part::What).is_some());
    assert!(told[0].part(Part::Who).is_none());
    let report = verify(&world.seams().storage, &VerifyOptions::default()).unwrap();
    assert!(report.log.findings.is_empty(), "{:#?}", report.log.findings);
}

#[test]
fn events_that_wait_in_a_spool_keep_it_from_being_complete() {
    let mut world = World::new();
    world.tell(0..4);
    let spool = world.wait_in_spool();
    let new = NewErasure { spools: vec![spool.clone()], ..about() };
    let done = world.erase(&new);
    assert!(!done.complete);
    let place = &done.still_to_do[0];
    assert_eq!((place.kind, place.reach), (PlaceKind::Spool, Reach::ToDo));
    assert!(place.to_do.as_ref().unwrap().contains("deliver"));
    std::fs::remove_dir_all(&spool).unwrap();
    std::fs::create_dir(&spool).unwrap();
    assert!(world.erase(&new).complete);
}

#[test]
fn an_older_copy_that_is_put_back_loses_the_same_parts_again() {
    let mut world = World::new();
    world.tell(0..20);
    let backups = world.dir.path().join("backups");
    world.back_up(&backups);
    let old = world.copy_to("old");
    world.tell(20..30);
    world.erase(&about());
    assert!(world.traces().iter().all(|path| path.starts_with("old/")));

    let notes = noted_in(world.keep().store().reader(), world.seams()).unwrap();
    let beside = target::open(backups.to_str().unwrap(), None).unwrap();
    assert_eq!(noted_at(&*beside, &*world.seams().storage).unwrap(), notes);
    let log = Log::open(old.clone(), SealAt::default()).unwrap();
    let again = |log: &Log| reapply(log, &old, &admin("bob"), &notes, &Silent).unwrap();
    assert_eq!(again(&log), notes.len() as u64);
    assert_eq!(world.traces(), Vec::<String>::new());
    // What is known already is not done twice.
    assert_eq!(again(&log), 0);

    // Whoever can write to where backups are cannot have more erased.
    let note = backups.join(format!("erasures/{}.json", notes[0].event));
    let forged = std::fs::read_to_string(&note).unwrap().replace("what", "where");
    std::fs::write(&note, forged).unwrap();
    let error = noted_at(&*beside, &*world.seams().storage).unwrap_err();
    assert!(error.to_string().contains("did not write it"), "{error}");
    drop(log);
    let options = indelible_log::verify::Options { threads: 1, progress: &|_| {}, archived: None };
    let report = indelible_log::verify::verify(&old.storage, &options).unwrap();
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

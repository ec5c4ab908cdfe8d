//! Told before it is done, and not done if it cannot be told.

use std::time::Duration;

use indelible_opendal::AuditLayer;
use indelible_recorder::{Actor, Durability, Recorder, Scope, SendError, Sent, Transport};
use opendal::{ErrorKind, Operator};
use serde_json::json;

use super::broken::{Broken, Fails, everything};
use super::{has, of, plain};

/// Leads nowhere.
struct Dead;

impl Transport for Dead {
    fn destination(&self) -> String {
        "nowhere".into()
    }

    fn send(&self, _: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        Err(SendError::passing("nobody is there"))
    }
}

/// A recorder that can keep nothing. It is never closed, which would wait for what cannot be sent.
fn dead() -> Recorder {
    let recorder = Recorder::builder(Dead).durable_within(Duration::ZERO).build().unwrap();
    std::mem::forget(recorder.clone());
    recorder
}

fn guarded(storage: Operator, recorder: &Recorder) -> Operator {
    storage.layer(AuditLayer::new(recorder.clone()).durability(Durability::Required))
}

#[tokio::test]
async fn what_cannot_be_told_is_not_done() {
    let dir = tempfile::tempdir().unwrap();
    let plain = plain(&dir);
    plain.write("kept", "old").await.unwrap();
    let storage = guarded(plain.clone(), &dead());
    let refused = [
        storage.delete("kept").await.unwrap_err(),
        storage.delete_iter(["kept".to_owned(), "b".to_owned()]).await.unwrap_err(),
        storage.write("kept", "new").await.unwrap_err(),
        storage.write("new", "new").await.unwrap_err(),
        storage.copy("kept", "copied").await.unwrap_err(),
        storage.rename("kept", "moved").await.unwrap_err(),
        storage.create_dir("d/").await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(error.message().contains("auditing failed"), "{error}");
        assert!(!error.is_temporary());
    }
    let left: Vec<_> =
        plain.list("/").await.unwrap().iter().map(|entry| entry.path().to_owned()).collect();
    assert_eq!(left.iter().filter(|path| *path != "/").collect::<Vec<_>>(), ["kept"]);
    assert_eq!(plain.read("kept").await.unwrap().to_vec(), b"old");
}

#[tokio::test]
async fn what_only_looks_goes_on_without_being_told() {
    let dir = tempfile::tempdir().unwrap();
    let plain = plain(&dir);
    plain.write("a", "old").await.unwrap();
    let storage = guarded(plain, &dead());
    assert_eq!(storage.read("a").await.unwrap().to_vec(), b"old");
    storage.stat("a").await.unwrap();
    assert!(!storage.list("/").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_writer_stays_refused() {
    let dir = tempfile::tempdir().unwrap();
    let storage = guarded(plain(&dir), &dead());
    let mut writer = storage.writer("a").await.unwrap();
    writer.write("1").await.unwrap_err();
    writer.write("1").await.unwrap_err();
    writer.close().await.unwrap_err();
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_intent_comes_before_and_the_outcome_refers_to_it() {
    let recorder = Recorder::memory();
    let storage =
        guarded(Broken::operator(Fails::new("nothing", ErrorKind::Unexpected)), &recorder);
    everything(&storage).await;
    let all = recorder.events();
    let changing =
        ["create_dir", "write", "delete", "copy", "compose", "rename", "restore", "presign"];
    for operation in changing {
        let events = of(all.clone(), &format!("vfs.{operation}"));
        assert_eq!(events.len(), 2, "{events:#?}");
        has(
            &events[0],
            json!({"phase": "intent", "outcome": "pending", "details.duration_ms": null}),
        );
        let outcome = if operation == "presign" { "failure" } else { "success" };
        has(
            &events[1],
            json!({"phase": "outcome", "outcome": outcome, "ref": events[0].get("id")}),
        );
    }
    for operation in ["read", "stat", "list"] {
        assert_eq!(of(all.clone(), &format!("vfs.{operation}")).len(), 1);
    }
}

#[tokio::test]
async fn the_intent_of_many_deletions_has_them_all() {
    let recorder = Recorder::memory();
    let fails = Fails::new("delete", ErrorKind::PermissionDenied).on("b");
    let storage = guarded(Broken::operator(fails), &recorder);
    let mut deleter = storage.deleter().await.unwrap();
    for path in ["a", "b", "c", "d"] {
        deleter.delete(path).await.unwrap();
    }
    assert_eq!(recorder.events().len(), 0);
    assert_eq!(deleter.close().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    drop(deleter);
    let events = recorder.events();
    assert_eq!(events.len(), 2);
    has(&events[0], json!({"phase": "intent", "details.bulk.keys": ["a", "b", "c", "d"]}));
    has(
        &events[1],
        json!({
            "outcome": "denied", "error.code": "permission_denied", "details.bulk.count": 4,
            "details.failed": 1, "details.failed_keys": ["b"], "details.not_tried": 2,
        }),
    );
}

#[tokio::test]
async fn a_deleter_dropped_before_it_was_closed_deleted_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let plain = plain(&dir);
    plain.write("a", "1").await.unwrap();
    let recorder = Recorder::memory();
    let storage = guarded(plain.clone(), &recorder);
    let mut deleter = storage.deleter().await.unwrap();
    deleter.delete("a").await.unwrap();
    deleter.delete("b").await.unwrap();
    drop(deleter);
    has(
        &super::only(&recorder),
        json!({"outcome": "unknown", "details.not_tried": 2, "details.bulk.count": 2}),
    );
    assert!(plain.exists("a").await.unwrap());
}

#[tokio::test]
async fn an_intent_belongs_to_the_scope_that_opened_the_writer() {
    let recorder = Recorder::memory();
    let storage =
        guarded(Broken::operator(Fails::new("nothing", ErrorKind::Unexpected)), &recorder);
    let scope = Scope { actor: Some(Actor::user("maria")), ..Scope::default() };
    let mut writer = scope.wrap(async { storage.writer("a").await.unwrap() }).await;
    writer.write("1").await.unwrap();
    writer.close().await.unwrap();
    let events = recorder.events();
    assert_eq!(events.len(), 2);
    for event in events {
        has(&event, json!({"actor.id": "maria"}));
    }
}

#[tokio::test]
async fn durable_events_are_kept_when_the_call_returns() {
    let recorder =
        Recorder::memory_with(|builder| builder.flush_interval(Duration::from_secs(3600)));
    let layer = AuditLayer::new(recorder.clone()).durability(Durability::Durable);
    let storage = Operator::new(opendal::services::Memory::default()).unwrap().layer(layer);
    storage.write("a", "1").await.unwrap();
    storage.stat("a").await.unwrap();
    assert_eq!(recorder.events().len(), 2);
    let layer = AuditLayer::new(dead()).durability(Durability::Durable);
    let storage = Operator::new(opendal::services::Memory::default()).unwrap().layer(layer);
    storage.write("a", "1").await.unwrap();
    storage.delete("a").await.unwrap();
}

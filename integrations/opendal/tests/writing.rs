//! Writing, copying, moving.

use opendal::ErrorKind;
use serde_json::json;

use super::broken::{Broken, Fails};
use super::{directory, has, memory, only, told};

#[tokio::test]
async fn each_operation_is_told_once() {
    let (storage, recorder, _dir) = directory();
    storage.create_dir("a/").await.unwrap();
    storage.write("a/one", "123").await.unwrap();
    storage.stat("a/one").await.unwrap();
    storage.read("a/one").await.unwrap();
    storage.copy("a/one", "a/two").await.unwrap();
    storage.rename("a/two", "a/three").await.unwrap();
    storage.list("a/").await.unwrap();
    storage.delete("a/one").await.unwrap();
    let events = recorder.events();
    let actions: Vec<_> = events.iter().map(|event| event.action().to_owned()).collect();
    let wanted = ["create_dir", "write", "stat", "read", "copy", "rename", "list", "delete"];
    assert_eq!(actions, wanted.map(|name| format!("vfs.{name}")));
    for event in &events {
        has(
            event,
            json!({"category": "vfs_operation", "outcome": "success", "details.scheme": "fs"}),
        );
        assert!(event.get("details.duration_ms").is_some_and(|took| took.is_number()));
    }
}

#[tokio::test]
async fn a_target_is_followed_by_its_container() {
    let (storage, recorder, dir) = directory();
    storage.create_dir("a/").await.unwrap();
    let root = format!("{}/", dir.path().canonicalize().unwrap().display());
    let event = only(&recorder);
    let container = event.get("targets.1.id").unwrap();
    assert_eq!(
        container.as_str().unwrap().trim_end_matches('/'),
        format!("fs:{root}").trim_end_matches('/')
    );
    has(
        &event,
        json!({"targets.0.type": "directory", "targets.0.id": "a/", "targets.1.type": "storage"}),
    );
}

#[tokio::test]
async fn chunks_are_one_write_of_their_sum() {
    let (storage, recorder, _dir) = directory();
    let mut writer = storage.writer_with("big").chunk(4).await.unwrap();
    for _ in 0..10 {
        writer.write("0123456789").await.unwrap();
    }
    assert_eq!(recorder.events().len(), 0);
    writer.close().await.unwrap();
    drop(writer);
    has(
        &only(&recorder),
        json!({"action": "vfs.write", "outcome": "success", "details.bytes": 100}),
    );
}

#[tokio::test]
async fn what_is_said_of_a_file_is_told() {
    let (storage, recorder) = memory();
    storage.write_with("a", "").content_type("text/plain").if_not_exists(true).await.unwrap();
    has(
        &only(&recorder),
        json!({
            "details.content_type": "text/plain", "details.if_not_exists": true, "details.bytes": 0,
            "targets.1.type": "storage", "targets.1.id": "memory:/",
        }),
    );
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_failure() {
    let (storage, recorder) = memory();
    storage.write("a", "1").await.unwrap();
    storage.write_with("a", "2").if_not_exists(true).await.unwrap_err();
    has(
        &told(&recorder, "vfs.write")[1],
        json!({"outcome": "failure", "error.code": "condition_not_match"}),
    );
}

#[tokio::test]
async fn an_aborted_write_says_so() {
    let (storage, recorder) = memory();
    let mut writer = storage.writer("a").await.unwrap();
    writer.write("12345").await.unwrap();
    writer.abort().await.unwrap();
    drop(writer);
    let event = only(&recorder);
    has(&event, json!({"outcome": "failure", "error.code": "aborted", "details.bytes": 5}));
    assert!(!storage.exists("a").await.unwrap());
}

#[tokio::test]
async fn a_dropped_writer_was_cancelled() {
    let (storage, recorder) = memory();
    let mut writer = storage.writer("a").await.unwrap();
    writer.write("123").await.unwrap();
    writer.write("45").await.unwrap();
    drop(writer);
    has(
        &only(&recorder),
        json!({"outcome": "unknown", "error.code": "cancelled", "details.bytes": 5}),
    );
}

#[tokio::test]
async fn a_writer_that_is_used_again_is_told_again() {
    let (storage, recorder) = Broken::audited(Fails::new("nothing", ErrorKind::Unexpected));
    let mut writer = storage.writer("a").await.unwrap();
    writer.write("123").await.unwrap();
    writer.close().await.unwrap();
    writer.close().await.unwrap();
    writer.write("4567").await.unwrap();
    writer.close().await.unwrap();
    let events = recorder.events();
    assert_eq!(events.len(), 2);
    has(&events[0], json!({"outcome": "success", "details.bytes": 3}));
    has(&events[1], json!({"outcome": "success", "details.bytes": 4}));
}

#[tokio::test]
async fn a_copy_and_a_move_name_both_ends() {
    let (storage, recorder, _dir) = directory();
    storage.write("a", "123").await.unwrap();
    storage.copy("a", "b").await.unwrap();
    storage.rename("b", "c").await.unwrap();
    for (action, from, to) in [("vfs.copy", "a", "b"), ("vfs.rename", "b", "c")] {
        let events = told(&recorder, action);
        assert_eq!(events.len(), 1);
        has(
            &events[0],
            json!({
                "targets.0.id": from, "targets.1.id": to, "targets.2.type": "storage",
                "details.from": from, "details.to": to, "outcome": "success",
            }),
        );
    }
}

#[tokio::test]
async fn a_failed_copy_is_one_failure() {
    let (storage, recorder, _dir) = directory();
    storage.copy("missing", "b").await.unwrap_err();
    has(&only(&recorder), json!({"outcome": "failure", "error.code": "not_found"}));
}

#[tokio::test]
async fn what_the_backend_cannot_is_told_too() {
    let (storage, recorder) = memory();
    storage.rename("a", "b").await.unwrap_err();
    storage.presign_read("a", std::time::Duration::from_secs(60)).await.unwrap_err();
    let events = recorder.events();
    assert_eq!(events.len(), 2);
    has(&events[0], json!({"action": "vfs.rename", "error.code": "unsupported"}));
    has(
        &events[1],
        json!({"action": "vfs.presign", "details.allows": "read", "details.expires_s": 60}),
    );
}

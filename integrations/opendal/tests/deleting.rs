//! Deleting one, and many.

use indelible_recorder::bulk_hash;
use opendal::ErrorKind;
use serde_json::json;

use super::broken::{Broken, Fails};
use super::{directory, has, memory, only, told};

#[tokio::test]
async fn one_deletion_names_its_file() {
    let (storage, recorder) = memory();
    storage.delete("a").await.unwrap();
    has(
        &only(&recorder),
        json!({"targets.0.type": "file", "targets.0.id": "a", "targets.1.id": "memory:/", "details.bulk": null}),
    );
}

#[tokio::test]
async fn many_deletions_are_one_event_that_commits_to_them() {
    let (storage, recorder, _dir) = directory();
    let names: Vec<_> = (0..20).map(|number| format!("f-{number}")).collect();
    for name in &names {
        storage.write(name, "x").await.unwrap();
    }
    storage.delete_iter(names.clone()).await.unwrap();
    let events = told(&recorder, "vfs.delete");
    assert_eq!(events.len(), 1);
    has(
        &events[0],
        json!({
            "outcome": "success", "details.bulk.count": 20, "details.bulk.type": "file",
            "details.bulk.keys_sha256": bulk_hash(&names), "details.bulk.keys": names,
            "details.failed": null, "targets.0.type": "storage",
        }),
    );
}

#[tokio::test]
async fn how_many_failed_is_told() {
    let (storage, recorder) =
        Broken::audited(Fails::new("delete", ErrorKind::PermissionDenied).on("b"));
    let mut deleter = storage.deleter().await.unwrap();
    deleter.delete("a").await.unwrap();
    deleter.delete("b").await.unwrap_err();
    deleter.delete("c").await.unwrap();
    deleter.close().await.unwrap();
    has(
        &only(&recorder),
        json!({
            "outcome": "denied", "error.code": "permission_denied", "details.bulk.count": 3,
            "details.failed": 1, "details.failed_keys": ["b"],
        }),
    );
}

#[tokio::test]
async fn a_failure_in_the_middle_is_told_when_the_deleter_goes() {
    let (storage, recorder) = Broken::audited(Fails::new("delete", ErrorKind::Unexpected).on("b"));
    storage.delete_iter(["a", "b", "c"].map(str::to_owned)).await.unwrap_err();
    has(
        &only(&recorder),
        json!({"outcome": "failure", "details.bulk.keys": ["a", "b"], "details.failed": 1}),
    );
}

#[tokio::test]
async fn a_dropped_deleter_was_cancelled() {
    let (storage, recorder) = memory();
    let mut deleter = storage.deleter().await.unwrap();
    deleter.delete("a").await.unwrap();
    deleter.delete("b").await.unwrap();
    drop(deleter);
    has(
        &only(&recorder),
        json!({"outcome": "unknown", "error.code": "cancelled", "details.bulk.count": 2}),
    );
}

#[tokio::test]
async fn a_very_large_deletion_is_told_in_parts() {
    let (storage, recorder) = memory();
    let max = indelible_opendal::limits::BULK_KEYS_MAX;
    storage.delete_iter((0..max + 5).map(|number| number.to_string())).await.unwrap();
    let events = recorder.events();
    let mut counts: Vec<_> = events
        .iter()
        .map(|event| (event.get("details.part"), event.get("details.bulk.count")))
        .collect();
    counts.sort_by_key(|(part, _)| part.as_ref().and_then(|part| part.as_u64()));
    assert_eq!(counts, [(Some(json!(1)), Some(json!(max))), (Some(json!(2)), Some(json!(5)))]);
}

//! Reading, listing, `stat`.

use futures::TryStreamExt;
use indelible_opendal::AuditLayer;
use indelible_recorder::Recorder;
use opendal::{Operator, services};
use serde_json::json;

use super::{directory, has, memory, only, told};

#[tokio::test]
async fn a_missing_file_is_a_failure() {
    let (storage, recorder, _dir) = directory();
    storage.read("missing").await.unwrap_err();
    storage.stat("missing").await.unwrap_err();
    assert!(!storage.exists("missing").await.unwrap());
    let events = recorder.events();
    assert_eq!(events.len(), 3);
    for event in &events {
        has(
            event,
            json!({"outcome": "failure", "error.code": "not_found", "targets.0.id": "missing"}),
        );
    }
}

#[tokio::test]
async fn a_whole_file_is_told_with_its_size() {
    let (storage, recorder) = memory();
    storage.write("a", "0123456789").await.unwrap();
    storage.read("a").await.unwrap();
    storage.stat("a").await.unwrap();
    has(
        &told(&recorder, "vfs.read")[0],
        json!({"details.bytes": 10, "details.ranges": null, "outcome": "success"}),
    );
    has(&told(&recorder, "vfs.stat")[0], json!({"details.size": 10}));
}

#[tokio::test]
async fn a_reader_is_told_once_with_all_its_ranges() {
    let (storage, recorder) = memory();
    storage.write("a", "0123456789").await.unwrap();
    let reader = storage.reader("a").await.unwrap();
    reader.read(0..2).await.unwrap();
    reader.read(2..4).await.unwrap();
    reader.read(7..9).await.unwrap();
    assert_eq!(told(&recorder, "vfs.read").len(), 0);
    drop(reader);
    let events = told(&recorder, "vfs.read");
    assert_eq!(events.len(), 1);
    has(
        &events[0],
        json!({"details.bytes": 6, "details.ranges": ["0-3", "7-8"], "details.reads": 3}),
    );
}

#[tokio::test]
async fn a_reader_that_read_nothing_is_nothing() {
    let (storage, recorder) = memory();
    drop(storage.reader("a").await.unwrap());
    drop(storage.lister("/").await.unwrap());
    drop(storage.deleter().await.unwrap());
    assert_eq!(recorder.events().len(), 0);
}

#[tokio::test]
async fn a_stream_outlives_its_reader() {
    let (storage, recorder) = memory();
    storage.write("a", "0123456789").await.unwrap();
    let reader = storage.reader_with("a").chunk(3).await.unwrap();
    let stream = reader.into_bytes_stream(0..10).await.unwrap();
    assert_eq!(told(&recorder, "vfs.read").len(), 0);
    let chunks: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), b"0123456789");
    let events = told(&recorder, "vfs.read");
    assert_eq!(events.len(), 1);
    has(&events[0], json!({"details.bytes": 10, "outcome": "success", "details.ranges": ["0-9"]}));
}

#[tokio::test]
async fn a_listing_counts_its_entries() {
    let (storage, recorder, _dir) = directory();
    for name in ["a/1", "a/2", "a/b/3"] {
        storage.write(name, "x").await.unwrap();
    }
    let found = storage.list_with("a/").recursive(true).await.unwrap().len();
    let events = told(&recorder, "vfs.list");
    assert_eq!(events.len(), 1);
    has(
        &events[0],
        json!({
            "details.entries": found, "details.recursive": true, "details.complete": null,
            "targets.0.type": "directory", "targets.0.id": "a/", "outcome": "success",
        }),
    );
}

#[tokio::test]
async fn a_listing_that_is_left_says_so() {
    let (storage, recorder) = memory();
    for name in ["a/1", "a/2", "a/3"] {
        storage.write(name, "x").await.unwrap();
    }
    let mut lister = storage.lister("a/").await.unwrap();
    lister.try_next().await.unwrap();
    lister.try_next().await.unwrap();
    drop(lister);
    has(
        &told(&recorder, "vfs.list")[0],
        json!({"details.entries": 2, "details.complete": false, "outcome": "success"}),
    );
}

#[tokio::test]
async fn a_check_is_of_the_backend() {
    let (storage, recorder) = memory();
    storage.check().await.unwrap();
    has(&only(&recorder), json!({"action": "vfs.list", "category": "backend_operation"}));
}

#[tokio::test]
async fn reads_can_be_left_out() {
    let recorder = Recorder::memory();
    let layer = AuditLayer::new(recorder.clone()).reads(false).category("data_access");
    let storage = Operator::new(services::Memory::default()).unwrap().layer(layer);
    storage.write("a", "1").await.unwrap();
    storage.read("a").await.unwrap();
    storage.stat("a").await.unwrap();
    storage.list("/").await.unwrap();
    has(&only(&recorder), json!({"action": "vfs.write", "category": "data_access"}));
}

#[tokio::test]
async fn a_recorder_that_is_off_leaves_the_operator_alone() {
    let storage = Operator::new(services::Memory::default()).unwrap();
    let before = format!("{:?}", storage.service());
    let storage = storage.layer(AuditLayer::new(Recorder::off()));
    assert_eq!(format!("{:?}", storage.service()), before);
}

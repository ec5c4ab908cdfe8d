//! With scopes, other layers, blocking operators, and much at once.

use std::collections::HashSet;
use std::time::Duration;

use indelible_opendal::AuditLayer;
use indelible_recorder::{Actor, Context, Recorder, Scope};
use opendal::layers::RetryLayer;
use opendal::{ErrorKind, blocking};
use serde_json::json;

use super::broken::{Broken, Fails};
use super::{directory, has, memory, only, plain, told};

fn retry() -> RetryLayer {
    RetryLayer::new()
        .with_max_times(5)
        .with_min_delay(Duration::from_micros(1))
        .with_max_delay(Duration::from_micros(10))
}

#[tokio::test]
async fn what_surrounds_an_operation_is_told() {
    let (storage, recorder) = memory();
    let scope = Scope {
        actor: Some(Actor::user("maria")),
        context: Context { correlation_id: Some("c-1".into()), ..Context::default() },
        ..Scope::default()
    };
    scope
        .wrap(async {
            storage.write("a", "1").await.unwrap();
            storage.read("a").await.unwrap();
        })
        .await;
    storage.delete("a").await.unwrap();
    let events = recorder.events();
    for event in &events[..2] {
        has(event, json!({"actor.id": "maria", "context.correlation_id": "c-1"}));
    }
    has(&events[2], json!({"actor": null}));
}

#[tokio::test]
async fn an_actor_of_the_layer_comes_before_the_scope() {
    let recorder = Recorder::memory();
    let layer = AuditLayer::new(recorder.clone()).actor(Actor::service("agent")).action_prefix("");
    let storage = Broken::operator(Fails::new("nothing", ErrorKind::Unexpected)).layer(layer);
    let scope = Scope { actor: Some(Actor::user("maria")), ..Scope::default() };
    scope.wrap(async { storage.stat("a").await.unwrap() }).await;
    has(&only(&recorder), json!({"actor.id": "agent", "actor.type": "service", "action": "stat"}));
}

#[tokio::test]
async fn outermost_it_tells_an_operation_once_however_often_it_was_tried() {
    for operation in
        ["create_dir", "stat", "read", "write", "close", "delete", "list", "copy", "rename"]
    {
        let recorder = Recorder::memory();
        let storage = Broken::operator(Fails::new(operation, ErrorKind::RateLimited).times(2));
        let storage = storage.layer(retry()).layer(AuditLayer::new(recorder.clone()));
        super::broken::everything(&storage).await;
        let action =
            if operation == "close" { "vfs.write".to_owned() } else { format!("vfs.{operation}") };
        let events = told(&recorder, &action);
        assert_eq!(events.len(), 1, "{operation}: {events:#?}");
        has(&events[0], json!({"outcome": "success", "error": null}));
    }
}

#[tokio::test]
async fn beneath_a_retry_what_is_opened_is_still_told_once() {
    for operation in ["read", "stream", "write", "close", "delete", "list", "copy"] {
        let recorder = Recorder::memory();
        let fails = Fails::new(operation, ErrorKind::RateLimited).times(2);
        let storage =
            Broken::operator(fails).layer(AuditLayer::new(recorder.clone())).layer(retry());
        match operation {
            "read" | "stream" => {
                assert_eq!(storage.read("a").await.unwrap().to_vec(), b"0123456789");
            }
            "write" | "close" => drop(storage.write("a", "1").await.unwrap()),
            "delete" => storage.delete("a").await.unwrap(),
            "list" => drop(storage.list("d/").await.unwrap()),
            _ => drop(storage.copy("a", "b").await.unwrap()),
        }
        has(&only(&recorder), json!({"outcome": "success", "error": null, "details.failed": null}));
    }
}

#[tokio::test]
async fn beneath_a_retry_that_gave_up_it_is_one_failure() {
    for operation in ["write", "close", "delete"] {
        let recorder = Recorder::memory();
        let fails = Fails::new(operation, ErrorKind::RateLimited).times(1000);
        let storage =
            Broken::operator(fails).layer(AuditLayer::new(recorder.clone())).layer(retry());
        match operation {
            "delete" => storage.delete("a").await.unwrap_err(),
            _ => storage.write("a", "1").await.unwrap_err(),
        };
        has(&only(&recorder), json!({"outcome": "failure", "error.code": "rate_limited"}));
    }
}

#[tokio::test]
async fn two_layers_tell_twice() {
    let recorder = Recorder::memory();
    let layer = AuditLayer::new(recorder.clone());
    let storage = Broken::operator(Fails::new("nothing", ErrorKind::Unexpected));
    storage.layer(layer.clone()).layer(layer).stat("a").await.unwrap();
    assert_eq!(recorder.events().len(), 2);
}

#[tokio::test]
async fn nothing_else_changes() {
    let (audited, _recorder, dir) = directory();
    let plain = plain(&dir);
    let able = |storage: &opendal::Operator| format!("{:?}", storage.info().capability());
    assert_eq!(able(&audited), able(&plain));
    assert_eq!(audited.info().root(), plain.info().root());
    plain.write("a", "0123456789").await.unwrap();
    assert_eq!(audited.stat("a").await.unwrap(), plain.stat("a").await.unwrap());
    assert_eq!(audited.read("a").await.unwrap().to_vec(), plain.read("a").await.unwrap().to_vec());
    let said = |error: opendal::Error| error.to_string();
    assert_eq!(
        said(audited.read("b").await.unwrap_err()),
        said(plain.read("b").await.unwrap_err())
    );
    assert_eq!(
        said(audited.stat("b").await.unwrap_err()),
        said(plain.stat("b").await.unwrap_err())
    );
}

#[test]
fn a_blocking_operator_is_audited_too() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let (recorder, dir) = (Recorder::memory(), tempfile::tempdir().unwrap());
    let scope = Scope { actor: Some(Actor::user("maria")), ..Scope::default() };
    let layer = AuditLayer::new(recorder.clone()).scope(scope);
    let storage = blocking::Operator::new(plain(&dir).layer(layer)).unwrap();
    storage.write("a", "123").unwrap();
    storage.read("a").unwrap();
    storage.delete("a").unwrap();
    let events = recorder.events();
    assert_eq!(events.len(), 3);
    for event in events {
        has(&event, json!({"outcome": "success", "actor.id": "maria"}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_are_a_thousand_events() {
    let (storage, recorder) = memory();
    let tasks: Vec<_> = (0..1_000)
        .map(|number| {
            let storage = storage.clone();
            tokio::spawn(
                async move { storage.write(&format!("f-{number}"), "12345").await.unwrap() },
            )
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let events = recorder.events();
    let paths: HashSet<_> =
        events.iter().map(|event| event.get("targets.0.id").unwrap().to_string()).collect();
    assert_eq!((events.len(), paths.len()), (1_000, 1_000));
    for event in events {
        has(&event, json!({"outcome": "success", "details.bytes": 5}));
    }
}

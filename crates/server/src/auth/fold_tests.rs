use std::sync::Arc;

use indelible_log::Seams;
use indelible_store::{InitOptions, OpenOptions, Store};

use serde_json::json;

use super::*;
use crate::{Config, NewKey, Server};

#[test]
fn what_is_told_makes_the_registry() {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let store = Arc::new(Store::open(seams, OpenOptions::default()).unwrap());
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = Config { listen, threads: Some(1), ..Config::default() };
    let running = Server::start(store.clone(), config).unwrap();
    for role in ["reader", "writer", "admin"] {
        let trails = (role != "admin").then(|| vec!["shop".to_owned()]);
        let new = NewKey { role: role.into(), name: role.into(), trails, expires_at: None };
        running.make_key(&new).unwrap();
        if role == "writer" {
            // Some of it is found in a frozen map, some in a live one.
            store.log().seal().unwrap();
            store.log().wait_sealed().unwrap();
            store.reader().search().unwrap().wait_frozen().unwrap();
        }
    }
    let caller = crate::auth::Caller::local(crate::auth::RequestInfo::none());
    let state = running.state();
    let act = |action: &'static str, id: &str, details| {
        let (target, caller) = (json!({"type": "saved_search", "id": id}), caller.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(state.record_deed(&caller, action, target, details)).unwrap();
    };
    for id in ["one", "two"] {
        act(registry::SEARCH_SAVE, id, json!({"owner": "local", "name": id, "query": "a"}));
    }
    act(registry::SEARCH_FORGET, "one", json!({}));
    let found = fold(store.reader()).unwrap();
    assert_eq!(found.len(), 3);
    let saved = found.saved("local");
    assert_eq!((saved.len(), &*saved[0].name, &*saved[0].time), (1, "two", ""));
    assert_eq!(found.keys(), running.state().registry().keys());
    running.shutdown().unwrap();
}

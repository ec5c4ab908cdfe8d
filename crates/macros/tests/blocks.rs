//! Whole blocks of methods.

use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::Recorder;

use crate::only;

struct Store {
    recorder: Recorder,
    user: String,
}

#[audited(
    prefix = "bucket",
    category = "vfs_operation",
    actor = self.user,
    recorder = self.recorder,
    err = |e| format!("{e:?}"),
)]
impl Store {
    pub fn new() -> Store {
        Store { recorder: Recorder::memory(), user: "maria".into() }
    }

    pub fn create(&self, name: &str) -> Result<usize, u8> {
        if name.is_empty() { Err(7) } else { Ok(name.len()) }
    }

    #[audited(resource = "bucket", id = name, actor = "root")]
    pub async fn r#move(&self, name: &str) -> usize {
        self.private() + name.len()
    }

    #[audited(skip)]
    pub fn is_empty(&self) -> bool {
        self.private() == 1
    }

    fn private(&self) -> usize {
        0
    }

    #[audited(action = "secret.read", category = "data_access")]
    fn asked_for(&self) {}
}

#[test]
fn public_methods_are_audited() {
    let store = Store::new();
    assert_eq!(store.create("abc"), Ok(3));
    let event = only(&store.recorder);
    assert_eq!(event.action(), "bucket.create");
    assert_eq!(event.get("category"), Some("vfs_operation".into()));
    assert_eq!(event.get("actor.id"), Some("maria".into()));

    let store = Store::new();
    store.create("").unwrap_err();
    assert_eq!(only(&store.recorder).get("error.message"), Some("7".into()));
}

#[test]
fn a_method_says_what_is_different_about_it() {
    let store = Store::new();
    assert_eq!(block_on(store.r#move("abc")), 3);
    let event = only(&store.recorder);
    assert_eq!(event.action(), "bucket.move");
    assert_eq!(event.get("actor.id"), Some("root".into()));
    assert_eq!(event.get("targets.0.id"), Some("abc".into()));

    let store = Store::new();
    store.asked_for();
    let event = only(&store.recorder);
    assert_eq!(event.action(), "secret.read");
    assert_eq!(event.get("category"), Some("data_access".into()));
}

#[test]
fn others_are_left_alone() {
    let store = Store::new();
    assert!(!store.is_empty());
    store.private();
    assert!(store.recorder.events().is_empty());
}

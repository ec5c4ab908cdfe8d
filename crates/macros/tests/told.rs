//! What the arguments of the attribute tell, and that nothing else is told.

use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::{Actor, Recorder, Scope};
use serde::Serialize;
use serde_json::json;

use crate::{only, told};

#[derive(Clone, Debug, Serialize)]
struct User {
    id: u64,
    name: String,
}

struct Request {
    user: String,
    admin: Actor,
    id: String,
}

struct Users {
    recorder: Recorder,
    kept: Vec<User>,
}

impl Users {
    fn new() -> Users {
        let kept = vec![User { id: 1, name: "maria".into() }];
        Users { recorder: Recorder::memory(), kept }
    }

    #[audited(
        action = "user.update",
        category = "data_modify",
        resource = "user",
        id = id,
        name = self.kept[0].name,
        before = self.kept[0],
        after = result,
        actor = request.user,
        on_behalf_of = request.admin,
        trail = "acme",
        scope = 7,
        correlation_id = request.id,
        details(id, source = "form", "ui.version" = 3),
        details_after(letters = result.name.len(), there_are = self.kept.len()),
        recorder = self.recorder,
    )]
    fn update(
        &mut self,
        request: &Request,
        id: u64,
        name: &str,
        _password: &str,
    ) -> Result<User, String> {
        let user = self.kept.iter_mut().find(|user| user.id == id).ok_or("no such user")?;
        user.name = name.to_owned();
        Ok(user.clone())
    }
}

fn request() -> Request {
    Request { user: "support-7".into(), admin: Actor::user("alice"), id: "c-1".into() }
}

#[test]
fn everything_that_is_named() {
    let mut users = Users::new();
    users.update(&request(), 1, "mary", "hunter2").unwrap();
    let event = only(&users.recorder);
    for (path, value) in [
        ("action", json!("user.update")),
        ("category", json!("data_modify")),
        ("outcome", json!("success")),
        ("trail", json!("acme")),
        ("actor.id", json!("support-7")),
        ("actor.on_behalf_of.id", json!("alice")),
        ("targets", json!([{"type": "user", "id": "1", "name": "maria"}])),
        (
            "changes",
            json!({"before": {"id": 1, "name": "maria"}, "after": {"id": 1, "name": "mary"}}),
        ),
        ("context.correlation_id", json!("c-1")),
        ("details.scope", json!(7)),
        ("details.id", json!(1)),
        ("details.source", json!("form")),
        ("details.letters", json!(4)),
        ("details.there_are", json!(1)),
    ] {
        assert_eq!(event.get(path), Some(value), "{path}");
    }
    assert_eq!(event.json()["details"]["ui.version"], 3);
    assert!(!event.json().to_string().contains("hunter2"), "only what is named is told");
}

#[test]
fn a_failure_has_what_was_before_and_nothing_after() {
    let mut users = Users::new();
    users.update(&request(), 2, "mary", "hunter2").unwrap_err();
    let event = only(&users.recorder);
    assert_eq!(event.get("changes"), Some(json!({"before": {"id": 1, "name": "maria"}})));
    assert_eq!(event.get("targets.0.id"), Some("2".into()));
    assert_eq!(event.get("details.letters"), None);
    assert_eq!(event.get("error.message"), Some("no such user".into()));
}

#[audited(action = "user.create", resource = "user", id = result.id, name = result.name, recorder = recorder)]
async fn create(recorder: &Recorder, name: &str) -> Result<User, &'static str> {
    if name.is_empty() {
        return Err("a user has a name");
    }
    Ok(User { id: 2, name: name.into() })
}

#[test]
fn an_id_that_is_known_only_afterwards() {
    let recorder = Recorder::memory();
    block_on(create(&recorder, "eve")).unwrap();
    assert_eq!(told(&recorder, "targets"), json!([{"type": "user", "id": "2", "name": "eve"}]));

    let recorder = Recorder::memory();
    block_on(create(&recorder, "")).unwrap_err();
    assert_eq!(told(&recorder, "targets"), json!([{"type": "user"}]));
}

#[audited(action = "list.count", resource = "list", after = result, recorder = recorder)]
fn count(recorder: &Recorder, list: &[u8]) -> usize {
    list.len()
}

#[audited(action = "list.first", after = result, recorder = recorder)]
fn first<'a>(recorder: &Recorder, list: &'a [u8]) -> Option<&'a u8> {
    list.first()
}

#[audited(action = "list.clear", after = result, recorder = recorder)]
fn clear(recorder: &Recorder, list: &mut Vec<u8>) {
    list.clear();
}

#[test]
fn what_is_no_result_is_told_as_it_is() {
    let recorder = Recorder::memory();
    assert_eq!(count(&recorder, &[1, 2]), 2);
    assert_eq!(told(&recorder, "changes.after"), 2);
    let recorder = Recorder::memory();
    assert_eq!(first(&recorder, &[1, 2]), Some(&1));
    assert_eq!(told(&recorder, "changes.after"), 1);
    let recorder = Recorder::memory();
    clear(&recorder, &mut vec![1]);
    assert_eq!(only(&recorder).get("changes"), None);
    assert_eq!(told(&recorder, "outcome"), "success");
}

type Answer<T> = Result<T, String>;

#[audited(action = "answer.give", after = result, recorder = recorder)]
fn answer(recorder: &Recorder, ok: bool) -> Answer<u8> {
    if ok { Ok(1) } else { Err("no answer".into()) }
}

#[test]
fn a_result_by_another_name_is_known() {
    let recorder = Recorder::memory();
    answer(&recorder, true).unwrap();
    assert_eq!(told(&recorder, "changes.after"), 1);
    let recorder = Recorder::memory();
    answer(&recorder, false).unwrap_err();
    assert_eq!(told(&recorder, "outcome"), "failure");
}

async fn load(id: u64) -> User {
    User { id, name: "loaded".into() }
}

#[audited(action = "user.touch", before = load(id).await, after = load(id + 1).await, recorder = recorder)]
async fn touch(recorder: &Recorder, id: u64) {}

#[test]
fn states_may_be_awaited() {
    let recorder = Recorder::memory();
    block_on(touch(&recorder, 1));
    assert_eq!(told(&recorder, "changes.before.id"), 1);
    assert_eq!(told(&recorder, "changes.after.id"), 2);
}

#[audited(action = action, event_type = category.clone(), resource = kind, recorder = recorder)]
fn named(recorder: &Recorder, action: String, category: String, kind: &'static str) {}

#[test]
fn names_may_be_computed() {
    let recorder = Recorder::memory();
    named(&recorder, "a.b".into(), "mine".into(), "thing");
    let event = only(&recorder);
    assert_eq!(event.action(), "a.b");
    assert_eq!(event.get("category"), Some("mine".into()));
    assert_eq!(event.get("targets.0.type"), Some("thing".into()));
}

#[derive(Clone)]
struct Person;

impl From<Person> for Actor {
    fn from(_: Person) -> Actor {
        Actor::service("by value")
    }
}

struct Robot;

impl From<&Robot> for Actor {
    fn from(_: &Robot) -> Actor {
        Actor::service("by reference")
    }
}

#[audited(action = "a.b", actor = *actor, recorder = recorder)]
fn by_person_behind(recorder: &Recorder, actor: &Person) {}

#[audited(action = "a.b", actor = actor, recorder = recorder)]
fn by_robot(recorder: &Recorder, actor: Robot) {}

#[audited(action = "a.b", actor = Actor::system(format!("{name}!")), recorder = recorder)]
fn by_name(recorder: &Recorder, name: &str) {}

#[audited(action = "a.b", actor = name, recorder = recorder)]
fn by_text(recorder: &Recorder, name: &str) {}

#[audited(action = "a.b", recorder = recorder)]
fn by_scope(recorder: &Recorder) {}

#[test]
fn actors_of_many_kinds() {
    let by = |call: &dyn Fn(&Recorder)| {
        let recorder = Recorder::memory();
        call(&recorder);
        told(&recorder, "actor.id")
    };
    assert_eq!(by(&|r| by_person_behind(r, &Person)), "by value");
    assert_eq!(by(&|r| by_robot(r, Robot)), "by reference");
    assert_eq!(by(&|r| by_name(r, "timer")), "timer!");
    assert_eq!(by(&|r| by_text(r, "maria")), "maria");
    let scope = || Scope { actor: Some(Actor::user("of the request")), ..Scope::default() };
    assert_eq!(by(&|r| scope().run(|| by_scope(r))), "of the request");
}

#[audited(action = "hygiene.keep", id = result, resource = "x", details(call, event, outcome), after = recorder.len(), recorder = &RECORDER)]
fn clashing(
    result: u8,
    call: u8,
    event: u8,
    outcome: u8,
    recorder: &str,
    error: &str,
    value: &str,
) -> Result<usize, String> {
    Ok(usize::from(result + call + event + outcome) + recorder.len() + error.len() + value.len())
}

static RECORDER: std::sync::LazyLock<Recorder> = std::sync::LazyLock::new(Recorder::memory);

#[test]
fn arguments_may_have_any_name() {
    assert_eq!(clashing(1, 2, 3, 4, "12345", "1", "2"), Ok(17));
    let event = only(&RECORDER);
    assert_eq!(event.get("targets.0.id"), Some("1".into()), "the argument, not what is returned");
    assert_eq!(event.get("details.call"), Some(2.into()));
    assert_eq!(event.get("details.event"), Some(3.into()));
    assert_eq!(event.get("details.outcome"), Some(4.into()));
    assert_eq!(event.get("changes.after"), Some(5.into()));
}

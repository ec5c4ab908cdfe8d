//! What becomes of what fires.

use indelible_event::EventId;
use indelible_watch::book::{Act, Heard, Would};
use indelible_watch::{AlertFilter, BadCursor};
use serde_json::json;

use crate::node::{DAY, HOUR, LOGIN, MINUTE, Running, World, brute, channel, folder, line};

#[test]
fn an_alert_is_opened_once_and_counts_up() {
    let (world, dir) = (World::new(), folder("", &[("a.yml", LOGIN)]));
    let watch = Running::start(&world, dir.path());
    for _ in 0..12 {
        world.fail("192.0.2.1");
    }
    watch.settle();
    assert_eq!(line(&world.told("alert.")), ["open Failed login: ada", "repeat 2", "repeat 10"]);
    let id = &watch.alerts()[0];
    let alert = watch.alert(id);
    assert_eq!(alert["count"], 12, "between what is recorded, too");
    assert_eq!(alert["state"], "open");
    assert_eq!(alert["rule"], json!({"id": "login", "title": "Failed login", "level": "high"}));
    assert_eq!(alert["advice"], "Ask them.");
    assert_eq!(alert["events"].as_array().unwrap().len(), 10, "the newest");
    assert_eq!(alert["event"]["seq"], 11);
    assert!(alert["query"].as_str().unwrap().starts_with("id:"));
    let opened = &world.told("alert.open")[0];
    assert_eq!(opened["id"], **id);
    assert_eq!(opened["targets"][1], json!({"type": "rule", "id": "login"}));
    // A day later it is told again, however often it fired.
    world.clock.advance(DAY);
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(line(&world.told("alert.")).last().unwrap(), "repeat 13");
    watch.stop();
}

#[test]
fn groups_have_alerts_of_their_own_and_find_what_they_are_about() {
    let (world, dir) = (World::new(), folder("", &[("a.yml", &brute(2))]));
    let watch = Running::start(&world, dir.path());
    for ip in ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        world.fail(ip);
        world.clock.advance(1);
    }
    watch.settle();
    let alerts = watch.alerts();
    assert_eq!(alerts.len(), 2);
    let newest = watch.alert(&alerts[0]);
    assert_eq!(newest["group"], json!({"context.ip": "192.0.2.2"}));
    assert_eq!(newest["summary"], "Brute force: 192.0.2.2 (2 times)");
    let query = newest["query"].as_str().unwrap();
    assert!(query.starts_with("context.ip:\"192.0.2.2\" occurred:2026-11-15T12:00:00"), "{query}");
    let filter = AlertFilter { rule: Some("Brute force".into()), ..AlertFilter::default() };
    let first = watch.shared.alerts(&filter, None, 1).unwrap();
    assert_eq!((first.open, first.alerts.len()), (2, 1));
    let second = watch.shared.alerts(&filter, first.next.as_deref(), 1).unwrap();
    assert_eq!(second.alerts[0].id().to_string(), alerts[1]);
    assert_eq!(second.next, None);
    assert_eq!(watch.shared.alerts(&filter, Some("x"), 1), Err(BadCursor));
    let other = AlertFilter { rule: Some("x".into()), ..AlertFilter::default() };
    assert!(watch.shared.alerts(&other, None, 9).unwrap().alerts.is_empty());
    watch.stop();
}

#[test]
fn people_acknowledge_assign_comment_and_close() {
    let (world, dir) = (World::new(), folder("", &[("a.yml", LOGIN)]));
    let watch = Running::start(&world, dir.path());
    world.fail("192.0.2.1");
    watch.settle();
    let id = watch.alerts().remove(0);
    let alert = EventId::parse(&id).unwrap();
    let act = |act: Act| {
        world.clock.advance(1);
        let at = indelible_log::Clock::now(&*world.clock);
        world.act(act.action(), &id, act.details());
        watch.shared.heard(&Heard { alert, act, by: "Ada".into(), at });
        watch.settle();
    };
    assert_eq!(watch.shared.would(alert, &Act::Acknowledge { note: None }), Would::Count);
    act(Act::Acknowledge { note: Some("mine".into()) });
    assert_eq!(watch.shared.would(alert, &Act::Acknowledge { note: None }), Would::BeSo);
    act(Act::Assign { to: "Grace".into() });
    act(Act::Comment { note: "it was a test".into() });
    // What has an alert that is not closed counts up there.
    world.fail("192.0.2.1");
    watch.settle();
    let shown = watch.alert(&id);
    assert_eq!((&shown["state"], &shown["count"]), (&json!("acknowledged"), &json!(2)));
    assert_eq!((&shown["acknowledged_by"], &shown["assignee"]), (&json!("Ada"), &json!("Grace")));
    act(Act::Close { note: Some("done".into()) });
    assert_eq!(watch.shared.would(alert, &Act::Comment { note: "x".into() }), Would::BeClosed);
    assert_eq!(watch.shared.would(alert, &Act::Close { note: None }), Would::BeSo);
    assert_eq!(
        watch.shared.would(EventId::default(), &Act::Close { note: None }),
        Would::BeUnknown
    );
    let history: Vec<String> = watch.alert(&id)["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| format!("{} {} {}", step["action"], step["by"], step["note"]).replace('"', ""))
        .collect();
    assert_eq!(
        history,
        [
            "alert.open indelible null",
            "alert.acknowledge Ada mine",
            "alert.assign Ada Grace",
            "alert.comment Ada it was a test",
            "alert.repeat indelible 2",
            "alert.close Ada done"
        ],
        "each of them once, though it was heard and read"
    );
    // It opens anew behind that.
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(watch.alerts().len(), 2);
    assert_eq!(watch.shared.status(0).open_alerts, 1);
    watch.stop();
    // What was folded is what was kept up to date.
    let again = Running::start(&world, dir.path());
    assert_eq!(again.alert(&id)["history"].as_array().unwrap().len(), 6);
    assert_eq!(again.alerts().len(), 2);
    again.stop();
}

#[test]
fn channels_are_told_what_they_want() {
    let settings = String::from("channels:\n")
        + &channel("all", "")
        + &channel("critical", "    levels: critical\n")
        + &channel("others", "    rules: [ \"brute*\" ]\n")
        + &channel("named", "    rules: [ failed ]\n");
    let (world, dir) = (World::new(), folder(&settings, &[("a.yml", LOGIN)]));
    let watch = Running::start(&world, dir.path());
    world.fail("192.0.2.1");
    watch.settle();
    let told = world.told("alert.notify");
    assert_eq!(line(&told), ["notify all open", "notify named open"]);
    let details = &told[0]["details"];
    let id = watch.alerts().remove(0);
    assert_eq!(details["alert"], id);
    assert_eq!(details["url"], format!("https://audit.example.com/alerts/{id}"));
    assert_eq!((&details["title"], &details["level"]), (&json!("Failed login"), &json!("high")));
    assert_eq!(told[0]["targets"][2], json!({"type": "channel", "id": "all"}));
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(
        line(&world.told("alert.notify"))[2..],
        ["notify all repeat", "notify named repeat"]
    );
    // Somebody has it: nobody else is told that it goes on.
    world.act("alert.acknowledge", &id, json!({}));
    (0..8).for_each(|_| world.fail("192.0.2.1"));
    watch.settle();
    assert_eq!(world.told("alert.repeat").len(), 2);
    assert_eq!(world.told("alert.notify").len(), 4);
    let test = watch.shared.test("all", EventId::default(), indelible_event::Micros(0)).unwrap();
    assert_eq!((test.action, &test.details["reason"]), ("alert.notify", &json!("test")));
    assert!(watch.shared.test("none", EventId::default(), indelible_event::Micros(0)).is_none());
    watch.stop();
}

#[test]
fn nobody_is_told_in_quiet_hours_and_everybody_once_when_they_end() {
    // The clock stands at noon of a Sunday.
    let quiet = |rest: &str| format!("    quiet: {{ from: \"11:00\", to: \"13:00\"{rest} }}\n");
    let settings = String::from("channels:\n")
        + &channel("quiet", &quiet(""))
        + &channel("loud", &quiet(", but: high"))
        + &channel("monday", &quiet(", days: [ mon ]"));
    let rules = [("a.yml", LOGIN), ("b.yml", &*brute(3))];
    let (world, dir) = (World::new(), folder(&settings, &rules));
    let watch = Running::start(&world, dir.path());
    (0..3).for_each(|_| world.fail("192.0.2.1"));
    watch.settle();
    let told = || line(&world.told("alert.notify"));
    let before = [
        "notify loud open",
        "notify monday open",
        "notify loud repeat",
        "notify monday repeat",
        "notify monday open",
    ];
    assert_eq!(told(), before);
    world.clock.advance(HOUR - 1);
    watch.settle();
    assert_eq!(told().len(), before.len());
    world.clock.advance(1);
    watch.settle();
    let after = &told()[before.len()..];
    // Both alerts for the one, the other for the other.
    assert_eq!(after.iter().filter(|line| *line == "notify quiet quiet_end").count(), 2);
    assert_eq!(after.iter().filter(|line| *line == "notify loud quiet_end").count(), 1);
    assert_eq!(after.len(), 3);
    let at = &world.told("alert.notify")[before.len()]["occurred_at"];
    assert_eq!(at, "2026-11-15T13:00:00.000000Z");
    watch.stop();
}

#[test]
fn what_was_acknowledged_in_quiet_hours_is_not_told_when_they_end() {
    let settings = String::from("channels:\n")
        + &channel("q", "    quiet: { from: \"11:00\", to: \"13:00\" }\n");
    let (world, dir) = (World::new(), folder(&settings, &[("a.yml", LOGIN)]));
    let watch = Running::start(&world, dir.path());
    world.fail("192.0.2.1");
    watch.settle();
    world.act("alert.acknowledge", &watch.alerts()[0], json!({}));
    watch.settle();
    world.clock.advance(2 * HOUR);
    watch.settle();
    assert!(world.told("alert.notify").is_empty());
    watch.stop();
}

#[test]
fn what_nobody_acknowledges_is_escalated_once() {
    let settings = String::from("escalate: { after: 30m, levels: high }\nchannels:\n")
        + &channel("first", "")
        + &channel("pager", "    only: escalations\n");
    let rules = [("a.yml", LOGIN), ("b.yml", &*brute(1))];
    let (world, dir) = (World::new(), folder(&settings, &rules));
    let watch = Running::start(&world, dir.path());
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(line(&world.told("alert.notify")), ["notify first open", "notify first open"]);
    world.clock.advance(30 * MINUTE - 1);
    watch.settle();
    assert!(world.told("alert.escalate").is_empty());
    world.clock.advance(1);
    watch.settle();
    // The one that is bad enough.
    let told = line(&world.told("alert."));
    assert_eq!(
        told[told.len() - 3..],
        ["escalate", "notify first escalate", "notify pager escalate"]
    );
    world.clock.advance(DAY);
    watch.settle();
    assert_eq!(world.told("alert.escalate").len(), 1);
    let alert = world.told("alert.escalate")[0]["targets"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(watch.alert(&alert)["escalated_at"], "2026-11-15T12:30:00.000000Z");
    watch.stop();
}

#[test]
fn a_review_that_nobody_signs_is_told() {
    let (world, dir) = (World::new(), folder("reviews: { due: 2h }\n", &[]));
    let watch = Running::start(&world, dir.path());
    world.clock.advance(14 * HOUR);
    watch.settle();
    assert_eq!(world.told("review.overdue")[0]["details"]["period"], "2026-11-15");
    world.append(
        "_system",
        json!({"action": "review.sign", "outcome": "success", "targets": [{"type": "review", "id": "2026-11-16"}]}),
    );
    watch.settle();
    world.clock.advance(2 * DAY);
    watch.settle();
    let told = world.told("review.overdue");
    let periods: Vec<&str> =
        told.iter().map(|e| e["details"]["period"].as_str().unwrap()).collect();
    assert_eq!(periods, ["2026-11-15", "2026-11-17"]);
    watch.stop();
}

//! Somebody who wants nobody to see anything.

use indelible_watch::limits::ALERTS_RULE_MAX;

use crate::node::{LOGIN, Running, World, brute, folder};

#[test]
fn a_flood_of_groups_takes_no_room_from_others() {
    let late =
        LOGIN.replace("user.login", "admin.login").replace("outcome: failure", "outcome: success");
    let rules = [("b.yml", &*brute(1)), ("z.yml", &*late)];
    let (world, dir) = (World::new(), folder("", &rules));
    let watch = Running::start(&world, dir.path());
    for n in 0..2_000u32 {
        world.fail(&format!("2001:db8::{n:x}"));
    }
    world.append("default", serde_json::json!({"action": "admin.login", "outcome": "success"}));
    watch.settle();
    let opened = world.told("alert.open");
    assert_eq!(opened.len(), ALERTS_RULE_MAX + 2);
    let flood = &opened[ALERTS_RULE_MAX];
    assert_eq!(flood["details"]["group"], serde_json::json!({}));
    let alert = watch.alert(flood["id"].as_str().unwrap());
    assert_eq!(alert["count"], 2_000 - ALERTS_RULE_MAX);
    assert!(alert["summary"].as_str().unwrap().contains("counted together"));
    assert_eq!(opened.last().unwrap()["details"]["rule"]["id"], "login", "the others are seen");
    // Room that is free again is used.
    let first = opened[0]["id"].as_str().unwrap();
    world.act("alert.close", first, serde_json::json!({}));
    world.fail("2001:db8::ffff");
    watch.settle();
    assert_eq!(world.told("alert.open").len(), ALERTS_RULE_MAX + 3);
    watch.stop();
}

#[test]
fn hostile_values_are_values() {
    let (world, dir) = (World::new(), folder("", &[("b.yml", &brute(1))]));
    let watch = Running::start(&world, dir.path());
    for ip in ["\" OR action:*", "a\nb\u{1b}[31m", "\\", &"x".repeat(5_000), "<!channel>"] {
        world.fail(ip);
    }
    watch.settle();
    let alerts = watch.alerts();
    assert_eq!(alerts.len(), 5);
    for id in alerts {
        let alert = watch.alert(&id);
        let summary = alert["summary"].as_str().unwrap();
        assert!(summary.len() < 600 && !summary.contains(['\n', '\u{1b}']), "{summary}");
        let query = alert["query"].as_str().unwrap();
        assert!(!query.contains("\"\" OR"), "{query}");
    }
    watch.stop();
}

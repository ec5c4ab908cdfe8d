//! What changes while it runs.

use crate::node::{DAY, LOGIN, Running, SECOND, World, brute, channel, folder, line, write};

/// Has the folder be looked at.
fn look(world: &World, watch: &Running) {
    world.clock.advance(6 * SECOND);
    watch.settle();
    watch.settle();
}

#[test]
fn a_bad_rule_disables_nothing_else() {
    let bad = "title: Bad\nid: bad\nlogsource: { product: indelible }\ndetection: { s: { action|matches: x }, condition: s }\n";
    let (world, dir) = (World::new(), folder("", &[("a.yml", LOGIN), ("b.yml", bad)]));
    let watch = Running::start(&world, dir.path());
    let rules = watch.shared.rules(0);
    assert_eq!((rules.loaded, rules.refused.len()), (1, 1), "{:?}", rules.refused);
    assert_eq!(&*rules.refused[0].file, "rules/b.yml");
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(world.told("alert.open").len(), 1);
    let load = &world.told("rules.load")[0]["details"];
    assert_eq!((&load["loaded"], &load["refused"]), (&1.into(), &1.into()));
    assert_eq!(load["refusals"][0]["file"], "rules/b.yml");
    let stats = watch.shared.rule("login").unwrap();
    assert_eq!((stats.stats.matched, stats.stats.fired), (1, 1));
    assert!(stats.text.unwrap().contains("title: Failed login"));
    watch.stop();
}

#[test]
fn a_reload_keeps_the_windows_of_what_has_not_changed() {
    let (world, dir) = (World::new(), folder("", &[("b.yml", &brute(4))]));
    let watch = Running::start(&world, dir.path());
    (0..3).for_each(|_| world.fail("192.0.2.1"));
    watch.settle();
    write(&dir, "rules/a.yml", LOGIN);
    look(&world, &watch);
    assert_eq!(watch.shared.rules(0).loaded, 3);
    let loads = world.told("rules.load");
    assert_eq!(loads.len(), 2);
    assert_eq!(loads[1]["details"]["added"], serde_json::json!(["login"]));
    assert!(world.told("alert.").is_empty(), "a new rule tells nothing of the past");
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(
        line(&world.told("alert.open")),
        ["open Failed login: ada", "open Brute force: 192.0.2.1 (4 times)"]
    );
    assert_eq!(watch.shared.rule("failing").unwrap().stats.matched, 4, "counted on");
    watch.stop();
}

#[test]
fn a_changed_rule_has_looked_at_the_past_and_a_restart_tells_nothing_anew() {
    let (world, dir) = (World::new(), folder("", &[("b.yml", &brute(9))]));
    let watch = Running::start(&world, dir.path());
    (0..3).for_each(|_| world.fail("192.0.2.1"));
    watch.settle();
    write(&dir, "rules/b.yml", &brute(4));
    look(&world, &watch);
    assert_eq!(world.told("rules.load")[1]["details"]["changed"], serde_json::json!(["brute"]));
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(world.told("alert.open").len(), 1);
    // Removed while it does not run.
    watch.stop();
    std::fs::remove_file(dir.path().join("rules/b.yml")).unwrap();
    let watch = Running::start(&world, dir.path());
    let loads = world.told("rules.load");
    assert_eq!(loads[2]["details"]["removed"], serde_json::json!(["brute", "failing"]));
    watch.stop();
    let watch = Running::start(&world, dir.path());
    assert_eq!(world.told("rules.load").len(), 3, "nothing has changed");
    assert_eq!(watch.alerts().len(), 1, "an alert outlives its rule");
    watch.stop();
}

#[test]
fn changed_settings_count_and_channels_say_what_they_wait_for() {
    let settings = |rest: &str| format!("pack: {{ enabled: false }}\nchannels:\n{rest}");
    let (world, dir) = (World::new(), folder("", &[("a.yml", LOGIN)]));
    write(&dir, "watch.yaml", &settings(&channel("a", "    levels: critical\n")));
    let watch = Running::start(&world, dir.path());
    write(&dir, "watch.yaml", &settings(&(channel("a", "") + &channel("b", ""))));
    look(&world, &watch);
    assert!(watch.trouble().contains("(b)") && watch.trouble().contains("started again"));
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(line(&world.told("alert.notify")), ["notify a open"], "b does not run");
    // Settings that make no sense are told; those before them go on.
    write(&dir, "watch.yaml", "chanels: []\n");
    look(&world, &watch);
    let refused = &watch.shared.rules(0).refused[0];
    assert!(refused.reason.contains("did you mean `channels`?"), "{}", refused.reason);
    world.clock.advance(DAY);
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(world.told("alert.notify").len(), 2);
    write(&dir, "watch.yaml", &settings(&channel("a", "")));
    look(&world, &watch);
    assert_eq!(watch.trouble(), "");
    watch.stop();
}

//! What a node tells of its own health.

use indelible_event::Micros;
use indelible_log::Clock as _;
use serde_json::{Value, json};

use crate::node::Node;

const MINUTE: i64 = 60_000_000;

/// A node, and how long it has run.
struct Alive(Node, i64);

impl Alive {
    /// Lets so much time go by, which the clock may tell otherwise, and has the node look.
    fn beat(&mut self, told: i64, passed: i64) {
        self.0.clock.advance(told);
        self.1 += passed;
        self.0.running().pulse(Micros(self.1));
    }
}

#[test]
fn a_moved_clock_events_of_the_future_and_gaps_are_told_once() {
    let mut alive = Alive(Node::new(), 0);
    let node = &alive.0;
    let source = "5c".repeat(16);
    let now = node.clock.now().to_string();
    let event = |seq: u64, at: String| json!({"action": "a.b", "occurred_at": at, "source": {"id": source, "seq": seq}});
    let events: Value =
        vec![event(0, now.clone()), event(1, "2099-01-01T00:00:00Z".into()), event(5, now)].into();
    let answer =
        node.post(&node.admin, "/api/audit/logs?wait=published", events.to_string().as_bytes());
    assert_eq!(answer.status, 201);
    alive.beat(0, 0);
    let skew = alive.0.system("node.clock_skew");
    assert_eq!(skew.len(), 1);
    assert_eq!(skew[0]["details"]["sources"][0]["source"], source.as_str());
    assert_eq!(skew[0]["details"]["sources"][0]["events"], 1);
    assert_eq!(alive.0.system("node.source_gap").len(), 0, "it may still come");
    alive.beat(2 * MINUTE, 2 * MINUTE);
    alive.beat(MINUTE, MINUTE);
    let gaps = alive.0.system("node.source_gap");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        (&gaps[0]["details"]["missing"], &gaps[0]["targets"][0]["id"]),
        (&json!(3), &json!(source))
    );
    assert_eq!(gaps[0]["outcome"], "failure");
    // The clock goes on without the time that it tells.
    alive.beat(5 * MINUTE, MINUTE);
    let skew = alive.0.system("node.clock_skew");
    assert_eq!(skew.last().unwrap()["details"]["jumped_seconds"], 240);
    alive.beat(MINUTE, MINUTE);
    assert_eq!(alive.0.system("node.clock_skew").len(), 2);
}

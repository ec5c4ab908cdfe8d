use bytes::Bytes;
use indelible_event::{EventId, Micros};

use super::*;

#[test]
fn names_are_in_the_order_of_the_log() {
    let event = |pos| Outgoing {
        pos,
        trail: "t".into(),
        seq: pos,
        id: EventId::foreign("test", "1"),
        leaf: [0; 32],
        recorded_at: Micros(1_769_853_600_000_000),
        json: Bytes::from_static(b"{}"),
    };
    assert_eq!(
        key("bucket", &event(9), &event(10)),
        "bucket/2026/01/31/00000000000000000009-00000000000000000010-00000000.ndjson.gz"
    );
}

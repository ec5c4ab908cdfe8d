//! Nanoseconds an event, on one core: `cargo bench -p indelible-event`.
//!
//! Plain loops with the best of several rounds, so that the crate needs no benchmark harness; a
//! benchmark is the one place here that may look at a clock.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use indelible_event::{Entry, EventId, Facets, Items, Micros, Part, check, seal};

const NESTED: &str = r#"{"id":"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a","occurred_at":"2026-11-20T17:34:05.123456Z","action":"file.update","category":"data_modify","outcome":"success","actor":{"type":"user","id":"u-48213","name":"Ada Example","email":"ada@example.com"},"targets":[{"type":"file","id":"f-991823","name":"report.pdf"}],"changes":{"before":{"owner":"u-17","mode":"0644","size":10422},"after":{"owner":"u-48213","mode":"0600","size":10977}},"details":{"bucket":"finance","version":17,"tags":["q3","draft"]},"context":{"ip":"203.0.113.42","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0","request_id":"req-7f31ab20","service":"files"}}"#;

const SHORT: &str = r#"{"timestamp":"2026-11-20T17:34:05.123456Z","event_type":"data_modify","action":"file.update","status":"success","user_id":"u-48213","user_email":"ada@example.com","resource_type":"file","resource_id":"f-991823","old_value":{"owner":"u-17","mode":"0644","size":10422,"note":"kept \"as is\""},"new_value":{"owner":"u-48213","mode":"0600","size":10977,"note":"line\nbreak"},"metadata":{"bucket":"finance","version":17,"tags":["q3","draft"],"reviewer":"u-3"},"ip_address":"203.0.113.42","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0","request_id":"req-7f31ab20","correlation_id":"c-0192aa","session_id":"s-55120","tenant_id":"acme"}"#;

fn main() {
    for (name, json) in [
        ("check nested", NESTED.to_owned()),
        ("check short", SHORT.to_owned()),
        ("check spaced", spaced()),
    ] {
        report(name, json.len(), || {
            black_box(check(black_box(json.as_bytes())).expect("the event is good"));
        });
    }
    let checked = check(NESTED.as_bytes()).expect("the event is good");
    let hash = [7; 32];
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(1_795_196_045_123_456),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: None,
        reference: Some(EventId([9; 16])),
        source: None,
        recorded_by: Some("key-1"),
        parts_hash: hash,
    };
    let mut bytes = Vec::with_capacity(512);
    entry.encode(&mut bytes);
    report("entry encode", bytes.len(), || {
        let mut out = Vec::with_capacity(512);
        black_box(&entry).encode(&mut out);
        black_box(&out);
    });
    report("entry decode", bytes.len(), || {
        black_box(Entry::decode(black_box(&bytes)).expect("it was encoded"));
    });
    report("facets", checked.parts.all().iter().flatten().map(|part| part.len()).sum(), || {
        let [who, where_, what] = black_box(checked.parts.all());
        black_box(Facets::read(who, where_, what).expect("the parts are canonical"));
    });
    report("four hashes and salts", 0, || {
        let commitments = Part::ALL.map(|part| {
            let salt = seal::part_salt(black_box(&[1; 16]), part);
            checked.parts.get(part).map(|bytes| seal::commitment(part, &salt, bytes))
        });
        black_box(seal::parts_hash(&commitments));
    });
    let lines = format!("{NESTED}\n");
    let array = format!("[{NESTED},");
    report("items, a line", lines.len(), || split(&lines));
    report("items, an element", array.len(), || split(&array));
}

fn spaced() -> String {
    NESTED.replace(",\"", ", \"").replace("\":", "\": ")
}

fn split(stream: &str) {
    let mut items = Items::new();
    items.feed(black_box(stream.as_bytes()), |_, item| {
        black_box(item.is_ok());
    });
}

fn report(name: &str, bytes: usize, mut run: impl FnMut()) {
    const RUNS: u32 = 1_000;
    let best = (0..200)
        .map(|_| {
            let start = Instant::now();
            (0..RUNS).for_each(|_| run());
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{name:24} {bytes:5} bytes {:6.0} ns", best.as_nanos() as f64 / f64::from(RUNS));
}

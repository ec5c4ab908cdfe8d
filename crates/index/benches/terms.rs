//! Nanoseconds a record, to find its terms and to check a query, on one core: `cargo bench -p indelible-index --bench terms`.
//!
//! Plain loops with the best of several rounds; a benchmark is the one place here that may look at a clock.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use indelible_event::{Checked, Entry, Micros, check};
use indelible_index::query::parse;
use indelible_index::{Doc, Facet, Field, TermSink, terms};

const MODIFY: &str = r#"{"id":"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a","occurred_at":"2026-11-20T17:34:05.123456Z","action":"file.update","category":"data_modify","outcome":"success","actor":{"type":"user","id":"u-48213","name":"Ada Example","email":"ada@example.com"},"targets":[{"type":"file","id":"f-991823","name":"report.pdf"}],"changes":{"before":{"owner":"u-17","mode":"0644","size":10422},"after":{"owner":"u-48213","mode":"0600","size":10977}},"details":{"bucket":"finance","version":17,"tags":["q3","draft"]},"context":{"ip":"203.0.113.42","user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0","request_id":"req-7f31ab20","service":"files"}}"#;

const OPERATION: &str = r#"{"id":"019b8fd0-6f00-7d10-8a4b-1f2e3d4c5b6a","trail":"acme","occurred_at":"2026-01-05T08:00:00.123456Z","action":"backup.create","category":"backend_operation","outcome":"success","actor":{"type":"service","id":"scheduler-1234"},"targets":[{"type":"backup","id":"bac_0123456789","name":"quarterly 123"}],"details":{"size_bytes":1234567890,"duration_ms":12345,"node":"node-7","checksum":"0123456789abcdef","note":"nightly archive invoice","ticket":"OPS-12345"},"context":{"ip":"198.51.100.7","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0","request_id":"0123456789abcdef","correlation_id":"fedcba9876543210","service":"backup"}}"#;

/// Counts, so that nothing is left out as unused.
#[derive(Default)]
struct Count(usize, usize);

impl TermSink for Count {
    fn term(&mut self, _: Field, value: &[u8]) {
        self.0 += 1;
        self.1 += black_box(value).len();
    }

    fn facet(&mut self, _: Facet, value: &str) {
        self.1 += black_box(value).len();
    }
}

fn main() {
    for (name, json) in [("modify", MODIFY), ("operation", OPERATION)] {
        let checked = check(json.as_bytes()).expect("the event is good");
        let doc = doc(&checked);
        let mut count = Count::default();
        terms(&doc, &mut count);
        let (terms_count, bytes) = (count.0, count.1);
        let best_ns = best(|| {
            let mut count = Count::default();
            black_box(terms(black_box(&doc), &mut count));
        });
        println!(
            "{name:10} {:4} bytes, {terms_count} terms of {bytes} bytes: {best_ns:.0} ns",
            json.len()
        );
    }
    let checked = check(OPERATION.as_bytes()).expect("the event is good");
    let doc = doc(&checked);
    for text in [
        "actor:alice outcome:denied",
        "quarterly details.size_bytes:>1000000",
        "\"archive invoice\"",
        "/inv.*ce/ ip:198.51.0.0/16",
    ] {
        let query = parse(text, Micros(0)).expect("a query");
        let best_ns = best(|| {
            black_box(query.matches(black_box(&doc)));
        });
        println!("matches {text:40} {best_ns:.0} ns");
    }
}

fn doc(checked: &Checked) -> Doc<'_> {
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(1_795_196_045_123_456),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: None,
        reference: None,
        source: None,
        recorded_by: Some("key-1"),
        parts_hash: [7; 32],
    };
    Doc { pos: 1, trail: 1, trail_name: "acme", entry, parts: checked.parts.all() }
}

fn best(mut run: impl FnMut()) -> f64 {
    const RUNS: u32 = 20_000;
    let round = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..RUNS).for_each(|_| run());
        start.elapsed().as_nanos() as f64 / f64::from(RUNS)
    };
    (0..10).map(|_| round(&mut run)).fold(f64::INFINITY, f64::min)
}

//! What comes in from others, changed in every way that bytes can be: nothing panics, and what is made is JSON.

#[path = "../../../fuzz/src/intake.rs"]
mod checks;

use std::collections::BTreeMap;

use indelible_connect::intake::bulk;

/// How many changed inputs each mapper gets.
const INPUTS: u64 = 100_000;

fn seeds() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let cloudevents: [&[u8]; 3] = [
        include_bytes!("intake/cloudevent.json"),
        include_bytes!("intake/cloudevent-xml.json"),
        include_bytes!("intake/cloudevent-own.json"),
    ];
    BTreeMap::from([
        ("bulk", vec![include_bytes!("intake/bulk.ndjson").to_vec()]),
        ("cloudevent", cloudevents.map(<[u8]>::to_vec).to_vec()),
        ("cloudevent_header", vec![include_bytes!("intake/cloudevent.header").to_vec()]),
        ("otlp", vec![include_bytes!("intake/logs.binpb").to_vec()]),
        ("otlp_json", vec![include_bytes!("intake/logs.json").to_vec()]),
    ])
}

/// Numbers that look drawn and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }

    fn range(&mut self, len: usize) -> std::ops::Range<usize> {
        let from = self.below(len + 1);
        from..from + self.below((len - from + 1).min(64))
    }

    /// Changes an input: cut, flipped, spliced, doubled, nested.
    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.below(4) {
            let range = self.range(input.len());
            match self.below(8) {
                0 => input.truncate(range.start),
                1 | 2 if !input.is_empty() => {
                    let at = self.below(input.len());
                    input[at] ^= 1 << self.below(8);
                }
                3 => drop(input.splice(range, other[self.range(other.len())].to_vec())),
                4 => {
                    let twice = input[range.clone()].to_vec();
                    drop(input.splice(range.start..range.start, twice));
                }
                5 => drop(input.drain(range)),
                6 => {
                    let deep = [&b"["[..], b"{\"a\":", b"\x2a\x02", b"\"\\ud800\""][self.below(4)];
                    let times = self.below(300);
                    drop(input.splice(range.start..range.start, deep.repeat(times)));
                }
                _ => {
                    let odd =
                        [&b"null"[..], b"1e999", b"\xff", b"\0", b"\"", b"\\u0000", b"-", b"{}"];
                    drop(input.splice(range, odd[self.below(odd.len())].to_vec()));
                }
            }
            input.truncate(300 << 10);
        }
    }
}

fn run(name: &str) {
    let (_, check) = checks::ALL.into_iter().find(|(of, _)| *of == name).unwrap();
    let seeds = &seeds()[name];
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        check(seed);
    }
    for turn in 0..INPUTS {
        let mut input = seeds[turn as usize % seeds.len()].clone();
        let other = &seeds[draw.below(seeds.len())];
        draw.change(&mut input, other);
        let told = std::panic::catch_unwind(|| check(&input));
        assert!(told.is_ok(), "{name}, input {turn}: {:?}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn a_hundred_thousand_changed_cloudevents() {
    run("cloudevent");
}

#[test]
fn a_hundred_thousand_changed_headers() {
    run("cloudevent_header");
}

#[test]
fn a_hundred_thousand_changed_bulk_requests() {
    run("bulk");
}

#[test]
fn a_hundred_thousand_changed_log_requests() {
    run("otlp");
}

#[test]
fn a_hundred_thousand_changed_log_requests_in_json() {
    run("otlp_json");
}

/// Whatever is in a line, the documents around it become what they would have become alone.
#[test]
fn a_changed_document_leaves_its_neighbours_alone() {
    let action = br#"{"index":{"_index":"shop","_id":"n"}}"#;
    let neighbour = br#"{"@timestamp":"2026-01-31T10:00:00Z","event":{"action":"user-login"}}"#;
    let seed = br#"{"@timestamp":1769853600000,"user":{"id":"maria"},"action":"a","tags":["x"]}"#;
    let event = |lines: &mut bulk::Lines, json: &[u8]| {
        assert_eq!(lines.line(1, Ok(action)).unwrap(), None);
        lines.line(2, Ok(json)).unwrap().unwrap().1
    };
    let alone = event(&mut bulk::Lines::new(""), neighbour).unwrap();
    let mut lines = bulk::Lines::new("");
    let mut draw = Draw(7);
    for _ in 0..20_000 {
        let mut input = seed.to_vec();
        draw.change(&mut input, neighbour);
        input.retain(|byte| *byte != b'\n');
        assert_eq!(event(&mut lines, neighbour).as_ref(), Ok(&alone));
        let _ = event(&mut lines, &input);
        assert_eq!(event(&mut lines, neighbour).as_ref(), Ok(&alone));
    }
}

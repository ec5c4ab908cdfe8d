//! Events taken away in every form, from a directory and from a node, and bundles checked elsewhere.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use crate::harness::{self, Log, Node, Ran};

/// A log with a few events of every kind, and a node that serves it.
struct Served {
    log: Log,
    node: Node,
    key: String,
}

impl Served {
    fn new(log: Log) -> Served {
        let key = log.run(["key", "create", "--role", "auditor", "--name", "audit"]).ok().stdout;
        let (node, key) = (Node::start(&log, &[]), key.trim().to_owned());
        Served { log, node, key }
    }

    /// Exports from the directory, or from the node.
    fn export(&self, remote: bool, args: &[&str]) -> Ran {
        let at = ["--url", self.node.url(), "--key", &self.key];
        let at = if remote { &at[..] } else { &[] };
        self.log.run([&["export"], args, at].concat())
    }
}

fn filled() -> Log {
    let log = Log::new();
    log.fill("shop", 30);
    log.append("{\"action\":\"a.b\",\"trail\":\"default\",\"user_id\":\"=cmd()\\n\\u001b[2J\",\"ip_address\":\"192.0.2.1\"}");
    log
}

#[test]
fn both_give_the_same_file_in_every_form() {
    let served = Served::new(filled());
    for (format, extension) in [
        ("csv", "csv"),
        ("ndjson", "ndjson"),
        ("ocsf", "txt"),
        ("cef", "cef"),
        ("cloudevents", "txt"),
        ("parquet", "parquet"),
        ("bundle", "zip"),
    ] {
        let mut files = Vec::new();
        for (remote, name) in [(false, "local"), (true, "remote")] {
            let file = format!("{name}.{extension}");
            let done = served
                .export(remote, &["--trail", "shop", "--format", format, "--out", &file, "--json"])
                .ok()
                .json();
            assert_eq!((&done[0]["events"], &done[0]["file"]), (&30.into(), &file.as_str().into()));
            let bytes = harness::read(&served.log.path(&file));
            assert_eq!(done[0]["bytes"], bytes.len());
            files.push(bytes);
        }
        // A bundle says who made it, and when.
        assert_eq!(files[0] == files[1], format != "bundle", "{format}");
        if format == "bundle" {
            let vkey = served.log.key("shop");
            for name in ["local.zip", "remote.zip"] {
                let proven = served.log.run(["verify", "bundle", name, "--vkey", &vkey]).ok();
                assert!(
                    proven.stdout.contains("each of the 30 events is in its trail"),
                    "{}",
                    proven.stdout
                );
            }
        }
    }
    let lines = served
        .export(true, &["--trail", "shop", "thing.do", "--format", "ndjson", "--out", "-"])
        .ok();
    assert_eq!(lines.json().len(), 30);
    assert_eq!(lines.json(), served.log.run(["cat", "--trail", "shop"]).ok().json());
}

#[test]
fn the_name_says_the_form_and_a_part_of_a_trail_has_its_places() {
    let log = filled();
    log.run(["export", "--trail", "shop", "--from", "5", "--to", "9", "--out", "a.ndjson"]).ok();
    let seqs: Vec<_> = harness::objects(&harness::read_text(&log.path("a.ndjson")))
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, [5, 6, 7, 8, 9]);
    let done = log
        .run(["export", "--trail", "shop", "--newest-first", "--entries", "--out", "b.parquet"])
        .ok();
    assert!(done.stdout.contains("30 events are in b.parquet"), "{}", done.stdout);
    let bytes = harness::read(&log.path("b.parquet"));
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert!(bytes.windows(4).any(|window| window == b"leaf"));
    log.run(["export", "-action:thing.do", "--trail", "shop", "--out", "none.jsonl"]).ok();
    assert_eq!(harness::read(&log.path("none.jsonl")).len(), 0);
    for (args, status, says) in [
        (&["--out", "x"][..], 2, "--format"),
        (&["--out", "x.csv", "--from", "1"], 2, "--trail"),
        (&["--out", "x.csv", "--entries"], 2, "format=parquet"),
        (&["--out", "x.csv", "--redact", "who"], 2, "format=bundle"),
        (&["--out", "x.csv", "--trail", "shop", "--from", "5", "--to", "4"], 2, "before"),
        (&["--out", "x.csv", "(a"], 2, "  (a\n  ^"),
        (&["--out", "x.csv", "--trail", "nobody"], 3, "nobody"),
        (&["--out", "nowhere/x.csv"], 3, "nowhere/x.csv"),
    ] {
        log.run([&["export"], args].concat()).status(status).says(says);
    }
    assert!(harness::files(&log.path("")).iter().all(|file| !file.starts_with("x.csv")));
}

#[test]
fn a_bundle_is_verified_from_its_file_alone() {
    let log = filled();
    log.run(["export", "--redact", "who", "--trail", "default", "--out", "b.zip"]).ok();
    let vkey = log.key("default");
    let proven = log.run(["verify", "bundle", "b.zip", "--data", "nowhere"]).ok().stdout;
    for part in ["1 events", "withheld     who", &vkey, "made by      local", "--vkey"] {
        assert!(proven.contains(part), "{part} is not in:\n{proven}");
    }
    let told = &log.run(["verify", "bundle", "b.zip", "--vkey", &vkey, "--json"]).ok().json()[0];
    assert_eq!(
        (&told["holds"], &told["pinned"], &told["manifest"]["events"]),
        (&true.into(), &true.into(), &1.into())
    );
    let other = log.key("shop");
    log.run(["verify", "bundle", "b.zip", "--vkey", &other]).status(1).says("keys.txt");
    let told =
        &log.run(["verify", "bundle", "b.zip", "--vkey", &other, "--json"]).status(1).json()[0];
    assert_eq!((&told["holds"], &told["file"]), (&false.into(), &"keys.txt".into()));
    let mut bytes = harness::read(&log.path("b.zip"));
    let name = b"README.txt";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at + 200] ^= 1;
    harness::write(&log.path("altered.zip"), &bytes);
    log.run(["verify", "bundle", "altered.zip"]).status(1).says("README.txt");
    harness::write(&log.path("short.zip"), &bytes[..bytes.len() / 2]);
    log.run(["verify", "bundle", "short.zip"]).status(1).says("the archive");
    log.run(["verify", "bundle", "nowhere.zip"]).status(3).says("nowhere.zip");
    log.run(["verify", "bundle", "b.zip", "--vkey", "x"]).status(2);
}

#[test]
fn what_breaks_off_leaves_no_file() {
    let log = Log::new();
    log.fill("shop", 3000);
    log.run(["seal"]).ok();
    let last = log.run(["cat", "--trail", "shop", "--from", "2999"]).ok().json();
    alter(&log.data().join("segments"), last[0]["id"].as_str().unwrap());
    let served = Served::new(log);
    harness::write(&served.log.path("old.csv"), "old");
    for remote in [false, true] {
        let args = ["--trail", "shop", "--out", "old.csv"];
        served.export(remote, &args).status(3).says("broke off: ALARM: trail shop seq 2999");
        assert_eq!(harness::read_text(&served.log.path("old.csv")), "old");
        assert!(!served.log.path("old.csv.tmp").exists());
        // In a pipe the status says it.
        let piped = served.export(remote, &["--trail", "shop", "--format", "ndjson", "--out", "-"]);
        let piped = piped.status(3).says("ALARM");
        assert!(piped.json().len() < 3000);
    }
    served
        .export(true, &["--newest-first", "--trail", "shop", "--out", "new.csv"])
        .status(3)
        .says("ALARM");
}

/// Changes a record where it lies.
#[expect(clippy::disallowed_methods, reason = "somebody alters the files")]
fn alter(segments: &Path, id: &str) {
    let id = indelible_event::EventId::parse(id).unwrap().0;
    let mut altered = 0;
    for name in harness::files(segments) {
        let path = segments.join(&name);
        if name.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let places: Vec<usize> =
            (0..bytes.len() - 16).filter(|at| bytes[*at..].starts_with(&id)).collect();
        altered += places.len();
        places.into_iter().for_each(|at| bytes[at + 15] ^= 1);
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(altered > 0, "no file has the id");
}

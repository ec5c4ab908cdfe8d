//! Reading: records, trails, checkpoints, keys and the static tree.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use crate::harness::{self, Log, Ran};

#[test]
fn cat_gives_ranges() {
    let log = Log::new();
    log.fill("t", 2500);
    let seqs = |args: &[&str]| -> Vec<u64> {
        let lines = log.run(["cat", "--trail", "t"].iter().chain(args)).ok().json();
        lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&[]), (0..2500).collect::<Vec<_>>());
    assert_eq!(seqs(&["--from", "2497"]), [2497, 2498, 2499]);
    assert_eq!(seqs(&["--from", "3", "--to", "5"]), [3, 4, 5]);
    assert_eq!(seqs(&["--to", "0"]), [0]);
    assert!(seqs(&["--from", "2500"]).is_empty());
    assert_eq!(seqs(&["--from", "2499", "--to", "18446744073709551615"]), [2499]);
    log.run(["seal"]).ok();
    assert_eq!(seqs(&[]), (0..2500).collect::<Vec<_>>());
    log.run(["cat", "--trail", "nobody"]).status(3).says("no trail named nobody");
}

#[test]
fn cat_ends_quietly_when_nobody_reads_on() {
    let log = Log::new();
    log.fill("t", 5000);
    let mut cat = log.start(["cat", "--trail", "t"]);
    let mut from = BufReader::with_capacity(64, cat.stdout.take().unwrap());
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    assert!(line.contains("\"seq\":0"));
    drop(from);
    let mut said = String::new();
    cat.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((cat.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn trails_keys_and_checkpoints_agree() {
    let log = Log::new();
    log.fill("a", 3);
    log.fill("b", 5);
    let trails = log.run(["trails", "--json"]).ok().json();
    let names: Vec<_> = trails.iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["_system", "a", "b"]);
    assert_eq!((&trails[2]["records"], &trails[2]["checkpoint_size"]), (&5.into(), &5.into()));
    let origin = trails[2]["origin"].as_str().unwrap();
    let table = log.run(["trails"]).ok().stdout;
    assert!(table.starts_with("TRAIL") && table.lines().count() == 4 && table.contains(origin));

    let note = log.run(["checkpoint", "--trail", "b"]).ok().stdout;
    assert!(
        note.starts_with(&format!("{origin}\n5\n")) && note.contains(&format!("\n\n— {origin} "))
    );
    assert_eq!(
        log.run(["checkpoint", "--trail", "b", "--json"]).ok().json()[0]["note"],
        note.as_str()
    );
    assert!(log.key("b").starts_with(&format!("{origin}+")));
    assert_eq!(log.run(["key", "show"]).ok().stdout.lines().count(), 4);
    let keys = log.run(["key", "show", "--json"]).ok().json();
    assert_eq!(keys[2]["vkey"], log.key("b").as_str());
}

fn tree(log: &Log, dir: &str) -> Vec<String> {
    let name = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    harness::files(&log.path(dir)).into_iter().map(name).collect()
}

#[test]
fn the_static_tree_is_laid_out_as_strangers_expect() {
    let log = Log::new();
    log.fill("t", 300);
    log.run(["tiles", "--trail", "t", "--out", "tree"]).ok();
    let at_300 = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ];
    assert_eq!(tree(&log, "tree"), at_300);
    assert_eq!(harness::read(&log.path("tree/tile/0/000")).len(), 8192);

    // A later export adds to it, and writes only what is new.
    log.fill("t", 212);
    let done = log.run(["tiles", "--trail", "t", "--out", "tree", "--json"]).ok().json();
    assert_eq!((&done[0]["size"], &done[0]["written"]), (&512.into(), &4.into()));
    assert!(tree(&log, "tree").contains(&"tile/1/000.p/2".to_owned()));
    assert!(harness::read_text(&log.path("tree/checkpoint")).contains("\n512\n"));
}

#[test]
fn the_static_tree_is_not_mixed_with_anything() {
    let log = Log::new();
    log.fill("t", 3);
    log.fill("u", 3);
    log.run(["tiles", "--trail", "t", "--out", "tree"]).ok();
    log.run(["tiles", "--trail", "u", "--out", "tree"]).status(3).says("is of test.example/");
    log.run(["tiles", "--trail", "u", "--out", "data"]).status(3).says("no checkpoint in it");
    // What was exported before must still be the same.
    let path = log.path("tree/tile/entries/000.p/3");
    let mut bytes = harness::read(&path);
    bytes[10] ^= 1;
    harness::write(&path, bytes);
    log.run(["tiles", "--trail", "t", "--out", "tree"])
        .status(3)
        .says("alarm: this file was exported before");
}

#[test]
fn reading_goes_on_while_a_writer_seals_and_signs() {
    let log = Log::new();
    log.fill("t", 10);
    let mut writer = log.start(["append", "--trail", "t"]);
    let mut to = writer.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        use std::io::Write;
        for n in 0..60_000 {
            if writeln!(to, "{{\"action\":\"thing.do\",\"details\":{{\"n\":{n}}}}}").is_err() {
                return;
            }
        }
    });
    let mut last = 0;
    while !feeder.is_finished() {
        let trails = log.run(["trails", "--json"]).ok().json();
        let size = trails[1]["records"].as_u64().unwrap();
        assert!(size >= last, "{size} after {last}");
        last = size;
        log.run(["cat", "--trail", "t", "--to", "3"]).ok();
        log.run(["prove", "--trail", "t", "--seq", "4"]).ok();
    }
    feeder.join().unwrap();
    Ran::of(writer.wait_with_output().unwrap()).ok().says("60,000 kept");
}

#[test]
fn standard_output_that_is_full_is_an_error() {
    let log = Log::new();
    log.fill("t", 3);
    let full = std::process::Stdio::from(full_device());
    let output = log.command(["cat", "--trail", "t"]).stdout(full).output().unwrap();
    Ran::of(output).status(3).says("standard output: ");
}

#[expect(clippy::disallowed_methods, reason = "the device that is always full")]
fn full_device() -> std::fs::File {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it")
}

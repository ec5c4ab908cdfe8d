//! Files of others: what they become, what is refused, and what is left of an import that was cut off.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;

use serde_json::{Value, json};

use crate::harness::{self, Log, Ran};

fn record(n: usize) -> Value {
    json!({
        "eventVersion": "1.09", "eventID": format!("id-{n}"), "eventTime": "2026-01-31T10:00:00Z",
        "eventSource": "s3.amazonaws.com", "eventName": "DeleteBucket", "awsRegion": "eu-central-1",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::1:user/u{}", n % 7), "userName": format!("u{}", n % 7)},
        "requestParameters": {"bucketName": format!("bucket-{n}"), "pad": "x".repeat(300)},
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn count(log: &Log, trail: &str) -> usize {
    log.run(["cat", "--trail", trail]).ok().json().len()
}

#[test]
fn records_of_a_directory_are_kept_once_and_what_is_refused_is_told() {
    let log = Log::new();
    let dir = log.path("logs");
    harness::make_dir(&dir.join("2026"));
    let list = json!({"Records": [record(1), record(2), {"eventName": "NoTime"}]}).to_string();
    harness::write(&dir.join("2026/a.json"), &list);
    harness::write(
        &dir.join("b.json.gz"),
        gzip(format!("{}\nnonsense\n{}\n", record(3), record(2)).as_bytes()),
    );
    let import =
        ["import", "--format", "cloudtrail", "--trail", "aws", "--refused", "bad.ndjson", "logs"];
    log.run(import)
        .status(1)
        .says("a.json record 3: eventTime: is missing")
        .says("b.json.gz record 2: is not a JSON object")
        .says("3 kept, 1 known already, 2 refused");
    let bad = harness::objects(&harness::read_text(&log.path("bad.ndjson")));
    assert_eq!(
        (&bad[0]["record"], &bad[0]["original"]),
        (&json!(3), &json!("{\"eventName\":\"NoTime\"}"))
    );
    log.run(import).status(1).says("0 kept, 4 known already, 2 refused");
    let events = log.run(["cat", "--trail", "aws"]).ok().json();
    assert_eq!(events.len(), 3);
    assert_eq!(
        (&events[0]["action"], &events[0]["occurred_at"]),
        (&json!("s3.delete_bucket"), &json!("2026-01-31T10:00:00.000000Z"))
    );
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    let told: Vec<&Value> = told.iter().filter(|event| event["action"] == "import.files").collect();
    assert_eq!((told.len(), &told[1]["details"]["kept"]), (4, &json!(3)));
    assert!(harness::files(&log.path("state")).is_empty(), "nothing is left to go on with");
}

#[test]
fn a_table_is_guessed_shown_corrected_and_imported() {
    let log = Log::new();
    let csv = "\u{feff}id;User ID;Action;Entity Type;Entity ID;Created At;Note\n\
               1;anna;create;Invoice;7;2026-01-31 10:00:00;\"a;b\n\"\"c\"\"\"\n\
               2;ben;delete;Invoice;8;2026-01-31 11:00:00\n\
               3;ben;delete;Invoice;8;yesterday;\n\
               4;ben;delete;Invoice;8;1769853600;\n";
    harness::write(&log.path("audit.csv"), csv);
    let shown = log
        .run(["import", "--format", "csv", "--dry-run", "audit.csv"])
        .status(1)
        .says("2 would be kept, 2 refused");
    assert!(
        shown.stdout.contains("User ID")
            && shown.stdout.contains("action: { column: Action, entity: \"Entity Type\" }"),
        "{}",
        shown.stdout
    );
    assert!(log.run(["cat"]).stdout.is_empty(), "nothing was imported");
    log.run(["import", "--format", "csv", "audit.csv"])
        .status(1)
        .says("record 2: has 6 values, the header 7")
        .says("record 3: Created At: is no time")
        .says("2 kept, 0 known already, 2 refused");
    let events = log.run(["cat"]).ok().json();
    assert_eq!(
        (&events[0]["action"], &events[1]["action"]),
        (&json!("invoice.create"), &json!("invoice.delete"))
    );
    assert_eq!(events[0]["details"]["Note"], "a;b\n\"c\"");
    assert_eq!(events[1]["occurred_at"], "2026-01-31T10:00:00.000000Z");
    // What was shown is a map; one that is wrong says where.
    let yaml: String = shown
        .stdout
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .take_while(|line| !line.starts_with('{'))
        .map(|line| format!("{line}\n"))
        .collect();
    harness::write(
        &log.path("map.yaml"),
        yaml.replace("actor.id: \"User ID\"", "actor.name: \"User ID\""),
    );
    log.run(["import", "--format", "csv", "--map", "map.yaml", "--trail", "t", "audit.csv"])
        .status(1)
        .says("2 kept");
    assert_eq!(log.run(["cat", "--trail", "t"]).ok().json()[0]["actor"]["name"], "anna");
    harness::write(&log.path("map.yaml"), "action: Acton\n");
    log.run(["import", "--format", "csv", "--map", "map.yaml", "audit.csv"])
        .status(3)
        .says("there is no column Acton");
    log.run(["import", "--format", "github", "--map", "map.yaml", "audit.csv"])
        .status(2)
        .says("--map");
}

#[test]
fn objects_are_events_of_ours_or_rows() {
    let log = Log::new();
    let lines = "{\"action\":\"a.b\",\"user_id\":\"anna\"}\n{\"event\":\"Login\",\"who\":\"ben\",\"at\":1769853600,\"more\":{\"x\":[1.50]}}\n";
    harness::write(&log.path("events.ndjson.gz"), gzip(lines.as_bytes()));
    for (kept, known) in [(2, 0), (0, 2)] {
        log.run(["import", "--format", "ndjson", "events.ndjson.gz"])
            .ok()
            .says(&format!("{kept} kept, {known} known already"));
    }
    let events = log.run(["cat"]).ok().json();
    assert_eq!((&events[0]["action"], &events[0]["actor"]["id"]), (&json!("a.b"), &json!("anna")));
    assert_eq!((&events[1]["action"], &events[1]["actor"]["id"]), (&json!("login"), &json!("ben")));
    assert_eq!(events[1]["details"]["more"], json!({"x": [1.5]}));
    log.feed(["import", "--format", "ndjson", "-"], lines.as_bytes()).ok().says("2 kept");
    log.run(["import", "one", "two"]).status(2).says("--format");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is killed at some time, not at some event")]
fn an_import_that_is_killed_goes_on_and_keeps_nothing_twice() {
    const RECORDS: usize = 20_000;
    let log = Log::new();
    let records: Vec<Value> = (0..RECORDS).map(record).collect();
    harness::write(
        &log.path("big.json.gz"),
        gzip(json!({"Records": records}).to_string().as_bytes()),
    );
    let import = [
        "import",
        "--format",
        "cloudtrail",
        "--trail",
        "aws",
        "--progress",
        "place",
        "big.json.gz",
    ];
    for n in 1..=3 {
        let mut child = log.start(import);
        std::thread::sleep(std::time::Duration::from_millis(n * 700));
        let _ = child.kill();
        Ran::of(child.wait_with_output().unwrap());
    }
    let before = count(&log, "aws");
    log.run(import).ok();
    assert_eq!(count(&log, "aws"), RECORDS, "there were {before} before");
    log.run(["verify", "log"]).ok();
    log.run(import).ok().says("0 kept, 20,000 known already, 0 refused");
}

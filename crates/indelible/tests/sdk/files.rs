//! Plain files.

use indelible::prelude::*;

#[test]
fn an_event_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = indelible::files(dir.path()).unwrap().build().unwrap();
    for number in 0..250 {
        recorder.record(Event::new("job.run").detail("number", number).detail("token", "s3cret"));
    }
    let receipt = recorder.record_durable(Event::new("user.login")).wait().unwrap();
    recorder.close().wait().unwrap();
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            let text = std::fs::read_to_string(path).unwrap();
            lines.extend(
                text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()),
            );
        }
    }
    assert_eq!(lines.len(), 251);
    assert!(lines.iter().any(|line| line["id"] == receipt.id.to_string()));
    assert!(lines.iter().all(|line| line.to_string().find("s3cret").is_none()));
}

#[test]
fn only_its_own_files_go_and_a_megabyte_is_a_million_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (foreign, old) = (dir.path().join("export.ndjson"), "audit-2020-01-01T00-00-00Z.ndjson");
    let newer = dir.path().join("audit-2020-01-02T00-00-00Z.ndjson");
    std::fs::write(&foreign, vec![b'x'; 2_000_000]).unwrap();
    std::fs::write(dir.path().join(old), "{}\n").unwrap();
    std::fs::write(&newer, vec![b'x'; 1_000_000]).unwrap();
    let files = indelible::Files::open(dir.path()).unwrap().max_size_mb(1);
    let recorder = Recorder::builder(files).build().unwrap();
    recorder.record(Event::new("user.login"));
    recorder.close().wait().unwrap();
    assert!(foreign.exists() && newer.exists());
    assert!(!dir.path().join(old).exists());
}

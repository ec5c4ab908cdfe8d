#![expect(clippy::disallowed_methods, reason = "tests look at the files themselves")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const TO: &str = "https://audit.example.com";

fn event(n: u64) -> Encoded {
    let json = format!(r#"{{"n":{n},"pad":"{}"}}"#, "x".repeat((n * 7 % 900) as usize));
    Encoded { event_type: "data_access".into(), json: json.into_bytes() }
}

fn open(dir: &Path) -> Spool {
    Spool::open(dir, TO, 64 << 20).unwrap()
}

fn fill(spool: &mut Spool, events: std::ops::Range<u64>) {
    for n in events {
        spool.push(event(n)).unwrap();
        if n % 50 == 0 {
            spool.commit().unwrap();
        }
    }
    spool.commit().unwrap();
}

/// Takes all that waits, in batches.
fn take(spool: &mut Spool) -> Vec<Encoded> {
    let mut all = Vec::new();
    loop {
        let batch = spool.front(100, 1 << 20).unwrap();
        if batch.is_empty() {
            assert_eq!(spool.len(), 0);
            return all;
        }
        spool.advance(batch.len()).unwrap();
        all.extend(batch);
    }
}

fn events(range: std::ops::Range<u64>) -> Vec<Encoded> {
    range.map(event).collect()
}

/// The files below a directory, without the spool's own lock.
fn found(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                all.push(entry.path());
            }
        }
    }
    all.retain(|path| *path != dir.join("lock"));
    all.sort();
    all
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut all = found(dir);
    all.retain(|path| path.extension().is_some_and(|ending| ending == "events"));
    all
}

#[test]
fn a_spool_that_is_closed_empty_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    fill(&mut spool, 0..500);
    assert_eq!(take(&mut spool), events(0..500));
    drop(spool);
    assert!(found(dir.path()).is_empty());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the lock");
}

#[test]
fn the_next_recorder_adopts_what_is_left_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (open(dir.path()), open(dir.path()));
    fill(&mut second, 300..400);
    fill(&mut first, 0..300);
    first.advance(120).unwrap();
    drop((first, second));
    let mut third = open(dir.path());
    assert_eq!(third.len(), 280);
    fill(&mut third, 400..450);
    // What is held is not adopted again.
    assert_eq!(open(dir.path()).len(), 0);
    assert_eq!(take(&mut third), events(120..450));
    drop(third);
    assert!(found(dir.path()).is_empty());
}

#[test]
fn another_destination_or_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut open(dir.path()), 0..10);
    let other = Spool::open(dir.path(), "https://other.example.com", 1 << 20).unwrap();
    assert_eq!(other.len(), 0);
    drop(other);
    let note = found(dir.path()).into_iter().find(|path| path.ends_with("spool.json")).unwrap();
    let text = std::fs::read_to_string(&note).unwrap();
    std::fs::write(&note, text.replace(r#""version":1"#, r#""version":2"#)).unwrap();
    assert_eq!(open(dir.path()).len(), 0);
    std::fs::write(&note, "{").unwrap();
    assert_eq!(open(dir.path()).len(), 0);
    std::fs::write(&note, text).unwrap();
    assert_eq!(take(&mut open(dir.path())), events(0..10));
}

#[test]
fn more_than_memory_holds_goes_through_the_disk_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let mut taken = Vec::new();
    // 20 MB, with a reader that is slower than the writer.
    for round in 0..40 {
        fill(&mut spool, round * 1_000..(round + 1) * 1_000);
        for _ in 0..4 {
            let batch = spool.front(100, 1 << 20).unwrap();
            spool.advance(batch.len()).unwrap();
            taken.extend(batch);
        }
        assert!(spool.head_bytes <= 2 * crate::limits::SPOOL_SEGMENT_BYTES_MAX as usize);
    }
    assert!(spool.on_disk > 0, "it has a backlog on disk");
    assert!(segments(dir.path()).len() > 1);
    taken.extend(take(&mut spool));
    assert_eq!(taken, events(0..40_000));
    assert!(spool.file_bytes < 1 << 20, "the room is given back");
    assert!(segments(dir.path()).len() <= 1);
}

#[test]
fn a_spool_whose_reader_keeps_up_does_not_grow() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    for round in 0..300 {
        fill(&mut spool, round * 20..(round + 1) * 20);
        assert_eq!(take(&mut spool).len(), 20);
        let bytes: u64 =
            found(dir.path()).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
        assert!(bytes < 100 << 10, "{bytes} bytes");
    }
}

#[test]
fn it_is_full_at_its_bound_and_takes_more_once_some_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), TO, 1 << 20).unwrap();
    let mut pushed = 0;
    while spool.push(event(pushed)).is_ok() {
        spool.commit().unwrap();
        pushed += 1;
    }
    let bytes: u64 =
        segments(dir.path()).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
    assert!((900 << 10..=1 << 20).contains(&bytes), "{bytes}");
    // Adopted events count, too.
    drop(spool);
    let mut spool = Spool::open(dir.path(), TO, 1 << 20).unwrap();
    assert_eq!(spool.len(), pushed);
    assert!(spool.push(event(pushed)).is_err());
    for _ in 0..8 {
        let batch = spool.front(100, 1 << 20).unwrap();
        spool.advance(batch.len()).unwrap();
    }
    spool.push(event(pushed)).unwrap();
    spool.commit().unwrap();
    assert_eq!(take(&mut spool), events(800..pushed + 1));
}

#[test]
fn a_full_disk_costs_nothing_and_leaves_no_half_event() {
    let dir = tempfile::tempdir().unwrap();
    let room = Arc::new(AtomicU64::new(u64::MAX));
    let files = Files { room: Some(room.clone()) };
    let mut spool = Spool::open_with(files, dir.path(), TO, 64 << 20).unwrap();
    fill(&mut spool, 0..100);
    let mut next = 100;
    for left in [0, 1, 5, 100, 1_000, 3_000] {
        room.store(left, Ordering::SeqCst);
        for _ in 0..20 {
            spool.push(event(next)).unwrap();
            next += 1;
        }
        assert!(spool.commit().is_err());
        assert!(!spool.survives());
        // What is on disk by now is whole.
        for path in segments(dir.path()) {
            let bytes = std::fs::read(path).unwrap();
            let mut frames = frame::Frames::new(&bytes, frame::HEADER_BYTES);
            frames.by_ref().count();
            assert_eq!((frames.gaps, frames.tail), (0, frame::Tail::Whole));
        }
    }
    // Memory is bounded.
    room.store(0, Ordering::SeqCst);
    while spool.push(event(next)).is_ok() {
        next += 1;
    }
    assert!(spool.unwritten_bytes <= SPOOL_UNWRITTEN_BYTES_MAX);
    // Some are sent from there, before they were ever written.
    let batch = spool.front(150, 1 << 20).unwrap();
    assert_eq!(batch, events(0..150));
    spool.advance(150).unwrap();
    room.store(u64::MAX, Ordering::SeqCst);
    spool.commit().unwrap();
    assert!(spool.survives());
    drop(spool);
    assert_eq!(take(&mut open(dir.path())), events(150..next));
}

#[test]
fn a_batch_from_memory_may_be_written_while_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let room = Arc::new(AtomicU64::new(0));
    let files = Files { room: Some(room.clone()) };
    let mut spool = Spool::open_with(files, dir.path(), TO, 64 << 20).unwrap();
    let mut next = 0;
    while spool.push(event(next)).is_ok() {
        next += 1;
    }
    assert!(spool.commit().is_err());
    let batch = spool.front(10_000, usize::MAX).unwrap();
    // Only some of them are kept in memory now.
    room.store(u64::MAX, Ordering::SeqCst);
    spool.commit().unwrap();
    assert!(spool.on_disk > 0);
    let sent = batch.len() as u64;
    spool.advance(batch.len()).unwrap();
    assert_eq!(take(&mut spool), events(sent..next));
}

#[test]
fn what_is_damaged_is_counted_set_aside_and_the_rest_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut open(dir.path()), 0..100);
    let path = segments(dir.path()).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = |n: u64| {
        let needle = format!("\"n\":{n},");
        bytes.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap()
    };
    let places = [place(10), place(50)];
    for at in places {
        bytes[at] ^= 1;
    }
    bytes.truncate(bytes.len() - 3);
    std::fs::write(&path, bytes).unwrap();
    let mut spool = open(dir.path());
    assert_eq!(spool.take_damaged(), 2);
    assert_eq!(spool.take_damaged(), 0);
    let left: Vec<_> = (0..99).filter(|n| *n != 10 && *n != 50).map(event).collect();
    assert_eq!(take(&mut spool), left);
    drop(spool);
    let left = found(dir.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].to_string_lossy().ends_with(".damaged"));
}

#[test]
fn a_file_that_goes_away_costs_its_events_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut open(dir.path()), 0..100);
    let gone = segments(dir.path()).remove(0);
    let mut spool = open(dir.path());
    fill(&mut spool, 100..200);
    std::fs::remove_file(gone).unwrap();
    assert!(take(&mut spool) == events(100..200));
    assert_eq!(spool.take_damaged(), 100);
}

#[test]
fn nonsense_in_the_spool_is_no_reason_to_fail() {
    let dir = tempfile::tempdir().unwrap();
    fill(&mut open(dir.path()), 0..10);
    let house = segments(dir.path())[0].parent().unwrap().to_owned();
    std::fs::write(house.join("acked"), "1 1 999999 00000000\n").unwrap();
    std::fs::write(house.join("00000000000000000002.events"), "").unwrap();
    std::fs::write(house.join("00000000000000000003.events"), [0; 5_000]).unwrap();
    std::fs::write(house.join("x.events"), "x").unwrap();
    std::fs::create_dir(dir.path().join("other")).unwrap();
    std::fs::write(dir.path().join("other/keep"), "x").unwrap();
    let mut spool = open(dir.path());
    assert_eq!(take(&mut spool), events(0..10));
    assert!(spool.take_damaged() > 0);
    drop(spool);
    assert!(dir.path().join("other/keep").exists());
}

#[test]
fn a_segment_of_another_version_is_left_for_whoever_knows_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), TO, 100 << 10).unwrap();
    fill(&mut spool, 0..190);
    drop(spool);
    let path = segments(dir.path()).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&bytes[..8], &[9], &bytes[9..]].concat()).unwrap();
    // The other segment's events are sent, and this one stays.
    let second = take(&mut open(dir.path()));
    assert!(!second.is_empty() && second.len() < 190);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(take(&mut open(dir.path())), events(0..190 - second.len() as u64));
}

#[test]
fn refused_events_are_kept_a_line_each_up_to_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let broken = Encoded { event_type: "x".into(), json: b"{\"a\":\n1}".to_vec() };
    spool.set_aside(&broken, "it says \"no\"");
    spool.set_aside(&event(1), "why not");
    drop(spool);
    let text = std::fs::read_to_string(dir.path().join("refused.ndjson")).unwrap();
    assert_eq!(text.lines().next(), Some(r#"{"why":"it says \"no\"","event":{"a": 1}}"#));
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["event"]["n"], 1);
    let file = std::fs::OpenOptions::new().append(true).open(dir.path().join("refused.ndjson"));
    file.unwrap().set_len(REFUSED_BYTES_MAX - 5).unwrap();
    open(dir.path()).set_aside(&event(1), "no room");
    let bytes = std::fs::metadata(dir.path().join("refused.ndjson")).unwrap().len();
    assert_eq!(bytes, REFUSED_BYTES_MAX - 5);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a/spool");
    let mut spool = open(&root);
    fill(&mut spool, 0..10);
    spool.set_aside(&event(1), "x");
    spool.advance(5).unwrap();
    drop(spool);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    for path in found(&root) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert!(path.parent() == Some(&root) || mode(path.parent().unwrap()) == 0o700);
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = Spool::open(&file, TO, 1 << 20).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

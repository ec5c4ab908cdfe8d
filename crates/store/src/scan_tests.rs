use indelible_event::{TrailName, check};
use indelible_log::Seams;
use indelible_sim::{ManualClock, Rng};

use super::*;
use crate::publish::own_event;
use crate::{InitOptions, Item, OpenOptions, Reader, Store};

struct Dir {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
}

impl Dir {
    fn new() -> Dir {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(1_700_000_000_000_000));
        let seams = Seams { clock: clock.clone(), ..Seams::real(dir.path()) };
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let store = Store::open(seams, OpenOptions::default()).unwrap();
        Dir { _dir: dir, store, clock }
    }

    /// Events of two trails, and some of `_system`, whose class is another: segments overlap.
    fn fill(&self, count: usize, rng: &mut Rng) {
        let item = |n: usize| {
            let event =
                format!(r#"{{"action":"file.read","actor":{{"type":"user","id":"u{n}"}}}}"#);
            let trail = TrailName::parse(["acme", "globex"][n % 2]).unwrap();
            Item { trail, event: check(event.as_bytes()).unwrap(), recorded_by: None }
        };
        for from in (0..count).step_by(100) {
            self.clock.advance(1_000_000);
            let items: Vec<Item> = (from..count.min(from + 100)).map(item).collect();
            assert!(self.store.append(&items).iter().all(Result::is_ok));
            if rng.chance(30) {
                let target = serde_json::json!({"type": "key", "id": "1"});
                let told = own_event("key.create", target, serde_json::json!({"n": from}));
                self.store.append_system(&told).unwrap();
            }
        }
    }

    fn seal(&self) {
        self.store.log().seal().unwrap();
    }
}

/// All records by the checked way.
fn all(reader: &Reader) -> Vec<(u64, Vec<u8>)> {
    let mut out = Vec::new();
    for trail in reader.trails() {
        let seqs: Vec<_> = (0..trail.size.0).map(indelible_log::record::Seq).collect();
        let records = reader.read(trail.info.no, &seqs).unwrap();
        out.extend(records.iter().map(|r| (r.pos.0, r.view(trail.info.name.as_str()))));
    }
    out.sort_unstable();
    out
}

fn scan(scanner: &mut Scanner, from: u64, max: usize) -> (Vec<(u64, Vec<u8>)>, Scanned) {
    let mut out = Vec::new();
    let each = &mut |pos, json: &[u8]| {
        out.push((pos, json.to_vec()));
        true
    };
    let scanned = scanner.scan(Pos(from), max, each).unwrap();
    (out, scanned)
}

#[test]
fn every_record_once_and_in_order() {
    let dir = Dir::new();
    let mut rng = Rng::new(7);
    let mut scanner = dir.store.reader().scanner();
    for sealed in [2_300, 700, 1_100, 0] {
        dir.fill(sealed, &mut rng);
        dir.seal();
        // What is not sealed yet, with the scanner that has seen the log before.
        dir.fill(300, &mut rng);
        let all = all(dir.store.reader());
        let (found, scanned) = scan(&mut scanner, 0, usize::MAX);
        assert_eq!(found.len(), all.len());
        assert_eq!(found, all);
        let end = dir.store.reader().view().next_pos();
        assert_eq!(scanned, Scanned { next: end, unreadable: 0 });
        let from = rng.below(0..all.len() as u64);
        assert_eq!(scan(&mut scanner, from, usize::MAX).0, all[from as usize..]);
    }
}

#[test]
fn it_goes_on_where_it_stopped() {
    let dir = Dir::new();
    let mut rng = Rng::new(8);
    dir.fill(2_000, &mut rng);
    dir.seal();
    dir.fill(500, &mut rng);
    let all = all(dir.store.reader());
    let (mut scanner, mut next, mut found) = (dir.store.reader().scanner(), 0, Vec::new());
    loop {
        // Sealing in between moves records from where they were going to be read.
        if found.len() > 2_100 {
            dir.seal();
        }
        let (some, scanned) = scan(&mut scanner, next, rng.below(1..200) as usize);
        if some.is_empty() {
            break;
        }
        next = scanned.next.0;
        found.extend(some);
    }
    assert!(found.len() > all.len() - 10 && found[..all.len()] == all);
    let (mut seen, mut told) = (0, 0);
    let stop = scanner.scan(Pos(0), usize::MAX, &mut |pos, _| {
        (seen, told) = (seen + 1, pos);
        seen < 777
    });
    assert_eq!(seen, 777);
    assert_eq!(stop.unwrap().next.0, told + 1);
}

#[test]
fn the_place_of_a_time() {
    let dir = Dir::new();
    let mut rng = Rng::new(9);
    dir.fill(1_500, &mut rng);
    dir.clock.advance(2 * 86_400_000_000);
    dir.fill(500, &mut rng);
    dir.seal();
    dir.fill(500, &mut rng);
    let view = dir.store.reader().view();
    let mut times = Vec::new();
    dir.store
        .reader()
        .scanner()
        .scan(Pos(0), usize::MAX, &mut |pos, json| {
            let json: serde_json::Value = serde_json::from_slice(json).unwrap();
            times.push((Micros::parse(json["recorded_at"].as_str().unwrap()).unwrap(), pos));
            true
        })
        .unwrap();
    for _ in 0..200 {
        let (time, _) = times[rng.below(0..times.len() as u64) as usize];
        for time in [Micros(time.0 - 1), time, Micros(time.0 + 1)] {
            let expected = times.iter().find(|(at, _)| *at >= time).map(|(_, pos)| Pos(*pos));
            let expected = expected.unwrap_or(view.next_pos());
            assert_eq!(place_at(view, time).unwrap(), expected);
        }
    }
    assert_eq!(place_at(view, Micros(0)).unwrap(), Pos(0));
}

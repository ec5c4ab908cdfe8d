//! How fast a large backup is restored. `INDELIBLE_MEASURE=DIR cargo test --release -p indelible-keep --test main
//! measure -- --ignored --nocapture`, with a log in `DIR/data`; it makes `DIR/backups` and `DIR/restored`.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use indelible_keep::backup::NewBackup;
use indelible_keep::restore::{Elsewhere, NewRestore, RestoreType, restore};
use indelible_keep::{Progress, Silent, target};
use indelible_log::Seams;

use super::world::{admin, real};

/// When each stage began.
struct Stages(Mutex<Vec<(String, Instant)>>);

impl Progress for Stages {
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    fn stage(&self, name: &str, _: Option<u64>) {
        self.0.lock().unwrap().push((name.to_owned(), Instant::now()));
    }
    fn done(&self, _: u64) {}
}

#[test]
#[ignore = "takes a large log of its own, in INDELIBLE_MEASURE"]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn measure() {
    let dir = PathBuf::from(std::env::var_os("INDELIBLE_MEASURE").unwrap());
    let log = real(&dir.join("data"), 1);
    let seams = Seams::real(dir.join("data"));
    let at = dir.join("backups");
    let target = target::open(at.to_str().unwrap(), None).unwrap();
    let known = target.list("").unwrap().into_iter();
    let known = known.filter_map(|(key, _)| key.strip_suffix("/backup.json").map(str::to_owned));
    let id = known.max().unwrap_or_else(|| {
        let new = NewBackup::default();
        log.keep().create_backup_at(&admin(), &new, target.clone(), &Silent).unwrap().id
    });
    let into = Seams::real(dir.join("restored"));
    let new = NewRestore {
        data: &seams,
        guard: None,
        live: None,
        target: &*target,
        backup: &id,
        into: Some(Elsewhere { name: "restored".into(), storage: into.storage }),
        restore_type: RestoreType::Full,
        snapshot: None,
        strict_delete: false,
        accept_rollback: false,
        key: None,
    };
    let (stages, begun) = (Stages(Mutex::default()), Instant::now());
    let restored = restore(&new, &admin(), &stages).unwrap();
    let end = Instant::now();
    let stages = stages.0.into_inner().unwrap();
    for (i, (name, from)) in stages.iter().enumerate() {
        let until = stages.get(i + 1).map_or(end, |next| next.1);
        println!("{name}: {:.2} s", (until - *from).as_secs_f64());
    }
    let seconds = (end - begun).as_secs_f64();
    let megabytes = restored.bytes as f64 / 1e6;
    println!(
        "{megabytes:.0} MB, {} records in {seconds:.1} s: {:.0} MB/s",
        restored.records,
        megabytes / seconds
    );
}

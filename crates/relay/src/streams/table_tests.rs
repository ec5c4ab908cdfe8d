use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_log::Seams;

use super::*;
use crate::config::{Connections, To};

fn table(yaml: &str, dir: &Path) -> TableTo {
    let yaml = format!("streams: [ {{ name: reports, to: {{ table: {yaml} }} }} ]");
    match Connections::parse(&yaml, dir).unwrap().streams.remove(0).to {
        To::Table(to) => to,
        other => panic!("{other:?}"),
    }
}

fn sink(
    to: &TableTo,
    dir: &Path,
    runtime: &tokio::runtime::Runtime,
) -> Result<Box<dyn Sink>, SinkError> {
    let context = Context {
        stream: "reports".into(),
        runtime: runtime.handle().clone(),
        seams: Seams::real(dir),
    };
    to.open(&context)
}

fn event(seq: u64) -> Outgoing {
    let id = EventId::foreign("test", &seq.to_string());
    let json = format!(
        r#"{{"trail":"shop","seq":{seq},"id":"{id}","recorded_at":"2026-03-01T10:00:00.000000Z","action":"a.b"}}"#
    );
    Outgoing {
        pos: seq,
        trail: Arc::from("shop"),
        seq,
        id,
        leaf: [3; 32],
        recorded_at: Micros(0),
        json: json.into(),
    }
}

#[test]
fn events_arrive_once_in_a_file_beside_the_connections() {
    let dir = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let to = table(r#"{ url: "sqlite:reports.db" }"#, dir.path());
    assert_eq!(
        to.place(),
        format!("sqlite:{}, table audit_logs", dir.path().join("reports.db").display())
    );
    let mut first = sink(&to, dir.path(), &runtime).unwrap();
    first.probe().unwrap();
    first.send(&[event(0), event(1)]).unwrap();
    // What was sent before an error or a restart comes again.
    let mut second = sink(&to, dir.path(), &runtime).unwrap();
    second.send(&[event(1), event(2)]).unwrap();
    let mut broken = event(3);
    broken.json = "no object".into();
    let poison = second.send(&[event(3), broken.clone(), event(4)]);
    assert!(matches!(poison, Err(SinkError::Poison { at: 1, .. })), "{poison:?}");
    // It was set aside; the next goes on behind it, and finds all of those before it there.
    let mut other = event(3);
    other.leaf = [4; 32];
    let mixed = second.send(&[other]);
    assert!(matches!(mixed, Err(SinkError::Wrong { .. })), "{mixed:?}");
    second.send(&[event(4)]).unwrap();
}

#[test]
fn what_makes_no_sense_is_told_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for yaml in [
        r#"{ url: "mysql://a:s3cret@b/c" }"#,
        r#"{ url: "postgres://a:s3cret@b:port/c" }"#,
        r#"{ url: "sqlite:x", table: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }"#,
    ] {
        let to = table(yaml, dir.path());
        match sink(&to, dir.path(), &runtime).map(|_| ()) {
            Err(SinkError::Wrong { why, hint }) => {
                assert!(!format!("{why} {hint} {to:?} {}", to.place()).contains("s3cret"));
            }
            other => panic!("{yaml}: {other:?}"),
        }
    }
    let to = table("{ url: { env: INDELIBLE_TEST_IS_NOT_SET } }", dir.path());
    assert!(matches!(sink(&to, dir.path(), &runtime).map(|_| ()), Err(SinkError::Wrong { .. })));
    let to = table(r#"{ url: "postgres://a:s3cret@127.0.0.1:1/b" }"#, dir.path());
    match sink(&to, dir.path(), &runtime).unwrap().send(&[event(0)]) {
        Err(SinkError::Later { why, .. }) => assert!(!why.contains("s3cret"), "{why}"),
        other => panic!("{other:?}"),
    }
}

//! What a trail holds, read as a stranger would: from the directory.

use std::path::Path;

use indelible_log::Seams;
use indelible_log::record::Seq;
use indelible_store::{Reader, VerifyOptions, verify};
use serde_json::Value;

/// All events of a trail, in their order.
pub fn events(dir: &Path, trail: &str) -> Vec<Value> {
    let reader = Reader::open(Seams::real(dir).storage).unwrap();
    let Some(trail) = reader.trails().into_iter().find(|t| t.info.name.as_str() == trail) else {
        return Vec::new();
    };
    let name = trail.info.name.as_str().to_owned();
    let mut events = Vec::new();
    let seqs: Vec<Seq> = (0..trail.size.0).map(Seq).collect();
    for seqs in seqs.chunks(1000) {
        let records = reader.read(trail.info.no, seqs).unwrap();
        events.extend(
            records
                .iter()
                .map(|record| serde_json::from_slice::<Value>(&record.view(&name)).unwrap()),
        );
    }
    events
}

/// The `details.number` of each event of this action.
pub fn numbers(events: &[Value], action: &str) -> Vec<u64> {
    let of = events.iter().filter(|event| event["action"] == action);
    of.map(|event| event["details"]["number"].as_u64().unwrap()).collect()
}

/// Everything in the directory hashes to what was signed.
pub fn verified(dir: &Path) {
    let report = verify(&Seams::real(dir).storage, &VerifyOptions::default()).unwrap();
    assert!(report.holds(), "{:?}", report.log.findings);
}

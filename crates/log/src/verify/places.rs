//! Is everything there once: each seq, each position, each file?

use super::{CheckedTrail, Finding, Found};
use crate::manifest::{Manifest, PATH, SEGMENTS};
use crate::storage::Storage;
use crate::trail::floor;

/// Every sealed seq of a trail must be in exactly one segment, but for those below the bundle of its minimum
/// index, which may be gone. Gives how many are.
pub(super) fn coverage(
    trail: &CheckedTrail,
    mut runs: Vec<(u64, u64)>,
    min: u64,
    findings: &mut Vec<Finding>,
) -> u64 {
    runs.sort_unstable();
    let floor = floor(min);
    let mut finding = |seq: u64, what: String| {
        findings.push(Finding {
            trail: Some(trail.info.name.to_string()),
            seq: Some(seq),
            path: PATH.to_owned(),
            offset: None,
            what,
        });
    };
    let (mut next, mut pruned) = (0, 0);
    let past_floor = |next: u64, up_to: u64| next.max(up_to.min(floor));
    for (start, end) in runs {
        let must = past_floor(next, start);
        pruned += must - next;
        if start > must {
            finding(
                must,
                format!("{} record(s) missing from here on: they are in no segment", start - must),
            );
        } else if start < next {
            finding(start, "this record is in two places".into());
        }
        next = must.max(end);
    }
    let must = past_floor(next, trail.sealed);
    pruned += must - next;
    if must != trail.sealed {
        finding(
            must,
            format!("segments hold {must} records, and the tree was sealed at {}", trail.sealed),
        );
    }
    pruned
}

/// Every sealed position must be there once, but for as many as records have expired without a stub. No leaf
/// covers them, but an expiry names what it concerns by them: a segment moved into an expired range could be
/// called expired.
pub(super) fn positions(sealed: u64, pruned: u64, found: &mut Found) {
    found.positions.sort_unstable();
    let (mut next, mut missing) = (0, 0);
    let mut wrong = None;
    for (start, end) in found.positions.drain(..).chain([(sealed, sealed)]) {
        if start > next {
            missing += start - next;
            if missing > pruned {
                wrong.get_or_insert((next, start));
            }
        } else if start < next {
            wrong.get_or_insert((next, start));
        }
        next = next.max(end);
    }
    if missing < pruned {
        wrong.get_or_insert((next, sealed));
    }
    if let Some((next, start)) = wrong {
        let what = format!("positions {next} and {start} do not follow each other in the segments");
        let path = PATH.to_owned();
        found.findings.push(Finding { trail: None, seq: None, path, offset: None, what });
    }
}

/// Files among the segments that the manifest does not name: what a crash left the next start removes, and
/// anything else it refuses.
pub(super) fn strays(storage: &dyn Storage, manifest: &Manifest, found: &mut Found) {
    for name in storage.list(SEGMENTS).unwrap_or_default() {
        let path = format!("{SEGMENTS}/{name}");
        if manifest.names(&name) {
            continue;
        }
        if manifest.is_over(&name) {
            found.notes.push(format!("{path}: a crash left this file; the next start removes it"));
        } else {
            let what = "neither the manifest nor a crash explains this file".to_owned();
            found.findings.push(Finding { trail: None, seq: None, path, offset: None, what });
        }
    }
}

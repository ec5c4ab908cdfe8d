//! Records of another log as events of this one.

use std::sync::Arc;

use indelible_event::{Checked, Entry, Part, TrailName, check_with_subject};
use indelible_log::record::{KeptPart, KeptRecord, Seq};
use indelible_log::storage::Storage;
use indelible_log::trail::floor;
use indelible_log::{AppendError, Appended, TrailStatus, View, hex};
use indelible_store::Item;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Counts, NewImport};
use crate::{Keep, KeepError, Progress, limits};

/// Appends the records of the log that lies in `stage`, each read and compared with its leaf.
pub(super) fn append(
    keep: &Keep,
    stage: &Arc<dyn Storage>,
    new: &NewImport,
    progress: &dyn Progress,
) -> Result<Counts, KeepError> {
    let view = View::open(stage.clone())?;
    let system = TrailName::system();
    let trails: Vec<TrailStatus> = match &new.trail {
        Some(name) => {
            let is = |trail: &TrailStatus| trail.info.name.as_str() == name;
            let found = view.trails().into_iter().find(is);
            vec![found.ok_or_else(|| {
                KeepError::NotFound(format!("the archive has no trail named {name}"))
            })?]
        }
        // What a node says of itself is no event of this one's; who wants it says so, and where to.
        None => view.trails().into_iter().filter(|trail| trail.info.name != system).collect(),
    };
    progress.stage("append", Some(trails.iter().map(|trail| trail.size.0).sum()));
    let (mut counts, mut done) = (Counts::default(), 0);
    for trail in &trails {
        let name = match &new.into {
            Some(name) => TrailName::parse(name).map_err(|e| KeepError::Bad(e.to_string()))?,
            None if trail.info.name == system => {
                let why = "say which trail the events of _system go to";
                return Err(KeepError::Bad(why.into()));
            }
            None => trail.info.name.clone(),
        };
        // Of what is below nothing is left that could be read.
        let mut at = floor(trail.min);
        while at < trail.size.0 {
            let end = trail.size.0.min(at + limits::READ_RECORDS);
            let seqs: Vec<Seq> = (at..end).map(Seq).collect();
            let mut items = Vec::with_capacity(seqs.len());
            for record in view.read(trail.info.no, &seqs)? {
                match event(&record) {
                    Ok(event) => {
                        items.push(Item { trail: name.clone(), event, recorded_by: None });
                    }
                    Err(why) => counts.refuse(&why),
                }
            }
            for appended in keep.store().append(&items) {
                counts.count(appended)?;
            }
            done += end - at;
            at = end;
            progress.done(done);
        }
    }
    Ok(counts)
}

impl Counts {
    fn count(&mut self, appended: Result<Appended, AppendError>) -> Result<(), KeepError> {
        match appended {
            Ok(Appended::Kept(receipt)) if receipt.known => self.known += 1,
            Ok(Appended::Kept(_)) => self.kept += 1,
            Ok(Appended::Conflict { field, .. }) => {
                self.refuse(&format!("another event has its id and differs in {field}"));
            }
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    fn refuse(&mut self, why: &str) {
        self.refused += 1;
        *self.reasons.entry(why.to_owned()).or_default() += 1;
    }
}

/// The event that a record was made of; or why it cannot be one any more.
fn event(record: &KeptRecord) -> Result<Checked, String> {
    if record.parts.iter().any(|part| matches!(part, KeptPart::Gone(_))) {
        return Err("parts of it were erased or have expired".into());
    }
    let mut json = head(&record.entry());
    let members = |part: &[u8]| String::from_utf8_lossy(&part[1..part.len() - 1]).into_owned();
    for part in [Part::Who, Part::What] {
        json.extend(record.part(part).map(|bytes| format!(",{}", members(bytes))));
    }
    let mut subject = None;
    if let Some(bytes) = record.part(Part::Where) {
        let said: Where<'_> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        json.extend(said.context.map(|context| format!(",\"context\":{}", context.get())));
        subject = said.credential_subject;
    }
    json.push('}');
    let event = check_with_subject(json.as_bytes(), subject.as_deref())
        .map_err(|refusal| format!("it is no event of today's rules: {refusal}"))?;
    // Parsed and written again it must be what was proven.
    match Part::ALL.iter().all(|part| event.parts.get(*part) == record.part(*part)) {
        true => Ok(event),
        false => Err("its parts come out otherwise than they were kept".into()),
    }
}

/// The part `where`, as it is kept.
#[derive(Deserialize)]
struct Where<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    credential_subject: Option<String>,
}

/// What an entry says, as the beginning of an event. None of its values needs escaping.
fn head(entry: &Entry<'_>) -> String {
    let at = entry.occurred_at.unwrap_or(entry.recorded_at);
    let mut json = format!(
        "{{\"id\":\"{}\",\"occurred_at\":\"{at}\",\"action\":\"{}\",\"outcome\":\"{}\"",
        entry.id,
        entry.action,
        entry.outcome.name()
    );
    json.extend(entry.category.map(|category| format!(",\"category\":\"{category}\"")));
    json.extend(entry.phase.map(|phase| format!(",\"phase\":\"{}\"", phase.name())));
    json.extend(entry.reference.map(|id| format!(",\"ref\":\"{id}\"")));
    json.extend(entry.source.map(|source| {
        format!(",\"source\":{{\"id\":\"{}\",\"seq\":{}}}", hex::encode(&source.id), source.seq)
    }));
    json
}

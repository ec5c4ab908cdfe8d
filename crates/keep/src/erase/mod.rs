//! Erasure and redaction: parts of records are taken out of every copy that can be reached, while entries, leaves and
//! proofs stay as they were.
//!
//! One person asks ([`Keep::request_erasure`]), another confirms and says again whom it is about
//! ([`Keep::confirm_erasure`]): the subject itself is nowhere recorded, only its HMAC under a key that the node alone
//! has. Then, in this order: the records are found (`find`), the sets of their seqs made durable beside the log, one
//! event for each trail recorded (`strike`), segments written anew and index files of the old ones removed, the same done
//! to local backups (`copies`) and kept directories, spools looked through (`spools`), and the outcome recorded
//! with what is still to do elsewhere. A crash leaves an intent without an outcome, and [`Keep::resume_erasures`]
//! does what is left.

mod again;
mod copies;
mod find;
mod kept;
mod model;
mod places;
mod recorded;
mod remake;
mod spools;
mod strike;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use indelible_event::{EventId, TrailName};
use indelible_index::query::{Expr, Leaf, Query, Test};
use indelible_index::{Field, fold, is_id_like, words};
use indelible_log::SegmentHandle;
use indelible_log::erasure::{self, ERASED, Seqs};
use indelible_log::record::TrailNo;
use indelible_log::{View, hex};
use roaring::RoaringBitmap;
use serde_json::{Value, json};

pub use again::{noted_at, noted_in, reapply};
pub(crate) use copies::REMADE;
pub use model::{
    Certificate, ErasedTrail, ErasureNote, ErasurePreview, ErasureSummary, HeldBack, LeftAs,
    Person, Place, PlaceKind, Reach, TrailHits,
};
pub use subject::NewErasure;

use crate::deed::Who;
use crate::error::KeepError;
use crate::matching::Matcher;
use crate::progress::Progress;
use crate::requests::Kind;
use crate::{Keep, import, lock, restore};
use find::{Finding, Held};
use places::Copies;
use recorded::{Head, OutcomeSaid, Recorded};
use strike::{Stroke, io, record, record_end, strike, sweep_stale};
use subject::{Asked, HmacKey, Wanted};

/// Levels of `on_behalf_of` whose names are looked up in the index; deeper ones are found by their ids.
const BEHALF_LEVELS: usize = 4;

impl Keep {
    /// What an erasure would do. Nothing of it is recorded, and nothing changes.
    pub fn preview_erasure(
        &self,
        new: &NewErasure,
        progress: &dyn Progress,
    ) -> Result<ErasurePreview, KeepError> {
        let asked = Asked::check(new)?;
        let holds = self.held()?;
        let mut finding = Finding::new(&asked, &holds);
        self.search(&asked, &mut finding, progress)?;
        let mut copies = Copies::known(self)?;
        copies.search(self, &asked, &mut finding);
        let stroke =
            |((trail, parts), seqs)| Stroke { event: EventId([0; 16]), trail, parts, seqs };
        let strokes: Vec<Stroke> = finding.seqs().into_iter().map(stroke).collect();
        let places = copies.preview(self, &asked, &strokes)?;
        Ok(ErasurePreview {
            records: finding.trails.values().map(|trail| trail.records).sum(),
            trails: finding.trails.into_values().collect(),
            parts: asked.part_names(),
            mentioned: finding.mentioned,
            mentioned_ids: finding.mentioned_ids,
            left: finding.left.into_values().collect(),
            holds: finding.held.into_values().collect(),
            places,
        })
    }

    /// Asks for an erasure, which somebody else has to confirm. Gives the request's id. Whom it is about is not recorded,
    /// and has to be said again by whoever confirms it.
    pub fn request_erasure(&self, who: &Who, new: &NewErasure) -> Result<String, KeepError> {
        let asked = Asked::check(new)?;
        refuse_self(&asked, who)?;
        let spools: Vec<String> =
            asked.spools.iter().map(|dir| dir.display().to_string()).collect();
        if spools.iter().any(|dir| asked.wanted.is_in_text(dir)) {
            return Err(KeepError::Bad(
                "the name of a spool names the subject; give it when confirming instead".into(),
            ));
        }
        let body = json!({
            "kind": asked.wanted.kind(), "hmac": asked.wanted.hmac(&self.erasure_key()?),
            "trail": asked.trail.as_ref().map(TrailName::as_str), "parts": asked.part_names(),
            "authority": asked.authority, "mentions": asked.mentions,
            "despite_hold": asked.despite_hold, "spools": spools,
        });
        Ok(self.ask_second(who, Kind::Erasure, body)?.id)
    }

    /// Confirms what another asked for, and does it. Of `again` only whom it is about and further spools count; the
    /// rest is what was asked for.
    pub fn confirm_erasure(
        &self,
        who: &Who,
        request: &str,
        again: &NewErasure,
        progress: &dyn Progress,
    ) -> Result<Certificate, KeepError> {
        let _turn = self.turn()?;
        let waiting = self.may_confirm(who, request, Kind::Erasure)?;
        let asked = Asked::check(&of_body(&waiting.body, again)?)?;
        let hmac = asked.wanted.hmac(&self.erasure_key()?);
        if waiting.body["hmac"] != *hmac || waiting.body["kind"] != asked.wanted.kind() {
            let why = "this is not whom the request is about: its HMAC is another one";
            return Err(KeepError::Refused(why.into()));
        }
        refuse_self(&asked, who)?;
        let requested_by =
            Person { id: waiting.requested_by.clone(), actor: waiting.actor.clone() };
        let first = serde_json::to_string(&requested_by).unwrap_or_default();
        if asked.wanted.is_in_text(&first) {
            return Err(KeepError::Refused(REFUSED_SELF.into()));
        }
        let holds = self.held()?;
        let mut finding = Finding::new(&asked, &holds);
        self.search(&asked, &mut finding, progress)?;
        if let (false, Some(held)) = (asked.despite_hold, finding.held.values().next()) {
            return Err(KeepError::Refused(format!(
                "hold {} ({}) is on {} of these records; ask again with --despite-hold to erase them all the same",
                held.hold, held.reason, held.records
            )));
        }
        let mut copies = Copies::known(self)?;
        copies.search(self, &asked, &mut finding);
        // Looking took its time; whoever put something on hold meanwhile was told that it stays.
        let changing = lock(&self.changing);
        let ids = |holds: &[Held]| holds.iter().map(|hold| hold.id.clone()).collect::<Vec<_>>();
        if ids(&holds) != ids(&self.held()?) {
            let why = "holds have changed while the records were looked for: confirm it again";
            return Err(KeepError::Refused(why.into()));
        }
        self.agree_locked(who, request, Kind::Erasure, &changing)?;
        let head = Head {
            erasure: strike::new_id(self.seams()).to_string(),
            kind: asked.wanted.kind().into(),
            hmac,
            authority: asked.authority.clone(),
            requested_by,
            confirmed_by: Person { id: who.id.to_string(), actor: who.actor.clone() },
            request_id: Some(request.to_owned()),
            despite_holds: finding.held.keys().cloned().collect(),
            again: None,
        };
        self.begin_erasure(who, &head, finding.seqs())?;
        drop(changing);
        let erasure = self.erasure(&head.erasure)?;
        self.finish(who, &erasure, Some(&asked), copies, progress)
    }

    /// All erasures, oldest first.
    pub fn erasures(&self) -> Result<Vec<ErasureSummary>, KeepError> {
        Ok(recorded::fold(&self.told(&[ERASED])?).iter().map(Recorded::summary).collect())
    }

    /// What one of them did, with proofs.
    pub fn certificate(&self, id: &str) -> Result<Certificate, KeepError> {
        self.erasure(id)?.certificate(self.store.reader())
    }

    /// Goes on with what a crash cut short. Whom those erasures were about is not known any more, so copies that only the
    /// subject leads to are told as still to do.
    pub fn resume_erasures(
        &self,
        who: &Who,
        progress: &dyn Progress,
    ) -> Result<Vec<Certificate>, KeepError> {
        let _turn = self.turn()?;
        let erasures = recorded::fold(&self.told(&[ERASED])?);
        self.remove_orphans(&erasures)?;
        let mut done = Vec::new();
        for erasure in erasures.iter().filter(|erasure| !erasure.is_done()) {
            let copies = Copies::known(self)?;
            done.push(self.finish(who, erasure, None, copies, progress)?);
        }
        Ok(done)
    }

    fn erasure(&self, id: &str) -> Result<Recorded, KeepError> {
        let found = recorded::fold(&self.told(&[ERASED])?);
        let found = found.into_iter().find(|erasure| erasure.head.erasure == id);
        found.ok_or_else(|| KeepError::NotFound(format!("there is no erasure {id}")))
    }

    fn erasure_key(&self) -> Result<HmacKey, KeepError> {
        HmacKey::load(&*self.seams.storage)
    }

    fn held(&self) -> Result<Vec<Held>, KeepError> {
        let holding = self.holding()?.into_iter();
        Ok(holding.map(|(hold, query)| Held { id: hold.id, reason: hold.reason, query }).collect())
    }

    /// An erasure that finds nothing in the log is recorded all the same: copies may have what the log has not.
    fn begin_erasure(
        &self,
        who: &Who,
        head: &Head,
        mut sets: BTreeMap<(TrailNo, [bool; 3]), Seqs>,
    ) -> Result<(), KeepError> {
        if sets.is_empty() {
            sets.insert((TrailNo(0), [true; 3]), Seqs::default());
        }
        record(self.store.log(), &self.seams, who, head, sets).map(drop)
    }

    /// Everything after the intents. Each step finds by itself what is left of it.
    fn finish(
        &self,
        who: &Who,
        erasure: &Recorded,
        asked: Option<&Asked>,
        copies: Copies,
        progress: &dyn Progress,
    ) -> Result<Certificate, KeepError> {
        let (log, reader) = (self.store.log(), self.store.reader());
        let strokes = erasure.strokes(&*self.seams.storage, reader.view())?;
        progress.stage("sealing", None);
        log.seal()?;
        strike(log, &strokes, progress)?;
        progress.stage("index", None);
        // Where no index is kept up in the background there is none to wait for.
        if let Ok(search) = reader.search() {
            let _ = search.wait_frozen();
        }
        sweep_stale(&*self.seams.storage, reader.view())?;
        // What was cut short lies there whole, and nobody is at it: this has the turn, and the log is open.
        restore::discard(&*self.seams.storage)?;
        import::clear_stage(&*self.seams.storage)?;
        progress.stage("copies", None);
        let told = copies.strike(self, who, erasure, &strokes, asked)?;
        for (at, stroke) in strokes.iter().enumerate().rev() {
            let said = OutcomeSaid {
                erasure: erasure.head.erasure.clone(),
                erased: stroke.seqs.count(),
                ..if at == 0 { told.clone() } else { OutcomeSaid::default() }
            };
            let details = serde_json::to_value(said).expect("it has only string keys");
            record_end(log, who, &erasure.head, stroke, details)?;
        }
        // So that the certificate can prove its events.
        self.store.publish()?;
        self.certificate(&erasure.head.erasure)
    }

    fn search(
        &self,
        asked: &Asked,
        finding: &mut Finding<'_>,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        let view = self.store.log().view();
        let matcher = match candidate_query(asked) {
            Some(query) => {
                let whole = view.segments().into_iter().filter(|segment| !segment.is_stub());
                let whole: Vec<SegmentHandle> = whole.collect();
                let files: BTreeSet<u64> = whole.iter().map(SegmentHandle::file_no).collect();
                Some((Matcher::new(self, whole)?, files, query))
            }
            None => None,
        };
        let candidates = |segment: &SegmentHandle| {
            if let Wanted::Ids(ids) = &asked.wanted {
                return rows_of_ids(segment, ids);
            }
            let (matcher, files, query) = matcher.as_ref()?;
            // Reads there name whom they were about in words that no index keeps apart.
            let own = segment.segment().ok()?.meta().trail(TrailNo(0)).is_some();
            if own || !files.contains(&segment.file_no()) {
                return None;
            }
            matcher.rows(segment.file_no(), query).ok()
        };
        finding.search(view, &candidates, progress)
    }

    /// Removes sets whose events were never recorded.
    fn remove_orphans(&self, erasures: &[Recorded]) -> Result<(), KeepError> {
        let storage = &*self.seams.storage;
        let names = match storage.list(erasure::DIR) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(io(erasure::DIR))?,
        };
        let known: BTreeSet<String> = erasures
            .iter()
            .flat_map(|erasure| &erasure.intents)
            .map(|intent| erasure::path(intent.id))
            .collect();
        for name in names.iter().filter(|name| name.ends_with(".seqs")) {
            let path = format!("{}/{name}", erasure::DIR);
            if !known.contains(&path) {
                storage.remove(&path).map_err(io(&path))?;
            }
        }
        Ok(())
    }
}

const REFUSED_SELF: &str = "whom it is about cannot ask for or confirm an erasure: who did is recorded for ever. Let \
                            somebody else do it";

/// Who asks and who confirms stays in the log.
fn refuse_self(asked: &Asked, who: &Who) -> Result<(), KeepError> {
    let said = json!([&*who.id, who.actor, who.context]).to_string();
    match asked.wanted.is_in_text(&said) {
        true => Err(KeepError::Refused(REFUSED_SELF.into())),
        false => Ok(()),
    }
}

/// What was asked for, as the request records it, with whom it is about as it was said again.
fn of_body(body: &Value, again: &NewErasure) -> Result<NewErasure, KeepError> {
    let mut whole = body.clone();
    if let Some(members) = whole.as_object_mut() {
        members.remove("kind");
        members.remove("hmac");
    }
    let mut new: NewErasure = serde_json::from_value(whole)
        .map_err(|e| KeepError::Bad(format!("the request is malformed: {e}")))?;
    new.subject = again.subject.clone();
    new.resource = again.resource.clone();
    new.ids = again.ids.clone();
    new.spools.extend(again.spools.iter().cloned());
    Ok(new)
}

/// What leads to all records that can be meant; `None` if only reading everything does.
fn candidate_query(asked: &Asked) -> Option<Query> {
    let needle = asked.wanted.needle().filter(|_| !asked.mentions)?;
    let folded = fold(&needle.text).into_owned();
    let is = || Test::Is(folded.clone());
    let field = |field: Field| Expr::from(Leaf::Field(field, is()));
    let mut any = vec![field(Field::ResourceId), field(Field::Resource)];
    if matches!(asked.wanted, Wanted::Subject(_)) {
        let fields = [Field::Actor, Field::Email, Field::Name, Field::OnBehalfOf, Field::Subject];
        any.extend(fields.map(field));
        any.push(Leaf::Path("credential_subject".into(), is()).into());
        let mut path = String::from("actor");
        for _ in 0..BEHALF_LEVELS {
            path.push_str(".on_behalf_of");
            any.push(Leaf::Path(format!("{path}.name"), is()).into());
        }
    }
    // A net for what only mentions it, which is told and stays.
    let mut phrase: Vec<String> = Vec::new();
    words(&folded, |word| phrase.push(word.to_owned()));
    if phrase.iter().any(|word| !is_id_like(word)) {
        any.push(Leaf::Phrase(phrase).into());
    }
    Some(Query { text: String::new(), expr: Expr::any_of(any) })
}

fn rows_of_ids(segment: &SegmentHandle, ids: &BTreeSet<EventId>) -> Option<RoaringBitmap> {
    let segment = segment.segment().ok()?;
    let mut rows = RoaringBitmap::new();
    for span in &segment.meta().trails {
        for id in ids {
            rows.extend(segment.find_id(span.trail.no, *id).ok()?);
        }
    }
    Some(rows)
}

/// The SHA-256s of the segments in charge, which a copy may have as they are.
fn segment_hashes(view: &View) -> BTreeSet<String> {
    view.segments().iter().map(|segment| hex::encode(&segment.sha256())).collect()
}

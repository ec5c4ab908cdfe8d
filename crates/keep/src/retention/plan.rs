//! What would go now, and why: the same for a preview, a run, a purge, and for going on after a crash.

use std::collections::BTreeMap;

use indelible_event::{Day, Micros};
use indelible_index::query::Query;
use indelible_log::SegmentHandle;
use indelible_log::policy::{Policy, SYSTEM};
use indelible_log::record::TrailNo;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::promise;
use crate::Keep;
use crate::error::KeepError;
use crate::holds::Hold;
use crate::matching::Matcher;

/// Why records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// They were kept as long as was promised.
    Age,
    /// The log is larger than it may become.
    Size,
    /// Two people want them to go before their time.
    Purge,
}

/// What goes together, by one event: a class of one policy and day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub day: Day,
    pub class: String,
    pub policy: u32,
    pub reason: Reason,
}

/// What becomes of one segment.
pub(crate) struct Going {
    pub file: u64,
    pub span: (u64, u64),
    pub rows: u32,
    pub bytes: u64,
    /// Rows that stay whole.
    pub keep: RoaringBitmap,
}

/// Segments of one kind.
#[derive(Default)]
pub(crate) struct Group {
    pub segments: Vec<Going>,
    /// The positions of all whole segments of this class, policy and day: merging does not leave them.
    pub span: (u64, u64),
    /// Rows whose time has come and that stay, by hold.
    pub held: BTreeMap<String, u64>,
    /// Rows that the policy in force would let go and an earlier one promised to keep.
    pub promised: u64,
}

impl Going {
    fn goes(&self) -> u64 {
        u64::from(self.rows) - self.keep.len()
    }

    fn bytes_gone(&self) -> u64 {
        (u128::from(self.bytes) * u128::from(self.goes()) / u128::from(self.rows.max(1))) as u64
    }
}

impl Group {
    /// How many records go.
    pub fn records(&self) -> u64 {
        self.segments.iter().map(Going::goes).sum()
    }

    /// About how many bytes they are.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Going::bytes_gone).sum()
    }
}

/// What decides what goes. Whoever acts on a plan looks whether it is still the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Basis {
    pub policies: Vec<Policy>,
    pub holds: Vec<(Hold, Query)>,
}

impl Basis {
    pub fn read(keep: &Keep) -> Result<Basis, KeepError> {
        Ok(Basis { policies: keep.store.log().policies(), holds: keep.holding()? })
    }

    fn current(&self) -> Option<&Policy> {
        self.policies.last()
    }
}

/// Records that two people want to go before their time.
pub(crate) struct Sweep {
    pub query: Option<Query>,
    pub class: Option<String>,
    /// The last day.
    pub until: Day,
}

/// When records that are not due yet may go at the earliest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Next {
    /// Not before.
    pub at: String,
    /// Their class.
    pub class: String,
    /// The policy that classed them.
    pub policy: u32,
    /// Their day.
    pub day: String,
    /// How many there are.
    pub records: u64,
}

/// What would go.
pub(crate) struct Plan {
    pub basis: Basis,
    pub groups: BTreeMap<Kind, Group>,
    /// Bytes of all segments now.
    pub bytes: u64,
    pub next: Vec<Next>,
}

/// How a plan is made.
pub(crate) struct Ask<'a> {
    pub now: Micros,
    /// Not what is due, but this.
    pub sweep: Option<&'a Sweep>,
    /// Also what stays, and why.
    pub explain: bool,
}

enum Rows {
    None,
    All,
    Some(RoaringBitmap),
}

impl Rows {
    fn bitmap(self, rows: u32) -> RoaringBitmap {
        match self {
            Rows::None => RoaringBitmap::new(),
            Rows::All => (0..rows).collect(),
            Rows::Some(rows) => rows,
        }
    }
}

/// Plans on a basis. Whole groups are planned again and again where something changes, so nothing is kept from it.
pub(crate) fn plan(keep: &Keep, basis: Basis, ask: &Ask<'_>) -> Result<Plan, KeepError> {
    let all = keep.store.log().view().segments();
    let bytes: u64 = all.iter().map(SegmentHandle::bytes).sum();
    let mut whole: Vec<SegmentHandle> = all.into_iter().filter(|s| !s.is_stub()).collect();
    whole.sort_by_key(|segment| (segment.day(), segment.first_pos()));
    let due = match ask.sweep {
        Some(sweep) => swept(keep, &basis, &whole, sweep)?,
        None => due(&Held::new(keep, &basis, &whole)?, &basis, &whole, ask, bytes)?,
    };
    let mut plan = Plan { basis, groups: BTreeMap::new(), bytes, next: Vec::new() };
    for (segment, due) in whole.iter().zip(due) {
        let Some(Due { reason, rows, held }) = due else {
            plan.explain_stays(segment, ask)?;
            continue;
        };
        let kind = Kind {
            day: segment.day(),
            class: segment.class().to_owned(),
            policy: segment.policy(),
            reason,
        };
        let group = plan.groups.entry(kind).or_insert_with(|| {
            let span = span(&whole, segment);
            Group { span, ..Group::default() }
        });
        for (hold, count) in held {
            *group.held.entry(hold).or_default() += count;
        }
        if !rows.is_empty() {
            let mut keep: RoaringBitmap = (0..segment.rows()).collect();
            keep -= &rows;
            group.segments.push(Going {
                file: segment.file_no(),
                span: (segment.first_pos().0, segment.last_pos().0),
                rows: segment.rows(),
                bytes: segment.bytes(),
                keep,
            });
        }
        if ask.explain && rows.len() < u64::from(segment.rows()) {
            plan.explain_stays(segment, ask)?;
        }
    }
    plan.next.sort();
    Ok(plan)
}

impl Plan {
    /// What of a segment stays for the sake of an earlier promise, and when it may go.
    fn explain_stays(&mut self, segment: &SegmentHandle, ask: &Ask<'_>) -> Result<(), KeepError> {
        if !ask.explain || ask.sweep.is_some() {
            return Ok(());
        }
        let promises = promise::promising(&self.basis.policies, segment.policy());
        if let (Some(current), [_, _, ..]) = (self.basis.current(), promises) {
            let now = due_rows(segment, std::slice::from_ref(current), ask.now)?;
            let promised = now.bitmap(segment.rows())
                - due_rows(segment, promises, ask.now)?.bitmap(segment.rows());
            if !promised.is_empty() {
                let kind = Kind {
                    day: segment.day(),
                    class: segment.class().to_owned(),
                    policy: segment.policy(),
                    reason: Reason::Age,
                };
                self.groups.entry(kind).or_default().promised += promised.len();
            }
        }
        let system = has_system(segment);
        let at = promises.iter().map(|policy| match policy.number == segment.policy() {
            true => promise::class_due_at(policy, segment.class(), segment.day()),
            false => promise::bounds(policy, segment.day(), system).0,
        });
        // One of them that is for ever makes it for ever.
        let at = at.collect::<Option<Vec<Micros>>>().and_then(|all| all.into_iter().max());
        if let Some(at) = at.filter(|at| *at > ask.now) {
            self.next.push(Next {
                at: at.to_string(),
                class: segment.class().to_owned(),
                policy: segment.policy(),
                day: segment.day().to_string(),
                records: u64::from(segment.rows()),
            });
        }
        Ok(())
    }
}

/// Rows of a segment whose time has come.
struct Due {
    reason: Reason,
    /// Those that go.
    rows: RoaringBitmap,
    /// How many stay for the sake of each hold.
    held: Vec<(String, u64)>,
}

/// What is on hold.
struct Held<'a> {
    holds: &'a [(Hold, Query)],
    matcher: Option<Matcher<'a>>,
}

impl<'a> Held<'a> {
    fn new(
        keep: &'a Keep,
        basis: &'a Basis,
        whole: &[SegmentHandle],
    ) -> Result<Held<'a>, KeepError> {
        let some = !basis.holds.is_empty() && !whole.is_empty();
        let matcher = some.then(|| Matcher::new(keep, whole.to_vec())).transpose()?;
        Ok(Held { holds: &basis.holds, matcher })
    }

    /// What is due, but for what is held.
    fn due(
        &self,
        segment: &SegmentHandle,
        reason: Reason,
        mut rows: RoaringBitmap,
    ) -> Result<Option<Due>, KeepError> {
        let (mut held, mut stay) = (Vec::new(), RoaringBitmap::new());
        if rows.is_empty() {
            return Ok(None);
        }
        if let Some(matcher) = &self.matcher {
            for (hold, query) in self.holds {
                let by = matcher.rows(segment.file_no(), query)? & &rows;
                if !by.is_empty() {
                    held.push((hold.id.clone(), by.len()));
                    stay |= by;
                }
            }
        }
        rows -= stay;
        Ok(Some(Due { reason, rows, held }))
    }
}

/// What of each segment goes by age, or for want of room.
fn due(
    holds: &Held<'_>,
    basis: &Basis,
    whole: &[SegmentHandle],
    ask: &Ask<'_>,
    bytes: u64,
) -> Result<Vec<Option<Due>>, KeepError> {
    let (mut due, mut left) = (Vec::with_capacity(whole.len()), bytes);
    let gone = |segment: &SegmentHandle, due: &Option<Due>| {
        due.as_ref().map_or(0, |due| share(segment, &due.rows))
    };
    for segment in whole {
        let promises = promise::promising(&basis.policies, segment.policy());
        let rows = due_rows(segment, promises, ask.now)?.bitmap(segment.rows());
        let of = holds.due(segment, Reason::Age, rows)?;
        left -= gone(segment, &of);
        due.push(of);
    }
    for (segment, due) in whole.iter().zip(&mut due).filter(|(_, due)| due.is_none()) {
        let promises = promise::promising(&basis.policies, segment.policy());
        let Some((most, from)) = promise::room(promises, segment.day()) else { continue };
        if left > most && from <= ask.now {
            let rows = ordinary(segment, promises)?.bitmap(segment.rows());
            *due = holds.due(segment, Reason::Size, rows)?;
            left -= gone(segment, due);
        }
    }
    Ok(due)
}

/// What of each segment two people want to go.
fn swept(
    keep: &Keep,
    basis: &Basis,
    whole: &[SegmentHandle],
    sweep: &Sweep,
) -> Result<Vec<Option<Due>>, KeepError> {
    let meant = |segment: &&SegmentHandle| {
        segment.day() <= sweep.until
            && sweep.class.as_deref().is_none_or(|class| class == segment.class())
    };
    let some: Vec<SegmentHandle> = whole.iter().filter(meant).cloned().collect();
    let holds = Held::new(keep, basis, &some)?;
    let query = match &sweep.query {
        Some(query) => Some((query, Matcher::new(keep, some.clone())?)),
        None => None,
    };
    let mut due = Vec::with_capacity(whole.len());
    for segment in whole {
        if !meant(&segment) {
            due.push(None);
            continue;
        }
        let promises = promise::promising(&basis.policies, segment.policy());
        let mut rows = ordinary(segment, promises)?.bitmap(segment.rows());
        if let Some((query, matcher)) = query.as_ref().filter(|_| !rows.is_empty()) {
            rows &= matcher.rows(segment.file_no(), query)?;
        }
        due.push(holds.due(segment, Reason::Purge, rows)?);
    }
    Ok(due)
}

/// The rows that every one of these policies lets go by now.
fn due_rows(segment: &SegmentHandle, promises: &[Policy], now: Micros) -> Result<Rows, KeepError> {
    let (day, system) = (segment.day(), has_system(segment));
    let is_due = |at: Option<Micros>| at.is_some_and(|at| at <= now);
    let mut look: Vec<&Policy> = Vec::new();
    for policy in promises {
        if policy.number == segment.policy() {
            if !is_due(promise::class_due_at(policy, segment.class(), day)) {
                return Ok(Rows::None);
            }
            continue;
        }
        let (earliest, latest) = promise::bounds(policy, day, system);
        if !is_due(earliest) {
            return Ok(Rows::None);
        }
        if !is_due(latest) {
            look.push(policy);
        }
    }
    chosen(segment, &look, |policy, trail, entry| {
        is_due(promise::record_due_at(policy, trail, entry, day))
    })
}

/// The rows that none of these policies counts among those that explain the log.
fn ordinary(segment: &SegmentHandle, promises: &[Policy]) -> Result<Rows, KeepError> {
    if !has_system(segment) {
        return Ok(Rows::All);
    }
    let policies: Vec<&Policy> = promises.iter().collect();
    chosen(segment, &policies, |policy, trail, entry| policy.class(trail, entry) != SYSTEM)
}

/// The rows that something is true of under each of these policies; all of them, if there is none.
fn chosen(
    segment: &SegmentHandle,
    policies: &[&Policy],
    is: impl Fn(&Policy, &str, &indelible_event::Entry<'_>) -> bool,
) -> Result<Rows, KeepError> {
    if policies.is_empty() {
        return Ok(Rows::All);
    }
    let damaged = |e: indelible_log::segment::SegmentError| KeepError::Damaged {
        path: segment.name().to_owned(),
        reason: e.to_string(),
    };
    let of = segment.segment()?;
    let names: BTreeMap<TrailNo, &str> =
        of.meta().trails.iter().map(|span| (span.trail.no, span.trail.name.as_str())).collect();
    let mut rows = RoaringBitmap::new();
    for batch in of.scan(0..segment.rows()).map_err(damaged)?.without_facets() {
        let batch = batch.map_err(damaged)?;
        for row in 0..batch.len() {
            let record = batch.unsealed(row).map_err(damaged)?;
            let trail = names.get(&record.trail).copied().unwrap_or_default();
            if policies.iter().all(|policy| is(policy, trail, &record.entry)) {
                rows.insert(batch.first_row() + row as u32);
            }
        }
    }
    Ok(Rows::Some(rows))
}

fn has_system(segment: &SegmentHandle) -> bool {
    segment.trails().any(|(trail, ..)| trail == TrailNo(0))
}

/// About how many bytes of a segment these rows are.
fn share(segment: &SegmentHandle, rows: &RoaringBitmap) -> u64 {
    let all = u128::from(segment.rows().max(1));
    (u128::from(segment.bytes()) * u128::from(rows.len()) / all) as u64
}

/// The positions of all whole segments like this one.
fn span(whole: &[SegmentHandle], like: &SegmentHandle) -> (u64, u64) {
    let same = whole.iter().filter(|segment| {
        (segment.class(), segment.policy(), segment.day())
            == (like.class(), like.policy(), like.day())
    });
    same.fold((u64::MAX, 0), |(first, last), segment| {
        (first.min(segment.first_pos().0), last.max(segment.last_pos().0))
    })
}

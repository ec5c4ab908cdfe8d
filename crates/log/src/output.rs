//! Segments being written: under names that mean nothing until they are published, synced, and read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::{Day, Facets, Micros};
use indelible_merkle::{Hash, leaf_hash};

use crate::error::LogError;
use crate::manifest::{Left, ManifestSegment, SEGMENTS};
use crate::offload::SegmentFile;
use crate::policy::Policy;
use crate::record::{Record, Seq, TrailNo};
use crate::segment::{
    Finished, SegmentHeader, SegmentState, SegmentWriter, TrailInfo as SegmentTrail,
};
use crate::storage::{Appender, File, Storage, write_all_at};
use crate::view::{MadeOf, State, View};

/// All trails as a segment's header names them.
pub(crate) fn segment_trails(state: &State) -> Vec<SegmentTrail> {
    let trail = |t: &crate::trail::Trail| SegmentTrail {
        no: t.info.no,
        opaque: t.info.id.0,
        name: t.info.name.as_str().to_owned(),
    };
    state.trails.iter().map(trail).collect()
}

/// Segment writers, one for each class and day that comes up while an active file is sealed.
pub(crate) struct Outputs<'a> {
    storage: &'a dyn Storage,
    trails: &'a [SegmentTrail],
    policy: &'a Policy,
    open: BTreeMap<(&'a str, Day), Output>,
}

impl<'a> Outputs<'a> {
    pub fn new(
        storage: &'a dyn Storage,
        trails: &'a [SegmentTrail],
        policy: &'a Policy,
    ) -> Outputs<'a> {
        Outputs { storage, trails, policy, open: BTreeMap::new() }
    }

    pub fn push(&mut self, record: &Record<'_>) -> Result<(), LogError> {
        let trail = &self.trails[record.trail.0 as usize];
        let class = self.policy.class(&trail.name, &record.entry);
        let day = record.entry.recorded_at.day();
        let made = self.open.len();
        let output = match self.open.entry((class, day)) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let header = SegmentHeader {
                    class: class.to_owned(),
                    policy: u64::from(self.policy.number),
                    day,
                    state: SegmentState::Full,
                    trails: self.trails.to_vec(),
                };
                new.insert(Output::create(self.storage, format!("seal-{made}"), header)?)
            }
        };
        output.push(record)
    }

    pub fn finish(self) -> Result<Vec<Fresh>, LogError> {
        let made_of = || MadeOf::Active;
        self.open.into_values().map(|output| output.finish(self.storage, made_of())).collect()
    }
}

/// A segment being written.
pub(crate) struct Output {
    /// The file's name without ending, until it is published.
    name: String,
    file: Arc<dyn File>,
    writer: SegmentWriter<Appender>,
}

/// A segment that is written whole and synced, and not in charge. Its name means nothing yet.
pub(crate) struct Fresh {
    pub segment: SegmentFile,
    pub recorded_at_max: Micros,
}

impl Output {
    pub fn create(
        storage: &dyn Storage,
        name: String,
        header: SegmentHeader,
    ) -> Result<Output, LogError> {
        let path = format!("{SEGMENTS}/{name}.parquet.tmp");
        remove_if_there(storage, &path)?;
        let file = storage.create(&path).map_err(LogError::io(&path))?;
        let writer = SegmentWriter::new(Appender::new(file.clone()), header)
            .map_err(LogError::writing(&path))?;
        Ok(Output { name, file, writer })
    }

    pub fn push(&mut self, record: &Record<'_>) -> Result<(), LogError> {
        self.writer.push(record).map_err(LogError::writing(&self.name))
    }

    /// Like [`Output::push`], with facets that are known already.
    pub fn copy(&mut self, record: &Record<'_>, facets: &Facets<'_>) -> Result<(), LogError> {
        self.writer.push_with_facets(record, facets).map_err(LogError::writing(&self.name))
    }

    /// Closes the segment and makes the contents of both its files durable.
    pub fn finish(self, storage: &dyn Storage, made_of: MadeOf) -> Result<Fresh, LogError> {
        let finished = self.writer.finish().map_err(LogError::writing(&self.name))?;
        let Finished { meta, seal, row_table, .. } = finished;
        let (id_min, id_max) = seal.id_range;
        let trails = meta.trails.iter();
        let entry = ManifestSegment {
            name: self.name,
            file: 0,
            first_pos: meta.first_pos.0,
            last_pos: meta.last_pos.0,
            rows: meta.rows,
            class: meta.class,
            policy: u32::try_from(meta.policy).expect("a policy's number is of 32 bits"),
            state: match meta.state {
                SegmentState::Full => Left::Full,
                SegmentState::Stub { .. } => Left::Stub,
            },
            day: meta.day.0,
            bytes: seal.len,
            sha256: seal.sha256,
            rows_sha256: crate::sha256(&row_table),
            id_min,
            id_max,
            archived: None,
            trails: trails.map(|t| (t.trail.no.0, t.first_seq.0, t.last_seq.0, t.rows)).collect(),
        };
        let [parquet, rows] = half_made(&entry);
        self.file.sync().map_err(LogError::io(&parquet))?;
        remove_if_there(storage, &rows)?;
        let file = storage.create(&rows).map_err(LogError::io(&rows))?;
        write_all_at(&*file, 0, &row_table).map_err(LogError::io(&rows))?;
        file.sync().map_err(LogError::io(&rows))?;
        let segment = SegmentFile::open_at(storage, entry, &parquet, &rows, made_of)?;
        Ok(Fresh { segment, recorded_at_max: meta.recorded_at_max })
    }

    /// Gives up; what is left of it means nothing, and is removed if it can be.
    pub fn give_up(self, storage: &dyn Storage) {
        let _ = storage.remove(&format!("{SEGMENTS}/{}.parquet.tmp", self.name));
    }
}

/// Where the files of a segment lie that is not in charge.
pub(crate) fn half_made(entry: &ManifestSegment) -> [String; 2] {
    [format!("{}.tmp", entry.parquet()), format!("{}.tmp", entry.row_table())]
}

pub(crate) fn remove_if_there(storage: &dyn Storage, path: &str) -> Result<(), LogError> {
    match storage.remove(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LogError::io(path)(e)),
        _ => Ok(()),
    }
}

impl Fresh {
    /// Reads it back: every record must hash to its leaf.
    pub fn check(&self, view: &View) -> Result<(), LogError> {
        let file = &self.segment;
        let path = file.entry.parquet();
        let segment = file.get()?;
        let mut leaves = LeafBlocks::new(view);
        let (mut entry, mut rows) = (Vec::with_capacity(1024), 0);
        // The facet columns are derived from the parts; verification compares them.
        let scan = segment.scan(0..file.entry.rows as u32).map_err(LogError::segment(&path))?;
        for batch in scan.without_facets() {
            let batch = batch.map_err(LogError::segment(&path))?;
            for i in 0..batch.len() {
                let record = batch.record(i).map_err(LogError::segment(&path))?;
                entry.clear();
                record.entry.encode(&mut entry);
                if leaves.leaf(record.trail, record.seq)? != leaf_hash(&entry) {
                    let why = format!("record {} was not read back as it was", record.pos.0);
                    return Err(LogError::corrupt(&path, 0, why));
                }
                rows += 1;
            }
        }
        if rows != file.entry.rows {
            let why = format!("{rows} records instead of {}", file.entry.rows);
            return Err(LogError::corrupt(&path, 0, why));
        }
        Ok(())
    }

    /// Removes what will not be put in charge.
    pub fn give_up(self, storage: &dyn Storage) {
        for path in half_made(&self.segment.entry) {
            // The next start removes it otherwise.
            let _ = storage.remove(&path);
        }
    }
}

/// Leaves of all trails, read a block at a time: a segment asks for each trail's in order.
struct LeafBlocks<'a> {
    view: &'a View,
    blocks: Vec<(u64, Vec<Hash>)>,
}

impl<'a> LeafBlocks<'a> {
    const BLOCK: u64 = 1024;

    fn new(view: &'a View) -> Self {
        LeafBlocks { view, blocks: Vec::new() }
    }

    fn leaf(&mut self, trail: TrailNo, seq: Seq) -> Result<Hash, LogError> {
        let no = trail.0 as usize;
        if self.blocks.len() <= no {
            self.blocks.resize_with(no + 1, || (0, Vec::new()));
        }
        let (start, hashes) = &mut self.blocks[no];
        let have = *start..*start + hashes.len() as u64;
        if !have.contains(&seq.0) {
            let state = self.view.state();
            let of = state.trail(trail)?;
            let count = of.size().saturating_sub(seq.0).min(Self::BLOCK) as usize;
            if count == 0 {
                return Err(LogError::NotFound(format!(
                    "trail {} has no seq {}",
                    of.info.name, seq.0
                )));
            }
            let leaves = of.leaves(seq, count)?;
            drop(state);
            *hashes = leaves.read(&*self.view.storage)?;
            *start = seq.0;
        }
        Ok(hashes[(seq.0 - *start) as usize])
    }
}

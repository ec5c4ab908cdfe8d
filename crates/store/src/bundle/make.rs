//! Making a bundle, a few records at a time.

use std::collections::BTreeMap;
use std::io::{self, Write};

use indelible_event::Part;
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_merkle::ReadTiles;
use sha2::{Digest, Sha256};

use super::limits::{BUNDLE_BATCH, BUNDLE_TILES};
use super::write::Writer;
use super::{
    BundledFile, BundledTrail, EVENTS, FORMAT, KEYS, MANIFEST, MadeBy, Manifest, README, SUMS,
    VERIFIER, checkpoint_file, proof_file,
};
use crate::error::StoreError;
use crate::proof::Prover;
use crate::reader::Reader;

const README_TEXT: &str = include_str!("README.txt");
const VERIFIER_TEXT: &str = include_str!("verify.py");

/// What a bundle tells of how it came about.
#[derive(Clone, Debug)]
pub struct BundleAbout {
    /// When it is made.
    pub made_at: String,
    /// By whom.
    pub made_by: MadeBy,
    /// The id of the event that tells of it.
    pub recorded_as: Option<String>,
    /// What was searched for.
    pub query: String,
    /// `asc` or `desc`.
    pub order: String,
}

/// A bundle being made: first all events, then all proofs, then what there is.
pub struct Bundle<W: Write> {
    about: BundleAbout,
    places: Vec<(TrailNo, Seq)>,
    redact: Vec<Part>,
    provers: BTreeMap<TrailNo, Prover>,
    /// What the proofs so far took of the trees.
    tiles: BTreeMap<TrailNo, ReadTiles>,
    writer: Writer<W>,
    /// Of each event that was shown, which parts it had then: a proof of another state would not be its proof.
    shown: Vec<[bool; 3]>,
    /// How many of the places are done in this round.
    at: usize,
    proving: bool,
}

impl<W: Write> Bundle<W> {
    /// Begins one of the records at these places. `NotFound` says that one of them is not published yet: from
    /// here on it is settled under which checkpoints the proofs are.
    pub fn new(
        reader: &Reader,
        out: W,
        about: BundleAbout,
        places: Vec<(TrailNo, Seq)>,
        redact: Vec<Part>,
    ) -> Result<Bundle<W>, StoreError> {
        let mut provers = BTreeMap::new();
        for (no, last) in last_of_each(&places) {
            let prover = reader.prover(&reader.view().trail(no)?)?;
            prover.covers(reader, last)?;
            provers.insert(no, prover);
        }
        let (writer, tiles) = (Writer::new(out), BTreeMap::new());
        let shown = Vec::with_capacity(places.len());
        let (at, proving) = (0, false);
        Ok(Bundle { about, places, redact, provers, tiles, writer, shown, at, proving })
    }

    /// Names the event that tells of it.
    pub fn recorded_as(&mut self, id: Option<String>) {
        self.about.recorded_as = id;
    }

    /// Goes on with a few records, and gives how many are whole by now; `None` once all are.
    pub fn step(&mut self, reader: &Reader) -> Result<Option<u64>, StoreError> {
        if self.at == 0 && !self.proving {
            self.head().map_err(failed)?;
        }
        if self.at == self.places.len() {
            if self.proving {
                return Ok(None);
            }
            (self.proving, self.at) = (true, 0);
        }
        let to = (self.at + BUNDLE_BATCH).min(self.places.len());
        let records = reader.view().read_each_of(&self.places[self.at..to]);
        for (at, record) in (self.at..).zip(records) {
            let record = record?;
            let parts = Part::ALL.map(|part| record.part(part).is_some());
            if !self.proving {
                self.shown.push(parts);
                self.show(&record)?;
            } else if self.shown.get(at) == Some(&parts) {
                self.prove(reader, &record)?;
            } else {
                let what = format!(
                    "seq {} was erased or has expired while it was made; make it again",
                    record.seq.0
                );
                return Err(StoreError::file("the bundle", what));
            }
        }
        self.at = to;
        Ok(Some(if self.proving { to as u64 } else { 0 }))
    }

    fn head(&mut self) -> io::Result<()> {
        self.writer.file(README, README_TEXT.as_bytes())?;
        self.writer.file(VERIFIER, VERIFIER_TEXT.as_bytes())?;
        let keys: String = self.provers.values().map(|p| format!("{}\n", p.vkey())).collect();
        self.writer.file(KEYS, keys.as_bytes())?;
        for prover in self.provers.values() {
            let path = checkpoint_file(&prover.checkpoint().origin);
            self.writer.file(&path, prover.note().as_bytes())?;
        }
        self.writer.begin(EVENTS)
    }

    /// The event, without what is withheld.
    fn show(&mut self, record: &KeptRecord) -> Result<(), StoreError> {
        let trail = &prover(&self.provers, record).trail().info.name;
        let shown = |part: Part| record.part(part).filter(|_| !self.redact.contains(&part));
        let parts = Part::ALL.map(shown);
        let mut line = indelible_event::view(trail.as_str(), record.seq.0, &record.entry, parts);
        line.push(b'\n');
        self.writer.write(&line).map_err(failed)
    }

    fn prove(&mut self, reader: &Reader, record: &KeptRecord) -> Result<(), StoreError> {
        let prover = prover(&self.provers, record);
        if self.tiles.values().map(ReadTiles::count).sum::<usize>() > BUNDLE_TILES {
            self.tiles.clear();
        }
        let tiles = self.tiles.entry(record.trail).or_insert_with(|| prover.no_tiles());
        let proof = prover.prove_record(reader, record, &self.redact, tiles)?;
        let path = proof_file(&prover.checkpoint().origin, record.seq.0);
        self.writer.file(&path, proof.as_bytes()).map_err(failed)
    }

    /// Ends it with the lists of all that is in it. Gives the manifest's SHA-256.
    pub fn finish(mut self, reader: &Reader) -> Result<[u8; 32], StoreError> {
        let trail = |prover: &Prover| {
            let checkpoint = prover.checkpoint();
            BundledTrail {
                name: prover.trail().info.name.to_string(),
                origin: checkpoint.origin.clone(),
                vkey: prover.vkey().to_string(),
                size: checkpoint.size.0,
                root: checkpoint.root.to_base64(),
                checkpoint: checkpoint_file(&checkpoint.origin),
            }
        };
        let manifest = Manifest {
            format: FORMAT.into(),
            made_at: self.about.made_at,
            made_by: self.about.made_by,
            node: reader.node().origin.clone(),
            recorded_as: self.about.recorded_as,
            query: self.about.query,
            order: self.about.order,
            redacted: self.redact.iter().map(|part| part.name().to_owned()).collect(),
            events: self.places.len() as u64,
            trails: self.provers.values().map(trail).collect(),
            files: self.writer.files().to_vec(),
        };
        let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|e| failed(e.into()))?;
        bytes.push(b'\n');
        let end = |writer: &mut Writer<W>| {
            writer.file(MANIFEST, &bytes)?;
            let line = |file: &BundledFile| format!("{}  {}\n", file.sha256, file.path);
            let sums: String = writer.files().iter().map(line).collect();
            writer.file(SUMS, sums.as_bytes())
        };
        end(&mut self.writer).map_err(failed)?;
        self.writer.finish().map_err(failed)?;
        Ok(Sha256::digest(&bytes).into())
    }
}

fn prover<'a>(provers: &'a BTreeMap<TrailNo, Prover>, record: &KeptRecord) -> &'a Prover {
    provers.get(&record.trail).expect("each trail of a place has its prover")
}

/// The last of these places in each trail.
pub fn last_of_each(places: &[(TrailNo, Seq)]) -> BTreeMap<TrailNo, Seq> {
    let mut last = BTreeMap::new();
    for (no, seq) in places {
        let of = last.entry(*no).or_insert(*seq);
        *of = (*of).max(*seq);
    }
    last
}

fn failed(error: io::Error) -> StoreError {
    StoreError::file("the bundle", error)
}

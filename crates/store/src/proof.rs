//! Proofs: made here, and verified from the file and the key alone.

use indelible_event::{DisclosedPart, Disclosure, Part, seal};
use indelible_log::TrailStatus;
use indelible_log::record::{KeptPart, KeptRecord, Seq};
use indelible_merkle::{
    Checkpoint, ConsistencyProof, Hash, ProofTextError, ReadTiles, TlogProof, TreeSize, Vkey,
    leaf_hash, verify_consistency,
};

use crate::error::StoreError;
use crate::reader::Reader;

/// Proves records of one trail, all under one checkpoint.
#[derive(Clone, Debug)]
pub struct Prover {
    trail: TrailStatus,
    vkey: Vkey,
    note: String,
    checkpoint: Checkpoint,
}

impl Prover {
    pub(crate) fn new(reader: &Reader, trail: &TrailStatus) -> Result<Prover, StoreError> {
        let (note, checkpoint) = reader.checkpoint(trail)?;
        let vkey = reader.vkey(trail)?;
        Ok(Prover { trail: trail.clone(), vkey, note, checkpoint })
    }

    /// Proves one record. The parts in `redact` are withheld.
    pub fn prove(&self, reader: &Reader, seq: Seq, redact: &[Part]) -> Result<String, StoreError> {
        self.covers(reader, seq)?;
        let records = reader.read(self.trail.info.no, &[seq])?;
        let record = records.first().expect("reading one seq gives one record or fails");
        self.prove_record(reader, record, redact, &mut self.no_tiles())
    }

    /// `NotFound` unless the checkpoint covers it.
    pub(crate) fn covers(&self, reader: &Reader, seq: Seq) -> Result<(), StoreError> {
        let covered = self.checkpoint.size;
        if seq.0 < covered.0 {
            return Ok(());
        }
        let size = reader.view.trail(self.trail.info.no)?.size;
        let why = if seq.0 < size.0 {
            format!(
                "seq {} is durable but not published yet: the checkpoint covers {covered}",
                seq.0
            )
        } else {
            format!("trail {} has no seq {}: it has {size} records", self.trail.info.name, seq.0)
        };
        Err(StoreError::NotFound(why))
    }

    /// What [`prove_record`](Self::prove_record) begins with: no tiles of the tree that the checkpoint covers.
    pub(crate) fn no_tiles(&self) -> ReadTiles {
        ReadTiles::new(self.checkpoint.size)
    }

    /// Proves a record that was read; `tiles` are those that other proofs took already.
    pub(crate) fn prove_record(
        &self,
        reader: &Reader,
        record: &KeptRecord,
        redact: &[Part],
        tiles: &mut ReadTiles,
    ) -> Result<String, StoreError> {
        self.covers(reader, record.seq)?;
        let (no, index) = (self.trail.info.no, record.seq.0);
        let hashes = reader.view.inclusion_proof(no, record.seq, tiles)?;
        let extra = Some(disclose(record, redact).encode());
        let text = TlogProof { extra, index, hashes, checkpoint_note: self.note.clone() }.encode();
        // A proof that does not verify would send a stranger away with a false alarm, or hide a true one. The note's
        // signature was checked when it was read.
        verify_proof_under(text.as_bytes(), &self.note, &self.checkpoint).map_err(|reason| {
            StoreError::BadProof { trail: self.trail.info.name.to_string(), reason }
        })?;
        Ok(text)
    }

    /// The trail.
    pub fn trail(&self) -> &TrailStatus {
        &self.trail
    }

    /// Its key.
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// The checkpoint's note, as signed.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What the note says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// What a record shows of itself: its entry, and each part or its commitment.
fn disclose(record: &KeptRecord, redact: &[Part]) -> Disclosure {
    let parts = Part::ALL.map(|part| match (&record.parts[part as usize], record.salts.of(part)) {
        (KeptPart::Absent, _) => DisclosedPart::Absent,
        (KeptPart::Gone(commitment), _) => DisclosedPart::Withheld { commitment: *commitment },
        (KeptPart::Kept(bytes), Some(salt)) if redact.contains(&part) => {
            DisclosedPart::Withheld { commitment: seal::commitment(part, &salt, bytes) }
        }
        (KeptPart::Kept(bytes), Some(salt)) => DisclosedPart::Shown { salt, bytes: bytes.clone() },
        // Reading recomputed the commitment, which takes the salt.
        (KeptPart::Kept(_), None) => unreachable!("a record whose part has no salt is not served"),
    });
    Disclosure { entry: record.entry.clone(), parts }
}

pub(crate) fn prove_consistency(
    reader: &Reader,
    trail: &TrailStatus,
    from: TreeSize,
    to: Option<TreeSize>,
) -> Result<String, StoreError> {
    let (note, checkpoint) = reader.checkpoint(trail)?;
    let to = to.unwrap_or(checkpoint.size);
    if to > checkpoint.size || from > to {
        return Err(StoreError::NotFound(format!(
            "sizes {from} to {to}: they must rise, and the checkpoint covers {}",
            checkpoint.size
        )));
    }
    let (no, id) = (trail.info.no, trail.info.id);
    let note = if to == checkpoint.size {
        note
    } else {
        // The root of a shorter prefix of what is signed already commits the node to nothing new. But a
        // damaged level file can give the root of a log that never was, and the key must not sign that.
        let root = reader.view.root(no, to)?;
        let hashes = reader.view.consistency_proof(no, to, checkpoint.size)?;
        verify_consistency(to, &root, checkpoint.size, &checkpoint.root, &hashes).map_err(|e| {
            let reason = format!("size {to} does not lead to the checkpoint: {e}");
            StoreError::BadProof { trail: trail.info.name.to_string(), reason }
        })?;
        let key = reader.node.signing_keys(&*reader.storage)?.of(id)?;
        Checkpoint::new(&reader.node.origin_of(id), to, root)
            .sign(&key)
            .map_err(|e| StoreError::file("checkpoint", e))?
    };
    let proof = ConsistencyProof {
        old_size: from,
        old_root: reader.view.root(no, from)?,
        hashes: reader.view.consistency_proof(no, from, to)?,
        checkpoint_note: note,
    };
    let text = proof.encode();
    verify_consistency_proof(text.as_bytes(), &reader.vkey(trail)?)
        .map_err(|reason| StoreError::BadProof { trail: trail.info.name.to_string(), reason })?;
    Ok(text)
}

/// What a proof of one event proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEvent {
    /// The checkpoint it leads to, signed by the key.
    pub checkpoint: Checkpoint,
    /// The record's place in the trail.
    pub index: u64,
    /// The record's leaf hash.
    pub leaf: Hash,
    /// The entry, and the parts that were disclosed; every commitment was checked.
    pub disclosure: Disclosure,
}

/// Verifies a proof from its bytes and the key alone. The error says what does not hold.
pub fn verify_proof(bytes: &[u8], vkey: &Vkey) -> Result<ProvenEvent, String> {
    let proof = TlogProof::decode(bytes).map_err(|e| e.to_string())?;
    proven(&proof, |leaf| proof.verify(leaf, vkey))
}

/// Verifies one of many proofs under a checkpoint whose note was verified already.
pub(crate) fn verify_proof_under(
    bytes: &[u8],
    note: &str,
    checkpoint: &Checkpoint,
) -> Result<ProvenEvent, String> {
    let proof = TlogProof::decode(bytes).map_err(|e| e.to_string())?;
    if proof.checkpoint_note != note {
        return Err("it is under another checkpoint".into());
    }
    proven(&proof, |leaf| proof.verify_under(leaf, checkpoint).map(|()| checkpoint.clone()))
}

fn proven(
    proof: &TlogProof,
    verify: impl FnOnce(&Hash) -> Result<Checkpoint, ProofTextError>,
) -> Result<ProvenEvent, String> {
    let extra =
        proof.extra.as_deref().ok_or("the proof has no extra line, so it shows no event")?;
    let disclosure =
        Disclosure::decode(extra).map_err(|e| format!("the disclosure is malformed: {e}"))?;
    let leaf = leaf_hash(&disclosure.entry);
    let checkpoint = verify(&leaf).map_err(|e| e.to_string())?;
    disclosure
        .verify()
        .map_err(|e| format!("the disclosed parts are not those of the entry: {e}"))?;
    Ok(ProvenEvent { checkpoint, index: proof.index, leaf, disclosure })
}

/// What a consistency proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenGrowth {
    /// The older size.
    pub old_size: TreeSize,
    /// The older root: compare it with the checkpoint you kept.
    pub old_root: Hash,
    /// The newer checkpoint, signed by the key.
    pub checkpoint: Checkpoint,
}

/// Verifies a consistency proof from its bytes and the key alone.
pub fn verify_consistency_proof(bytes: &[u8], vkey: &Vkey) -> Result<ProvenGrowth, String> {
    let proof = ConsistencyProof::decode(bytes).map_err(|e| e.to_string())?;
    let (old_size, old_root, checkpoint) = proof.verify(vkey).map_err(|e| e.to_string())?;
    Ok(ProvenGrowth { old_size, old_root, checkpoint })
}

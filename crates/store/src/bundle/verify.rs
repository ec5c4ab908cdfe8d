//! Verifying a bundle from its bytes alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Seek};

use indelible_event::limits::EVENT_BYTES_MAX;
use indelible_event::{DisclosedPart, Disclosure, Part, view};
use indelible_log::hex;
use indelible_merkle::{Checkpoint, Vkey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::open::Opened;
use super::{
    BundledFile, EVENTS, FORMAT, KEYS, MANIFEST, Manifest, PROOFS, README, SUMS, VERIFIER,
    checkpoint_file, proof_file,
};
use crate::proof::verify_proof_under;

/// Bytes that an event's line may have beyond the event: its place and what the node adds.
const LINE_BYTES_MAX: u64 = 2 * EVENT_BYTES_MAX as u64;

/// What does not hold of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct BundleRefused {
    /// The file in it that is at fault.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
}

impl BundleRefused {
    pub(super) fn new(file: &str, why: impl Into<String>) -> BundleRefused {
        BundleRefused { file: file.to_owned(), why: why.into() }
    }
}

/// What a bundle proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenBundle {
    /// What it says of itself. Proven are its trails' origins, sizes and roots, and its events.
    pub manifest: Manifest,
    /// The manifest's SHA-256, to be held against what the node recorded of the export.
    pub manifest_sha256: [u8; 32],
    /// Whether each key is one of those that were given; otherwise they are the bundle's own.
    pub pinned: bool,
}

/// An event's place, as its line says it.
#[derive(Deserialize)]
struct Place {
    trail: String,
    seq: u64,
}

/// What all events of a trail are held against.
struct Trail {
    name: String,
    note: String,
    checkpoint: Checkpoint,
}

/// Verifies a bundle. If keys are given, its trails must be signed by these; its own are believed otherwise.
pub fn verify_bundle<R: Read + Seek>(
    file: R,
    pinned: &[Vkey],
) -> Result<ProvenBundle, BundleRefused> {
    let mut bundle = Opened::new(file)?;
    let files = sums(&mut bundle)?;
    let bytes = bundle.read(MANIFEST)?;
    let manifest = manifest(&bytes, &files)?;
    let trails = trails(&mut bundle, &manifest, pinned)?;
    known(&bundle, &manifest)?;
    events(&mut bundle, &manifest, &trails)?;
    let manifest_sha256 = Sha256::digest(&bytes).into();
    Ok(ProvenBundle { manifest, manifest_sha256, pinned: !pinned.is_empty() })
}

/// Each file is listed with its sum, and each that is listed is there. Gives all but the list itself.
fn sums<R: Read + Seek>(bundle: &mut Opened<R>) -> Result<Vec<BundledFile>, BundleRefused> {
    let bad = |why: String| BundleRefused::new(SUMS, why);
    let list = bundle.text(SUMS)?;
    let mut left: BTreeSet<String> = bundle.names().clone();
    left.remove(SUMS);
    let mut files = Vec::new();
    for line in list.lines() {
        let (sum, path) = line.split_once("  ").ok_or_else(|| bad("a line is none".into()))?;
        if !left.remove(path) {
            // What can be printed of a stranger's text.
            let shown = path.escape_debug();
            return Err(bad(format!("it lists {shown}, which is not there, or twice")));
        }
        let file = bundle.sum(path)?;
        if file.sha256 != sum {
            return Err(BundleRefused::new(path, "it was changed: its SHA-256 is another"));
        }
        files.push(file);
    }
    if let Some(path) = left.first() {
        let why = "it is in no list: it was added later";
        return Err(BundleRefused::new(&path.escape_debug().to_string(), why));
    }
    if files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path)).collect::<String>()
        != list
    {
        return Err(bad("it is not in its one form".into()));
    }
    Ok(files)
}

/// The manifest, if it lists the same files.
fn manifest(bytes: &[u8], files: &[BundledFile]) -> Result<Manifest, BundleRefused> {
    let bad = |why: String| BundleRefused::new(MANIFEST, why);
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
    if manifest.format != FORMAT {
        return Err(bad(format!("it is not of the format {FORMAT}")));
    }
    let others = files.iter().filter(|file| file.path != MANIFEST);
    if !others.eq(&manifest.files) {
        return Err(bad(format!("its list of files is not that of {SUMS}")));
    }
    Ok(manifest)
}

/// Nothing else is there, whatever the lists say: what holds must not vouch for a stranger's file beside it. Proofs
/// are held against the events.
fn known<R: Read + Seek>(bundle: &Opened<R>, manifest: &Manifest) -> Result<(), BundleRefused> {
    let fixed = [README, VERIFIER, EVENTS, KEYS, MANIFEST, SUMS];
    let checkpoints: BTreeSet<&str> =
        manifest.trails.iter().map(|trail| trail.checkpoint.as_str()).collect();
    let is_known = |name: &str| {
        fixed.contains(&name) || checkpoints.contains(name) || name.starts_with(PROOFS)
    };
    match bundle.names().iter().find(|name| !is_known(name)) {
        Some(name) => {
            let why = "no bundle has such a file: it was added by somebody else";
            Err(BundleRefused::new(&name.escape_debug().to_string(), why))
        }
        None => Ok(()),
    }
}

/// Keys and checkpoints, by the trails' names.
fn trails<R: Read + Seek>(
    bundle: &mut Opened<R>,
    manifest: &Manifest,
    pinned: &[Vkey],
) -> Result<BTreeMap<String, Trail>, BundleRefused> {
    let keys: String = manifest.trails.iter().map(|trail| format!("{}\n", trail.vkey)).collect();
    if bundle.text(KEYS)? != keys {
        return Err(BundleRefused::new(KEYS, "its keys are not those of the manifest's trails"));
    }
    let mut trails = BTreeMap::new();
    for trail in &manifest.trails {
        let bad = |e: &dyn std::fmt::Display| BundleRefused::new(KEYS, e.to_string());
        let vkey = trail.vkey.parse::<Vkey>().map_err(|e| bad(&e))?;
        if !pinned.is_empty() && !pinned.contains(&vkey) {
            return Err(bad(&format!("the key of {} is not one of those given", trail.origin)));
        }
        let path = checkpoint_file(&trail.origin);
        let note = bundle.text(&path)?;
        let signed = Checkpoint::open(note.as_bytes(), &vkey);
        let signed = signed.map_err(|e| BundleRefused::new(&path, e.to_string()))?;
        let said = (&trail.origin, trail.size, &trail.root, &trail.checkpoint);
        if said != (&signed.origin, signed.size.0, &signed.root.to_base64(), &path) {
            let why = format!("what it says of {} is not what is signed", trail.origin);
            return Err(BundleRefused::new(MANIFEST, why));
        }
        let checked = Trail { name: trail.name.clone(), note, checkpoint: signed };
        if trails.insert(trail.name.clone(), checked).is_some() {
            return Err(BundleRefused::new(MANIFEST, "it names a trail twice"));
        }
    }
    Ok(trails)
}

/// Each event has its proof, each proof its event, and there are as many as the manifest says.
fn events<R: Read + Seek>(
    bundle: &mut Opened<R>,
    manifest: &Manifest,
    trails: &BTreeMap<String, Trail>,
) -> Result<(), BundleRefused> {
    let bad = |why: String| BundleRefused::new(EVENTS, why);
    let redacted: Option<Vec<Part>> =
        manifest.redacted.iter().map(|name| Part::from_name(name)).collect();
    let redacted =
        redacted.ok_or_else(|| BundleRefused::new(MANIFEST, "it withholds what is no part"))?;
    let mut proofs: BTreeSet<String> =
        bundle.names().iter().filter(|name| name.starts_with(PROOFS)).cloned().collect();
    // The place of each line, and its hash: lines and proofs cannot be read from one archive at a time.
    let mut wanted = Vec::new();
    let mut lines = BufReader::new(bundle.file(EVENTS)?);
    loop {
        let mut line = Vec::new();
        let read = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|e| bad(e.to_string()))? == 0 {
            break;
        }
        let number = wanted.len() + 1;
        let place: Place =
            serde_json::from_slice(&line).map_err(|e| bad(format!("line {number}: {e}")))?;
        if wanted.len() == proofs.len() {
            return Err(bad(format!("line {number} has no proof: there are fewer of these")));
        }
        wanted.push((place, <[u8; 32]>::from(Sha256::digest(&line))));
    }
    drop(lines);
    if wanted.len() as u64 != manifest.events {
        return Err(bad(format!("it has {} lines, not {}", wanted.len(), manifest.events)));
    }
    for (number, (place, line)) in wanted.iter().enumerate() {
        let here = |why: &str| bad(format!("line {}: {why}", number + 1));
        let trail =
            trails.get(&place.trail).ok_or_else(|| here("its trail is none of the manifest"))?;
        let path = proof_file(&trail.checkpoint.origin, place.seq);
        if !proofs.remove(&path) {
            return Err(here("there is no proof of it, or it stands there twice"));
        }
        let proven = proven(&bundle.read(&path)?, trail, place.seq, &redacted);
        let shown = proven.map_err(|why| BundleRefused::new(&path, why))?;
        if <[u8; 32]>::from(Sha256::digest(shown)) != *line {
            return Err(here(&format!("it is not what {path} proves")));
        }
    }
    match proofs.first() {
        Some(path) => Err(BundleRefused::new(path, "it proves no event that is here")),
        None => Ok(()),
    }
}

/// The line that a proof proves.
fn proven(bytes: &[u8], trail: &Trail, seq: u64, redacted: &[Part]) -> Result<Vec<u8>, String> {
    let event = verify_proof_under(bytes, &trail.note, &trail.checkpoint)?;
    if event.index != seq {
        return Err(format!("it proves record {}", event.index));
    }
    let Disclosure { entry, parts } = &event.disclosure;
    for part in redacted {
        if matches!(parts[*part as usize], DisclosedPart::Shown { .. }) {
            return Err(format!("it shows {}, which the manifest says is withheld", part.name()));
        }
    }
    let shown = |part: Part| match &parts[part as usize] {
        DisclosedPart::Shown { bytes, .. } => Some(bytes.as_slice()),
        DisclosedPart::Absent | DisclosedPart::Withheld { .. } => None,
    };
    let mut line = view(&trail.name, seq, entry, Part::ALL.map(shown));
    line.push(b'\n');
    Ok(line)
}

impl ProvenBundle {
    /// The manifest's SHA-256 in hex.
    pub fn manifest_sum(&self) -> String {
        hex::encode(&self.manifest_sha256)
    }
}

//! `indelible verify proof`, `verify consistency`, `verify bundle` and `verify log`

use std::path::PathBuf;
use std::thread::available_parallelism;

use indelible_event::{DisclosedPart, Part};
use indelible_merkle::limits::PROOF_BYTES_MAX;
use indelible_store::{
    Manifest, ProvenBundle, ProvenEvent, ProvenGrowth, VerifyOptions, VerifyReport, verify_bundle,
    verify_consistency_proof, verify_proof,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::{Global, VerifyBundle, VerifyCommand, VerifyFile, VerifyLog};
use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, Out, grouped};
use crate::place::archived;
use crate::progress::Progress;

/// No checkpoint that somebody kept is larger.
const NOTE_BYTES_MAX: u64 = 1 << 20;

#[derive(Serialize)]
struct Refuted<'a> {
    holds: bool,
    reason: &'a str,
}

#[derive(Serialize)]
struct EventHolds<'a> {
    holds: bool,
    origin: &'a str,
    size: u64,
    root: String,
    seq: u64,
    leaf: String,
    entry: &'a RawValue,
    who: PartShown<'a>,
    #[serde(rename = "where")]
    where_: PartShown<'a>,
    what: PartShown<'a>,
}

#[derive(Serialize)]
struct PartShown<'a> {
    is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct GrowthHolds<'a> {
    holds: bool,
    origin: &'a str,
    old_size: u64,
    old_root: String,
    size: u64,
    root: String,
}

#[derive(Serialize)]
struct LogReport<'a> {
    holds: bool,
    records: u64,
    segments: u64,
    bytes: u64,
    signatures: u64,
    findings: Vec<LogFinding<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct LogFinding<'a> {
    trail: Option<&'a str>,
    seq: Option<u64>,
    path: &'a str,
    offset: Option<u64>,
    what: &'a str,
}

pub fn run(global: &Global, out: &mut Out, command: VerifyCommand) -> Result<(), Failure> {
    match command {
        VerifyCommand::Proof(args) => {
            let bytes = read(&args)?;
            let proven = verify_proof(&bytes, &args.key).map_err(|why| refute(out, why))?;
            if out.is_json() { event_object(out, &proven) } else { event_text(out, &proven) }
        }
        VerifyCommand::Consistency(args) => {
            let bytes = read(&args)?;
            let proven =
                verify_consistency_proof(&bytes, &args.key).map_err(|why| refute(out, why))?;
            growth(out, &proven)
        }
        VerifyCommand::Bundle(args) => bundle(out, &args),
        VerifyCommand::Log(args) => log(global, out, &args),
        VerifyCommand::Index => crate::index::verify(global, out),
    }
}

fn read(args: &VerifyFile) -> Result<Vec<u8>, Failure> {
    files::read(&args.file, PROOF_BYTES_MAX as u64)
}

fn refute(out: &mut Out, why: String) -> Failure {
    if out.is_json() {
        let _ = out.object(&Refuted { holds: false, reason: &why });
        return finish(out);
    }
    Failure::DoesNotHold(format!("the proof does not verify: {why}"))
}

/// The answer was given on standard output; let it out, if anybody still listens, before the status says the
/// rest.
fn finish(out: &mut Out) -> Failure {
    let _ = out.flush();
    Failure::Told
}

fn event_text(out: &mut Out, proven: &ProvenEvent) -> Result<(), Failure> {
    let ProvenEvent { checkpoint, index, disclosure, .. } = proven;
    let entry = disclosure.verify().map_err(|e| Failure::DoesNotHold(e.to_string()))?;
    out.line(format_args!("Proven: this event is record {index} of {}.\n", checkpoint.origin))?;
    out.line(format_args!("  id           {}", entry.id))?;
    out.line(format_args!("  action       {}", entry.action))?;
    out.line(format_args!("  outcome      {}", entry.outcome.name()))?;
    if let Some(at) = entry.occurred_at {
        out.line(format_args!("  occurred_at  {at}"))?;
    }
    out.line(format_args!("  recorded_at  {}", entry.recorded_at))?;
    for part in Part::ALL {
        let shown = match &disclosure.parts[part as usize] {
            DisclosedPart::Absent => "(the event has none)".into(),
            DisclosedPart::Withheld { .. } => "(withheld; the proof holds without it)".into(),
            DisclosedPart::Shown { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
        };
        out.line(format_args!("  {:<11}  {shown}", part.name()))?;
    }
    out.line(format_args!(
        "\nIt is under the checkpoint of {} records with root\n{}, which the given key signed.",
        checkpoint.size,
        checkpoint.root.to_base64()
    ))?;
    out.line("What is shown above is exactly what was recorded; whether it is true, only its recorder can say.")
}

fn event_object(out: &mut Out, proven: &ProvenEvent) -> Result<(), Failure> {
    let ProvenEvent { checkpoint, index, leaf, disclosure } = proven;
    let parts = [Part::Who, Part::Where, Part::What].map(|part| &disclosure.parts[part as usize]);
    let [who, where_, what] = parts.map(part_shown);
    out.object(&EventHolds {
        holds: true,
        origin: &checkpoint.origin,
        size: checkpoint.size.0,
        root: checkpoint.root.to_base64(),
        seq: *index,
        leaf: leaf.to_base64(),
        entry: raw(&disclosure.entry)?,
        who: who?,
        where_: where_?,
        what: what?,
    })
}

fn part_shown(part: &DisclosedPart) -> Result<PartShown<'_>, Failure> {
    Ok(match part {
        DisclosedPart::Absent => PartShown { is: "absent", value: None },
        DisclosedPart::Withheld { .. } => PartShown { is: "withheld", value: None },
        DisclosedPart::Shown { bytes, .. } => PartShown { is: "shown", value: Some(raw(bytes)?) },
    })
}

/// Bytes that were proven, as they are.
fn raw(bytes: &[u8]) -> Result<&RawValue, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|e| Failure::DoesNotHold(format!("what is proven is not JSON: {e}")))
}

fn growth(out: &mut Out, proven: &ProvenGrowth) -> Result<(), Failure> {
    let ProvenGrowth { old_size, old_root, checkpoint } = proven;
    let (root, old_root) = (checkpoint.root.to_base64(), old_root.to_base64());
    if out.is_json() {
        let (origin, size) = (checkpoint.origin.as_str(), checkpoint.size.0);
        return out.object(&GrowthHolds {
            holds: true,
            origin,
            old_size: old_size.0,
            old_root,
            size,
            root,
        });
    }
    out.line(format_args!(
        "Proven: the {} records of {} under root\n{root}, signed by the given key,\nbegin with the {old_size} records under root\n{old_root}.\n",
        checkpoint.size, checkpoint.origin
    ))?;
    out.line("Compare the older size and root with the checkpoint that you kept: if they are the same, nothing\nthat it covers was changed or removed.")
}

#[derive(Serialize)]
struct BundleHolds<'a> {
    holds: bool,
    pinned: bool,
    manifest_sha256: String,
    manifest: &'a Manifest,
}

#[derive(Serialize)]
struct BundleRefuted<'a> {
    holds: bool,
    file: &'a str,
    reason: &'a str,
}

fn bundle(out: &mut Out, args: &VerifyBundle) -> Result<(), Failure> {
    let file = files::open_file(&args.file)?;
    let proven = match verify_bundle(file, &args.vkey) {
        Ok(proven) => proven,
        Err(refused) if out.is_json() => {
            let (file, reason) = (refused.file.as_str(), refused.why.as_str());
            let _ = out.object(&BundleRefuted { holds: false, file, reason });
            return Err(finish(out));
        }
        Err(refused) => {
            let why = clean(&refused.to_string());
            return Err(Failure::DoesNotHold(format!("the bundle does not verify: {why}")));
        }
    };
    if out.is_json() {
        let (pinned, manifest_sha256) = (proven.pinned, proven.manifest_sum());
        let manifest = &proven.manifest;
        return out.object(&BundleHolds { holds: true, pinned, manifest_sha256, manifest });
    }
    bundle_text(out, &proven)
}

/// Words of a manifest are a stranger's: they must not write to the screen.
fn bundle_text(out: &mut Out, proven: &ProvenBundle) -> Result<(), Failure> {
    let Manifest { events, trails, redacted, query, made_at, made_by, recorded_as, .. } =
        &proven.manifest;
    out.line(format_args!("Proven: each of the {} events is in its trail.\n", grouped(*events)))?;
    for trail in trails {
        out.line(format_args!(
            "  trail        {}, {} records",
            clean(&trail.name),
            grouped(trail.size)
        ))?;
        out.line(format_args!("  root         {}", clean(&trail.root)))?;
        out.line(format_args!("  signed by    {}", clean(&trail.vkey)))?;
    }
    if !redacted.is_empty() {
        out.line(format_args!("  withheld     {}", clean(&redacted.join(", "))))?;
    }
    out.line("\nThe bundle says of itself:\n")?;
    let everything = if query.is_empty() { "(everything)" } else { query };
    out.line(format_args!("  query        {}", clean(everything)))?;
    let name = made_by.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    out.line(format_args!("  made by      {}", clean(&format!("{}{name}", made_by.credential))))?;
    out.line(format_args!("  made at      {}", clean(made_at)))?;
    if let Some(id) = recorded_as {
        out.line(format_args!("  recorded as  {} in _system", clean(id)))?;
    }
    out.line(format_args!("  manifest     {}", proven.manifest_sum()))?;
    if !proven.pinned {
        out.line(
            "\nThe keys are the bundle's own: give those that the node publishes with --vkey.",
        )?;
    }
    out.line("\nWhether what was recorded is true, only its recorder can say; nor is it proven that no other event matches.")
}

fn log(global: &Global, out: &mut Out, args: &VerifyLog) -> Result<(), Failure> {
    if !global.has_log() {
        global.reader()?;
    }
    let report = check_log(global, args.threads.map(usize::from), &args.kept)?;
    let told =
        if out.is_json() { out.object(&log_object(&report)) } else { log_text(out, &report) };
    // Whether the report could be told or not: what does not hold must never look as if it did.
    if report.holds() {
        return told;
    }
    if !global.json && global.has_writer() {
        out::note(format_args!(
            "hint: a writer is at work in this directory; verify again when it has ended, to be sure that what it \
             did meanwhile was not taken for damage"
        ));
    }
    Err(finish(out))
}

/// Verifies the directory.
pub fn check_log(
    global: &Global,
    threads: Option<usize>,
    kept: &[PathBuf],
) -> Result<VerifyReport, Failure> {
    let threads = threads.unwrap_or_else(|| available_parallelism().map_or(2, usize::from));
    let kept =
        kept.iter().map(|path| files::read(path, NOTE_BYTES_MAX)).collect::<Result<_, _>>()?;
    let bar = Progress::count("records", global.json);
    let progress = |records| bar.set(records);
    let guard = global.guard_storage();
    let archived = Some(archived());
    let options = VerifyOptions { threads, progress: &progress, guard, kept, archived };
    let report = indelible_store::verify(&global.seams().storage, &options);
    bar.clear();
    Ok(report?)
}

fn log_text(out: &mut Out, report: &VerifyReport) -> Result<(), Failure> {
    let read = &report.log;
    for note in &read.notes {
        out.line(format_args!("note: {note}"))?;
    }
    if let Some((first, rest)) = read.findings.split_first() {
        out::note(format_args!("ALARM: this log does not verify.\n\nfirst: {first}"));
        rest.iter().for_each(|finding| out::note(format_args!("       {finding}")));
        return Ok(());
    }
    out.line(format_args!(
        "All of it holds: {} records of {} trails ({} bytes, {} segments) were read and hashed again, and {} signatures checked.",
        grouped(read.records),
        read.trails.len(),
        grouped(read.bytes),
        read.segments,
        report.signatures
    ))
}

fn log_object(report: &VerifyReport) -> LogReport<'_> {
    let findings = report.log.findings.iter().map(|f| LogFinding {
        trail: f.trail.as_deref(),
        seq: f.seq,
        path: &f.path,
        offset: f.offset,
        what: &f.what,
    });
    LogReport {
        holds: report.holds(),
        records: report.log.records,
        segments: report.log.segments,
        bytes: report.log.bytes,
        signatures: report.signatures,
        findings: findings.collect(),
        notes: &report.log.notes,
    }
}

//! `indelible demo`: the whole idea on made-up events, in a few seconds.

pub mod events;
mod systems;

use std::path::{Path, PathBuf};

use indelible_event::{Part, TrailName, check};
use indelible_log::record::Seq;
use indelible_log::{Appended, Clock, SystemClock};
use indelible_store::{InitOptions, Item, OpenOptions, Reader, Store, verify_proof};
use serde::Serialize;

use crate::args::{Demo, Global};
use crate::failure::Failure;
use crate::out::{Out, Table, grouped};
use crate::{drill, files, verify};
use events::Told;

const EVENTS: u64 = 300;
pub const SEED: u64 = 20_261_120;
pub const ORIGIN: &str = "demo.indelible.local";
/// The trail whose event is proved, and the action of that event.
const PROVED: (&str, &str) = ("network", "config.change");
const PROOF: &str = "event.proof";
const KEY: &str = "network.vkey";

#[derive(Serialize)]
struct Went {
    data: String,
    records: u64,
    attacks: usize,
    as_it_should: bool,
}

/// Tells the steps, unless a machine listens.
struct Guide<'a> {
    out: &'a mut Out,
    step: u32,
}

impl Guide<'_> {
    fn step(&mut self, title: &str) -> Result<(), Failure> {
        self.step += 1;
        let number = self.step;
        self.say(format!("\n{number}. {title}"))?;
        // What takes a moment is announced before it begins.
        self.out.flush()
    }

    fn table(&mut self, table: &Table) -> Result<(), Failure> {
        if self.out.is_json() { Ok(()) } else { table.print(self.out) }
    }

    fn say(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        if self.out.is_json() { Ok(()) } else { self.out.line(line.as_ref()) }
    }
}

pub fn run(out: &mut Out, args: &Demo) -> Result<(), Failure> {
    let data = directory(args)?;
    let global = Global { data: data.clone(), guard: None, json: out.is_json(), data_named: true };
    let mut guide = Guide { out, step: 0 };
    guide.say("Indelible keeps an audit trail that cannot be quietly changed. Watch it try.")?;
    append(&mut guide, &global)?;
    prove(&mut guide, &global)?;
    let records = everything(&mut guide, &global)?;
    let rows = tamper(&mut guide, &global)?;
    if guide.out.is_json() {
        let as_it_should = rows.iter().all(|row| row.as_expected);
        let data = data.display().to_string();
        guide.out.object(&Went { data, records, attacks: rows.len(), as_it_should })?;
    } else {
        farewell(guide.out, &data)?;
    }
    drill::judge(&rows)
}

fn directory(args: &Demo) -> Result<PathBuf, Failure> {
    let Some(dir) = &args.keep else {
        return files::temporary_dir("indelible-demo-");
    };
    if !files::is_free(dir).map_err(Failure::io(dir.display()))? {
        return Err(Failure::cannot(format_args!(
            "{}: not empty; the demo wants a directory of its own",
            dir.display()
        )));
    }
    Ok(dir.clone())
}

fn append(guide: &mut Guide<'_>, global: &Global) -> Result<(), Failure> {
    guide.step("A log is made, and five systems write to it")?;
    let seams = global.seams();
    Store::init(&seams, &InitOptions { origin: ORIGIN.into() })?;
    let told = events::make(SEED, EVENTS, SystemClock.now());
    let items = told.iter().map(item).collect::<Result<Vec<_>, _>>()?;
    let store = Store::open(seams, OpenOptions { background: false, ..OpenOptions::default() })?;
    let started = SystemClock.now();
    let mut kept = 0;
    for batch in items.chunks(100) {
        for result in store.append(batch) {
            let appended = result.map_err(Failure::cannot)?;
            kept += usize::from(matches!(appended, Appended::Kept(_)));
        }
    }
    let micros = SystemClock.now().0 - started.0;
    store.close()?;
    let mut table = Table::new(&[], &[]);
    for system in &systems::SYSTEMS {
        if let Some(one) = told.iter().rfind(|told| told.trail() == system.trail) {
            table.row([vec!["    ".into()], one.cells.clone()].concat());
        }
    }
    guide.table(&table)?;
    guide.say(format!(
        "   {kept} events were written, synced to disk and hashed into a Merkle tree for each system's\n   \
         trail in {:.0} ms. One line a trail, the signed checkpoint, now stands for all its bytes:",
        micros as f64 / 1e3
    ))?;
    let reader = global.reader()?;
    let mut table = Table::new(&[], &[2]);
    for trail in reader.trails() {
        let (_, checkpoint) = reader.checkpoint(&trail)?;
        let (size, root) = (checkpoint.size.to_string(), checkpoint.root.to_base64());
        table.row(vec![
            "    ".into(),
            trail.info.name.to_string(),
            size,
            "records, root".into(),
            root,
        ]);
    }
    guide.table(&table)
}

/// The event, checked, and its trail.
pub fn item(told: &Told) -> Result<Item, Failure> {
    let event = check(told.json.to_string().as_bytes()).map_err(Failure::cannot)?;
    let trail = event.trail.clone().unwrap_or_else(TrailName::unnamed);
    Ok(Item { trail, event, recorded_by: None })
}

fn prove(guide: &mut Guide<'_>, global: &Global) -> Result<(), Failure> {
    guide.step("One event is proved to a stranger, without telling who did it")?;
    let reader = global.reader()?;
    let trail = reader.trail(&TrailName::parse(PROVED.0).map_err(Failure::cannot)?)?;
    let seq = find(&reader, &trail)?;
    let proof = reader.prove(&trail, seq, &[Part::Who, Part::Where])?;
    let vkey = reader.vkey(&trail)?;
    files::write(&global.data.join(PROOF), proof.as_bytes())?;
    files::write(&global.data.join(KEY), format!("{vkey}\n").as_bytes())?;
    let proven = verify_proof(proof.as_bytes(), &vkey).map_err(Failure::DoesNotHold)?;
    if let indelible_event::DisclosedPart::Shown { bytes, .. } =
        &proven.disclosure.parts[Part::What as usize]
    {
        guide.say(format!("     {}", String::from_utf8_lossy(bytes)))?;
    }
    guide.say(format!(
        "   {} bytes prove that this is record {} of {}: checked offline, from the file\n   \
         and the trail's public key alone. Actor and address are withheld, and it holds all the same.",
        grouped(proof.len() as u64),
        proven.index,
        proven.checkpoint.size
    ))?;
    let forged = forge(&proof);
    match verify_proof(forged.as_bytes(), &vkey) {
        Ok(_) => Err(Failure::DoesNotHold("a forged proof was taken for a good one".into())),
        Err(why) => guide.say(format!(
            "   One character of the proof is changed, and it is refused:\n     {why}"
        )),
    }
}

/// The first event of the kind that is proved.
fn find(reader: &Reader, trail: &indelible_log::TrailStatus) -> Result<Seq, Failure> {
    let seqs: Vec<Seq> = (0..trail.size.0).map(Seq).collect();
    let records = reader.read(trail.info.no, &seqs)?;
    let found = records.iter().find(|record| record.entry().action == PROVED.1);
    Ok(found.map_or(Seq(0), |record| record.seq))
}

/// The proof with one character of its tree hashes exchanged.
fn forge(proof: &str) -> String {
    let mut bytes = proof.as_bytes().to_vec();
    // The line after `index …` is the first hash; its first character is exchanged for another of base64.
    if let Some(at) =
        proof.find("\nindex ").and_then(|at| Some(at + 1 + proof[at + 1..].find('\n')? + 1))
    {
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn everything(guide: &mut Guide<'_>, global: &Global) -> Result<u64, Failure> {
    guide.step("Everything is read and hashed again")?;
    let report = verify::check_log(global, None, &[])?;
    if let Some(finding) = report.log.findings.first() {
        return Err(Failure::DoesNotHold(finding.to_string()));
    }
    guide.say(format!(
        "   {} records and {} signatures: all of it holds. Nothing that wrote the log was trusted for this.",
        grouped(report.log.records),
        report.signatures
    ))?;
    Ok(report.log.records)
}

fn tamper(
    guide: &mut Guide<'_>,
    global: &Global,
) -> Result<Vec<indelible_store::DrillRow>, Failure> {
    guide.step(
        "Somebody who knows the formats tampers with copies of it, and mends every checksum",
    )?;
    let rows = drill::drill(global, None)?;
    if !guide.out.is_json() {
        drill::print(guide.out, &rows, false)?;
    }
    if let Some(row) = rows.first() {
        guide.say(format!(
            "   The first of these alarms in full (`drill` shows them all):\n     {}",
            row.finding
        ))?;
    }
    guide.say(
        "   An outside witness is anybody who kept a checkpoint: a mail, a printout, another machine. Against\n   \
         somebody who has the disk, the key and the guard nothing else can help, and no log should say it can.",
    )?;
    Ok(rows)
}

fn farewell(out: &mut Out, data: &Path) -> Result<(), Failure> {
    let me = std::env::args().next().unwrap_or_else(|| "indelible".into());
    let data = data.display();
    out.line(format_args!(
        "\nThe log stays in {data}, for you to look around:\n\n  \
         export INDELIBLE_DATA={data}\n  \
         {me} trails\n  \
         {me} cat --trail users | head -3\n  \
         {me} verify proof {data}/{PROOF} --key \"$(cat {data}/{KEY})\"\n  \
         {me} verify log\n  \
         {me} drill\n\n\
         And a log of your own: {me} init --help"
    ))
}

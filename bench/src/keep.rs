//! What keeping a log costs: backup, restore with verification, erasing one of many, expiring a day. Everything is
//! done by the program, as people do it, beside what `zstd` and `sha256sum` make of the same bytes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::history::{self, History};
use crate::measure::median;
use crate::table::{Table, thousands};

/// How often a process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MB: f64 = 1e6;
/// Events that the erased actor should have.
const ERASED: u64 = 10_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// A directory that `history` made; only read, but for the erasure, which works on the restored copy.
    pub data: PathBuf,
    /// Where to write.
    pub dir: PathBuf,
    /// Runs that the median of backup and restore is taken of.
    pub runs: usize,
    /// The trail that somebody is erased in.
    pub trail: String,
    /// The actor that is erased; without one the actor whose number of events is nearest to 10,000.
    pub subject: Option<String>,
    /// Events of the day that expires.
    pub day_events: usize,
    /// Another seed, other events.
    pub seed: u64,
}

/// What one run of the program took.
struct Took {
    seconds: f64,
    /// Seconds of processor time, in the program and for it in the system, up to when it was last looked at.
    cpu: f64,
    /// Memory of its own at its greatest, in bytes; mapped files do not count.
    anonymous: u64,
    /// The same with mapped files.
    resident: u64,
    out: String,
}

/// Measures it all, a table row each.
pub fn measure(plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "what",
        "seconds",
        "CPU seconds",
        "MB/s",
        "memory MB",
        "with files MB",
        "note",
    ]);
    let scratch = tempfile::TempDir::with_prefix_in("indelible-bench-", &plan.dir)?;
    let at = |name: &str| scratch.path().join(name);
    let bytes = size_of(&plan.data.join("segments"))?;
    for (name, command) in MACHINE {
        let mut seconds = Vec::new();
        for _ in 0..plan.runs {
            seconds.push(machine(command, &plan.data.join("segments"), &at("machine"))?);
        }
        row(&mut table, name, bytes, median(&mut seconds), None, "the machine's limit");
    }
    let (mut backups, mut restores) = (Vec::new(), Vec::new());
    for run in 0..plan.runs {
        let (target, into) = (at(&format!("backups-{run}")), at(&format!("restored-{run}")));
        let made =
            plan.run(&plan.data, &["backup", "create", "--type", "full", "--to"], &target)?;
        let id = field(&made.out, "backup_id").context("the backup has no id")?;
        let from = target.display().to_string();
        let args = ["restore", &id, "--from", &from, "--into"];
        let restored = plan.run(&plan.data, &args, &into)?;
        backups.push(made);
        restores.push(restored);
        std::fs::remove_dir_all(&target)?;
        if run + 1 < plan.runs {
            std::fs::remove_dir_all(&into)?;
        }
    }
    middle(&mut table, "backup, full", bytes, backups, "asked: 150 MB/s, 200 MB");
    middle(&mut table, "restore, verified", bytes, restores, "asked: 150 MB/s, 200 MB");
    let copy = at(&format!("restored-{}", plan.runs - 1));
    erase(plan, &copy, &mut table)?;
    expire(plan, &at("day"), &mut table)?;
    Ok(table)
}

/// What others make of the files, one after the other; `$0` is the directory, `$1` a file to write.
const MACHINE: [(&str, &str); 3] = [
    ("sha256sum", "cat \"$0\"/* | sha256sum"),
    ("zstd -1 and sha256sum", "cat \"$0\"/* | zstd -q -1 -c | sha256sum"),
    ("copied, synced, summed", "cat \"$0\"/* | tee \"$1\" | sha256sum && sync \"$1\""),
];

fn machine(command: &str, dir: &Path, file: &Path) -> Result<f64> {
    let start = Instant::now();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).arg(dir).arg(file).stdout(Stdio::null());
    let status = shell.status().context("no shell")?;
    ensure!(status.success(), "`{command}` failed");
    let seconds = start.elapsed().as_secs_f64();
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    Ok(seconds)
}

/// Erases one actor of the restored copy, as two people do it.
fn erase(plan: &Plan, data: &Path, table: &mut Table) -> Result<()> {
    let key = plan.second(data)?;
    let (subject, events) = plan.actor(data)?;
    let args = ["erase", "--authority", "benchmark", "--trail", &plan.trail, "--subject"];
    let asked = plan.run(data, &args, Path::new(&subject))?;
    let request = field(&asked.out, "request").context("no request was made")?;
    let args = ["confirm", &request, "--key", &key, "--subject"];
    let took = plan.run(data, &args, Path::new(&subject))?;
    let note = format!("{} events of one actor; asked: 180 s", thousands(events));
    row(table, "erasure, confirmed", 0, took.seconds, Some(&took), &note);
    plan.verify(data, table)
}

/// Expires a day of events: the first of three days goes before, the second is measured.
fn expire(plan: &Plan, data: &Path, table: &mut Table) -> Result<()> {
    history::make(data, &History { seed: plan.seed, events: 3 * plan.day_events, days: 3 })?;
    let key = plan.second(data)?;
    for days in [2, 1] {
        let policy = format!("everything else {days}d");
        let asked = plan.run(data, &["retention", "set", "--existing"], Path::new(&policy))?;
        let request = field(&asked.out, "request").context("no request was made")?;
        plan.run(data, &["confirm", &request, "--key"], Path::new(&key))?;
        let took = plan.run(data, &["retention"], Path::new("run"))?;
        let expired = number(&took.out, "expired") + number(&took.out, "pruned");
        let name = format!("expiry, {}", thousands(expired));
        let per_million = took.seconds * MB / expired.max(1) as f64;
        let note = format!("{per_million:.1} s a million; asked: 5 s");
        row(table, &name, 0, took.seconds, Some(&took), &note);
    }
    plan.verify(data, table)
}

impl Plan {
    /// Runs the program on a directory; the last argument is a path or a text of its own.
    fn run(&self, data: &Path, args: &[&str], last: &Path) -> Result<Took> {
        let mut command = Command::new(&self.program);
        command.arg("--json").arg("--data").arg(data).args(args).arg(last);
        let start = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().context("no program")?;
        let mut stdout = child.stdout.take().context("no output")?;
        let reader = std::thread::spawn(move || {
            let mut out = String::new();
            stdout.read_to_string(&mut out).map(|_| out)
        });
        let (mut anonymous, mut resident, mut cpu) = (0, 0, 0.0);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let (own, all) = memory(child.id());
            (anonymous, resident) = (anonymous.max(own), resident.max(all));
            cpu = processor(child.id()).unwrap_or(cpu).max(cpu);
            std::thread::sleep(LOOK_EVERY);
        };
        let seconds = start.elapsed().as_secs_f64();
        let out = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        ensure!(status.success(), "`{}` failed: {out}", args.join(" "));
        Ok(Took { seconds, cpu, anonymous, resident, out })
    }

    /// An administrator beside whoever has the files, and how he comes in.
    fn second(&self, data: &Path) -> Result<String> {
        let args = ["key", "create", "--role", "admin", "--name"];
        let made = self.run(data, &args, Path::new("second"))?;
        field(&made.out, "key").context("no key was made")
    }

    /// The actor that is erased, and how many events it has: of the most active ones of the trail the one that is
    /// nearest to what is asked for.
    fn actor(&self, data: &Path) -> Result<(String, u64)> {
        if let Some(subject) = &self.subject {
            return Ok((subject.clone(), 0));
        }
        let query = format!("trail:{}", self.trail);
        let args = ["stats", &query, "--facets", "actor", "--top", "1000"];
        let counted = self.run(data, &args[..args.len() - 1], Path::new(args[args.len() - 1]))?;
        let facets: Value = serde_json::from_str(counted.out.trim()).context("no counts")?;
        let values =
            facets["facets"]["actor"]["values"].as_array().context("no actors were counted")?;
        let of =
            |value: &Value| Some((value["value"].as_str()?.to_owned(), value["count"].as_u64()?));
        let nearest = values.iter().filter_map(of).min_by_key(|(_, count)| count.abs_diff(ERASED));
        nearest.context("nobody acted in this trail")
    }

    /// What is left must hold.
    fn verify(&self, data: &Path, table: &mut Table) -> Result<()> {
        let took = self.run(data, &["verify"], Path::new("log"))?;
        let bytes = size_of(&data.join("segments"))?;
        row(table, "  verified after that", bytes, took.seconds, Some(&took), "it holds");
        Ok(())
    }
}

/// Memory of a process in bytes: its own, and with the files that it has mapped.
fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0) * 1024
    };
    (of("RssAnon:"), of("VmRSS:"))
}

/// Processor time of a process in seconds, its own and the system's for it.
fn processor(pid: u32) -> Option<f64> {
    /// What the kernel counts in, on every Linux that there is.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may have blanks in it; these two are the twelfth and thirteenth after it.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_A_SECOND)
}

fn middle(table: &mut Table, name: &str, bytes: u64, mut all: Vec<Took>, note: &str) {
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let took = &all[all.len() / 2];
    row(table, name, bytes, took.seconds, Some(took), note);
}

fn row(table: &mut Table, name: &str, bytes: u64, seconds: f64, took: Option<&Took>, note: &str) {
    let memory =
        |of: fn(&Took) -> u64| took.map_or(String::new(), |t| format!("{:.0}", of(t) as f64 / MB));
    let rate =
        if bytes == 0 { String::new() } else { format!("{:.0}", bytes as f64 / MB / seconds) };
    table.row(&[
        name.to_owned(),
        format!("{seconds:.2}"),
        took.map_or(String::new(), |took| format!("{:.1}", took.cpu)),
        rate,
        memory(|t| t.anonymous),
        memory(|t| t.resident),
        note.to_owned(),
    ]);
}

/// A number in the program's answer.
fn number(out: &str, name: &str) -> u64 {
    let lines = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line[name].as_u64()).next_back().unwrap_or(0)
}

/// A text in the program's answer, wherever in its lines of JSON.
fn field(out: &str, name: &str) -> Option<String> {
    let lines = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line[name].as_str().map(str::to_owned)).next_back()
}

fn size_of(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

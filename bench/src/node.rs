//! A running node, seen from outside: started as a child or given by its address; its memory from
//! `/proc`, its directory from the disk.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::http::Address;

/// How long a node may take until it has said where it is and what lets us in.
const START_SECONDS_MAX: u64 = 60;
/// How often memory, and whether it is at work, is looked at.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// How long a node must have been quiet until everything is sealed and indexed.
pub const SEALED: Duration = Duration::from_secs(1);
/// How long it must have been quiet until small segments are merged, too: that waits for quiet itself.
pub const MERGED: Duration = Duration::from_secs(8);
/// More clock ticks of 10 ms than this between two looks are work; its timers take less.
const BUSY_TICKS_MIN: u64 = 1;
/// How long it may go on working after the last event.
const SETTLE_SECONDS_MAX: u64 = 3_600;

/// A node.
pub struct Node {
    /// Where it is.
    pub address: Address,
    /// Its process, if that is on this machine.
    pub pid: Option<u32>,
    /// Its directory, if that is on this machine.
    pub data: Option<PathBuf>,
    child: Option<Child>,
    _dir: Option<TempDir>,
}

impl Node {
    /// One that runs already.
    pub fn running(address: Address, pid: Option<u32>, data: Option<PathBuf>) -> Self {
        Self { address, pid, data, child: None, _dir: None }
    }

    /// Starts one with a new directory under `parent`; it ends, and the directory goes, with this.
    pub fn start(program: &Path, parent: &Path) -> Result<Self> {
        ensure!(
            program.exists(),
            "{} is not there: build it (cargo build --release -p indelible-cli), or give --url and --key",
            program.display()
        );
        let dir = TempDir::with_prefix_in("indelible-bench-", parent)?;
        let data = dir.path().join("data");
        let key = made_key(program, &data)?;
        let mut child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let (said, lines) = channel();
        read_lines(child.stdout.take(), said.clone());
        read_lines(child.stderr.take(), said);
        let found = first_words(&lines, key);
        let pid = child.id();
        let mut node = Self {
            address: Address { host: String::new(), key: String::new() },
            pid: Some(pid),
            data: Some(data),
            child: Some(child),
            _dir: Some(dir),
        };
        // Only now, so that a child that said nothing is ended too.
        node.address = found?;
        Ok(node)
    }

    /// Waits until everything is sealed and indexed: one active file at most, and hardly any work done
    /// for a while. Gives the moment at which that began; `None` where it cannot be seen.
    pub fn settle(&self, quiet: Duration) -> Result<Option<Instant>> {
        let (Some(pid), Some(data)) = (self.pid, &self.data) else { return Ok(None) };
        let deadline = Instant::now() + Duration::from_secs(SETTLE_SECONDS_MAX);
        let (mut quiet_since, mut ticks) = (Instant::now(), cpu_ticks(pid)?);
        while Instant::now() < deadline {
            std::thread::sleep(SAMPLE_EVERY);
            let now = cpu_ticks(pid)?;
            if now - ticks > BUSY_TICKS_MIN || active_files(data)? > 1 {
                quiet_since = Instant::now();
            }
            ticks = now;
            if quiet_since.elapsed() >= quiet {
                return Ok(Some(quiet_since));
            }
        }
        bail!("the node is still at work after {SETTLE_SECONDS_MAX} s")
    }

    /// Seconds of processor time that its process has taken.
    pub fn cpu_seconds(&self) -> Result<Option<f64>> {
        self.pid.map(|pid| Ok(cpu_ticks(pid)? as f64 / 100.0)).transpose()
    }

    /// Bytes on disk, by directory and kind of file.
    pub fn sizes(&self) -> Result<BTreeMap<String, u64>> {
        let mut sizes = BTreeMap::new();
        if let Some(data) = &self.data {
            add_sizes(data, data, &mut sizes)?;
        }
        Ok(sizes)
    }

    /// Begins to watch its memory.
    pub fn watch(&self) -> Watch {
        Watch::begin(self.pid)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Its directory is thrown away, so it need not end well; one that has ended already is fine.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn read_lines(from: Option<impl Read + Send + 'static>, said: Sender<String>) {
    let Some(from) = from else { return };
    std::thread::spawn(move || {
        // To the end, also when nobody listens any more: a full pipe would stop the node.
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
}

/// Makes the directory, and a key that may do everything.
fn made_key(program: &Path, data: &Path) -> Result<String> {
    let run = |args: &[&str]| -> Result<String> {
        let out = Command::new(program).args(args).arg("--data").arg(data).output()?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        ensure!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(said)
    };
    run(&["init", "--origin", "bench.example.com"])?;
    let said = run(&["key", "create", "--role", "admin", "--name", "bench", "--json"])?;
    key_in(&said).with_context(|| format!("no key in {said}"))
}

/// Where the node is: it says so when it starts.
fn first_words(lines: &Receiver<String>, key: String) -> Result<Address> {
    let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
    let mut all = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(host) = host_in(&line) {
                    return Ok(Address { host, key });
                }
                all.push_str(&line);
                all.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the node ended; it said:\n{all}"),
            Err(RecvTimeoutError::Timeout) => {
                bail!("no address within {START_SECONDS_MAX} s:\n{all}")
            }
        }
    }
}

fn host_in(line: &str) -> Option<String> {
    let rest = &line[line.find("http://")? + 7..];
    let host: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(*c)).collect();
    host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()).then_some(host)
}

fn key_in(line: &str) -> Option<String> {
    let rest = &line[line.find("idl_")?..];
    let key: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    // An ellipsis in an example is no key.
    (key.len() > 12).then_some(key)
}

fn active_files(data: &Path) -> Result<usize> {
    let Ok(entries) = std::fs::read_dir(data.join("log")) else { return Ok(0) };
    let mut count = 0;
    for entry in entries {
        count += usize::from(entry?.path().extension().is_some_and(|kind| kind == "log"));
    }
    Ok(count)
}

fn cpu_ticks(pid: u32) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the node is gone")?;
    // The name before the last parenthesis may hold anything; user and system time are 12th and 13th after it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("no process status")?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Ok(number(11).context("no user time")? + number(12).context("no system time")?)
}

fn add_sizes(root: &Path, dir: &Path, sizes: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // A file that went away since was sealed or merged.
        let Ok(metadata) = entry.metadata() else { continue };
        let path = entry.path();
        if metadata.is_dir() {
            add_sizes(root, &path, sizes)?;
            continue;
        }
        let inside = path.strip_prefix(root)?;
        let top = inside.iter().next().unwrap_or_default().to_string_lossy();
        let name = match path.extension() {
            Some(kind) if inside.iter().count() > 1 => {
                format!("{top}/*.{}", kind.to_string_lossy())
            }
            _ if inside.iter().count() > 1 => format!("{top}/"),
            _ => "other".to_owned(),
        };
        *sizes.entry(name).or_default() += metadata.len();
    }
    Ok(())
}

/// The most memory a process had, in MiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// All of it, as the kernel keeps it.
    pub whole: f64,
    /// Its own, looked at ten times a second.
    pub anonymous: f64,
    /// Pages of mapped files, which the kernel takes back when it needs them.
    pub files: f64,
}

impl Peak {
    /// As one line.
    pub fn text(&self) -> String {
        format!(
            "VmHWM {:.0} MiB; peaks of RssAnon {:.0} MiB, RssFile {:.0} MiB",
            self.whole, self.anonymous, self.files
        )
    }
}

/// Watches a process's memory from a thread of its own.
pub struct Watch {
    pid: Option<u32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Peak>>,
}

impl Watch {
    fn begin(pid: Option<u32>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = pid.map(|pid| {
            // Makes the kernel forget the peak so far; where it may not be written, VmHWM is the process's.
            let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut peak = Peak::default();
                while !stop.load(Ordering::Relaxed) {
                    look(pid, &mut peak);
                    std::thread::sleep(SAMPLE_EVERY);
                }
                peak
            })
        });
        Self { pid, stop, thread }
    }

    /// Ends it: the peaks since it began, if there is a process to see.
    pub fn end(mut self) -> Option<Peak> {
        self.stop.store(true, Ordering::Relaxed);
        let mut peak = self.thread.take()?.join().ok()?;
        look(self.pid?, &mut peak);
        Some(peak)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn look(pid: u32, peak: &mut Peak) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    for (name, value) in status.lines().filter_map(|line| line.split_once(':')) {
        let place = match name {
            "VmHWM" => &mut peak.whole,
            "RssAnon" => &mut peak.anonymous,
            "RssFile" => &mut peak.files,
            _ => continue,
        };
        let kib = value.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        *place = place.max(kib.unwrap_or(0.0) / 1024.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_key_are_found_in_what_a_node_says() {
        assert_eq!(
            host_in("listening on http://127.0.0.1:41233/, ready"),
            Some("127.0.0.1:41233".to_owned())
        );
        assert_eq!(host_in("see http://example.com/docs"), None);
        assert_eq!(key_in("admin key: idl_Ab3-xyz_90123 (once)"), Some("idl_Ab3-xyz_90123".into()));
        assert_eq!(key_in("export KEY=idl_…"), None);
    }

    #[test]
    fn a_node_that_ends_at_once_is_an_error_with_its_words() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let error = Node::start(Path::new("/bin/echo"), dir.path()).err().expect("no node");
        assert!(error.to_string().contains("no key in"), "{error:#}");
        assert!(Node::start(Path::new("/nowhere/indelible"), dir.path()).is_err());
    }

    #[test]
    fn a_node_that_says_where_it_is_runs_until_it_is_dropped() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a temporary directory");
        let program = dir.path().join("node");
        let script = "#!/bin/sh\ncase $1 in\nkey) echo '{\"key\":\"idl_0123456789abcdef\"}' ;;\nserve) echo 'at http://127.0.0.1:4999' >&2; exec sleep 600 ;;\nesac\n";
        std::fs::write(&program, script).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("set");
        let node = Node::start(&program, dir.path()).expect("a node");
        let address = Address::parse("http://127.0.0.1:4999", "idl_0123456789abcdef");
        assert_eq!(node.address, address.expect("an address"));
        let pid = node.pid.expect("a process");
        std::fs::create_dir_all(node.data.as_ref().expect("a directory")).expect("made");
        // It sleeps, so there is nothing to wait for.
        assert!(node.settle(SEALED).expect("it is seen").is_some());
        drop(node);
        assert!(cpu_ticks(pid).is_err());
    }

    #[test]
    fn a_process_is_seen_from_outside() {
        let node = Node::running(
            Address { host: String::new(), key: String::new() },
            Some(std::process::id()),
            None,
        );
        let peak = node.watch().end().expect("our own process");
        assert!(peak.whole >= peak.anonymous && peak.anonymous > 0.0, "{peak:?}");
        assert!(node.cpu_seconds().expect("a process status").is_some());
    }

    #[test]
    fn sizes_are_by_directory_and_kind() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (path, size) in [
            ("segments/a.parquet", 7),
            ("segments/b.parquet", 3),
            ("trails/x/level-0", 5),
            ("n", 1),
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, vec![0; size]).expect("written");
        }
        let address = Address { host: String::new(), key: String::new() };
        let node = Node::running(address, None, Some(dir.path().to_owned()));
        let sizes: Vec<(String, u64)> = node.sizes().expect("sizes").into_iter().collect();
        let expected = [("other", 1), ("segments/*.parquet", 10), ("trails/", 5)];
        assert_eq!(sizes, expected.map(|(name, size)| (name.to_owned(), size)));
    }
}

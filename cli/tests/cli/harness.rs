//! A data directory of its own, and the binary on it.
#![expect(clippy::disallowed_methods, reason = "tests look at files from outside")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A directory that goes away at the end, with a log in it.
pub struct Log {
    dir: tempfile::TempDir,
}

/// How a run of the binary ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Log {
    /// A new log.
    pub fn new() -> Log {
        let log = Log::none();
        log.run(["init", "--origin", "test.example"]).ok();
        log
    }

    /// A directory without a log.
    pub fn none() -> Log {
        Log { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A path beside the log.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
        command
            .env_remove("INDELIBLE_GUARD")
            .env_remove("INDELIBLE_URL")
            .env_remove("INDELIBLE_KEY")
            .env("INDELIBLE_DATA", self.data())
            .env("XDG_STATE_HOME", self.path("state"))
            .current_dir(self.dir.path());
        // What a developer may have set, and the help depends on.
        for name in ["COLUMNS", "LINES", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.args(args);
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.feed(args, b"")
    }

    /// Runs with this on standard input.
    pub fn feed<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
        let mut child = self.start(args);
        let mut stdin = child.stdin.take().expect("it was piped");
        let input = input.to_vec();
        // On a thread of its own, or both sides could wait for each other over full pipes.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the binary ends");
        feeder.join().expect("the feeder ends");
        Ran::of(output)
    }

    /// Starts with all three streams piped.
    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Child {
        self.command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// Appends events that must all be kept.
    pub fn append(&self, events: &str) -> Vec<Value> {
        self.feed(["append", "--receipts"], events.as_bytes()).ok().json()
    }

    /// Appends so many small events.
    pub fn fill(&self, trail: &str, count: usize) {
        let lines: String = (0..count)
            .map(|n| format!("{{\"action\":\"thing.do\",\"details\":{{\"n\":{n}}}}}\n"))
            .collect();
        self.feed(["append", "--trail", trail], lines.as_bytes()).ok();
    }

    /// The verifier key of a trail.
    pub fn key(&self, trail: &str) -> String {
        self.run(["key", "show", "--trail", trail]).ok().stdout.trim().to_owned()
    }
}

/// A node that is asked to stop at the end, and killed if the test panics.
pub struct Node {
    child: Option<Child>,
    /// What it said when it was ready.
    pub told: Value,
}

impl Node {
    pub fn start(log: &Log, args: &[&str]) -> Node {
        let fixed = ["serve", "--json", "--listen", "127.0.0.1:0"];
        let mut child = log.start(fixed.iter().chain(args));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a node that works"))
            .read_line(&mut line)
            .expect("a node that works");
        if line.is_empty() {
            let mut said = String::new();
            child
                .stderr
                .take()
                .expect("a node that works")
                .read_to_string(&mut said)
                .expect("a node that works");
            panic!("the node does not start: {said}");
        }
        Node { child: Some(child), told: serde_json::from_str(&line).expect("a node that works") }
    }

    pub fn url(&self) -> &str {
        self.told["address"].as_str().expect("a node that works")
    }

    pub fn demo_key(&self) -> &str {
        self.told["key"].as_str().expect("a node that works")
    }

    pub fn stop(mut self) -> Ran {
        let child = self.child.take().expect("a node that works");
        let pid = child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().expect("a node that works").success());
        Ran::of(child.wait_with_output().expect("a node that works"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// It must have ended with this status.
    #[track_caller]
    pub fn status(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn ok(self) -> Ran {
        self.status(0)
    }

    /// Standard error must have this in it.
    #[track_caller]
    pub fn says(self, text: &str) -> Ran {
        assert!(self.stderr.contains(text), "{text:?} is not in:\n{}", self.stderr);
        self
    }

    /// Standard output, an object a line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        objects(&self.stdout)
    }
}

#[track_caller]
pub fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn read_text(path: &Path) -> String {
    String::from_utf8(read(path)).expect("UTF-8")
}

pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

pub fn make_dir(path: &Path) {
    std::fs::create_dir_all(path).expect("a directory");
}

pub fn remove_dir(path: &Path) {
    std::fs::remove_dir_all(path).expect("the directory is there");
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a new directory");
    for file in files(from) {
        let to = to.join(&file);
        std::fs::create_dir_all(to.parent().expect("it is in a directory"))
            .expect("a new directory");
        std::fs::copy(from.join(&file), to).expect("a copy");
    }
    // An empty directory is part of a log, too.
    for dir in ["segments", "trails"] {
        std::fs::create_dir_all(to.join(dir)).expect("a new directory");
    }
}

/// The paths of all files under a directory, sorted.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(&next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path.strip_prefix(dir).expect("it is under it").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

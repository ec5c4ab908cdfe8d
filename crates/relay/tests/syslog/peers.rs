//! rsyslog and syslog-ng as processes of a test's own.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::stand::until;

/// Where `tests/syslog-peers/install` puts them. Without them a test is passed over, but never in CI.
fn installed() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let dir = cache.join("indelible/syslog-peers-1");
    if dir.join("complete").exists() {
        return Some(dir);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "rsyslog and syslog-ng are not there: tests/syslog-peers/install fetches them, as does ./test"
    );
    eprintln!(
        "passed over: rsyslog and syslog-ng are not there (tests/syslog-peers/install fetches them)"
    );
    None
}

/// A directory of a test's own, with what daemons that run in it write.
pub struct Place {
    pub dir: TempDir,
    peers: PathBuf,
}

/// A daemon that runs. It ends with its test.
pub struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Place {
    pub fn new() -> Option<Place> {
        Some(Place { peers: installed()?, dir: tempfile::tempdir().unwrap() })
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let libraries = std::fs::read_to_string(self.peers.join("libraries")).unwrap();
        let mut command = Command::new(self.peers.join(program));
        command.env("LD_LIBRARY_PATH", libraries.trim()).stdin(Stdio::null());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log"));
        command.stdout(Stdio::null()).stderr(log.unwrap());
        command
    }

    fn modules(&self, under: &str, one: &str) -> PathBuf {
        find(&self.peers.join(under), one).expect("the packages have it")
    }

    /// Runs rsyslog with this configuration; `NAME` of `rules` are paths in this place.
    pub fn rsyslog(&self, configuration: &str) -> Daemon {
        let file = self.path("rsyslog.conf");
        let head = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"64k\")\n",
            self.dir.path().display()
        );
        std::fs::write(&file, head + configuration).unwrap();
        let mut command = self.command("usr/sbin/rsyslogd");
        command.args(["-n", "-f", &file, "-i", &self.path("rsyslog.pid"), "-M"]);
        command.arg(self.modules("usr/lib", "imtcp.so"));
        Daemon(command.spawn().unwrap())
    }

    /// Runs syslog-ng with this configuration.
    pub fn syslog_ng(&self, configuration: &str) -> Daemon {
        let file = self.path("syslog-ng.conf");
        std::fs::write(&file, format!("@version: 3.38\n{configuration}")).unwrap();
        let mut command = self.command("usr/sbin/syslog-ng");
        command.args(["-F", "-f", &file, "--persist-file", &self.path("ng.persist")]);
        command.args(["--pidfile", &self.path("ng.pid"), "--control", &self.path("ng.ctl")]);
        command.arg("--module-path").arg(self.modules("usr/lib/syslog-ng", "libafsocket.so"));
        Daemon(command.spawn().unwrap())
    }

    /// What loggers of this place write to, once the daemon listens.
    pub async fn logger(&self) -> UnixDatagram {
        let path = self.path("dev-log");
        let socket = UnixDatagram::unbound().unwrap();
        until("the daemon listens", || socket.connect(&path).is_ok()).await;
        socket
    }

    /// The lines of a file that a daemon writes.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What the daemons said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|one| one == name) {
            return Some(dir.into());
        }
        if path.is_dir()
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

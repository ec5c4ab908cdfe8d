//! A NATS server of a test's own, which can be killed and started again with what it kept.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The server's binary, as `./test` installs it.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let install = format!("{REPOSITORY}/tests/nats-server/install");
    let said = Command::new(install).arg("--where").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().into()
});

/// It keeps its streams in a directory of its own, and ends with the test, also if the test is killed.
pub struct NatsServer {
    dir: TempDir,
    pub port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// With JetStream, for anybody.
    pub fn start() -> NatsServer {
        NatsServer::with("")
    }

    /// With more settings; `DIR` in them is its directory.
    pub fn with(settings: &str) -> NatsServer {
        NatsServer::prepared(settings, |_| ())
    }

    /// With files that are made in its directory first.
    pub fn prepared(settings: &str, prepare: impl FnOnce(&Path)) -> NatsServer {
        let jetstream = "jetstream { store_dir: \"DIR/js\", sync_interval: always }";
        NatsServer::bare(&format!("{jetstream}\n{settings}"), prepare)
    }

    /// With these settings alone.
    pub fn bare(settings: &str, prepare: impl FnOnce(&Path)) -> NatsServer {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = dir.path().display();
        let settings = settings.replace("DIR", &place.to_string());
        let config = format!("listen: \"127.0.0.1:{port}\"\n{settings}\n");
        std::fs::write(dir.path().join("nats.conf"), config).unwrap();
        let mut server = NatsServer { dir, port, child: None };
        server.again();
        server
    }

    /// Starts it again, on the same port, with what it kept.
    pub fn again(&mut self) {
        // The shell ends the server when its input ends, and that ends with this process.
        let script = r#""$@" 2>"$0" & pid=$!; echo begun; read -r _; kill -9 $pid; wait $pid"#;
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(self.dir.path().join("log"))
            .arg(&*BINARY)
            .arg("-c")
            .arg(self.dir.path().join("nats.conf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut begun = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut begun).unwrap();
        self.child = Some(child);
        for _ in 0..1000 {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut info = String::new();
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                if BufReader::new(stream).read_line(&mut info).is_ok() && info.starts_with("INFO") {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        panic!("the NATS server does not start: {log}");
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.stdin.take().unwrap().write_all(b"\n");
            let _ = child.wait();
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A file of its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Makes an authority (`ca.pem`) and a certificate of it for this machine (`cert.pem`, `key.pem`) that is good for so
/// many days: none at all, if they are negative.
pub fn certificates(dir: &Path, days: i32) {
    let openssl = |args: &str| {
        let run = Command::new("openssl").args(args.split_whitespace()).current_dir(dir).output();
        let run = run.expect("openssl is there");
        assert!(run.status.success(), "{args}: {}", String::from_utf8_lossy(&run.stderr));
    };
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=Test -days 30"));
    openssl(&format!("req {key} -keyout key.pem -out request -subj /CN=localhost"));
    let of = "-CA ca.pem -CAkey ca.key -CAcreateserial -extfile names";
    openssl(&format!("x509 -req -in request {of} -days {days} -out cert.pem"));
}

//! A PostgreSQL server of a test's own: in a temporary directory, reached over a socket there and nowhere else.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Debian's `nobody`: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// Ends the server and clears its directory away when nobody holds its input any more, also if the test was killed.
const WATCHER: &str =
    r#"read _; "$0/pg_ctl" stop -m immediate -D "$1/data" >"$1/stopped" 2>&1; rm -rf "$1""#;

pub struct PostgresServer {
    programs: PathBuf,
    dir: PathBuf,
    watcher: Child,
}

impl PostgresServer {
    /// Starts one; `None` where there is no PostgreSQL and it was said that this may be.
    pub fn start() -> Option<PostgresServer> {
        let Some(programs) = programs() else {
            let may_skip = std::env::var_os("CI").is_none()
                && std::env::var_os("INDELIBLE_SKIP_POSTGRES").is_some_and(|value| value == "1");
            assert!(
                may_skip,
                "PostgreSQL is not installed (Debian: apt-get install postgresql; ./test does it); \
                 INDELIBLE_SKIP_POSTGRES=1 leaves its tests out, but not in CI"
            );
            eprintln!("not tested: PostgreSQL is not installed");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("indelible-pg").tempdir().unwrap().keep();
        let root = std::fs::metadata(&dir).unwrap().uid() == 0;
        copy_cluster(&programs, &dir);
        if root {
            done(Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(&dir));
        }
        let mut watcher = command(&programs, &dir, Path::new("/bin/sh"));
        let watcher = watcher.args(["-c", WATCHER]).arg(&programs).arg(&dir);
        let watcher = watcher.stdin(Stdio::piped()).spawn().unwrap();
        let server = PostgresServer { programs, dir, watcher };
        server.pg_ctl("start");
        Some(server)
    }

    pub fn restart(&self) {
        self.pg_ctl("restart");
    }

    fn pg_ctl(&self, what: &str) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c shared_buffers=16MB",
            self.dir.display()
        );
        let mut command = command(&self.programs, &self.dir, &self.programs.join("pg_ctl"));
        command.args([what, "-w", "-m", "fast", "-o", &options]);
        done(command.arg("-D").arg(self.dir.join("data")).arg("-l").arg(self.dir.join("log")));
    }

    /// Where it is reached.
    pub fn socket(&self) -> &Path {
        &self.dir
    }

    pub async fn pool(&self) -> PgPool {
        connected(self.socket()).await
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        let _ = self.watcher.wait();
    }
}

pub async fn connected(socket: &Path) -> PgPool {
    let options = PgConnectOptions::new_without_pgpass();
    let options =
        options.socket(socket).username("audit").database("postgres").application_name("test");
    let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(30));
    pool.connect_with(options).await.unwrap()
}

/// Where PostgreSQL's programs are; the newest, where there are several.
fn programs() -> Option<PathBuf> {
    let whole = |place: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|name| place.join(name).exists())
    };
    let mut places: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    places.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = places.into_iter().rev();
    debian.chain(std::env::split_paths(&path).collect::<Vec<_>>()).find(whole)
}

/// Making a cluster takes seconds, copying one a moment: the first test that needs one leaves it for the others.
fn copy_cluster(programs: &Path, dir: &Path) {
    let name = programs.display().to_string().replace('/', "-");
    let template = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("small-cluster{name}"));
    if !template.exists() {
        let made = tempfile::Builder::new().prefix("indelible-pg").tempdir().unwrap();
        if std::fs::metadata(made.path()).unwrap().uid() == 0 {
            std::os::unix::fs::chown(made.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut initdb = command(programs, made.path(), &programs.join("initdb"));
        initdb.args(["--no-sync", "--auth=trust", "--username=audit", "--locale=C"]);
        // Small ones, as they are copied.
        initdb.arg("--wal-segsize=1");
        done(initdb.arg("--encoding=UTF8").arg("-D").arg(made.path().join("data")));
        let ours = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        done(Command::new("cp").arg("-r").arg(made.path().join("data")).arg(ours.path()));
        // Whoever is first wins; another test's is as good.
        let _ = std::fs::rename(ours.path().join("data"), &template);
    }
    done(Command::new("cp").arg("-r").arg(&template).arg(dir.join("data")));
    done(Command::new("chmod").arg("-R").arg("u=rwX,go=").arg(dir.join("data")));
}

/// A program run as whoever owns the directory, with no pipe that a server would hold open.
fn command(programs: &Path, dir: &Path, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("LC_ALL", "C");
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if std::fs::metadata("/proc/self").map(|us| us.uid()).unwrap_or(1) == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn done(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

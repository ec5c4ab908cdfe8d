//! Buckets, on a real server process (tests/s3-server), whose faults are asked for by request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use indelible_keep::backup::model::BackupType;
use indelible_keep::backup::{NewBackup, check};
use indelible_keep::target::{S3Options, S3Target, Target, TargetError};
use indelible_keep::{KeepError, Silent};
use indelible_log::storage::{FileStorage, Storage};

use crate::support::{Place, admin, copy_verifies};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PART: u64 = 256 << 10;

/// A server of a test's own. It ends with its input, also if the test is killed.
struct Server {
    port: u16,
    child: Child,
    variables: Arc<Mutex<Vec<(String, String)>>>,
}

/// The Python that `./test` installs the server into.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("INDELIBLE_S3_PYTHON") {
        return python.into();
    }
    let pinned = std::fs::read(format!("{REPOSITORY}/tests/s3-server/requirements.txt")).unwrap();
    let hash = indelible_log::hex::encode(&indelible_log::sha256(&pinned));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let dir = cache.join("indelible").join(format!("s3-{}", &hash[..12]));
    assert!(
        dir.join("complete").exists(),
        "the S3-compatible server is not installed: tests/s3-server/install does it, as does ./test"
    );
    dir.join("bin/python")
}

static PYTHON: LazyLock<PathBuf> = LazyLock::new(python);

impl Server {
    fn start() -> Server {
        let mut child = Command::new(&*PYTHON)
            .arg(format!("{REPOSITORY}/tests/s3-server/serve.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Services take no part below 5 MiB; the tests move less.
            .env("S3_UPLOAD_PART_MIN_SIZE", PART.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("it says on which port it is");
        let mut variables = credentials("token-of-the-first-hour");
        variables.push(("AWS_ENDPOINT_URL".into(), format!("http://127.0.0.1:{port}")));
        let server = Server { port, child, variables: Arc::new(Mutex::new(variables)) };
        server.ask("PUT", "/backups");
        server
    }

    /// Asks for something that needs no signature here.
    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn parts(&self) -> u64 {
        self.ask("GET", "/_test/uploads").parse().unwrap()
    }

    fn renew(&self, token: &str) {
        let mut variables = self.variables.lock().unwrap();
        variables.retain(|(name, _)| name == "AWS_ENDPOINT_URL");
        variables.extend(credentials(token));
    }

    fn options(&self) -> S3Options {
        let variables = self.variables.clone();
        S3Options {
            variables: Arc::new(move || variables.lock().unwrap().clone()),
            backoff: (Duration::from_millis(1), Duration::from_millis(5)),
            part_bytes: PART,
        }
    }

    fn target(&self, place: &str, journal: Option<Arc<dyn Storage>>) -> S3Target {
        S3Target::open(place, self.options(), journal).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

const SECRET: &str = "the-secret-of-the-test";

fn credentials(token: &str) -> Vec<(String, String)> {
    let values = [
        ("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", token),
    ];
    values.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn journal(dir: &tempfile::TempDir) -> Option<Arc<dyn Storage>> {
    Some(Arc::new(FileStorage::new(dir.path())))
}

/// Bytes that differ from part to part.
fn content(bytes: u64) -> Vec<u8> {
    (0..bytes).map(|n| (n % 251) as u8 ^ (n >> 16) as u8).collect()
}

fn put(target: &dyn Target, key: &str, bytes: &[u8]) -> Result<(), TargetError> {
    target.put(key, bytes.len() as u64, &mut &bytes[..])
}

fn get(target: &dyn Target, key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    target.get(key).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn no_secret(text: &str) {
    for secret in
        [SECRET, "token-of-the-first-hour", "token-of-the-second-hour", "AKIATESTTESTTEST"]
    {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn files_go_to_a_bucket_and_come_back() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let target = server.target("backups/node-1", journal(&dir));
    assert_eq!(target.name(), "s3://backups/node-1");
    assert_eq!(target.list("").unwrap(), []);
    let large = content(3 * PART + 17);
    put(&target, "a/small", b"hello").unwrap();
    put(&target, "a/empty", b"").unwrap();
    put(&target, "a/b/large", &large).unwrap();
    put(&target, "ab", b"beside").unwrap();
    let list = [("a/b/large", large.len() as u64), ("a/empty", 0), ("a/small", 5)];
    assert_eq!(target.list("a/").unwrap(), list.map(|(key, n)| (key.to_owned(), n)));
    assert_eq!(target.list("").unwrap().len(), 4);
    assert_eq!(get(&target, "a/small"), b"hello");
    assert!(get(&target, "a/empty").is_empty());
    assert!(get(&target, "a/b/large") == large);
    assert_eq!(target.len("a/small").unwrap(), Some(5));
    assert_eq!(target.len("a/none").unwrap(), None);
    assert!(matches!(target.get("a/none"), Err(TargetError::Missing { .. })));
    target.delete("a/small").unwrap();
    target.delete("a/small").unwrap();
    assert_eq!(target.len("a/small").unwrap(), None);
    assert!(server.target("backups", None).len("node-1/ab").unwrap().is_some());
    for bad in ["../x", "/x", "a//b", "a/./b", ""] {
        assert!(matches!(put(&target, bad, b"x"), Err(TargetError::Bad(_))), "{bad}");
    }
    let error = server.target("no-such-bucket", None).list("").unwrap_err();
    assert!(error.to_string().contains("no such bucket"), "{error}");
}

#[test]
fn what_makes_no_sense_is_refused_without_repeating_a_secret() {
    let server = Server::start();
    for bad in ["", "ab", "AKIA:hunter2@backups/x", "backups/../x"] {
        let error = S3Target::open(bad, server.options(), None).err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    let elsewhere = ("AWS_ENDPOINT_URL".to_owned(), "http://s3.example.com".to_owned());
    server.variables.lock().unwrap()[3] = elsewhere;
    let error = server.target("backups", None).list("").unwrap_err().to_string();
    assert!(error.contains("https://"), "{error}");
}

#[test]
fn an_upload_that_broke_off_goes_on_in_another_process() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let large = content(10 * PART + 1);
    server.ask("PUT", "/_test/lose/6");
    let error = put(&server.target("backups", journal(&dir)), "x/large", &large).unwrap_err();
    assert!(matches!(error, TargetError::Io { .. }), "{error}");
    server.ask("PUT", "/_test/lose/0");
    let before = server.parts();
    assert!(before >= 4, "the first parts arrived");
    // Another target over the same data directory is what another process has.
    let target = server.target("backups", journal(&dir));
    assert_eq!(target.len("x/large").unwrap(), None);
    put(&target, "x/large", &large).unwrap();
    assert_eq!(server.parts(), 11, "no part was sent twice");
    assert!(get(&target, "x/large") == large);
    assert!(std::fs::read_dir(dir.path().join("uploads")).unwrap().next().is_none());
}

#[test]
fn parts_of_other_bytes_are_sent_again_and_an_upload_that_is_gone_begins_anew() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let target = server.target("backups", journal(&dir));
    let mut large = content(8 * PART);
    server.ask("PUT", "/_test/lose/7");
    put(&target, "x/large", &large).unwrap_err();
    server.ask("PUT", "/_test/lose/0");
    let before = server.parts();
    large[PART as usize + 3] ^= 1;
    put(&target, "x/large", &large).unwrap();
    assert_eq!(
        server.parts(),
        8 + 1,
        "after {before}: those that are missing, and the one that differs"
    );
    assert!(get(&target, "x/large") == large);
    // Left behind by somebody who gave up.
    server.ask("PUT", "/_test/lose/7");
    put(&target, "y/large", &large).unwrap_err();
    server.ask("PUT", "/_test/lose/0");
    target.forget("y/").unwrap();
    assert!(std::fs::read_dir(dir.path().join("uploads")).unwrap().next().is_none());
    assert_eq!(target.list("y/").unwrap(), []);
    put(&target, "y/large", &large).unwrap();
}

#[test]
fn busy_servers_and_bodies_that_break_off_are_asked_again() {
    let server = Server::start();
    let target = server.target("backups", None);
    let large = content(3 * PART);
    server.ask("PUT", "/_test/busy/3");
    put(&target, "x", b"small").unwrap();
    server.ask("PUT", "/_test/busy/3");
    put(&target, "large", &large).unwrap();
    server.ask("PUT", "/_test/break/2");
    assert!(get(&target, "large") == large);
    server.ask("PUT", "/_test/busy/1000");
    let error = put(&target, "y", b"small").unwrap_err();
    assert!(error.to_string().contains("SlowDown"), "{error}");
    no_secret(&error.to_string());
}

#[test]
fn expired_credentials_are_named_and_it_goes_on_after_renewal() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let target = server.target("backups", journal(&dir));
    let large = content(10 * PART);
    server.ask("PUT", "/_test/expire/token-of-the-first-hour?after=6");
    let error = put(&target, "x/large", &large).unwrap_err();
    assert!(matches!(error, TargetError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("have expired"), "{error}");
    no_secret(&error.to_string());
    no_secret(&format!("{error:?}"));
    let before = server.parts();
    assert!(before >= 4);
    server.renew("token-of-the-second-hour");
    put(&target, "x/large", &large).unwrap();
    assert_eq!(server.parts(), 10, "it went on where it was");
    assert!(get(&target, "x/large") == large);

    // Whoever renews them in time is not told at all: they are read again for each request.
    server.ask("PUT", "/_test/expire/token-of-the-second-hour?after=0");
    let renewed = server.variables.clone();
    let asked = Mutex::new(0);
    let options = S3Options {
        variables: Arc::new(move || {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let mut variables = renewed.lock().unwrap().clone();
            if *asked > 1 {
                variables.retain(|(name, _)| name != "AWS_SESSION_TOKEN");
                variables.push(("AWS_SESSION_TOKEN".into(), "token-of-the-third-hour".into()));
            }
            variables
        }),
        ..server.options()
    };
    let target = S3Target::open("backups", options, None).unwrap();
    assert_eq!(target.len("x/large").unwrap(), Some(large.len() as u64));
}

#[test]
fn denied_is_called_denied() {
    let server = Server::start();
    let target = server.target("backups", None);
    put(&target, "x", b"x").unwrap();
    server.ask("PUT", "/_test/deny");
    let errors = [
        put(&target, "y", b"y"),
        target.list("").map(drop),
        target.delete("x"),
        target.len("x").map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert!(matches!(error, TargetError::Denied { .. }), "{error}");
        no_secret(&error.to_string());
    }
}

#[test]
fn credentials_come_from_a_file_and_count_when_they_change() {
    let server = Server::start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("credentials");
    let write = |token: &str| {
        let text = format!(
            "[audit]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = {token}\n"
        );
        std::fs::write(&path, text).unwrap();
    };
    write("token-of-the-first-hour");
    {
        let mut variables = server.variables.lock().unwrap();
        variables.retain(|(name, _)| name == "AWS_ENDPOINT_URL");
        let file = path.to_str().unwrap().to_owned();
        variables.push(("AWS_SHARED_CREDENTIALS_FILE".into(), file));
        variables.push(("AWS_PROFILE".into(), "audit".into()));
    }
    let target = server.target("backups", None);
    put(&target, "x", b"x").unwrap();
    server.ask("PUT", "/_test/expire/token-of-the-first-hour?after=0");
    assert!(matches!(put(&target, "x", b"y"), Err(TargetError::Expired { .. })));
    write("token-of-the-second-hour");
    put(&target, "x", b"y").unwrap();
}

#[test]
fn a_backup_to_a_bucket_goes_on_after_its_credentials_expired_and_leaves_nothing_when_it_is_deleted()
 {
    let server = Server::start();
    let place = Place::new();
    place.append("default", 0..2_000);
    place.keep.store().publish().unwrap();
    let data: Arc<dyn Storage> = place.keep.seams().storage.clone();
    let target: Arc<dyn Target> = Arc::new(server.target("backups/node-1", Some(data)));
    let new = NewBackup::default();
    server.ask("PUT", "/_test/expire/token-of-the-first-hour?after=15");
    let error = place.keep.create_backup_at(&admin(), &new, target.clone(), &Silent).unwrap_err();
    assert!(matches!(error, KeepError::Target(TargetError::Expired { .. })), "{error}");
    let (_, outcome, details) = place.told("backup.create").pop().unwrap();
    assert_eq!(outcome, "Failure");
    assert!(details["error"].as_str().unwrap().contains("have expired"), "{details}");
    no_secret(&details.to_string());
    server.renew("token-of-the-second-hour");
    let made = place.keep.create_backup_at(&admin(), &new, target.clone(), &Silent).unwrap();
    assert!(made.resumed_bytes > 0);
    let backup = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap();
    copy_verifies(&*target, &backup);
    let incremental = NewBackup { backup_type: BackupType::Incremental, ..new };
    let second =
        place.keep.create_backup_at(&admin(), &incremental, target.clone(), &Silent).unwrap();
    assert!(second.shared_bytes > 0);
    let backup = check(&*target, &second.id, Some(&second.sha256), &Silent).unwrap();
    copy_verifies(&*target, &backup);
    // What is changed at the target is found, here as well.
    let victim = backup.files.iter().find(|f| f.path.ends_with(".parquet")).unwrap();
    let mut bytes = get(&*target, &victim.at);
    bytes[77] ^= 1;
    put(&*target, &victim.at, &bytes).unwrap();
    let error = check(&*target, &second.id, None, &Silent).unwrap_err();
    assert!(
        matches!(&error, KeepError::Damaged { path, .. } if path.ends_with(&victim.at)),
        "{error}"
    );
}

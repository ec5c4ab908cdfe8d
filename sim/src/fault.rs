//! Storage that fails where it is told to, and remembers every call it was given.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use indelible_log::storage::{File, Space, Storage};

use crate::power::PowerStorage;

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the method of the seam that has its name")]
pub enum CallKind {
    Open,
    Create,
    Map,
    List,
    Rename,
    Remove,
    CreateDir,
    SyncDir,
    Lock,
    Read,
    Write,
    Len,
    SetLen,
    Sync,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub kind: CallKind,
    /// On which file or directory.
    pub path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.path)
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `EIO`. Half of a write reaches the file; a failed sync drops what it should have written.
    Eio,
    /// `EIO`, though the call took effect; for calls that have one.
    EioAfter,
    /// `ENOSPC`, for calls that need room. Half of a write reaches the file.
    Enospc,
    /// A write or read of half the bytes.
    Short,
    /// `EINTR`, for reads and writes; the others are not interrupted, or the standard library goes on.
    Eintr,
    /// `EIO` from every sync of a file.
    SyncError,
    /// The machine stops: neither this call nor any later one has an effect.
    Stop,
}

impl Fault {
    /// Whether a call of this kind can fail in this way; only those are counted.
    pub fn applies(self, kind: CallKind) -> bool {
        use CallKind::{Create, CreateDir, Len, List, Map, Open, Read, Sync, Write};
        match self {
            Fault::Eio | Fault::Stop => true,
            Fault::EioAfter => !matches!(kind, Open | Map | List | Read | Len),
            Fault::Enospc => matches!(kind, Create | CreateDir | Write),
            Fault::Short | Fault::Eintr => matches!(kind, Read | Write),
            Fault::SyncError => kind == Sync,
        }
    }
}

/// When to fail.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How.
    pub fault: Fault,
    /// At which of the calls that it applies to, counted from 0 since the plan was set.
    pub at: u64,
    /// Only calls of this kind are counted, if one is given.
    pub kind: Option<CallKind>,
    /// Whether every later call fails as well, until [`FaultStorage::heal`].
    pub sticky: bool,
}

impl Plan {
    fn concerns(&self, kind: CallKind) -> bool {
        self.fault.applies(kind) && self.kind.is_none_or(|only| only == kind)
    }
}

#[derive(Default)]
struct Script {
    plan: Option<Plan>,
    counted: u64,
    paused: bool,
    tripped: Option<Call>,
    calls: Vec<Call>,
    space: Option<Space>,
}

struct Shared {
    script: Mutex<Script>,
    power: PowerStorage,
}

/// A [`PowerStorage`] whose calls fail by plan.
#[derive(Clone)]
pub struct FaultStorage {
    shared: Arc<Shared>,
}

/// What is to become of a call.
enum Verdict {
    Pass,
    Fail(Fault),
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("nothing panics while holding the script")
    }

    fn verdict(&self, kind: CallKind, path: &str) -> Verdict {
        let mut script = self.script();
        if script.paused {
            return Verdict::Pass;
        }
        let call = Call { kind, path: path.to_owned() };
        script.calls.push(call.clone());
        let Some(plan) = script.plan.filter(|plan| plan.concerns(kind)) else {
            return Verdict::Pass;
        };
        let n = script.counted;
        script.counted += 1;
        let hit = n == plan.at || n > plan.at && (plan.sticky || plan.fault == Fault::Stop);
        if !hit {
            return Verdict::Pass;
        }
        script.tripped.get_or_insert(call);
        Verdict::Fail(plan.fault)
    }

    /// For calls that are done or not done.
    fn call<T>(
        &self,
        kind: CallKind,
        path: &str,
        run: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        match self.verdict(kind, path) {
            Verdict::Pass => run(),
            Verdict::Fail(Fault::EioAfter) => {
                run()?;
                Err(error(Fault::EioAfter))
            }
            Verdict::Fail(fault) => {
                if kind == CallKind::Sync && fault != Fault::Stop {
                    self.power.fail_sync(path);
                }
                Err(error(fault))
            }
        }
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::Enospc => io::Error::new(io::ErrorKind::StorageFull, "simulated: no space left"),
        Fault::Eintr => io::ErrorKind::Interrupted.into(),
        Fault::Stop => io::Error::other("simulated: the machine is off"),
        _ => io::Error::other("simulated: input/output error"),
    }
}

impl FaultStorage {
    /// Wraps a file system; nothing fails until a plan says so.
    pub fn over(power: &PowerStorage) -> FaultStorage {
        let shared = Shared { script: Mutex::default(), power: power.clone() };
        FaultStorage { shared: Arc::new(shared) }
    }

    /// Sets what fails, counting from now.
    pub fn plan(&self, plan: Plan) {
        let mut script = self.shared.script();
        (script.plan, script.counted, script.tripped) = (Some(plan), 0, None);
    }

    /// Nothing fails any more: the disk was mended, or has room.
    pub fn heal(&self) {
        self.shared.script().plan = None;
    }

    /// What is said of the room on the disk; nothing at first. Writes do not use it up.
    pub fn set_space(&self, space: Option<Space>) {
        self.shared.script().space = space;
    }

    /// Runs a check during which nothing fails or is counted.
    pub fn paused<T>(&self, check: impl FnOnce() -> T) -> T {
        self.shared.script().paused = true;
        let result = check();
        self.shared.script().paused = false;
        result
    }

    /// The first call that failed under the plan.
    pub fn tripped(&self) -> Option<Call> {
        self.shared.script().tripped.clone()
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.script().calls.clone()
    }

    /// The last calls, for a message.
    pub fn last_calls(&self, count: usize) -> String {
        let script = self.shared.script();
        let from = script.calls.len().saturating_sub(count);
        script.calls[from..]
            .iter()
            .enumerate()
            .map(|(i, c)| format!("  {}: {c}\n", from + i))
            .collect()
    }
}

struct FaultFile {
    shared: Arc<Shared>,
    path: String,
    inner: Arc<dyn File>,
}

impl FaultFile {
    fn wrap(shared: &Arc<Shared>, path: &str, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FaultFile { shared: shared.clone(), path: path.to_owned(), inner })
    }
}

impl File for FaultFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        match self.shared.verdict(CallKind::Read, &self.path) {
            Verdict::Pass => self.inner.read_at(offset, buf),
            Verdict::Fail(Fault::Short) => {
                let half = buf.len().div_ceil(2);
                self.inner.read_at(offset, &mut buf[..half])
            }
            Verdict::Fail(fault) => Err(error(fault)),
        }
    }

    fn write_at(&self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        let half = &buf[..buf.len() / 2];
        match self.shared.verdict(CallKind::Write, &self.path) {
            Verdict::Pass => self.inner.write_at(offset, buf),
            Verdict::Fail(Fault::Short) => {
                self.inner.write_at(offset, &buf[..buf.len().div_ceil(2)])
            }
            Verdict::Fail(fault @ (Fault::Stop | Fault::Eintr)) => Err(error(fault)),
            Verdict::Fail(fault) => {
                self.inner.write_at(offset, if fault == Fault::EioAfter { buf } else { half })?;
                Err(error(fault))
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        self.shared.call(CallKind::Len, &self.path, || self.inner.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.shared.call(CallKind::SetLen, &self.path, || self.inner.set_len(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.shared.call(CallKind::Sync, &self.path, || self.inner.sync())
    }
}

impl Storage for FaultStorage {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        let file =
            self.shared.call(CallKind::Open, path, || self.shared.power.open(path, write))?;
        Ok(FaultFile::wrap(&self.shared, path, file))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let file = self.shared.call(CallKind::Create, path, || self.shared.power.create(path))?;
        Ok(FaultFile::wrap(&self.shared, path, file))
    }

    fn map(&self, path: &str) -> io::Result<Bytes> {
        self.shared.call(CallKind::Map, path, || self.shared.power.map(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.shared.call(CallKind::List, dir, || self.shared.power.list(dir))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.shared.call(CallKind::Rename, to, || self.shared.power.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.shared.call(CallKind::Remove, path, || self.shared.power.remove(path))
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.shared.call(CallKind::Remove, dir, || self.shared.power.remove_dir(dir))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.shared.call(CallKind::CreateDir, dir, || self.shared.power.create_dir(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.shared.call(CallKind::SyncDir, dir, || self.shared.power.sync_dir(dir))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.shared.call(CallKind::Lock, path, || self.shared.power.lock(path))
    }

    fn space(&self) -> io::Result<Option<Space>> {
        Ok(self.shared.script().space)
    }
}

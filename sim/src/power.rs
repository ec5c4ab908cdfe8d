//! A file system in memory that remembers what was synced, and what a power cut may make of the rest.
//!
//! What survives is what POSIX promises and no more: a file's bytes up to its last `sync`, a directory's
//! names up to its last `sync_dir`. Everything since then is kept, lost or torn as the seed has it.
//! Ext4 is kinder than this; what holds here holds there.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use bytes::Bytes;
use indelible_log::storage::{File, Storage, parent};

use crate::random::Rng;

/// What a disk writes whole or not at all.
const SECTOR: u64 = 512;

/// Which un-synced operations on a directory's names a power cut may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameOrder {
    /// The first few of each directory, as a journal replays them.
    Journaled,
    /// Any of them, each on its own.
    Any,
}

/// The file system. Clones are the same one; [`PowerStorage::kill`] and [`PowerStorage::crash`] make
/// another, so that threads which still run on the old one change nothing.
#[derive(Clone)]
pub struct PowerStorage {
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    files: BTreeMap<u64, FileData>,
    dirs: BTreeMap<u64, Dir>,
    next_ino: u64,
    next_move: u64,
    locks: BTreeMap<String, Weak<()>>,
    /// Decides what a failed sync leaves.
    failed_syncs: u64,
}

#[derive(Clone, Default)]
struct FileData {
    durable: Vec<u8>,
    /// What readers see: the page cache.
    current: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    SetLen(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(u64),
    Dir(u64),
}

#[derive(Clone, Default)]
struct Dir {
    durable: BTreeMap<String, Node>,
    current: BTreeMap<String, Node>,
    pending: Vec<NameChange>,
}

#[derive(Clone)]
enum NameChange {
    Link {
        name: String,
        node: Node,
    },
    Unlink {
        name: String,
    },
    Rename {
        from: String,
        to: String,
        node: Node,
    },
    /// Into another directory: both halves have the same number, and survive together or not at all, as every
    /// journal of a file system has it.
    MovedIn {
        name: String,
        node: Node,
        number: u64,
    },
    MovedOut {
        name: String,
        number: u64,
    },
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => write_into(to, *offset, bytes),
            Change::SetLen(len) => to.resize(*len as usize, 0),
        }
    }

    /// Leaves what the seed has it leave: all, nothing, or some sectors.
    fn apply_perhaps(&self, to: &mut Vec<u8>, rng: &mut Rng) {
        match (self, rng.below(0..4)) {
            (change, 0) => change.apply(to),
            (_, 1) | (Change::SetLen(_), 2) => {}
            (change @ Change::SetLen(_), _) => change.apply(to),
            (Change::Write { offset, bytes }, _) => {
                if rng.chance(30) {
                    // The length was recorded and the data was not: zeros.
                    let end = (*offset as usize) + bytes.len();
                    to.resize(to.len().max(end), 0);
                }
                let kept = rng.below(1..100);
                for (at, sector) in sectors(*offset, bytes) {
                    if rng.chance(kept) {
                        write_into(to, at, sector);
                    }
                }
            }
        }
    }
}

/// The write cut at the borders of sectors.
fn sectors(offset: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let (mut out, mut at) = (Vec::new(), 0usize);
    while at < bytes.len() {
        let here = offset + at as u64;
        let take = ((SECTOR - here % SECTOR) as usize).min(bytes.len() - at);
        out.push((here, &bytes[at..at + take]));
        at += take;
    }
    out
}

fn write_into(to: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    if to.len() < end {
        to.resize(end, 0);
    }
    to[start..end].copy_from_slice(bytes);
}

impl FileData {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    fn sync(&mut self) {
        // Replayed, not copied: what an earlier failed sync dropped does not become durable by this one.
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    fn lose(&mut self, rng: &mut Rng) {
        for change in self.pending.drain(..) {
            change.apply_perhaps(&mut self.durable, rng);
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            NameChange::Link { name, node } => {
                names.insert(name.clone(), *node);
            }
            NameChange::MovedIn { name, node, .. } => {
                names.insert(name.clone(), *node);
            }
            NameChange::Unlink { name } | NameChange::MovedOut { name, .. } => {
                names.remove(name);
            }
            NameChange::Rename { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl NameChange {
    fn number(&self) -> Option<u64> {
        match self {
            NameChange::MovedIn { number, .. } | NameChange::MovedOut { number, .. } => {
                Some(*number)
            }
            _ => None,
        }
    }
}

/// The top directory.
const TOP: u64 = 0;

impl Dir {
    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }
}

fn absent(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{path}: no such file or directory"))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

impl World {
    /// A directory's number.
    fn dir_ino(&self, path: &str) -> io::Result<u64> {
        let mut at = TOP;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match self.dirs.get(&at).and_then(|dir| dir.current.get(name)) {
                Some(Node::Dir(ino)) => at = *ino,
                _ => return Err(absent(path)),
            }
        }
        self.dirs.contains_key(&at).then_some(at).ok_or_else(|| absent(path))
    }

    fn dir(&mut self, path: &str) -> io::Result<&mut Dir> {
        let ino = self.dir_ino(path)?;
        self.dirs.get_mut(&ino).ok_or_else(|| absent(path))
    }

    fn node(&mut self, path: &str) -> io::Result<Node> {
        self.dir(parent(path))?.current.get(name(path)).copied().ok_or_else(|| absent(path))
    }

    fn ino(&mut self, path: &str) -> io::Result<u64> {
        match self.node(path)? {
            Node::File(ino) => Ok(ino),
            Node::Dir(_) => Err(io::Error::new(io::ErrorKind::IsADirectory, path.to_owned())),
        }
    }

    fn new_ino(&mut self) -> u64 {
        self.next_ino += 1;
        self.next_ino
    }

    fn create(&mut self, path: &str) -> io::Result<u64> {
        let ino = self.new_ino();
        let dir = self.dir(parent(path))?;
        if dir.current.contains_key(name(path)) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, path.to_owned()));
        }
        dir.change(NameChange::Link { name: name(path).to_owned(), node: Node::File(ino) });
        self.files.insert(ino, FileData::default());
        Ok(ino)
    }

    fn file(&mut self, ino: u64) -> &mut FileData {
        self.files.get_mut(&ino).expect("a file that has a number is kept")
    }

    fn make_dir(&mut self, path: &str) {
        if self.dir_ino(path).is_ok() {
            return;
        }
        if path.is_empty() {
            self.dirs.insert(TOP, Dir::default());
            return;
        }
        self.make_dir(parent(path));
        let ino = self.new_ino();
        self.dirs.insert(ino, Dir::default());
        let link = NameChange::Link { name: name(path).to_owned(), node: Node::Dir(ino) };
        self.dir(parent(path)).expect("it was just made").change(link);
    }

    /// Makes the other half of a move durable, and what was before it in that directory.
    fn settle(&mut self, number: u64) {
        for dir in self.dirs.values_mut() {
            if let Some(at) = dir.pending.iter().position(|c| c.number() == Some(number)) {
                for change in dir.pending.drain(..=at) {
                    change.apply(&mut dir.durable);
                }
            }
        }
    }

    /// Decides which changes of names survive, by directory: of each a flag. A move survives in both directories
    /// or in neither.
    fn survivors(&self, rng: &mut Rng, order: NameOrder) -> BTreeMap<u64, Vec<bool>> {
        let mut kept: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
        let mut lost: Vec<u64> = Vec::new();
        for (ino, dir) in &self.dirs {
            let until = rng.below(0..dir.pending.len() as u64 + 1) as usize;
            let flags = (0..dir.pending.len()).map(|i| match order {
                NameOrder::Journaled => i < until,
                NameOrder::Any => rng.chance(50),
            });
            let flags: Vec<bool> = flags.collect();
            lost.extend(
                dir.pending
                    .iter()
                    .zip(&flags)
                    .filter(|(_, kept)| !**kept)
                    .filter_map(|(c, _)| c.number()),
            );
            kept.insert(*ino, flags);
        }
        // What falls with a move may be a move itself.
        while let Some(number) = lost.pop() {
            for (ino, dir) in &self.dirs {
                let flags = kept.get_mut(ino).expect("each directory has its flags");
                let Some(at) = dir.pending.iter().position(|c| c.number() == Some(number)) else {
                    continue;
                };
                let end = if order == NameOrder::Journaled { flags.len() } else { at + 1 };
                for (flag, change) in flags[at..end].iter_mut().zip(&dir.pending[at..end]) {
                    if std::mem::take(flag) {
                        lost.extend(change.number());
                    }
                }
            }
        }
        kept
    }

    /// The directories that can be reached, with their paths.
    fn reached(&self) -> Vec<(String, u64)> {
        let mut out = vec![(String::new(), TOP)];
        let mut at = 0;
        while at < out.len() {
            let (path, ino) = out[at].clone();
            for (name, node) in self.dirs.get(&ino).map(|dir| &dir.current).into_iter().flatten() {
                if let Node::Dir(child) = node {
                    out.push((join(&path, name), *child));
                }
            }
            at += 1;
        }
        out.retain(|(_, ino)| self.dirs.contains_key(ino));
        out
    }

    fn paths(&self) -> Vec<(String, u64)> {
        let mut out = Vec::new();
        for (dir, ino) in self.reached() {
            for (name, node) in &self.dirs[&ino].current {
                if let Node::File(ino) = node {
                    out.push((join(&dir, name), *ino));
                }
            }
        }
        out
    }
}

impl Default for PowerStorage {
    fn default() -> Self {
        PowerStorage::new()
    }
}

impl PowerStorage {
    /// An empty file system; its top directory is there once `create_dir("")` made it.
    pub fn new() -> PowerStorage {
        PowerStorage { world: Arc::default() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nothing panics while holding the file system")
    }

    /// What the next process finds after this one was killed: everything, for the page cache stays, and
    /// no locks.
    pub fn kill(&self) -> PowerStorage {
        let world = self.world();
        let copy = World {
            files: world.files.clone(),
            dirs: world.dirs.clone(),
            next_ino: world.next_ino,
            next_move: world.next_move,
            locks: BTreeMap::new(),
            failed_syncs: world.failed_syncs,
        };
        PowerStorage { world: Arc::new(Mutex::new(copy)) }
    }

    /// What the next process may find after a power cut, by seed.
    pub fn crash(&self, seed: u64, order: NameOrder) -> PowerStorage {
        let mut rng = Rng::new(seed);
        let after = self.kill();
        {
            let mut world = after.world();
            let kept = world.survivors(&mut rng, order);
            for (ino, dir) in &mut world.dirs {
                for (change, kept) in dir.pending.drain(..).zip(&kept[ino]) {
                    if *kept {
                        change.apply(&mut dir.durable);
                    }
                }
                dir.current = dir.durable.clone();
            }
            // A directory whose own name was lost is gone with all in it.
            let reached: Vec<u64> = world.reached().into_iter().map(|(_, ino)| ino).collect();
            world.dirs.retain(|ino, _| reached.contains(ino));
            let named: Vec<u64> = world.paths().into_iter().map(|(_, ino)| ino).collect();
            world.files.retain(|ino, _| named.contains(ino));
            for file in world.files.values_mut() {
                file.lose(&mut rng);
                file.current = file.durable.clone();
            }
        }
        after
    }

    /// What a failed `fsync` does to a file on Linux: the pages count as clean from now on, whether they
    /// reached the disk or not. Readers still see them; no later sync writes them.
    pub fn fail_sync(&self, path: &str) {
        let mut world = self.world();
        world.failed_syncs += 1;
        let mut rng = Rng::new(world.failed_syncs ^ 0xfa11);
        if let Ok(ino) = world.ino(path) {
            world.file(ino).lose(&mut rng);
        }
    }

    /// Every file's path and bytes as readers see them.
    pub fn image(&self) -> BTreeMap<String, Vec<u8>> {
        let world = self.world();
        world
            .paths()
            .into_iter()
            .map(|(path, ino)| (path, world.files[&ino].current.clone()))
            .collect()
    }

    /// Puts other bytes in the place of a file's, durably, as somebody who damages it would; made if it
    /// is not there, removed for `None`.
    ///
    /// # Panics
    ///
    /// If its directory is not there.
    pub fn put(&self, path: &str, bytes: Option<&[u8]>) {
        let mut world = self.world();
        let dir = world.dir(parent(path)).expect("a test puts files where directories are");
        let node = dir.current.get(name(path)).copied();
        match bytes {
            None => {
                dir.current.remove(name(path));
                dir.durable.remove(name(path));
            }
            Some(bytes) => {
                let ino = match node {
                    Some(Node::File(ino)) => ino,
                    _ => world.create(path).expect("the directory is there and the name is free"),
                };
                let file = FileData {
                    durable: bytes.to_vec(),
                    current: bytes.to_vec(),
                    pending: Vec::new(),
                };
                world.files.insert(ino, file);
                let dir = world.dir(parent(path)).expect("it was there above");
                dir.durable.insert(name(path).to_owned(), Node::File(ino));
            }
        }
    }
}

struct PowerFile {
    world: Arc<Mutex<World>>,
    ino: u64,
    write: bool,
}

impl PowerFile {
    fn with<T>(&self, f: impl FnOnce(&mut FileData) -> T) -> T {
        f(self.world.lock().expect("nothing panics while holding the file system").file(self.ino))
    }

    fn writable(&self) -> io::Result<()> {
        if self.write { Ok(()) } else { Err(io::Error::other("the file is open for reading only")) }
    }
}

impl File for PowerFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|file| {
            let from = (offset as usize).min(file.current.len());
            let n = buf.len().min(file.current.len() - from);
            buf[..n].copy_from_slice(&file.current[from..from + n]);
            Ok(n)
        })
    }

    fn write_at(&self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        self.writable()?;
        self.with(|file| file.change(Change::Write { offset, bytes: buf.to_vec() }));
        Ok(buf.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|file| file.current.len() as u64))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.with(|file| file.change(Change::SetLen(len)));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.with(FileData::sync);
        Ok(())
    }
}

impl Storage for PowerStorage {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        let ino = self.world().ino(path)?;
        Ok(Arc::new(PowerFile { world: self.world.clone(), ino, write }))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        let ino = self.world().create(path)?;
        Ok(Arc::new(PowerFile { world: self.world.clone(), ino, write: true }))
    }

    fn map(&self, path: &str) -> io::Result<Bytes> {
        let mut world = self.world();
        let ino = world.ino(path)?;
        Ok(Bytes::from(world.file(ino).current.clone()))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        Ok(self.world().dir(dir)?.current.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let node = world.node(from)?;
        match (node, world.node(to)) {
            (Node::Dir(_), Ok(_)) | (_, Ok(Node::Dir(_))) => {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, to.to_owned()));
            }
            _ => {}
        }
        let (old, new) = (name(from).to_owned(), name(to).to_owned());
        if parent(from) == parent(to) {
            world.dir(parent(from))?.change(NameChange::Rename { from: old, to: new, node });
            return Ok(());
        }
        world.dir(parent(to))?;
        world.next_move += 1;
        let number = world.next_move;
        world.dir(parent(from))?.change(NameChange::MovedOut { name: old, number });
        world.dir(parent(to))?.change(NameChange::MovedIn { name: new, node, number });
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        world.ino(path)?;
        world.dir(parent(path))?.change(NameChange::Unlink { name: name(path).to_owned() });
        Ok(())
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        let mut world = self.world();
        if !world.dir(dir)?.current.is_empty() {
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, dir.to_owned()));
        }
        world.dir(parent(dir))?.change(NameChange::Unlink { name: name(dir).to_owned() });
        Ok(())
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.world().make_dir(dir);
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut world = self.world();
        let dir = world.dir(dir)?;
        let mut moves = Vec::new();
        for change in dir.pending.drain(..) {
            moves.extend(change.number());
            change.apply(&mut dir.durable);
        }
        moves.into_iter().for_each(|number| world.settle(number));
        Ok(())
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        let mut world = self.world();
        match world.ino(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => world.create(path)?,
            other => other?,
        };
        if world.locks.get(path).is_some_and(|lock| lock.strong_count() > 0) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let lock = Arc::new(());
        world.locks.insert(path.to_owned(), Arc::downgrade(&lock));
        Ok(Box::new(lock))
    }
}

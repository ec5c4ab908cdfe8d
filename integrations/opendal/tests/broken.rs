//! A backend of which one operation fails, so often as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indelible_opendal::AuditLayer;
use indelible_recorder::Recorder;
use opendal::raw::*;
use opendal::{Buffer, BytesRange, MetadataBuilder};
use opendal::{Capability, Error, ErrorKind, Metadata, OperationContext, Operator, Result};
use serde_json::json;

use super::{has, only};

/// What fails, and how.
#[derive(Clone, Debug)]
pub struct Fails {
    operation: &'static str,
    kind: ErrorKind,
    path: Option<&'static str>,
    /// How often it fails before it succeeds.
    times: Arc<AtomicU32>,
    temporary: bool,
    /// Never answers instead.
    hangs: bool,
}

impl Fails {
    pub fn new(operation: &'static str, kind: ErrorKind) -> Fails {
        let times = Arc::new(AtomicU32::new(u32::MAX));
        Fails { operation, kind, path: None, times, temporary: false, hangs: false }
    }

    pub fn on(mut self, path: &'static str) -> Fails {
        self.path = Some(path);
        self
    }

    pub fn times(mut self, times: u32) -> Fails {
        (self.times, self.temporary) = (Arc::new(AtomicU32::new(times)), true);
        self
    }

    pub fn hangs(operation: &'static str) -> Fails {
        Fails { hangs: true, ..Fails::new(operation, ErrorKind::Unexpected) }
    }

    async fn check(&self, operation: &str, path: &str) -> Result<()> {
        if operation != self.operation || self.path.is_some_and(|only| only != path) {
            return Ok(());
        }
        if self.hangs {
            return std::future::pending().await;
        }
        let left =
            self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err(Error::new(self.kind, "it is broken").with_temporary(self.temporary)),
            Err(_) => Ok(()),
        }
    }
}

/// The backend. It has every file, of ten bytes each.
#[derive(Debug)]
pub struct Broken(Fails);

/// What an operation is done with.
pub struct Handle(Fails, String);

impl Broken {
    pub fn operator(fails: Fails) -> Operator {
        Operator::from_parts(OperationContext::default(), Arc::new(Broken(fails)))
    }

    pub fn audited(fails: Fails) -> (Operator, Recorder) {
        let recorder = Recorder::memory();
        (Broken::operator(fails).layer(AuditLayer::new(recorder.clone())), recorder)
    }

    fn handle(&self, path: &str) -> Result<Handle> {
        Ok(Handle(self.0.clone(), path.to_owned()))
    }
}

fn file() -> Metadata {
    MetadataBuilder::file(10).build()
}

impl Service for Broken {
    type Reader = Handle;
    type Writer = Handle;
    type Lister = Handle;
    type Deleter = Handle;
    type Copier = Handle;
    type Composer = Handle;

    fn info(&self) -> ServiceInfo {
        ServiceInfo::new("broken", "/depth/", "bucket-7")
    }

    fn capability(&self) -> Capability {
        Capability {
            read: true,
            write: true,
            delete: true,
            list: true,
            stat: true,
            copy: true,
            rename: true,
            compose: true,
            restore: true,
            presign: true,
            create_dir: true,
            write_can_multi: true,
            delete_with_version: true,
            ..Capability::default()
        }
    }

    async fn create_dir(
        &self,
        _: &OperationContext,
        path: &str,
        _: OpCreateDir,
    ) -> Result<RpCreateDir> {
        self.0.check("create_dir", path).await.map(|()| RpCreateDir::default())
    }

    async fn stat(&self, _: &OperationContext, path: &str, _: OpStat) -> Result<RpStat> {
        self.0.check("stat", path).await.map(|()| RpStat::new(file()))
    }

    fn read(&self, _: &OperationContext, path: &str, _: OpRead) -> Result<Handle> {
        self.handle(path)
    }

    fn write(&self, _: &OperationContext, path: &str, _: OpWrite) -> Result<Handle> {
        if self.0.operation == "writer" {
            return Err(Error::new(self.0.kind, "it is broken"));
        }
        self.handle(path)
    }

    fn delete(&self, _: &OperationContext) -> Result<Handle> {
        self.handle("")
    }

    fn list(&self, _: &OperationContext, path: &str, _: OpList) -> Result<Handle> {
        self.handle(path)
    }

    fn copy(&self, _: &OperationContext, from: &str, _: &str, _: OpCopy) -> Result<Handle> {
        self.handle(from)
    }

    fn compose(&self, _: &OperationContext, to: &str, _: OpCompose) -> Result<Handle> {
        self.handle(to)
    }

    async fn rename(
        &self,
        _: &OperationContext,
        from: &str,
        _: &str,
        _: OpRename,
    ) -> Result<RpRename> {
        self.0.check("rename", from).await.map(|()| RpRename::default())
    }

    async fn restore(&self, _: &OperationContext, path: &str, _: OpRestore) -> Result<RpRestore> {
        self.0.check("restore", path).await.map(|()| RpRestore::default())
    }

    async fn presign(&self, _: &OperationContext, path: &str, _: OpPresign) -> Result<RpPresign> {
        self.0.check("presign", path).await?;
        Err(Error::new(ErrorKind::Unsupported, "it has no addresses"))
    }
}

impl oio::Read for Handle {
    async fn open(&self, range: BytesRange) -> Result<(RpRead, Box<dyn oio::ReadStreamDyn>)> {
        let (response, buffer) = self.read(range).await?;
        let path = self.1.clone();
        Ok((response, Box::new(Stream { fails: self.0.clone(), path, left: buffer, begun: false })))
    }

    async fn read(&self, range: BytesRange) -> Result<(RpRead, Buffer)> {
        self.0.check("read", &self.1).await?;
        let from = usize::try_from(range.offset()).unwrap();
        Ok((RpRead::default(), Buffer::from("0123456789").slice(from..)))
    }
}

/// Gives four bytes, fails if it is to, and then gives the rest.
struct Stream {
    fails: Fails,
    path: String,
    left: Buffer,
    begun: bool,
}

impl oio::ReadStream for Stream {
    async fn read(&mut self) -> Result<Buffer> {
        if !std::mem::replace(&mut self.begun, true) {
            let first = self.left.slice(..self.left.len().min(4));
            self.left = self.left.slice(first.len()..);
            return Ok(first);
        }
        self.fails.check("stream", &self.path).await?;
        Ok(std::mem::take(&mut self.left))
    }
}

impl oio::Write for Handle {
    async fn write(&mut self, _: Buffer) -> Result<()> {
        self.0.check("write", &self.1).await
    }

    async fn close(&mut self) -> Result<Metadata> {
        self.0.check("close", &self.1).await.map(|()| {
            let mut written = MetadataBuilder::file(10);
            written.etag("\"e-1\"").version("v-2");
            written.build()
        })
    }

    async fn abort(&mut self) -> Result<()> {
        self.0.check("abort", &self.1).await
    }
}

impl oio::List for Handle {
    async fn next(&mut self) -> Result<Option<oio::Entry>> {
        self.0.check("list", &self.1).await?;
        Ok(None)
    }
}

impl oio::Delete for Handle {
    async fn delete(&mut self, path: &str, _: OpDelete) -> Result<()> {
        self.0.check("delete", path).await
    }

    async fn close(&mut self) -> Result<()> {
        self.0.check("close", &self.1).await
    }
}

impl oio::Copy for Handle {
    async fn next(&mut self) -> Result<Option<usize>> {
        self.0.check("copy", &self.1).await?;
        Ok(None)
    }

    async fn close(&mut self) -> Result<Metadata> {
        self.0.check("close", &self.1).await.map(|()| file())
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}

impl oio::Compose for Handle {
    async fn compose(&mut self, path: &str, _: OpRead) -> Result<()> {
        self.0.check("compose", path).await
    }

    async fn close(&mut self) -> Result<Metadata> {
        self.0.check("close", &self.1).await.map(|()| file())
    }
}

/// Does one operation of each kind, whatever comes of it.
pub async fn everything(storage: &Operator) {
    let _ = storage.create_dir("d/").await;
    let _ = storage.stat("a").await;
    let _ = storage.read("a").await;
    let _ = storage.write("a", "1").await;
    let _ = storage.delete("a").await;
    let _ = storage.list("d/").await;
    let _ = storage.copy("a", "b").await;
    let _ = storage.compose(["a".to_owned(), "b".to_owned()], "c").await;
    let _ = storage.rename("a", "b").await;
    let _ = storage.restore("a").await;
    let _ = storage.presign_read("a", Duration::from_secs(1)).await;
}

#[tokio::test]
async fn what_is_not_permitted_is_denied() {
    for operation in [
        "create_dir",
        "stat",
        "read",
        "write",
        "delete",
        "list",
        "copy",
        "compose",
        "rename",
        "restore",
        "presign",
    ] {
        let (storage, recorder) =
            Broken::audited(Fails::new(operation, ErrorKind::PermissionDenied));
        everything(&storage).await;
        let events = recorder.events();
        assert_eq!(events.len(), 11, "{events:#?}");
        for event in events {
            let denied = event.action() == format!("vfs.{operation}");
            let outcome = if denied { "denied" } else { "success" };
            if denied || event.action() != "vfs.presign" {
                has(&event, json!({"outcome": outcome}));
            }
            if denied {
                has(
                    &event,
                    json!({"error.code": "permission_denied", "error.message": "it is broken"}),
                );
            }
        }
    }
}

#[tokio::test]
async fn a_writer_that_cannot_be_opened_is_told() {
    let (storage, recorder) = Broken::audited(Fails::new("writer", ErrorKind::RateLimited));
    storage.write("a", "1").await.unwrap_err();
    has(&only(&recorder), json!({"outcome": "failure", "error.code": "rate_limited"}));
}

#[tokio::test]
async fn a_write_that_failed_and_was_aborted_is_the_failure() {
    let (storage, recorder) = Broken::audited(Fails::new("write", ErrorKind::Unexpected));
    let mut writer = storage.writer("a").await.unwrap();
    writer.write("123").await.unwrap_err();
    writer.abort().await.unwrap();
    has(
        &only(&recorder),
        json!({"outcome": "failure", "error.code": "unexpected", "details.aborted": true, "details.bytes": 0}),
    );
}

#[tokio::test]
async fn what_the_backend_says_of_a_written_file_is_told() {
    let (storage, recorder) = Broken::audited(Fails::new("nothing", ErrorKind::Unexpected));
    storage.write("a", "1").await.unwrap();
    has(
        &only(&recorder),
        json!({
            "details.etag": "\"e-1\"", "details.version": "v-2", "details.root": "/depth/",
            "targets.1.type": "bucket", "targets.1.id": "bucket-7",
        }),
    );
}

#[tokio::test]
async fn a_composition_names_what_it_is_made_of() {
    let (storage, recorder) = Broken::audited(Fails::new("nothing", ErrorKind::Unexpected));
    storage.compose(["a".to_owned(), "b".to_owned()], "c").await.unwrap();
    has(
        &only(&recorder),
        json!({"action": "vfs.compose", "targets.0.id": "c", "details.bulk.keys": ["a", "b"]}),
    );
}

#[tokio::test]
async fn a_version_is_told_with_its_key() {
    let (storage, recorder) = Broken::audited(Fails::new("nothing", ErrorKind::Unexpected));
    storage.delete_with("a").version("v-1").await.unwrap();
    has(&only(&recorder), json!({"targets.0.id": "a", "details.version": "v-1"}));
}

#[tokio::test]
async fn what_is_given_up_was_cancelled() {
    for operation in [
        "create_dir",
        "stat",
        "read",
        "write",
        "close",
        "delete",
        "list",
        "copy",
        "compose",
        "rename",
        "restore",
    ] {
        let (storage, recorder) = Broken::audited(Fails::hangs(operation));
        let one = async {
            match operation {
                "create_dir" => drop(storage.create_dir("d/").await),
                "stat" => drop(storage.stat("a").await),
                "read" => drop(storage.read("a").await),
                "write" | "close" => drop(storage.write("a", "1").await),
                "delete" => drop(storage.delete("a").await),
                "list" => drop(storage.list("d/").await),
                "copy" => drop(storage.copy("a", "b").await),
                "compose" => drop(storage.compose(["a".to_owned()], "c").await),
                "rename" => drop(storage.rename("a", "b").await),
                _ => drop(storage.restore("a").await),
            }
        };
        assert!(futures::FutureExt::now_or_never(one).is_none());
        has(&only(&recorder), json!({"outcome": "unknown", "error.code": "cancelled"}));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_tells_what_came_before() {
    let (storage, recorder) = Broken::audited(Fails::new("stream", ErrorKind::Unexpected));
    storage.read("a").await.unwrap_err();
    has(
        &only(&recorder),
        json!({"outcome": "failure", "error.code": "unexpected", "details.bytes": 4}),
    );
}

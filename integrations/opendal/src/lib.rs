//! Audits every operation of an [OpenDAL](https://opendal.apache.org) storage, whatever its backend: an
//! [`AuditLayer`] on the operator, and who read, wrote, copied, moved and deleted which file is in the trail.
//!
//! ```
//! use indelible_opendal::AuditLayer;
//! use indelible_recorder::{Actor, Context, Recorder, Scope, assert_recorded};
//! use opendal::{Operator, services};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> opendal::Result<()> {
//! let recorder = Recorder::memory(); // in production: one that sends to a node or keeps a store
//! let storage = Operator::new(services::Memory::default())?.layer(AuditLayer::new(recorder.clone()));
//!
//! // Who it is for, and within which request, comes from the scope around it.
//! let request = Scope {
//!     actor: Some(Actor::user("maria")),
//!     context: Context { request_id: Some("r-1".into()), ..Context::default() },
//!     ..Scope::default()
//! };
//! let backup = request.wrap(async {
//!     storage.write("backups/b-17.tar", "0123456789").await?;
//!     storage.delete("backups/b-17.tar").await
//! });
//! backup.await?;
//!
//! assert_recorded!(
//!     recorder, action = "vfs.write", outcome = "success", actor = "maria",
//!     target = "file/backups/b-17.tar", "details.bytes" = 10,
//! );
//! assert_recorded!(recorder, action = "vfs.delete", target = "file/backups/b-17.tar");
//! # Ok(()) }
//! ```
//!
//! # What becomes an event
//!
//! One operation is one event, of the type `vfs_operation` unless [`AuditLayer::category`] says otherwise:
//!
//! | action | recorded | what it tells beside path, container, outcome, `duration_ms`, `scheme` and `root` |
//! |---|---|---|
//! | `vfs.read` | when the reader and its streams are gone | `bytes`; `ranges` and `reads`, unless the whole file was read; `version`, conditions |
//! | `vfs.write` | when the writer is closed, aborted or dropped | `bytes`, `content_type`, `append`, conditions, `etag` and `version` of what was written, `copied_from` |
//! | `vfs.delete` | when the deleter is closed or dropped | `version`, `recursive`; of several files `bulk`: their count and names, and a hash that commits to them all |
//! | `vfs.list` | when it is at its end, or the lister is dropped | `entries`, `recursive`, `limit`, `start_after`; `complete: false` if it was not at its end |
//! | `vfs.stat` | when it is answered; `exists` is one, too | `size`, `version` |
//! | `vfs.copy`, `vfs.rename` | when it is done, aborted or dropped | `from` and `to`, which are both targets, in this order |
//! | `vfs.compose` | when it is closed or dropped | `bulk`: the files that it was made of |
//! | `vfs.create_dir`, `vfs.restore` | when it is done | `version` |
//! | `vfs.presign` | when it is made | `allows` (`read`, `write`, …), `expires_s`, `version`; never the address |
//!
//! [`Operator::check`](opendal_core::Operator::check) reaches the backend as a listing of at most one entry of the
//! root; such a one is of the type `backend_operation`, so that monitoring need not fill the trail of files.
//! What an operator refuses by itself, such as to read a directory, never reaches a layer and is no event. A reader
//! or lister that was never asked for anything, and a deleter without keys, is none either.
//!
//! The outcome is `denied` where the backend does not permit it, `failure` for other errors, with the kind of
//! the error as `error.code` (`not_found`, `condition_not_match`, …) and its message, but neither its context nor its
//! source, which may hold signed addresses. A writer that is aborted is a `failure` of the code `aborted`; what is
//! dropped unfinished, or while the backend is still at work, is `unknown` with the code `cancelled`, and tells what
//! was done by then.
//!
//! A bulk deletion of which some failed tells how many calls did (`failed`, `failed_keys`) and, where that is known, how
//! many were not tried (`not_tried`). Keys with a version are listed as `path?version=…`. A deletion of more than
//! [`BULK_KEYS_MAX`](limits::BULK_KEYS_MAX) keys is several events, told apart by `part`, so that its memory is bounded.
//!
//! # Told before it is done
//!
//! How durable events are is up to the recorder's policy for their type, or [`AuditLayer::durability`]:
//!
//! - `async`: the operation waits for nothing.
//! - `durable`: it waits until its event is durable, and goes on if that cannot be.
//! - `required`: whatever changes something (writing, from the first byte; deleting, copying, composing, renaming,
//!   restoring, making a directory, and presigning, which lets others do it) is told as an intent first. If that cannot
//!   be made durable, the operation is refused with an error of the kind `Unexpected`, and nothing was done. Its outcome
//!   follows as a second event that refers to the intent. Deleters gather their keys until they are closed, so that the
//!   intent has them all; errors of single keys come from `close`, then. Reading, listing and `stat` wait like `durable`
//!   ones, where there is something to wait in, and are never refused.
//!
//! # Where in the stack
//!
//! Add the layer last, so that it is the outermost: then an operation is one event however often a `RetryLayer`
//! tried it, and what a `TimeoutLayer` or `ConcurrentLimitLayer` did to it is seen. Beneath a `RetryLayer` every try of
//! `stat`, `create_dir`, `rename`, `restore` and `presign` is an event of its own, while readers, writers, listers,
//! deleters and copiers are still one. Two audit layers record everything twice.
//!
//! The layer changes nothing else: capabilities, errors, metadata and data pass as they are, for blocking operators, too.
//! Those run on the threads of a runtime, where nothing is known of the scope of the thread that waits: give such an
//! operator a layer with a [scope](AuditLayer::scope).

mod audit;
mod copy;
mod deed;
mod delete;
mod fault;
pub mod limits;
mod list;
mod read;
mod service;
mod write;

use std::sync::Arc;

use indelible_recorder::{Actor, Durability, Recorder, Scope, Target, Text};
use opendal_core::raw::{Layer, Servicer};

use crate::audit::{Audit, Settings};
use crate::service::AuditService;

/// Records an event for every operation of the operator that it is added to.
///
/// ```
/// use indelible_opendal::AuditLayer;
/// use indelible_recorder::{Recorder, assert_recorded};
/// use opendal::{Operator, services};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> opendal::Result<()> {
/// let recorder = Recorder::memory();
/// let storage = Operator::new(services::Memory::default())?.layer(AuditLayer::new(recorder.clone()));
/// assert!(storage.read("missing").await.is_err());
/// assert_recorded!(recorder, action = "vfs.read", outcome = "failure", "error.code" = "not_found");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is added to an operator"]
pub struct AuditLayer(Settings);

impl AuditLayer {
    /// A layer that records with this recorder. With one that is off, it is not there at all.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::global;
    ///
    /// let layer = AuditLayer::new(global().clone());
    /// ```
    pub fn new(recorder: Recorder) -> AuditLayer {
        AuditLayer(Settings {
            recorder,
            category: "vfs_operation".into(),
            container: None,
            actor: None,
            prefix: "vfs.".into(),
            reads: true,
            durability: None,
            scope: None,
        })
    }

    /// The event type of operations on what is in the backend; `vfs_operation` unless it is said.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::Recorder;
    ///
    /// let layer = AuditLayer::new(Recorder::memory()).category("data_access");
    /// ```
    pub fn category(mut self, category: impl Into<Text>) -> AuditLayer {
        self.0.category = category.into();
        self
    }

    /// What the files are in, as the target that follows them: `container("bucket", "bucket-123")`. Unless it is said, the
    /// backend's bucket, and for backends that have none, `storage` with scheme and root, such as `fs:/var/lib/files/`.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::{Recorder, assert_recorded};
    /// use opendal::{Operator, services};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opendal::Result<()> {
    /// let recorder = Recorder::memory();
    /// let layer = AuditLayer::new(recorder.clone()).container("bucket", "bucket-123");
    /// let storage = Operator::new(services::Memory::default())?.layer(layer);
    /// storage.write("a.txt", "a").await?;
    /// assert_recorded!(recorder, target = "file/a.txt", "targets.1.id" = "bucket-123");
    /// # Ok(()) }
    /// ```
    pub fn container(mut self, kind: impl Into<Text>, id: impl Into<Text>) -> AuditLayer {
        self.0.container = Some(Target::new(kind, id));
        self
    }

    /// Who does all of it, whatever scope it is done in. Unless it is said, the scope's actor.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::{Actor, Recorder};
    ///
    /// let layer = AuditLayer::new(Recorder::memory()).actor(Actor::service("backup-agent"));
    /// ```
    pub fn actor(mut self, actor: impl Into<Actor>) -> AuditLayer {
        self.0.actor = Some(actor.into());
        self
    }

    /// What surrounds operations where no scope does, such as those of a blocking operator, which leave their thread.
    /// Operators are cheap to clone, so each request can have one of its own.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::{Actor, Recorder, Scope, assert_recorded};
    /// use opendal::{Operator, blocking, services};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # let _entered = runtime.enter();
    /// let recorder = Recorder::memory();
    /// let storage = Operator::new(services::Memory::default())?;
    ///
    /// let request = Scope { actor: Some(Actor::user("maria")), ..Scope::default() };
    /// let layer = AuditLayer::new(recorder.clone()).scope(request);
    /// blocking::Operator::new(storage.clone().layer(layer))?.write("a.txt", "a")?;
    /// assert_recorded!(recorder, action = "vfs.write", actor = "maria");
    /// # Ok(()) }
    /// ```
    pub fn scope(mut self, scope: Scope) -> AuditLayer {
        self.0.scope = Some(Arc::new(scope));
        self
    }

    /// What actions begin with; `vfs` unless it is said.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::{Recorder, assert_recorded};
    /// use opendal::{Operator, services};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opendal::Result<()> {
    /// let recorder = Recorder::memory();
    /// let layer = AuditLayer::new(recorder.clone()).action_prefix("archive");
    /// let storage = Operator::new(services::Memory::default())?.layer(layer);
    /// storage.write("a.txt", "a").await?;
    /// assert_recorded!(recorder, action = "archive.write");
    /// # Ok(()) }
    /// ```
    pub fn action_prefix(mut self, prefix: impl Into<String>) -> AuditLayer {
        let mut prefix = prefix.into();
        if !prefix.is_empty() {
            prefix.push('.');
        }
        self.0.prefix = prefix;
        self
    }

    /// Whether reading, listing and `stat` are recorded; they are, unless it is said otherwise.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::Recorder;
    /// use opendal::{Operator, services};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opendal::Result<()> {
    /// let recorder = Recorder::memory();
    /// let layer = AuditLayer::new(recorder.clone()).reads(false);
    /// let storage = Operator::new(services::Memory::default())?.layer(layer);
    /// storage.write("a.txt", "a").await?;
    /// storage.read("a.txt").await?;
    /// assert_eq!(recorder.events().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn reads(mut self, recorded: bool) -> AuditLayer {
        self.0.reads = recorded;
        self
    }

    /// How durable these events must be, whatever the recorder's policy asks of their type.
    ///
    /// ```
    /// use indelible_opendal::AuditLayer;
    /// use indelible_recorder::{Durability, Recorder, assert_recorded};
    /// use opendal::{Operator, services};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> opendal::Result<()> {
    /// let recorder = Recorder::memory();
    /// let layer = AuditLayer::new(recorder.clone()).durability(Durability::Required);
    /// let storage = Operator::new(services::Memory::default())?.layer(layer);
    /// storage.delete("a.txt").await?;
    /// assert_recorded!(recorder, action = "vfs.delete", phase = "intent", outcome = "pending");
    /// assert_recorded!(recorder, action = "vfs.delete", phase = "outcome", outcome = "success");
    /// # Ok(()) }
    /// ```
    pub fn durability(mut self, durability: Durability) -> AuditLayer {
        self.0.durability = Some(durability);
        self
    }
}

impl Layer for AuditLayer {
    fn apply_service(&self, service: Servicer) -> Servicer {
        if !self.0.recorder.is_on() {
            return service;
        }
        let audit = Audit::new(self.0.clone(), &service.info_dyn());
        Arc::new(AuditService::new(service, audit))
    }
}

//! The backend as the operator sees it through the layer.

use std::fmt;
use std::sync::Arc;

use indelible_recorder::Event;
use opendal_core::raw::{
    OpCompose, OpCopy, OpCreateDir, OpList, OpPresign, OpRead, OpRename, OpRestore, OpStat,
    OpWrite, Operation, PresignOperation, RpCreateDir, RpPresign, RpRename, RpRestore, RpStat,
    Service, ServiceInfo, Servicer,
};
use opendal_core::{Capability, EntryMode, OperationContext, Result};

use crate::audit::{Audit, Details};
use crate::copy::{AuditComposer, AuditCopier};
use crate::deed::Deed;
use crate::delete::AuditDeleter;
use crate::fault::Fault;
use crate::list::AuditLister;
use crate::read::AuditReader;
use crate::write::AuditWriter;

/// A backend that tells what is done with it, and is otherwise the one it wraps.
pub(crate) struct AuditService {
    inner: Servicer,
    audit: Arc<Audit>,
}

impl AuditService {
    pub(crate) fn new(inner: Servicer, audit: Audit) -> AuditService {
        AuditService { inner, audit: Arc::new(audit) }
    }

    /// An operation that only looks.
    fn look(&self, event: impl FnOnce() -> Event) -> Deed {
        if self.audit.reads() { self.audit.watched(event()) } else { self.audit.untold() }
    }

    /// Opens what an operation is done with; a failure ends it, and nothing else does.
    fn opened<T>(mut deed: Deed, opened: Result<T>) -> Result<(T, Deed)> {
        match opened {
            Ok(inner) => Ok((inner, deed)),
            Err(error) => {
                deed.finish_now(Some(Fault::of(&error)));
                Err(error)
            }
        }
    }
}

impl fmt::Debug for AuditService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Service for AuditService {
    type Reader = AuditReader;
    type Writer = AuditWriter;
    type Lister = AuditLister;
    type Deleter = AuditDeleter;
    type Copier = AuditCopier;
    type Composer = AuditComposer;

    fn info(&self) -> ServiceInfo {
        self.inner.info()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    async fn create_dir(
        &self,
        ctx: &OperationContext,
        path: &str,
        args: OpCreateDir,
    ) -> Result<RpCreateDir> {
        let mut deed = self.audit.guarded(self.audit.on(Operation::CreateDir, path));
        deed.begin().await?;
        let result = self.inner.create_dir(ctx, path, args).await;
        deed.end(&result).await;
        result
    }

    async fn stat(&self, ctx: &OperationContext, path: &str, args: OpStat) -> Result<RpStat> {
        let event = || self.audit.on(Operation::Stat, path).some("version", args.version());
        let mut deed = self.look(event);
        let result = self.inner.stat(ctx, path, args).await;
        if let Ok(found) = &result {
            deed.note(|event| sized(event, found));
        }
        deed.end(&result).await;
        result
    }

    fn read(&self, ctx: &OperationContext, path: &str, args: OpRead) -> Result<AuditReader> {
        let event = || {
            let event = self.audit.on(Operation::Read, path).some("version", args.version());
            event.some("if_match", args.if_match()).some("if_none_match", args.if_none_match())
        };
        let deed = self.look(event);
        let (reader, deed) = Self::opened(deed, self.inner.read(ctx, path, args))?;
        Ok(AuditReader::new(reader, deed))
    }

    fn write(&self, ctx: &OperationContext, path: &str, args: OpWrite) -> Result<AuditWriter> {
        let event = written(self.audit.on(Operation::Write, path), &args);
        match self.inner.write(ctx, path, args) {
            Ok(writer) => Ok(AuditWriter::new(writer, self.audit.clone(), event)),
            Err(error) => {
                self.audit.guarded(event).finish_now(Some(Fault::of(&error)));
                Err(error)
            }
        }
    }

    fn delete(&self, ctx: &OperationContext) -> Result<AuditDeleter> {
        let opened = self.inner.delete(ctx).inspect_err(|error| {
            let event = self.audit.contained(self.audit.event(Operation::Delete));
            self.audit.guarded(event).finish_now(Some(Fault::of(error)));
        });
        Ok(AuditDeleter::new(opened?, self.audit.clone()))
    }

    fn list(&self, ctx: &OperationContext, path: &str, args: OpList) -> Result<AuditLister> {
        let deed = self.look(|| listed(self.audit.on(Operation::List, path), path, &args));
        let (lister, deed) = Self::opened(deed, self.inner.list(ctx, path, args))?;
        Ok(AuditLister::new(lister, deed))
    }

    fn copy(
        &self,
        ctx: &OperationContext,
        from: &str,
        to: &str,
        args: OpCopy,
    ) -> Result<AuditCopier> {
        let event = self.audit.between(Operation::Copy, from, to);
        let event = event
            .some("source_version", args.source_version())
            .some("if_match", args.if_match())
            .flag("if_not_exists", args.if_not_exists());
        let deed = self.audit.guarded(event);
        let (copier, deed) = Self::opened(deed, self.inner.copy(ctx, from, to, args))?;
        Ok(AuditCopier::new(copier, deed))
    }

    fn compose(&self, ctx: &OperationContext, to: &str, args: OpCompose) -> Result<AuditComposer> {
        let event = self.audit.on(Operation::Compose, to);
        let event = event
            .some("content_type", args.content_type())
            .some("if_match", args.if_match())
            .flag("if_not_exists", args.if_not_exists());
        let deed = self.audit.guarded(event);
        let (composer, deed) = Self::opened(deed, self.inner.compose(ctx, to, args))?;
        Ok(AuditComposer::new(composer, deed))
    }

    async fn rename(
        &self,
        ctx: &OperationContext,
        from: &str,
        to: &str,
        args: OpRename,
    ) -> Result<RpRename> {
        let event = self.audit.between(Operation::Rename, from, to);
        let mut deed = self.audit.guarded(event.flag("if_not_exists", args.if_not_exists()));
        deed.begin().await?;
        let result = self.inner.rename(ctx, from, to, args).await;
        deed.end(&result).await;
        result
    }

    async fn restore(
        &self,
        ctx: &OperationContext,
        path: &str,
        args: OpRestore,
    ) -> Result<RpRestore> {
        let event = self.audit.on(Operation::Restore, path).some("version", args.version());
        let mut deed = self.audit.guarded(event.flag("if_not_exists", args.if_not_exists()));
        deed.begin().await?;
        let result = self.inner.restore(ctx, path, args).await;
        deed.end(&result).await;
        result
    }

    async fn presign(
        &self,
        ctx: &OperationContext,
        path: &str,
        args: OpPresign,
    ) -> Result<RpPresign> {
        // Who has the address may do what it allows, unseen by this layer; so it is told before it is made.
        let event = presigned(self.audit.on(Operation::Presign, path), &args);
        let mut deed = self.audit.guarded(event);
        deed.begin().await?;
        let result = self.inner.presign(ctx, path, args).await;
        deed.end(&result).await;
        result
    }
}

fn sized(event: Event, found: &RpStat) -> Event {
    let found = found.clone().into_metadata();
    match found.mode() {
        EntryMode::FILE => event.detail("size", found.content_length()),
        _ => event,
    }
}

fn written(event: Event, args: &OpWrite) -> Event {
    event
        .some("content_type", args.content_type())
        .flag("append", args.append())
        .some("if_match", args.if_match())
        .some("if_none_match", args.if_none_match())
        .flag("if_not_exists", args.if_not_exists())
}

fn listed(event: Event, path: &str, args: &OpList) -> Event {
    // This is how `Operator::check` asks whether the backend is there.
    let check = path == "/" && args.limit() == Some(1) && !args.recursive();
    let event = if check { Audit::of_backend(event) } else { event };
    event
        .detail("recursive", args.recursive())
        .some("limit", args.limit())
        .some("start_after", args.start_after())
        .flag("versions", args.versions())
        .flag("deleted", args.deleted())
}

fn presigned(event: Event, args: &OpPresign) -> Event {
    let (allows, version) = match args.operation() {
        PresignOperation::Stat(args) => ("stat", args.version()),
        PresignOperation::Read(_, args) => ("read", args.version()),
        PresignOperation::Write(_) => ("write", None),
        PresignOperation::Delete(args) => ("delete", args.version()),
        _ => ("other", None),
    };
    event
        .detail("allows", allows)
        .detail("expires_s", args.expire().as_secs())
        .some("version", version)
}

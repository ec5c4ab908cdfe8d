//! What all events of one operator have in common.

use std::borrow::Cow;
use std::sync::Arc;

use indelible_recorder::{Actor, Durability, Event, Recorder, Scope, Target, Text};
use opendal_core::raw::{Operation, ServiceInfo};
use serde::Serialize;

use crate::deed::{Deed, within};

/// The type of operations on a backend itself rather than on what is in it.
const BACKEND_OPERATION: &str = "backend_operation";

/// What the layer was told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) recorder: Recorder,
    pub(crate) category: Text,
    pub(crate) container: Option<Target>,
    pub(crate) actor: Option<Actor>,
    /// With its dot.
    pub(crate) prefix: String,
    pub(crate) reads: bool,
    pub(crate) durability: Option<Durability>,
    /// What surrounds operations that nothing else surrounds.
    pub(crate) scope: Option<Arc<Scope>>,
}

/// The layer's settings, and the backend that they are for.
#[derive(Debug)]
pub(crate) struct Audit {
    settings: Settings,
    scheme: &'static str,
    root: Arc<str>,
    container: Target,
}

impl Audit {
    pub(crate) fn new(settings: Settings, info: &ServiceInfo) -> Audit {
        let container = settings.container.clone().unwrap_or_else(|| container(info));
        Audit { settings, scheme: info.scheme(), root: info.root(), container }
    }

    /// Whether operations that only look are told.
    pub(crate) fn reads(&self) -> bool {
        self.settings.reads
    }

    /// An operation, still without what it is done to.
    pub(crate) fn event(&self, operation: Operation) -> Event {
        let action = format!("{}{}", self.settings.prefix, operation.into_static());
        let mut event = Event::new(action)
            .category(self.settings.category.clone())
            .detail("scheme", self.scheme);
        if !matches!(&*self.root, "" | "/") {
            event = event.detail("root", &*self.root);
        }
        match &self.settings.actor {
            Some(actor) => event.actor(actor.clone()),
            None => event,
        }
    }

    /// An operation on this path.
    pub(crate) fn on(&self, operation: Operation, path: &str) -> Event {
        self.contained(self.event(operation).target_of(target(path)))
    }

    /// An operation that takes from one path to another.
    pub(crate) fn between(&self, operation: Operation, from: &str, to: &str) -> Event {
        let event = self.event(operation).target_of(target(from)).target_of(target(to));
        self.contained(event).detail("from", from).detail("to", to)
    }

    /// Adds the container after the targets.
    pub(crate) fn contained(&self, event: Event) -> Event {
        event.target_of(self.container.clone())
    }

    /// A look at the backend itself.
    pub(crate) fn of_backend(event: Event) -> Event {
        event.category(BACKEND_OPERATION)
    }

    pub(crate) fn watched(&self, event: Event) -> Deed {
        let durability = self.durability(&event);
        within(self.scope(), || Deed::watched(&self.settings.recorder, durability, event))
    }

    pub(crate) fn guarded(&self, event: Event) -> Deed {
        let durability = self.durability(&event);
        within(self.scope(), || Deed::guarded(&self.settings.recorder, durability, event))
    }

    pub(crate) fn untold(&self) -> Deed {
        Deed::untold(&self.settings.recorder)
    }

    /// The scope to do this in, where it is not the present one.
    fn scope(&self) -> Option<Arc<Scope>> {
        let scope = self.settings.scope.as_ref()?;
        Scope::current().is_none().then(|| scope.clone())
    }

    fn durability(&self, event: &Event) -> Durability {
        let asked = || self.settings.recorder.durability(event.event_type());
        self.settings.durability.unwrap_or_else(asked)
    }
}

/// What is at a path, as a target.
pub(crate) fn target(path: &str) -> Target {
    let kind = if path.ends_with('/') { "directory" } else { "file" };
    Target::new(kind, path.to_owned())
}

/// Details that are only there if they are said, or true.
pub(crate) trait Details: Sized {
    fn some(self, key: &'static str, value: Option<impl Serialize>) -> Self;
    fn flag(self, key: &'static str, value: bool) -> Self;
}

impl Details for Event {
    fn some(self, key: &'static str, value: Option<impl Serialize>) -> Event {
        match value {
            Some(value) => self.detail(key, value),
            None => self,
        }
    }

    fn flag(self, key: &'static str, value: bool) -> Event {
        self.some(key, value.then_some(true))
    }
}

/// The bucket of backends that have one, and what there is instead.
fn container(info: &ServiceInfo) -> Target {
    let (scheme, name, root) = (info.scheme(), info.name(), info.root());
    // The name of a store in memory is its address there, which says nothing and should not leave the process.
    if name.is_empty() || scheme == "memory" {
        let root: Cow<'_, str> = if root.is_empty() { "/".into() } else { (&*root).into() };
        return Target::new("storage", format!("{scheme}:{root}"));
    }
    Target::new("bucket", name.to_string())
}

//! The recorder: what an application holds.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;

use crate::Outcome;
use crate::buffer::{Buffer, Memory};
use crate::context::Scope;
use crate::coverage::Coverage;
use crate::encode::Encoder;
use crate::engine::{Engine, Settings, WhenFull};
use crate::error::{OpenError, RecordError, Unwritten};
use crate::event::{Actor, Event, Text};
use crate::ledger::{Cause, Loss};
use crate::limits::{
    BATCH_SIZE, BATCH_SIZE_MAX, BUFFER_BYTES_MAX, CLOSE_MAX, DROP_MAX, DURABLE_MAX, FLUSH_INTERVAL,
    QUEUE_BYTES_MAX, SPOOL_BYTES_MAX,
};
use crate::memory::{self, Recorded};
use crate::operation::{Begin, Operation};
use crate::policy::{Durability, Policy};
use crate::redact::Redaction;
use crate::ticket::Ticket;
use crate::transport::{Receipt, Transport};

/// Records events. Cheap to clone; all clones are one recorder, and dropping the last closes it.
#[derive(Clone)]
pub struct Recorder(Option<Arc<Open>>);

/// A recorder that is not switched off.
struct Open {
    engine: Arc<Engine>,
    coverage: Coverage,
    memory: Option<memory::Events>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Nobody said `close`: what is on its way still gets a chance.
        let closed = self.engine.close(DROP_MAX);
        // A task may be dropped by the very thread that wakes it.
        if !self.engine.is_here() {
            let _ = closed.wait();
        }
    }
}

impl Recorder {
    /// Settings for a recorder that sends through this transport.
    pub fn builder(transport: impl Transport) -> Builder {
        Builder::new(Box::new(transport))
    }

    /// A recorder for tests: keeps its events in memory, where [`Recorder::events`] shows them and
    /// [`assert_recorded!`](crate::assert_recorded) looks for them.
    pub fn memory() -> Recorder {
        Recorder::memory_with(|builder| builder)
    }

    /// Like [`Recorder::memory`], with other settings.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory_with(|builder| builder.service("billing"));
    /// recorder.record(Event::new("invoice.send"));
    /// assert_eq!(recorder.events()[0].get("context.service"), Some("billing".into()));
    /// ```
    pub fn memory_with(settings: impl FnOnce(Builder) -> Builder) -> Recorder {
        let (transport, events) = memory::transport();
        let mut builder = settings(Recorder::builder(transport)).when_full(WhenFull::Wait);
        builder.memory = Some(events);
        builder.build().expect("a recorder in memory needs nothing but threads")
    }

    /// A recorder that records nothing, for programs whose auditing is switched off.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// Recorder::off().record(Event::new("user.login")); // nothing happens
    /// ```
    pub fn off() -> Recorder {
        Recorder(None)
    }

    /// What does the work, unless it is off.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.0.as_ref().map(|open| &*open.engine)
    }

    /// Whether it records at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Records an event: hands it to the recorder's threads and returns. Never blocks, never fails; what cannot be
    /// kept is counted and told in the trail ([`Recorder::losses`]).
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder, actions};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.record(Event::new(actions::USER_LOGIN).category("login").actor("maria"));
    /// assert_eq!(recorder.events().len(), 1);
    /// ```
    pub fn record(&self, event: Event) {
        if let Some(open) = &self.0 {
            open.engine.push(stamped(event));
        }
    }

    /// Records an event and answers with its receipt once it is durable. It does not wait behind those that were
    /// recorded before and are still to be sent.
    ///
    /// ```
    /// # async fn f() -> Result<(), indelible_recorder::RecordError> {
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// let receipt = recorder.record_durable(Event::new("permission.grant").actor("root")).await?;
    /// println!("kept as {}", receipt.id);
    /// # Ok(()) }
    /// ```
    pub fn record_durable(&self, event: Event) -> Ticket<Result<Receipt, RecordError>> {
        match &self.0 {
            Some(open) => open.engine.push_durable(stamped(event)),
            None => Ticket::answered(Ok(Receipt::of_nothing())),
        }
    }

    /// Records an event as its type asks for it: `async` types like [`Recorder::record`]; `durable` and `required` ones
    /// like [`Recorder::record_durable`]. An error comes only for `required` ones: the operation must not go on.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.submit(Event::new("store.write").category("vfs_operation")).wait().unwrap();
    /// ```
    pub fn submit(&self, event: Event) -> Ticket<Result<(), RecordError>> {
        let Some(open) = &self.0 else { return Ticket::answered(Ok(())) };
        match open.engine.encoder.policy.durability(event.event_type()) {
            Durability::Async => {
                self.record(event);
                Ticket::answered(Ok(()))
            }
            Durability::Durable => self.record_durable(event).map(|_| Ok(())),
            Durability::Required => self.record_durable(event).map(|result| result.map(|_| ())),
        }
    }

    /// What is asked of events of this type.
    ///
    /// ```
    /// use indelible_recorder::{Durability, Recorder};
    ///
    /// assert_eq!(Recorder::memory().durability("vfs_operation"), Durability::Async);
    /// ```
    pub fn durability(&self, event_type: &str) -> Durability {
        let open = self.0.as_ref();
        open.map_or(Durability::Async, |open| open.engine.encoder.policy.durability(event_type))
    }

    /// Says what is about to be done, and gives the operation to do it under once that is durable: log before you
    /// delete. The operation's end is recorded by [`Operation::success`] or [`Operation::failure`]; one that is dropped
    /// is recorded as `unknown`, and one whose process dies is found by `indelible report unfinished`.
    ///
    /// ```
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// let event = Event::new("backup.delete").target("backup", "b-17").actor("maria");
    /// let operation = recorder.begin(event.before(serde_json::json!({"size": 4096}))).await?;
    /// match std::fs::remove_file("b-17.tar") {
    ///     Ok(()) => operation.success(()),
    ///     Err(error) => operation.failure(&error),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn begin(&self, event: Event) -> Begin {
        Operation::begin(self, stamped(event))
    }

    /// Waits until everything recorded so far is durable, or says what is not.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.record(Event::new("user.logout"));
    /// recorder.flush().wait().unwrap();
    /// ```
    pub fn flush(&self) -> Ticket<Result<(), Unwritten>> {
        self.0.as_ref().map_or_else(|| Ticket::answered(Ok(())), |open| open.engine.flush())
    }

    /// Records nothing more, writes what there is, and says what could not be written within ten seconds. With a
    /// spool that is not lost: the next recorder with this spool sends it.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.record(Event::new("user.logout"));
    /// recorder.close().wait().unwrap();
    /// ```
    pub fn close(&self) -> Ticket<Result<(), Unwritten>> {
        self.close_within(CLOSE_MAX)
    }

    /// Like [`Recorder::close`], with another deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use indelible_recorder::Recorder;
    ///
    /// Recorder::memory().close_within(Duration::from_secs(1)).wait().unwrap();
    /// ```
    pub fn close_within(&self, within: Duration) -> Ticket<Result<(), Unwritten>> {
        self.0.as_ref().map_or_else(|| Ticket::answered(Ok(())), |open| open.engine.close(within))
    }

    /// Something was created: `log_create("backup", "b-17", &backup, "maria", store_id)`. The action is the type's
    /// (`backup.create`); a scope of `()` is none.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    ///
    /// let recorder = Recorder::memory();
    /// recorder.log_create("backup", "b-17", serde_json::json!({"size": 4096}), "maria", 7);
    /// assert_eq!(recorder.events()[0].get("details.scope"), Some(7.into()));
    /// ```
    pub fn log_create(
        &self,
        kind: &str,
        id: impl Into<Text>,
        data: impl Serialize,
        user: impl Into<Actor>,
        scope: impl Serialize,
    ) {
        let event = change(kind, "create", "data_create", id, user, scope);
        self.record(event.after(data));
    }

    /// Something was changed.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    ///
    /// let recorder = Recorder::memory();
    /// recorder.log_update("user", "u-1", [1], [2], "maria", ());
    /// assert_eq!(recorder.events()[0].action(), "user.update");
    /// ```
    pub fn log_update(
        &self,
        kind: &str,
        id: impl Into<Text>,
        old: impl Serialize,
        new: impl Serialize,
        user: impl Into<Actor>,
        scope: impl Serialize,
    ) {
        let event = change(kind, "update", "data_modify", id, user, scope);
        self.record(event.before(old).after(new));
    }

    /// Something was deleted; `data` is what it was. To say so before it is done, see [`Recorder::begin`].
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    ///
    /// let recorder = Recorder::memory();
    /// recorder.log_delete("backup", "b-17", serde_json::json!({"size": 4096}), "maria", "store-7");
    /// assert_eq!(recorder.events()[0].get("changes.before.size"), Some(4096.into()));
    /// ```
    pub fn log_delete(
        &self,
        kind: &str,
        id: impl Into<Text>,
        data: impl Serialize,
        user: impl Into<Actor>,
        scope: impl Serialize,
    ) {
        let event = change(kind, "delete", "data_delete", id, user, scope);
        self.record(event.before(data));
    }

    /// A user did something that changed no resource: `log_user_action("maria", "report.view", details)`; the
    /// details are an object, or `()` for none.
    ///
    /// ```
    /// use indelible_recorder::{Recorder, actions};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.log_user_action("maria", actions::USER_LOGOUT, ());
    /// assert_eq!(recorder.events()[0].get("actor.id"), Some("maria".into()));
    /// ```
    pub fn log_user_action(
        &self,
        user: impl Into<Actor>,
        action: impl Into<Text>,
        details: impl Serialize,
    ) {
        let event = Event::new(action).actor(user).outcome(Outcome::Success);
        self.record(event.details(details));
    }

    /// A resource was changed by an action of your own: `log_resource_change("volume", "v-1", "volume.resize", old, new, "maria")`.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    ///
    /// let recorder = Recorder::memory();
    /// recorder.log_resource_change("volume", "v-1", "volume.resize", 10, 20, "maria");
    /// assert_eq!(recorder.events()[0].get("changes.after"), Some(20.into()));
    /// ```
    pub fn log_resource_change(
        &self,
        kind: impl Into<Text>,
        id: impl Into<Text>,
        action: impl Into<Text>,
        old: impl Serialize,
        new: impl Serialize,
        user: impl Into<Actor>,
    ) {
        let event = Event::new(action).category("data_modify").target(kind, id).actor(user);
        self.record(event.before(old).after(new).outcome(Outcome::Success));
    }

    /// What was lost since the recorder was opened, by event type and cause. The same is told in the trail, by
    /// events of the action `audit.loss`.
    ///
    /// ```
    /// assert!(indelible_recorder::Recorder::memory().losses().is_empty());
    /// ```
    pub fn losses(&self) -> Vec<Loss> {
        self.0.as_ref().map_or_else(Vec::new, |open| open.engine.encoder.ledger.all())
    }

    /// Counts events that an integration had to leave out before there was an event.
    pub fn count_loss(&self, event_type: &str, cause: Cause, count: u64) {
        if let Some(open) = &self.0 {
            open.engine.encoder.ledger.count(event_type, cause, count);
        }
    }

    /// Which routes were seen and which of them ever recorded something; integrations fill it.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    ///
    /// let recorder = Recorder::memory();
    /// recorder.coverage().declare("POST", "/users");
    /// assert_eq!(recorder.coverage().forgotten()[0].route, "/users");
    /// ```
    pub fn coverage(&self) -> &Coverage {
        static OFF: OnceLock<Coverage> = OnceLock::new();
        match &self.0 {
            Some(open) => &open.coverage,
            None => OFF.get_or_init(Coverage::default),
        }
    }

    /// The events of a recorder in memory, all that were recorded before this call.
    ///
    /// # Panics
    /// If this recorder was not made by [`Recorder::memory`].
    pub fn events(&self) -> Vec<Recorded> {
        let memory = self.0.as_ref().and_then(|open| open.memory.as_ref());
        let memory = memory.expect("only a recorder made by Recorder::memory() shows its events");
        let _ = self.flush().wait();
        memory::all(memory)
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let to = self.0.as_ref().map(|open| open.engine.transport.destination());
        f.debug_struct("Recorder").field("to", &to).finish_non_exhaustive()
    }
}

/// The event with the time and the scope of this call.
pub(crate) fn stamped(mut event: Event) -> Event {
    event.0.occurred_at.get_or_insert_with(crate::clock::now);
    if event.0.scope.is_none() {
        event.0.scope = Scope::current();
    }
    event
}

fn change(
    kind: &str,
    verb: &str,
    category: &'static str,
    id: impl Into<Text>,
    user: impl Into<Actor>,
    scope: impl Serialize,
) -> Event {
    let event = Event::new(format!("{kind}.{verb}")).category(category).actor(user);
    event.target(kind.to_owned(), id).outcome(Outcome::Success).scope(scope)
}

static GLOBAL: OnceLock<Recorder> = OnceLock::new();

/// Makes a recorder the one that instrumentation uses where it is given none. The first one stays; the answer says
/// whether it is this one.
pub fn set_global(recorder: Recorder) -> bool {
    let mut set = false;
    GLOBAL.get_or_init(|| {
        set = true;
        recorder
    });
    set
}

/// The recorder that was made global; one that is off, and says so once in the program's log, if none was.
///
/// ```
/// use indelible_recorder::{Event, Recorder, global, set_global};
///
/// set_global(Recorder::memory());
/// global().record(Event::new("user.login"));
/// assert_eq!(global().events().len(), 1);
/// ```
pub fn global() -> &'static Recorder {
    static OFF: OnceLock<Recorder> = OnceLock::new();
    GLOBAL.get().unwrap_or_else(|| {
        OFF.get_or_init(|| {
            tracing::warn!("there is no global audit recorder yet: call set_global at the start");
            Recorder::off()
        })
    })
}

/// Settings of a recorder.
///
/// ```
/// use std::time::Duration;
/// use indelible_recorder::{Recorder, WhenFull};
///
/// let recorder = Recorder::memory_with(|builder| {
///     builder.service("billing").batch_size(500).flush_interval(Duration::from_millis(50))
/// });
/// assert!(recorder.is_on());
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    transport: Box<dyn Transport>,
    policy: Policy,
    redaction: Redaction,
    trail: Option<Text>,
    service: Option<Text>,
    host: Option<Text>,
    settings: Settings,
    buffer_bytes_max: usize,
    spool: Option<PathBuf>,
    spool_bytes_max: u64,
    memory: Option<memory::Events>,
}

impl Builder {
    fn new(transport: Box<dyn Transport>) -> Builder {
        let settings = Settings {
            batch_size: BATCH_SIZE,
            flush_interval: FLUSH_INTERVAL,
            queue_bytes_max: QUEUE_BYTES_MAX,
            when_full: WhenFull::default(),
            durable_max: DURABLE_MAX,
        };
        Builder {
            transport,
            policy: Policy::default(),
            redaction: Redaction::default(),
            trail: None,
            service: None,
            host: None,
            settings,
            buffer_bytes_max: BUFFER_BYTES_MAX,
            spool: None,
            spool_bytes_max: SPOOL_BYTES_MAX,
            memory: None,
        }
    }

    /// What is emitted, sampled, and how durable each event type must be.
    pub fn policy(mut self, policy: Policy) -> Builder {
        self.policy = policy;
        self
    }

    /// What is redacted before anything leaves the process; on unless said otherwise.
    pub fn redaction(mut self, redaction: Redaction) -> Builder {
        self.redaction = redaction;
        self
    }

    /// The trail of events that name none.
    pub fn trail(mut self, trail: impl Into<Text>) -> Builder {
        self.trail = Some(trail.into());
        self
    }

    /// The service that records.
    pub fn service(mut self, service: impl Into<Text>) -> Builder {
        self.service = Some(service.into());
        self
    }

    /// The machine it runs on.
    pub fn host(mut self, host: impl Into<Text>) -> Builder {
        self.host = Some(host.into());
        self
    }

    /// How many events make a batch; 1 to 10,000.
    pub fn batch_size(mut self, events: usize) -> Builder {
        self.settings.batch_size = events;
        self
    }

    /// How long an event waits for its batch to fill.
    pub fn flush_interval(mut self, interval: Duration) -> Builder {
        self.settings.flush_interval = interval;
        self
    }

    /// How many bytes of events may wait in the queue, and without a spool as many again, encoded, behind it.
    pub fn memory_bytes(mut self, bytes: usize) -> Builder {
        self.settings.queue_bytes_max = bytes;
        self.buffer_bytes_max = bytes;
        self
    }

    /// What happens when there is no room.
    pub fn when_full(mut self, what: WhenFull) -> Builder {
        self.settings.when_full = what;
        self
    }

    /// Where the spool is; with it, events survive the process and outages as long as the disk has room for it.
    pub fn spool(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.spool = Some(dir.into());
        self
    }

    /// How large the spool may become.
    pub fn spool_bytes(mut self, bytes: u64) -> Builder {
        self.spool_bytes_max = bytes;
        self
    }

    /// How long `record_durable` and `begin` wait before they say that nothing is known.
    pub fn durable_within(mut self, within: Duration) -> Builder {
        self.settings.durable_max = within;
        self
    }

    /// Starts the recorder.
    pub fn build(self) -> Result<Recorder, OpenError> {
        if !(1..=BATCH_SIZE_MAX).contains(&self.settings.batch_size) {
            return Err(OpenError::Setting(format!("a batch has 1 to {BATCH_SIZE_MAX} events")));
        }
        let mut encoder = Encoder::new(self.policy, self.redaction);
        (encoder.trail, encoder.service, encoder.host) = (self.trail, self.service, self.host);
        let buffer: Box<dyn Buffer> = match &self.spool {
            Some(dir) if self.settings.when_full == WhenFull::Spool => {
                let to = self.transport.destination();
                Box::new(crate::spool::Spool::open(dir, &to, self.spool_bytes_max)?)
            }
            _ => Box::new(Memory::new(self.buffer_bytes_max)),
        };
        let engine = Engine::start(encoder, self.transport, buffer, self.settings)?;
        let open = Open { engine, coverage: Coverage::default(), memory: self.memory };
        Ok(Recorder(Some(Arc::new(open))))
    }
}

//! What the node records of itself in `_system`: every read, every change of keys and settings, every login that
//! was refused, its start and its stop.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{Checked, Micros, check};
use indelible_log::{AppendError, Receipt};
use serde_json::{Map, Value, json};

use crate::auth::{Caller, CallerKind, RequestInfo};
use crate::limits;
use crate::problem::Problem;
use crate::state::AppState;

/// What kind of read it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Read {
    /// A search, a timeline, suggestions.
    Search,
    /// One event by its id.
    Event,
    /// A file of a static tree.
    Tree,
    /// A proof.
    Proof,
    /// Statistics.
    Stats,
    /// A live stream.
    Stream,
    /// An export.
    Export,
}

impl Read {
    pub(crate) fn action(self) -> &'static str {
        match self {
            Read::Search => "audit.search",
            Read::Event | Read::Tree => "audit.read",
            Read::Proof => "audit.proof",
            Read::Stats => "audit.stats",
            Read::Stream => "audit.stream",
            Read::Export => "audit.export",
        }
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct ReadDetails {
    /// The trails that were read; `_system` among them makes it a read of `_system`.
    pub trails: Vec<String>,
    /// The query as it was given.
    pub query: Option<String>,
    /// The event's id, or the path, that was asked for.
    pub target: Option<String>,
    /// How many events the answer has.
    pub results: Option<u64>,
}

/// What is counted instead of recorded, and what could not be recorded.
/// What makes a read the same as one before. Questions differ by what is asked; looks at single events do
/// not, since each of them would be a new one to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Repeated {
    credential: String,
    read: Read,
    trail: String,
    query: String,
}

#[derive(Default)]
pub(crate) struct Recording {
    /// When a read that repeats was last recorded, and how many followed.
    echoes: Mutex<HashMap<Repeated, Echo>>,
    refused: Mutex<Refused>,
    /// Recordings that failed and that no event tells of yet.
    lost: AtomicU64,
}

struct Echo {
    at: Micros,
    since: u64,
    /// What to record them with.
    actor: Value,
}

#[derive(Default)]
struct Refused {
    window: Micros,
    recorded: u32,
    suppressed: u64,
}

impl AppState {
    /// Records a read, durably, before its answer leaves. Reads of `_system` that repeat are recorded once a
    /// minute, with the number of those in between: else each look would make one more thing to look at.
    /// So are those of one trail's static tree, of which a monitor fetches thousands of files.
    /// Where the disk is full, the read goes on and what could not be recorded is counted.
    pub async fn record_read(
        &self,
        caller: &Caller,
        read: Read,
        details: ReadDetails,
    ) -> Result<(), Problem> {
        let Some(writer) = self.writer() else { return Ok(()) };
        let system = details.trails.iter().find(|trail| *trail == "_system");
        let tree = details.trails.first().filter(|_| read == Read::Tree);
        let mut since = 0;
        if let Some(trail) = system.or(tree) {
            match self.recording().echo(caller, read, trail, &details, self.now()) {
                Some(count) => since = count,
                None => return Ok(()),
            }
        }
        let event = read_event(caller, read, &details, since);
        match writer.record(event).await {
            Ok(_) => Ok(()),
            Err(AppendError::Closed) => Err(Problem::unavailable("the node is closing", 5)),
            Err(error) => {
                tracing::warn!(%error, "a read could not be recorded");
                self.lose(1);
                Ok(())
            }
        }
    }

    /// Records something that a caller did, and gives its receipt once it is durable.
    pub(crate) async fn record_deed(
        &self,
        caller: &Caller,
        action: &str,
        target: Value,
        details: Value,
    ) -> Result<Receipt, Problem> {
        self.record_act(caller, (action, "config_change"), target, details).await
    }

    /// Records an action of a category.
    pub(crate) async fn record_act(
        &self,
        caller: &Caller,
        (action, category): (&str, &str),
        target: Value,
        details: Value,
    ) -> Result<Receipt, Problem> {
        self.record_about(caller, (action, category), vec![target], details).await
    }

    /// Records an action that is about several things.
    pub(crate) async fn record_about(
        &self,
        caller: &Caller,
        (action, category): (&str, &str),
        targets: Vec<Value>,
        details: Value,
    ) -> Result<Receipt, Problem> {
        let missing = || Problem::unavailable("nothing is written here", 60);
        let writer = self.writer().ok_or_else(missing)?;
        let event = event(json!({
            "action": action,
            "category": category,
            "outcome": "success",
            "actor": actor(caller),
            "targets": targets,
            "details": details,
            "context": context(&caller.request),
        }));
        writer.record(event).await.map_err(|e| Problem::unavailable(e.to_string(), 5))
    }

    /// Records a login that was refused: the first of each minute one by one, then by number.
    pub(crate) fn record_refused(
        &self,
        request: &RequestInfo,
        reason: &str,
        claimed: Option<String>,
    ) {
        let Some(writer) = self.writer() else { return };
        if !self.recording().refuse(self.now()) {
            return;
        }
        let who = claimed.map_or_else(
            || json!({"type": "anonymous"}),
            |id| json!({"type": "anonymous", "id": cut(&id, limits::RECORDED_TEXT_BYTES_MAX)}),
        );
        let event = event(json!({
            "action": "login.refused",
            "category": "login_failed",
            "outcome": "denied",
            "actor": who,
            "error": {"message": cut(reason, limits::RECORDED_TEXT_BYTES_MAX)},
            "context": context(request),
        }));
        if writer.record_later(event).is_err() {
            self.lose(1);
        }
    }

    /// Counts what should have been recorded and was not.
    pub(crate) fn lose(&self, count: u64) {
        self.metrics().lost(count);
        self.recording().lost.fetch_add(count, Ordering::Relaxed);
    }

    /// Records what was counted and is due; everything, if the node stops.
    pub(crate) async fn record_counted(&self, stopping: bool) {
        let Some(writer) = self.writer() else { return };
        let (echoes, refused) = self.recording().due(self.now(), stopping);
        for (Repeated { read, trail, query, .. }, echo) in echoes {
            let mut details = json!({"trails": [trail], "since_last": echo.since});
            if !query.is_empty() {
                details["query"] = query.into();
            }
            let event = own(read.action(), &echo.actor, details);
            if writer.record(event).await.is_err() {
                self.lose(1);
            }
        }
        let node = json!({"type": "system", "id": "indelible"});
        if refused > 0
            && writer
                .record(own("login.refused", &node, json!({"suppressed": refused})))
                .await
                .is_err()
        {
            self.lose(1);
        }
        let lost = self.recording().lost.swap(0, Ordering::Relaxed);
        if lost > 0
            && writer.record(own("system.loss", &node, json!({"lost": lost}))).await.is_err()
        {
            self.recording().lost.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Records that the node started or stops.
    pub(crate) async fn record_node(
        &self,
        action: &str,
        details: Value,
    ) -> Result<(), AppendError> {
        let Some(writer) = self.writer() else { return Ok(()) };
        let node = json!({"type": "system", "id": "indelible"});
        writer.record(own(action, &node, details)).await.map(drop)
    }
}

impl Recording {
    /// Whether a read that repeats is to be recorded now, and how many were not since the last that was.
    fn echo(
        &self,
        caller: &Caller,
        read: Read,
        trail: &str,
        details: &ReadDetails,
        now: Micros,
    ) -> Option<u64> {
        let of = Repeated {
            credential: caller.id.to_string(),
            read,
            trail: trail.to_owned(),
            query: cut(details.query.as_deref().unwrap_or(""), limits::RECORDED_QUERY_BYTES_MAX),
        };
        let mut echoes = self.echoes.lock().expect("counting does not panic");
        let full = echoes.len() >= limits::ECHOES_MAX;
        match echoes.get_mut(&of) {
            // A clock that was set back must not keep it silent.
            Some(echo) if (0..limits::MINUTE_MICROS).contains(&(now.0 - echo.at.0)) => {
                echo.since += 1;
                None
            }
            Some(echo) => {
                echo.at = now;
                Some(std::mem::take(&mut echo.since))
            }
            None => {
                if !full {
                    let echo = Echo { at: now, since: 0, actor: actor(caller) };
                    echoes.insert(of, echo);
                }
                Some(0)
            }
        }
    }

    /// Whether a refused login is to be recorded by itself.
    fn refuse(&self, now: Micros) -> bool {
        let mut refused = self.refused.lock().expect("counting does not panic");
        if !(0..limits::MINUTE_MICROS).contains(&(now.0 - refused.window.0)) {
            (refused.window, refused.recorded) = (now, 0);
        }
        let records = refused.recorded < limits::REFUSED_RECORDED_MAX;
        if records {
            refused.recorded += 1;
        } else {
            refused.suppressed += 1;
        }
        records
    }

    /// Takes out what was counted for a minute.
    fn due(&self, now: Micros, all: bool) -> (Vec<(Repeated, Echo)>, u64) {
        let over = |at: Micros| all || !(0..limits::MINUTE_MICROS).contains(&(now.0 - at.0));
        let mut echoes = self.echoes.lock().expect("counting does not panic");
        let due = echoes.extract_if(|_, echo| over(echo.at)).filter(|(_, echo)| echo.since > 0);
        let due = due.collect();
        let mut refused = self.refused.lock().expect("counting does not panic");
        let count = if over(refused.window) { std::mem::take(&mut refused.suppressed) } else { 0 };
        (due, count)
    }
}

fn read_event(caller: &Caller, read: Read, details: &ReadDetails, since: u64) -> Checked {
    let mut more = Map::new();
    let shown = details.trails.iter().take(limits::CALLER_TRAILS_MAX);
    more.insert("trails".into(), shown.map(String::as_str).collect());
    if let Some(query) = &details.query {
        more.insert("query".into(), cut(query, limits::RECORDED_QUERY_BYTES_MAX).into());
    }
    if let Some(results) = details.results {
        more.insert("results".into(), results.into());
    }
    if since > 0 {
        more.insert("since_last".into(), since.into());
    }
    let targets = details.target.as_ref().map(|target| {
        let kind = match read {
            Read::Export => "export",
            Read::Tree => "file",
            _ => "event",
        };
        json!([{"type": kind, "id": cut(target, limits::RECORDED_TEXT_BYTES_MAX)}])
    });
    event(json!({
        "action": read.action(),
        "category": "data_access",
        "outcome": "success",
        "actor": actor(caller),
        "targets": targets.unwrap_or_else(|| json!([])),
        "details": more,
        "context": context(&caller.request),
    }))
}

/// The credential as an actor. Its opaque id stands in `recorded_by` of what it writes; a name says more to people.
pub(crate) fn actor(caller: &Caller) -> Value {
    let kind = match caller.kind {
        CallerKind::Key => "service",
        CallerKind::Jwt | CallerKind::Session | CallerKind::Local => "user",
    };
    let name = caller.subject.as_ref().or(caller.name.as_ref());
    let mut actor = json!({"type": kind, "id": &*caller.id});
    if let Some(name) = name {
        actor["name"] = cut(name, limits::RECORDED_TEXT_BYTES_MAX).into();
    }
    actor
}

pub(crate) fn context(request: &RequestInfo) -> Value {
    let path = cut(&request.path, limits::RECORDED_TEXT_BYTES_MAX);
    let method = cut(request.method.as_str(), 64);
    let mut context = json!({"http": {"method": method, "path": path}});
    if let Some(ip) = request.ip {
        context["ip"] = ip.to_string().into();
    }
    if let Some(agent) = &request.user_agent {
        context["user_agent"] = cut(agent, limits::RECORDED_TEXT_BYTES_MAX).into();
    }
    if !request.id.is_empty() {
        context["request_id"] = (&*request.id).into();
    }
    if let Some(session) = &request.session {
        context["session_id"] = (&**session).into();
    }
    context
}

fn own(action: &str, actor: &Value, details: Value) -> Checked {
    event(json!({
        "action": action,
        "category": "system",
        "outcome": "success",
        "actor": actor,
        "details": details,
    }))
}

pub(crate) fn event(json: Value) -> Checked {
    check(json.to_string().as_bytes()).expect("its texts were cut to what an event may hold")
}

/// The front of a text, at most so many bytes of its canonical form, where a control character takes six.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    let mut left = bytes_max;
    let fits = |c: &char| {
        let bytes = match c {
            '"' | '\\' => 2,
            c if (*c as u32) < 0x20 => 6,
            c => c.len_utf8(),
        };
        let fits = bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_request_holds_becomes_an_event() {
        let nasty: String = "\u{0}\u{1f}\"\\ä\r\n\u{10ffff}".repeat(10_000);
        let request = RequestInfo {
            id: "x".repeat(limits::REQUEST_ID_BYTES_MAX).into(),
            ip: Some([0xff; 16].into()),
            user_agent: Some(nasty.clone().into()),
            method: axum::http::Method::from_bytes(&[b'A'; 300]).unwrap(),
            path: nasty.clone().into(),
            session: Some("0123456789abcdef".into()),
        };
        let mut caller = Caller::local(request);
        caller.subject = Some(nasty.clone().into());
        let details = ReadDetails {
            trails: vec!["x".repeat(128); 1000],
            query: Some(nasty.clone()),
            target: Some(nasty),
            results: Some(u64::MAX),
        };
        for read in [Read::Search, Read::Export] {
            read_event(&caller, read, &details, u64::MAX);
        }
    }

    #[test]
    fn refused_logins_are_counted_beyond_a_number_a_minute() {
        let recording = Recording::default();
        let recorded = (0..1000).filter(|_| recording.refuse(Micros(5))).count();
        assert_eq!(recorded, limits::REFUSED_RECORDED_MAX as usize);
        assert_eq!(recording.due(Micros(6), false).1, 0, "the minute is not over");
        assert_eq!(recording.due(Micros(6 + limits::MINUTE_MICROS), false).1, 940);
        assert!(recording.refuse(Micros(6 + limits::MINUTE_MICROS)));
    }
}

//! What takes longer than a request: it runs on a thread of its own, and whoever began it looks how far it is.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use indelible_event::Micros;
use indelible_keep::{Keep, KeepError, Progress, Who};
use indelible_log::hex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::fault::problem;
use crate::auth::Caller;
use crate::extract::Json;
use crate::limits;
use crate::problem::Problem;
use crate::state::AppState;

/// What runs and what has ended lately. The log has what was done; this only says how far it is.
#[derive(Default)]
pub(crate) struct Jobs {
    /// Oldest first.
    table: Mutex<VecDeque<Arc<Job>>>,
    /// How many there were.
    begun: AtomicU64,
}

/// One of them.
pub(crate) struct Job {
    id: String,
    what: &'static str,
    by: Arc<str>,
    started_at: Micros,
    now: watch::Sender<Now>,
}

/// How far it is.
#[derive(Default)]
struct Now {
    stage: String,
    done: u64,
    of: Option<u64>,
    ended: Option<Ended>,
}

struct Ended {
    at: Micros,
    result: Result<Value, Problem>,
}

/// How long whoever begins a job waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until it is clear that it goes on: what is refused is refused in the answer.
    Begun,
    /// Until it has ended, or for so long.
    Ended(Option<Duration>),
}

impl Progress for Job {
    fn stage(&self, name: &str, of: Option<u64>) {
        self.now.send_modify(|now| {
            name.clone_into(&mut now.stage);
            (now.done, now.of) = (0, of);
        });
    }

    fn done(&self, done: u64) {
        self.now.send_modify(|now| now.done = done);
    }
}

impl Job {
    /// How it is, as it is told.
    fn shown(&self) -> Value {
        let now = self.now.borrow();
        let (state, result, error) = match &now.ended {
            None => ("running", Value::Null, Value::Null),
            Some(Ended { result: Ok(result), .. }) => ("done", result.clone(), Value::Null),
            Some(Ended { result: Err(why), .. }) => ("failed", Value::Null, why.shown()),
        };
        json!({
            "id": self.id, "what": self.what, "by": &*self.by, "state": state,
            "stage": now.stage, "done": now.done, "of": now.of, "result": result, "error": error,
            "started_at": self.started_at.to_string(),
            "ended_at": now.ended.as_ref().map(|ended| ended.at.to_string()),
        })
    }

    fn end(&self, at: Micros, result: Result<Value, Problem>) {
        self.now.send_modify(|now| now.ended = Some(Ended { at, result }));
    }

    fn runs(&self) -> bool {
        self.now.borrow().ended.is_none()
    }

    /// Waits; whether it has ended by then.
    async fn wait(&self, wait: Wait) -> bool {
        let mut seen = self.now.subscribe();
        let (until, longest) = match wait {
            Wait::Begun => (
                seen.wait_for(
                    (|now| now.ended.is_some() || !now.stage.is_empty()) as fn(&Now) -> bool,
                ),
                Some(limits::JOB_BEGIN_WAIT),
            ),
            Wait::Ended(longest) => {
                (seen.wait_for((|now| now.ended.is_some()) as fn(&Now) -> bool), longest)
            }
        };
        match longest {
            Some(longest) => drop(tokio::time::timeout(longest, until).await),
            None => drop(until.await),
        }
        !self.runs()
    }
}

impl Jobs {
    /// A place in the table; the oldest that has ended goes for it.
    fn take(&self, job: &Arc<Job>) -> Result<(), Problem> {
        let mut table = self.table.lock().expect("nothing panics while holding the jobs");
        if table.iter().filter(|job| job.runs()).count() >= limits::JOBS_RUNNING_MAX {
            return Err(problem(KeepError::Busy));
        }
        while table.len() >= limits::JOBS_MAX {
            let ended = table.iter().position(|job| !job.runs());
            table.remove(ended.expect("fewer run than are kept"));
        }
        table.push_back(job.clone());
        Ok(())
    }

    /// One by its id.
    fn get(&self, id: &str) -> Option<Arc<Job>> {
        let table = self.table.lock().expect("nothing panics while holding the jobs");
        table.iter().find(|job| job.id == id).cloned()
    }

    /// All of them, the newest first.
    pub fn shown(&self) -> Vec<Value> {
        let table = self.table.lock().expect("nothing panics while holding the jobs");
        table.iter().rev().map(|job| job.shown()).collect()
    }

    /// Waits until none runs; whether that came to be in time.
    pub async fn idle(&self, longest: Duration) -> bool {
        let all: Vec<Arc<Job>> = {
            let table = self.table.lock().expect("nothing panics while holding the jobs");
            table.iter().filter(|job| job.runs()).cloned().collect()
        };
        let ended = async {
            for job in all {
                job.wait(Wait::Ended(None)).await;
            }
        };
        tokio::time::timeout(longest, ended).await.is_ok()
    }
}

impl AppState {
    /// Begins something long. The answer is 202 with the job, or what came of it if it has ended by then.
    pub(crate) async fn begin_job(
        &self,
        caller: &Caller,
        what: &'static str,
        wait: Wait,
        work: impl FnOnce(&Arc<Keep>, &dyn Progress) -> Result<Value, KeepError> + Send + 'static,
    ) -> Result<Response, Problem> {
        self.keep()?;
        if *self.stopping().borrow() {
            return Err(Problem::unavailable("the node is closing", 5));
        }
        let job = self.new_job(&caller.id, what);
        self.jobs().take(&job)?;
        let (of, state) = (job.clone(), self.clone());
        let run = move || state.end_job(&of, work);
        let thread = std::thread::Builder::new().name("indelible-job".into()).spawn(run);
        if let Err(error) = thread {
            let why = Problem::internal(format!("no thread could be started: {error}"));
            job.end(self.now(), Err(why));
        }
        job.wait(wait).await;
        answer(&job)
    }

    /// Does something of the node's own on this thread. It is a job once it has something to do.
    pub(crate) fn own_job<T: Serialize>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Arc<Keep>, &dyn Progress) -> Result<T, KeepError>,
    ) -> Result<T, Problem> {
        let own = Own { state: self, job: self.new_job(&Who::node().id, what), told: Once::new() };
        let done = work(&self.keep()?, &own).map_err(problem);
        let result = match &done {
            Ok(value) => Ok(json!(value)),
            Err(why) => Err(why.clone()),
        };
        if own.told.is_completed() {
            self.count(what, &result);
        }
        own.job.end(self.now(), result);
        done
    }

    fn new_job(&self, by: &Arc<str>, what: &'static str) -> Arc<Job> {
        // Counted from when the process began, so that no earlier one had the same; it is no secret.
        let number = self.jobs().begun.fetch_add(1, Ordering::Relaxed);
        let id = hex::encode(&(self.started().0 as u64).wrapping_add(number).to_be_bytes());
        let (started_at, now) = (self.now(), watch::Sender::default());
        Arc::new(Job { id, what, by: by.clone(), started_at, now })
    }

    /// Does what a job is for, and says how it ended once nothing of it is left: whoever waits may be about to close
    /// the store.
    fn end_job(
        self,
        job: &Arc<Job>,
        work: impl FnOnce(&Arc<Keep>, &dyn Progress) -> Result<Value, KeepError>,
    ) {
        let what = job.what;
        let result = self.keep().and_then(|keep| {
            // Whatever it breaks off with, whoever waits is told; what was begun in the log shows as unfinished.
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| work(&keep, &**job)));
            let broke = |_| Err(Problem::internal("it broke off; this is a fault of the node"));
            done.map_or_else(broke, |done| done.map_err(problem))
        });
        if let Err(why) = &result {
            tracing::warn!(what, why = why.detail(), "a long operation has failed");
        }
        self.count(what, &result);
        let at = self.now();
        drop(self);
        job.end(at, result);
    }

    /// Counts what a job came to.
    fn count(&self, what: &'static str, result: &Result<Value, Problem>) {
        self.metrics().job(what, result.is_ok());
        let Ok(result) = result else { return };
        let number = |name: &str| result[name].as_u64().unwrap_or(0);
        match what {
            "retention.run" | "purge.run" => {
                self.metrics().gone("expired", number("expired"));
                self.metrics().gone("pruned", number("pruned"));
            }
            "erasure" => {
                let trails = result["trails"].as_array().map(Vec::as_slice).unwrap_or_default();
                let records = trails.iter().filter_map(|trail| trail["records"].as_u64()).sum();
                self.metrics().gone("erased", records);
            }
            "backup.create" if result.is_object() => self.metrics().backed_up(self.now()),
            _ => {}
        }
    }

    /// How one is.
    pub(crate) async fn job(&self, id: &str, wait: Option<Duration>) -> Result<Value, Problem> {
        let missing = "there is no job of this id; the events of _system tell what was done";
        let job = self.jobs().get(id).ok_or_else(|| Problem::not_found(missing))?;
        if let Some(longest) = wait {
            job.wait(Wait::Ended(Some(longest))).await;
        }
        Ok(job.shown())
    }
}

/// Something of the node's own, which most times finds nothing to do and is then not told.
struct Own<'a> {
    state: &'a AppState,
    job: Arc<Job>,
    told: Once,
}

impl Progress for Own<'_> {
    fn stage(&self, name: &str, of: Option<u64>) {
        self.told.call_once(|| {
            if self.state.jobs().take(&self.job).is_err() {
                tracing::debug!(what = self.job.what, "too many jobs run for this one to be shown");
            }
        });
        self.job.stage(name, of);
    }

    fn done(&self, done: u64) {
        self.job.done(done);
    }
}

fn answer(job: &Job) -> Result<Response, Problem> {
    let failed = match &job.now.borrow().ended {
        Some(Ended { result: Err(why), .. }) => Some(why.clone()),
        _ => None,
    };
    if let Some(why) = failed {
        return Err(why.with("job", job.id.clone()));
    }
    let status = if job.runs() { StatusCode::ACCEPTED } else { StatusCode::OK };
    let mut shown = job.shown();
    shown["job"] = job.id.clone().into();
    Ok((status, Json(shown)).into_response())
}

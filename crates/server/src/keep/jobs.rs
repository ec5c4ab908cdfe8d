//! What takes longer than a request: it runs on a thread of its own, and whoever began it looks how far it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use indelible_event::Micros;
use indelible_keep::{Keep, KeepError, Progress};
use indelible_log::hex;
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
        let keep = self.keep()?;
        if *self.stopping().borrow() {
            return Err(Problem::unavailable("the node is closing", 5));
        }
        let mut id = [0; 8];
        self.entropy().fill(&mut id);
        let job = Arc::new(Job {
            id: hex::encode(&id),
            what,
            by: caller.id.clone(),
            started_at: self.now(),
            now: watch::Sender::default(),
        });
        self.jobs().take(&job)?;
        let (of, state) = (job.clone(), self.clone());
        let run = move || {
            // Whatever it breaks off with, whoever waits is told; what was begun in the log shows as unfinished.
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&keep, &*of)));
            let result = match result {
                Ok(result) => result.map_err(problem),
                Err(_) => Err(Problem::internal("the job broke off; this is a fault of the node")),
            };
            // Let go of before it is said to have ended: whoever waits may be about to close the store.
            drop(keep);
            if let Err(why) = &result {
                tracing::warn!(what, why = why.detail(), "a job has failed");
            }
            let at = state.now();
            drop(state);
            of.now.send_modify(|now| now.ended = Some(Ended { at, result }));
        };
        let thread = std::thread::Builder::new().name("indelible-job".into()).spawn(run);
        if let Err(error) = thread {
            let (at, why) = (self.now(), format!("no thread could be started: {error}"));
            let result = Err(Problem::internal(why));
            job.now.send_modify(|now| now.ended = Some(Ended { at, result }));
        }
        job.wait(wait).await;
        answer(&job)
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

//! Legal holds: what a query means stays, whatever a policy says, until somebody releases it.

use indelible_event::Micros;
use indelible_index::query::{self, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deed::{Who, actor, details};
use crate::error::KeepError;
use crate::limits::{HOLD_QUERY_BYTES_MAX, HOLDS_MAX, TEXT_BYTES_MAX};
use crate::{Keep, lock};

/// The event that puts something on hold.
pub const CREATED: &str = "hold.create";
/// The event that releases it.
pub const RELEASED: &str = "hold.release";

/// A hold that somebody wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// What to call it.
    pub name: String,
    /// What is held: a query, such as `trail:shop`, `actor.id:42` or `resource.type:invoice created:<2026-01-01`.
    pub query: String,
    /// Why.
    pub reason: String,
    /// Who answers for it: a name, a department.
    pub owner: String,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hold {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What is held.
    pub query: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Who put it, as the event's actor.
    pub created_by: Value,
    /// When.
    pub created_at: String,
    /// Who released it, if somebody did.
    pub released_by: Option<Value>,
    /// When.
    pub released_at: Option<String>,
    /// What its query's relative times count from.
    #[serde(skip)]
    at: Micros,
}

impl Hold {
    /// Whether it is in force.
    pub fn holds(&self) -> bool {
        self.released_at.is_none()
    }

    /// Its query. Times such as `7d` count from when it was put, so that it means the same for ever.
    pub fn parsed(&self) -> Result<Query, KeepError> {
        parse(&self.query, self.at)
            .map_err(|why| KeepError::Bad(format!("hold {}: {why}", self.name)))
    }
}

impl Keep {
    /// All holds, released ones included, oldest first.
    pub fn holds(&self) -> Result<Vec<Hold>, KeepError> {
        let mut holds: Vec<Hold> = Vec::new();
        for record in self.told(&[CREATED, RELEASED])? {
            let details = details(&record);
            let at = record.entry().recorded_at;
            let text = |name: &str| details[name].as_str().unwrap_or_default().to_owned();
            let id = text("hold_id");
            if record.entry().action == CREATED {
                holds.push(Hold {
                    id,
                    name: text("name"),
                    query: text("query"),
                    reason: text("reason"),
                    owner: text("owner"),
                    created_by: actor(&record),
                    created_at: at.to_string(),
                    released_by: None,
                    released_at: None,
                    at,
                });
            } else if let Some(hold) = holds.iter_mut().find(|hold| hold.id == id && hold.holds()) {
                hold.released_by = Some(actor(&record));
                hold.released_at = Some(at.to_string());
            }
        }
        Ok(holds)
    }

    /// One hold.
    pub fn hold_of(&self, id: &str) -> Result<Hold, KeepError> {
        let found = self.holds()?.into_iter().find(|hold| hold.id == id);
        found.ok_or_else(|| KeepError::NotFound(format!("there is no hold {id}")))
    }

    /// The holds in force, with their queries.
    pub fn holding(&self) -> Result<Vec<(Hold, Query)>, KeepError> {
        let holds = self.holds()?.into_iter().filter(Hold::holds);
        holds.map(|hold| hold.parsed().map(|query| (hold, query))).collect()
    }

    /// Puts something on hold. When it returns nothing of that expires any more, not even what was about to.
    pub fn hold(&self, who: &Who, new: &NewHold) -> Result<Hold, KeepError> {
        for (what, text) in [("name", &new.name), ("reason", &new.reason), ("owner", &new.owner)] {
            if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
                let why = format!("a hold has a {what}, of at most {TEXT_BYTES_MAX} bytes");
                return Err(KeepError::Bad(why));
            }
        }
        parse(&new.query, self.now()).map_err(KeepError::Bad)?;
        let id = self.new_id();
        {
            let _changing = lock(&self.changing);
            if self.holds()?.iter().filter(|hold| hold.holds()).count() >= HOLDS_MAX {
                return Err(KeepError::Refused(format!("there are {HOLDS_MAX} holds already")));
            }
            let details = json!({
                "hold_id": id, "name": new.name, "query": new.query, "reason": new.reason,
                "owner": new.owner,
            });
            self.record(who, CREATED, target(&id, &new.name), details)?;
        }
        self.hold_of(&id)
    }

    /// Releases a hold: what it held goes when its time has come.
    pub fn release(&self, who: &Who, id: &str) -> Result<Hold, KeepError> {
        {
            let _changing = lock(&self.changing);
            let hold = self.hold_of(id)?;
            if !hold.holds() {
                return Err(KeepError::Refused(format!("hold {id} is released already")));
            }
            let details = json!({"hold_id": id, "name": hold.name, "query": hold.query});
            self.record(who, RELEASED, target(id, &hold.name), details)?;
        }
        self.hold_of(id)
    }
}

fn target(id: &str, name: &str) -> Value {
    json!({"type": "hold", "id": id, "name": name})
}

fn parse(text: &str, now: Micros) -> Result<Query, String> {
    if text.trim().is_empty() {
        return Err("say what is held: a query, such as trail:shop".into());
    }
    if text.len() > HOLD_QUERY_BYTES_MAX {
        return Err(format!("the query is longer than {HOLD_QUERY_BYTES_MAX} bytes"));
    }
    query::parse(text, now).map_err(|e| e.to_string())
}

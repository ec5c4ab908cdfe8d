//! The ways into the log: of what inputs bring, and of what there is to say about inputs and streams.

use std::net::IpAddr;
use std::sync::Arc;

use indelible_event::{Checked, Part, Refusal, TrailName, check};
use indelible_log::record::Seq;
use indelible_log::{AppendError, Appended};
use indelible_relay::{Busy, Incoming, Intake, Later, Notice, Notices, Taken};
use indelible_store::Item;
use serde_json::json;
use tokio::runtime::Handle;

use crate::limits;
use crate::metrics::Fate;
use crate::problem::Problem;
use crate::state::AppState;

/// Takes in what inputs bring, as the API takes in what is posted.
pub(super) struct NodeIntake {
    state: AppState,
}

/// Records what there is to say in `_system`.
pub(super) struct NodeNotices {
    state: AppState,
    runtime: Handle,
}

impl NodeIntake {
    pub fn new(state: &AppState) -> NodeIntake {
        NodeIntake { state: state.clone() }
    }

    async fn append(&self, input: &str, events: Vec<Incoming>) -> Result<Vec<Taken>, Busy> {
        let busy = |problem: Problem| Busy(problem.detail().to_owned());
        let writer = self.state.writer().ok_or_else(|| Busy("nothing is written here".into()))?;
        if let Some(why) = writer.poisoned() {
            return Err(Busy(format!("the log is poisoned: {why}")));
        }
        // Bodies of requests and these share one bound; a broker can wait.
        let bytes: usize = events.iter().map(|event| event.json.len()).sum();
        let share = u32::try_from(bytes.min(limits::INPUT_BYTES_MAX)).unwrap_or(u32::MAX);
        let held = self.state.in_flight().clone().acquire_many_owned(share).await;
        let held = held.expect("the semaphore is never closed");
        self.state.metrics().accepted(events.len() as u64);
        let by: Arc<str> = format!("input:{input}").into();
        let work = move || events.into_iter().map(|event| item(event, &by)).collect();
        let lots: Vec<Result<Item, Taken>> = if bytes <= limits::CHECK_INLINE_BYTES_MAX {
            work()
        } else {
            let done = tokio::task::spawn_blocking(work).await;
            done.map_err(|_| Busy("checking the events broke off".into()))?
        };
        let items: Vec<Item> = lots.iter().filter_map(|lot| lot.as_ref().ok().cloned()).collect();
        let results = match items.is_empty() {
            true => Vec::new(),
            false => writer.append(items).await.map_err(busy)?,
        };
        drop(held);
        let mut results = results.into_iter();
        let taken = lots.into_iter().map(|lot| match lot {
            Ok(_) => taken(results.next()),
            Err(refused) => (Fate::Refused, refused),
        });
        let tell = |(fate, taken)| {
            self.state.metrics().fate(fate, 1);
            taken
        };
        Ok(taken.map(tell).collect())
    }
}

impl Intake for NodeIntake {
    fn take<'a>(
        &'a self,
        input: &'a str,
        events: Vec<Incoming>,
    ) -> Later<'a, Result<Vec<Taken>, Busy>> {
        Box::pin(self.append(input, events))
    }
}

/// An event that may be appended, or why it never may.
fn item(event: Incoming, by: &Arc<str>) -> Result<Item, Taken> {
    let refused = |field: &str, message: String| Taken::Refused { field: field.into(), message };
    let mut checked = checked(&event).map_err(|Refusal { field, reason, .. }| Taken::Refused {
        field,
        message: reason.to_string(),
    })?;
    let trail = match checked.trail.take() {
        Some(trail) => trail,
        None => TrailName::parse(&event.trail).map_err(|e| refused("trail", e.to_string()))?,
    };
    if trail == TrailName::system() {
        return Err(refused(
            "trail",
            "is the node's own, which nothing from outside goes to".into(),
        ));
    }
    Ok(Item { trail, event: checked, recorded_by: Some(Arc::clone(by)) })
}

/// Checks an event, with the address that it came from where it does not say any.
fn checked(event: &Incoming) -> Result<Checked, Refusal> {
    let checked = check(&event.json)?;
    let says = |part: &[u8]| part.starts_with(b"{\"context\":{\"ip\":");
    match event.ip {
        Some(ip) if !checked.parts.get(Part::Where).is_some_and(says) => {
            // The same event without it is as good where it has no room for it.
            Ok(check(&with_ip(&event.json, ip)).unwrap_or(checked))
        }
        _ => Ok(checked),
    }
}

/// The same object with one member more in front: one that the short form has, so that it goes with a context that is
/// there.
fn with_ip(json: &[u8], ip: IpAddr) -> Vec<u8> {
    let open = json.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
    let mut out = Vec::with_capacity(json.len() + 64);
    out.extend_from_slice(&json[..open]);
    out.extend_from_slice(format!("\"ip_address\":\"{}\"", ip.to_canonical()).as_bytes());
    let rest = &json[open..];
    let empty = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    if !empty {
        out.push(b',');
    }
    out.extend_from_slice(rest);
    out
}

/// What became of an event that was tried.
fn taken(result: Option<Result<Appended, AppendError>>) -> (Fate, Taken) {
    match result {
        Some(Ok(Appended::Kept(receipt))) => {
            let known = receipt.known;
            (if known { Fate::Known } else { Fate::New }, Taken::Kept { known })
        }
        Some(Ok(Appended::Conflict { seq: Seq(seq), field, .. })) => {
            let message =
                format!("is that of another event, {seq} of its trail; they differ in {field}");
            (Fate::Conflict, Taken::Refused { field: "id".into(), message })
        }
        Some(Err(AppendError::Refused(why))) => {
            (Fate::Refused, Taken::Refused { field: String::new(), message: why.into() })
        }
        // For good: waiting for it would hold up everybody else's.
        Some(Err(error @ AppendError::TooManyTrails)) => {
            (Fate::Refused, Taken::Refused { field: "trail".into(), message: error.to_string() })
        }
        Some(Err(error)) => (Fate::Failed, Taken::Failed(error.to_string())),
        None => (Fate::Failed, Taken::Failed("the thread that appends has ended".into())),
    }
}

impl NodeNotices {
    pub fn new(state: &AppState, runtime: &Handle) -> NodeNotices {
        NodeNotices { state: state.clone(), runtime: runtime.clone() }
    }
}

impl Notices for NodeNotices {
    fn tell(&self, Notice { action, outcome, target, details }: Notice) -> Result<(), String> {
        let writer = self.state.writer().ok_or("nothing is written here")?;
        let event = json!({
            "action": action,
            "category": "system",
            "outcome": outcome,
            "actor": {"type": "system", "id": "indelible"},
            "targets": [{"type": target.0, "id": target.1}],
            "details": details,
        });
        let event = check(event.to_string().as_bytes());
        let event = event.map_err(|e| format!("{} {}", e.field, e.reason))?;
        let told = self.runtime.block_on(writer.record(event));
        told.map(drop).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(json: &str) -> Incoming {
        Incoming {
            json: json.as_bytes().to_vec(),
            trail: "network".into(),
            ip: Some([192, 0, 2, 7].into()),
        }
    }

    fn context(json: &str) -> String {
        let checked = checked(&incoming(json)).unwrap();
        String::from_utf8(checked.parts.get(Part::Where).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_senders_address_is_filled_in_where_the_event_says_none() {
        assert_eq!(context(r#"{"action":"a.b"}"#), r#"{"context":{"ip":"192.0.2.7"}}"#);
        assert_eq!(
            context(r#" { "context":{"host":"h"},"action":"a.b"}"#),
            r#"{"context":{"ip":"192.0.2.7","host":"h"}}"#
        );
        let own = r#"{"action":"a.b","context":{"ip":"198.51.100.1"}}"#;
        assert_eq!(context(own), r#"{"context":{"ip":"198.51.100.1"}}"#);
        let own = r#"{"action":"a.b","ip_address":"198.51.100.1"}"#;
        assert_eq!(context(own), r#"{"context":{"ip":"198.51.100.1"}}"#);
    }

    #[test]
    fn an_event_goes_to_its_own_trail_or_the_inputs_and_never_to_the_nodes() {
        let by: Arc<str> = "input:a".into();
        let trail = |json: &str| item(incoming(json), &by).map(|item| item.trail.to_string());
        assert_eq!(trail(r#"{"action":"a.b"}"#), Ok("network".into()));
        assert_eq!(trail(r#"{"action":"a.b","trail":"shop"}"#), Ok("shop".into()));
        for bad in [r#"{"action":"a.b","trail":"_system"}"#, "{}", "", "x", "{"] {
            let Err(Taken::Refused { message, .. }) = trail(bad) else { panic!("{bad}") };
            assert!(!message.is_empty());
        }
    }
}

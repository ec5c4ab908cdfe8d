//! A node, over HTTP.

use indelible_client::{Appended, Client, Error};
use indelible_recorder::{EventId, Receipt, SendError, Sent, Transport};

/// A node that is reached over HTTP with an API key.
pub struct Remote(Client);

impl Remote {
    /// The node at this address, with a writer's key.
    pub fn new(url: &str, key: &str) -> Result<Remote, Error> {
        Ok(Remote(Client::new(url, Some(key))?))
    }
}

impl Transport for Remote {
    fn destination(&self) -> String {
        self.0.url().to_owned()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let mut lines = Vec::with_capacity(events.iter().map(|event| event.len() + 1).sum());
        for event in events {
            lines.extend_from_slice(event);
            lines.push(b'\n');
        }
        let results = self.0.append(&lines, &[]).map_err(|error| said(&error))?;
        results.into_iter().map(sent).collect()
    }
}

fn said(error: &Error) -> SendError {
    // A body that is too large or of a kind that is not taken will be so again. A key that is not taken may be tomorrow:
    // whoever manages keys mends that, and until then nothing may be lost. Nor may it where a wrong address, or a
    // proxy in between, turns everything away.
    let rejected = error.problem().is_some_and(|problem| match problem.status {
        413 => true,
        400 | 415 | 422 => problem.is_node,
        _ => false,
    });
    SendError { why: error.to_string(), rejected, retry_after: error.retry_after() }
}

fn sent(appended: Appended) -> Result<Sent, SendError> {
    Ok(match appended {
        Appended::New(receipt) | Appended::Known(receipt) => {
            let id = EventId::parse(&receipt.id);
            let id = id.map_err(|_| SendError::passing("the receipt has no event's id"))?;
            let (seq, leaf) = (Some(receipt.seq), Some(receipt.leaf));
            Sent::Kept(Receipt { id, trail: receipt.trail, seq, leaf })
        }
        Appended::Conflict { id, field } => {
            Sent::Refused(format!("the id {id} is taken by an event with another {field}"))
        }
        Appended::Refused { error } => Sent::Refused(format!("{}: {}", error.field, error.message)),
        Appended::Failed { error } => Sent::Failed(error.message),
    })
}

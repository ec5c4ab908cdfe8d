//! Where events go: the log in the directory, or a node.

use std::sync::Arc;

use indelible_client::{Appended as Answer, Backoff, Client};
use indelible_event::TrailName;
use indelible_log::Appended;
use indelible_store::{Item, Store};

use super::mapping::Mapped;
use crate::ask::source::refused;
use crate::failure::Failure;
use crate::look::clean;

/// Where to.
pub enum Sink {
    Store(Arc<Store>),
    Node { client: Client, trail: Option<TrailName> },
}

/// What an event became.
pub enum Became {
    Kept,
    Known,
    Refused { field: String, reason: String },
}

impl Sink {
    pub fn store(store: Arc<Store>) -> Sink {
        Sink::Store(store)
    }

    pub fn node(client: Client, trail: Option<&TrailName>) -> Sink {
        Sink::Node { client, trail: trail.cloned() }
    }

    /// Appends what is an event, and takes it for that; an answer for each of these. `told` hears why it has to wait.
    pub fn append(
        &self,
        mapped: &mut [Mapped],
        told: impl Fn(&str),
    ) -> Result<Vec<Became>, Failure> {
        match self {
            Sink::Store(store) => {
                let taken = mapped.iter_mut().filter_map(|one| match one {
                    Mapped::Event(item, _) => item.take(),
                    Mapped::Refused { .. } => None,
                });
                here(store, &taken.collect::<Vec<Item>>())
            }
            Sink::Node { client, trail } => {
                let mut body = Vec::new();
                let mut count = 0;
                for one in mapped {
                    let Mapped::Event(_, json) = one else { continue };
                    // Line breaks stand only between tokens.
                    let byte = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
                    body.extend(json.iter().map(byte));
                    body.push(b'\n');
                    count += 1;
                }
                there(client, trail.as_ref(), &body, count, told)
            }
        }
    }
}

fn here(store: &Store, items: &[Item]) -> Result<Vec<Became>, Failure> {
    let mut became = Vec::with_capacity(items.len());
    for result in store.append(items) {
        became.push(match result {
            Ok(Appended::Kept(receipt)) if receipt.known => Became::Known,
            Ok(Appended::Kept(_)) => Became::Kept,
            Ok(Appended::Conflict { id, seq, field }) => {
                let reason = format!("{id} is kept already, as seq {} with another {field}", seq.0);
                Became::Refused { field: "id".into(), reason }
            }
            Err(e) if e.stops_all() => {
                return Err(Failure::Cannot {
                    why: e.to_string(),
                    hint: Some(
                        "say the same again to go on: what is kept already is known again".into(),
                    ),
                });
            }
            Err(e) => Became::Refused { field: String::new(), reason: e.to_string() },
        });
    }
    Ok(became)
}

fn there(
    client: &Client,
    trail: Option<&TrailName>,
    body: &[u8],
    count: usize,
    told: impl Fn(&str),
) -> Result<Vec<Became>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let params: Vec<_> =
        trail.iter().map(|trail| ("trail".to_owned(), trail.to_string())).collect();
    let waiting = |error: &indelible_client::Error| told(&clean(&error.to_string()));
    let answers = client.append_surely(body, &params, Backoff::default(), waiting);
    let answers = answers.map_err(|error| refused(error, &params))?;
    if answers.len() != count {
        return Err(Failure::cannot(format_args!("{} answers to {count} events", answers.len())));
    }
    let became = |answer| {
        Ok(match answer {
            Answer::New(_) => Became::Kept,
            Answer::Known(_) => Became::Known,
            Answer::Conflict { field, .. } => {
                let reason = format!("is kept already, with another {}", clean(&field));
                Became::Refused { field: "id".into(), reason }
            }
            Answer::Refused { error } => {
                Became::Refused { field: clean(&error.field), reason: clean(&error.message) }
            }
            Answer::Failed { .. } => {
                return Err(Failure::cannot(
                    "the node could not keep some events now; say the same again",
                ));
            }
        })
    };
    answers.into_iter().map(became).collect()
}

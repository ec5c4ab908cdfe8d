//! Looking at a description before a node runs with it.

use indelible_log::Seams;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::config::Connections;
use crate::inputs::InputContext;
use crate::streams::{Context, LATER, SinkError};

/// What was found of one input or stream.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `input` or `stream`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Of which kind.
    pub kind: &'static str,
    /// Where from, or where to, without secrets.
    pub place: String,
    /// Why it would not work, if so.
    pub wrong: Option<String>,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// Makes each input and stream without running it, and, to `connect`, makes sure that each receiver can be reached and
/// takes what it would be sent; no event is. `query` checks a query. Blocks, and is for no thread of a runtime.
pub fn check(
    connections: &Connections,
    (seams, runtime): (&Seams, &Handle),
    query: impl Fn(&str) -> Result<(), String>,
    connect: bool,
) -> Vec<Finding> {
    let inputs = connections.inputs.iter().map(|input| {
        let context = InputContext { input: input.name.as_str().into(), seams: seams.clone() };
        let opened = runtime.block_on(async { input.from.ready(&context) });
        let (wrong, hint) = match opened {
            Ok(()) => (None, None),
            Err(error) => (Some(error.why), Some(error.hint)),
        };
        let (name, kind, place) = (input.name.clone(), input.from.kind(), input.from.place());
        Finding { what: "input", name, kind, place, wrong, hint }
    });
    let streams = connections.streams.iter().map(|stream| {
        let context = Context {
            stream: stream.name.as_str().into(),
            runtime: runtime.clone(),
            seams: seams.clone(),
        };
        let bad = |why| SinkError::Wrong {
            why: format!("query: {why}"),
            hint: "see `indelible search --help` for the query language".into(),
        };
        let opened = query(&stream.query).map_err(bad).and_then(|()| stream.to.open(&context));
        let probed = opened.and_then(|mut sink| if connect { sink.probe() } else { Ok(()) });
        let (wrong, hint) = match probed {
            Ok(()) => (None, None),
            Err(SinkError::Wrong { why, hint }) => (Some(why), Some(hint)),
            Err(SinkError::Later { why, .. }) => (Some(why), Some(LATER.into())),
            Err(SinkError::Poison { why, .. }) => (Some(why), None),
        };
        let (name, kind, place) = (stream.name.clone(), stream.to.kind(), stream.to.place());
        Finding { what: "stream", name, kind, place, wrong, hint }
    });
    let mut found: Vec<Finding> = inputs.chain(streams).collect();
    for finding in &mut found {
        finding.hint = finding.hint.take().filter(|hint| !hint.is_empty());
    }
    found
}

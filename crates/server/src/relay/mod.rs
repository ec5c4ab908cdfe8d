//! What flows in and out beside the API: this is the node that inputs and streams see. What they are and do is
//! `indelible_relay`'s.

mod api;
mod check;
mod intake;
mod source;

use std::sync::{Arc, PoisonError};

use indelible_relay::inputs::{Inlet, Inputs, Watched};
use indelible_relay::status::{InputStatus, State, StreamStatus, Trouble};
use indelible_relay::streams::{Outlet, Shared, Streams};
use indelible_relay::{Connections, Notices};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use self::intake::{NodeIntake, NodeNotices};
use self::source::NodeSource;
use crate::error::ServerError;
use crate::limits;
use crate::state::AppState;

pub(crate) use api::routes;
pub use check::check_connections;

/// Inputs and streams that run.
#[derive(Default)]
pub(crate) struct Relay {
    inputs: Option<Inputs>,
    streams: Option<Streams>,
}

/// The same, to be looked at and told what to do.
pub(crate) struct Connected {
    inputs: Vec<Watched>,
    streams: Vec<Arc<Shared>>,
}

impl Relay {
    /// Starts what the file describes.
    pub fn start(
        state: &AppState,
        connections: &Connections,
        runtime: &Runtime,
    ) -> Result<Relay, ServerError> {
        if connections.inputs.is_empty() && connections.streams.is_empty() {
            return Ok(Relay::default());
        }
        let (seams, runtime) = (state.seams(), runtime.handle().clone());
        let notices: Arc<dyn Notices> = Arc::new(NodeNotices::new(state, &runtime));
        let source = Arc::new(NodeSource::new(state));
        let (seen, told) = (seams.clone(), Arc::clone(&notices));
        let outlet = Outlet { source, notices: told, seams: seen, runtime: runtime.clone() };
        let streams = Streams::start(&connections.streams, &outlet).map_err(ServerError::Config)?;
        let intake = Arc::new(NodeIntake::new(state));
        let inputs = Inputs::start(&connections.inputs, &Inlet { intake, notices, seams, runtime });
        state.connect(Connected { inputs: inputs.all(), streams: streams.all() });
        Ok(Relay { inputs: Some(inputs), streams: Some(streams) })
    }

    /// Ends the inputs, and then the streams. Says whether all ended in time.
    pub fn stop(&mut self, runtime: &Runtime) -> bool {
        let longest = limits::CONNECTIONS_STOP_TIMEOUT;
        let inputs = self.inputs.take();
        let ended = inputs.is_none_or(|inputs| runtime.block_on(inputs.stop(longest)));
        // What came in last goes out before, where the receiver takes it at once; else at the next start.
        let streams = self.streams.take();
        streams.is_none_or(|streams| streams.stop(longest)) && ended
    }
}

impl Connected {
    /// None at all.
    pub const NONE: Connected = Connected { inputs: Vec::new(), streams: Vec::new() };

    fn stream(&self, name: &str) -> Option<&Arc<Shared>> {
        self.streams.iter().find(|stream| stream.name() == name)
    }

    fn streams(&self, end: u64) -> Vec<StreamStatus> {
        self.streams.iter().map(|stream| stream.status(end)).collect()
    }

    fn inputs(&self) -> Vec<InputStatus> {
        let shown = |input: &Watched| input.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.inputs.iter().map(shown).collect()
    }
}

/// What does not go as it should: `input` or `stream`, its name, what it is doing, why, and what to do about it.
struct Failing {
    what: &'static str,
    name: String,
    state: State,
    message: Option<String>,
    hint: Option<String>,
}

fn failing(what: &'static str, name: String, state: State, trouble: Option<Trouble>) -> Failing {
    let (message, hint) =
        trouble.map_or((None, None), |trouble| (Some(trouble.message), trouble.hint));
    Failing { what, name, state, message, hint }
}

impl AppState {
    fn failing(&self) -> Vec<Failing> {
        let red = |state: State| matches!(state, State::Failing | State::Stopped);
        let inputs = self
            .connected()
            .inputs()
            .into_iter()
            .map(|input| failing("input", input.name, input.state, input.trouble));
        let streams = self
            .connected()
            .streams(0)
            .into_iter()
            .map(|stream| failing("stream", stream.name, stream.state, stream.trouble));
        inputs.chain(streams).filter(|one| red(one.state)).collect()
    }

    /// How many inputs and streams do not go as they should.
    pub(crate) fn failing_connections(&self) -> usize {
        self.failing().len()
    }

    /// Inputs and streams, as the status tells them.
    pub(crate) fn connections_shown(&self) -> Value {
        let failing = self.failing().into_iter().map(|Failing { what, name, state, message, hint }| {
            json!({"what": what, "name": name, "state": state, "message": message, "hint": hint})
        });
        let connected = self.connected();
        json!({
            "inputs": connected.inputs.len(), "streams": connected.streams.len(),
            "failing": failing.collect::<Vec<Value>>(),
        })
    }

    /// Inputs and streams, as `/metrics` tells them.
    pub(crate) fn connections_text(&self) -> String {
        let connected = self.connected();
        crate::metrics::connections(&connected.inputs(), &connected.streams(self.end()), self.now())
    }
}

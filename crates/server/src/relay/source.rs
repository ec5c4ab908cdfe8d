//! The log, as streams see it.

use indelible_event::Micros;
use indelible_relay::{Page, Source, SourceError};

use crate::read::outgoing;
use crate::state::AppState;

/// The node's own log.
pub(super) struct NodeSource {
    state: AppState,
}

impl NodeSource {
    pub fn new(state: &AppState) -> NodeSource {
        NodeSource { state: state.clone() }
    }
}

impl Source for NodeSource {
    fn check(&self, query: &str) -> Result<(), String> {
        outgoing::query(query, self.state.now()).map(drop)
    }

    fn read(
        &self,
        query: &str,
        from: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Page, SourceError> {
        outgoing::outgoing(&self.state, query, from, events_max, bytes_max)
    }

    fn end(&self) -> u64 {
        self.state.end()
    }

    fn place_at(&self, recorded_at: Micros) -> Result<u64, SourceError> {
        outgoing::place_at(&self.state, recorded_at)
    }

    fn leaf_at(&self, pos: u64) -> Result<Option<[u8; 32]>, SourceError> {
        outgoing::leaf_at(&self.state, pos)
    }

    fn place_of(&self, trail: &str, seq: u64) -> Result<Option<u64>, SourceError> {
        outgoing::place_of(&self.state, trail, seq)
    }
}

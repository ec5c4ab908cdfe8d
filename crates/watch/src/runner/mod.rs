//! The thread that looks.

use std::sync::Arc;
use std::time::Duration;

use indelible_log::Seams;

use crate::folder::Folder;
use crate::seam::Host;
use crate::shared::Shared;

/// A watch that runs. Dropping it has it end in its own time; [`Watch::stop`] waits for that.
pub struct Watch {}

/// Why it cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WatchError(pub String);

impl Watch {
    /// Starts it with what the folder says now; later changes of the folder count when they are seen. The channels'
    /// streams ([`crate::settings::Settings::streams`]) run already. `public_url` is where people reach the node.
    pub fn start(
        host: Arc<dyn Host>,
        seams: &Seams,
        folder: Folder,
        public_url: Option<String>,
    ) -> Result<(Watch, Arc<Shared>), WatchError> {
        todo!()
    }

    /// Has it end, and waits for that, but not longer than this. Says whether it has.
    pub fn stop(self, longest: Duration) -> bool {
        todo!()
    }
}

//! Rules, alerts and reviews: this is the node that the watch looks at, and the API of what it finds. What it is and
//! does is `indelible_watch`'s.

mod alerts;
mod backtest;
mod host;
mod metrics;
mod reviews;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use indelible_relay::Connections;
use indelible_watch::settings::STREAM_PREFIX;
use indelible_watch::{Folder, Shared, Watch, WatchStatus};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use utoipa_axum::router::OpenApiRouter;

use self::host::NodeHost;
use crate::config::Config;
use crate::error::ServerError;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) use self::backtest::{Backtests, PATH as BACKTEST};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(rules::routes())
        .merge(backtest::routes())
        .merge(alerts::routes())
        .merge(reviews::routes())
}

/// The folder as it is at the start, and the connections with the streams of its channels.
pub(crate) fn read(config: &Config) -> Result<(Folder, Connections), ServerError> {
    let folder = Folder::read(config.rules.as_deref());
    let folder = folder.map_err(|e| ServerError::Config(e.to_string()))?;
    let mut connections = config.connections.clone();
    let taken = connections.streams.iter().find(|stream| stream.name.starts_with(STREAM_PREFIX));
    if let Some(stream) = taken {
        let (name, prefix) = (&stream.name, STREAM_PREFIX);
        return Err(ServerError::Config(format!(
            "the stream {name}: names that begin with {prefix} are those of the channels in watch.yaml; \
             give it another"
        )));
    }
    connections.streams.extend(folder.settings.streams());
    Ok((folder, connections))
}

/// A watch that runs.
#[derive(Default)]
pub(crate) struct Watching(Option<Watch>);

impl Watching {
    /// Starts it. The streams of its channels run already.
    pub fn start(
        state: &AppState,
        folder: Folder,
        runtime: &Runtime,
    ) -> Result<Watching, ServerError> {
        let host = Arc::new(NodeHost::new(state, runtime.handle()));
        let url = Some(state.public_url().to_owned());
        let started = Watch::start(host, &state.seams(), folder, url);
        let (watch, shared) = started.map_err(|e| ServerError::Config(e.to_string()))?;
        state.watch_with(shared);
        Ok(Watching(Some(watch)))
    }

    /// Has it end. Says whether it has in time.
    pub fn stop(&mut self, longest: Duration) -> bool {
        self.0.take().is_none_or(|watch| watch.stop(longest))
    }
}

impl AppState {
    /// What the watch has loaded and found.
    fn watch(&self) -> Result<&Arc<Shared>, Problem> {
        let detail = "rules are judged by a node that serves; ask it by its address";
        self.watched().ok_or_else(|| Problem::unavailable(detail, 60))
    }

    /// The watch, as the status tells it; null where there is none.
    pub(crate) fn watch_shown(&self) -> Value {
        let Some(watch) = self.watched() else { return Value::Null };
        let WatchStatus { rules, refused, behind, open_alerts, trouble } = watch.status(self.end());
        json!({
            "rules": rules, "refused": refused, "behind": behind, "open_alerts": open_alerts,
            "trouble": trouble,
        })
    }

    /// The watch, as `/metrics` tells it.
    pub(crate) fn watch_text(&self) -> String {
        self.watched().map(|watch| metrics::text(watch, self.end())).unwrap_or_default()
    }
}

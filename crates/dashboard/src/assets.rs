//! The files of the pages, in the binary. Their address has a checksum of all of them, so that a browser may keep
//! them for ever and still sees each new version.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// One sheet, so that a page asks for one. A page's own rules lie in a file of its own.
const STYLE: &str = concat!(
    include_str!("../assets/base.css"),
    include_str!("../assets/parts.css"),
    include_str!("../assets/search.css"),
    include_str!("../assets/event.css"),
    include_str!("../assets/timeline.css"),
    include_str!("../assets/overview.css"),
    include_str!("../assets/settings.css"),
    include_str!("../assets/watch.css"),
);

/// Name, content type, content. Modules import each other by relative names.
const FILES: &[(&str, &str, &str)] = &[
    ("style.css", CSS, STYLE),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    ("htmx.js", JS, include_str!("../assets/vendor/htmx.min.js")),
    ("main.js", JS, include_str!("../assets/main.js")),
    ("times.js", JS, include_str!("../assets/times.js")),
    ("search.js", JS, include_str!("../assets/search.js")),
    ("complete.js", JS, include_str!("../assets/complete.js")),
    ("check.js", JS, include_str!("../assets/check.js")),
    ("histogram.js", JS, include_str!("../assets/histogram.js")),
    ("rows.js", JS, include_str!("../assets/rows.js")),
    ("verify.js", JS, include_str!("../assets/verify.js")),
    ("verify/bytes.js", JS, include_str!("../assets/verify/bytes.js")),
    ("verify/memory.js", JS, include_str!("../assets/verify/memory.js")),
    ("verify/note.js", JS, include_str!("../assets/verify/note.js")),
    ("verify/proof.js", JS, include_str!("../assets/verify/proof.js")),
    ("verify/shown.js", JS, include_str!("../assets/verify/shown.js")),
    ("verify/tree.js", JS, include_str!("../assets/verify/tree.js")),
    ("live.js", JS, include_str!("../assets/live.js")),
    ("overview.js", JS, include_str!("../assets/overview.js")),
    ("settings.js", JS, include_str!("../assets/settings.js")),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let sum =
        FILES.iter().fold(0, |sum, (_, _, content)| crc32c::crc32c_append(sum, content.as_bytes()));
    format!("{sum:08x}")
});

/// The address of a file.
pub fn address(name: &str) -> String {
    debug_assert!(FILES.iter().any(|(file, ..)| *file == name), "there is no file {name}");
    format!("/assets/{}/{name}", *VERSION)
}

pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{version}/{*name}", get(file)).route("/favicon.ico", get(icon))
}

async fn file(Path((version, name)): Path<(String, String)>) -> Response {
    let found = FILES.iter().find(|(file, ..)| *file == name);
    let Some((_, kind, content)) = found else { return StatusCode::NOT_FOUND.into_response() };
    // A page of another version must not keep this one's files for ever.
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, keep)], *content).into_response()
}

async fn icon() -> Response {
    file(Path((VERSION.clone(), "icon.svg".to_owned()))).await
}

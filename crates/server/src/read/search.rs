//! Searching: pages of events.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::Response;
use indelible_index::limits::{COUNT_MAX, PAGE_EVENTS_MAX};
use indelible_index::search::{Cursor, Order, PageAsk, Sort};
use indelible_store::Found;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::filter::Filter;
use super::shown::{self, AlarmShown, Count, Event, Incomplete};
use super::stream::frames::id_before;
use super::{engine, limits};
use crate::auth::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

/// Where a stream goes on that is to follow what a search found.
const STREAM_ID: HeaderName = HeaderName::from_static("indelible-stream-id");

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(search))
}

/// A page of events.
#[derive(Serialize, ToSchema)]
struct SearchAnswer {
    /// The events, in order.
    events: Vec<Event>,
    /// Where it goes on; null if there is no more.
    next_cursor: Option<String>,
    /// How many match, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Count>,
    /// The bound that was met, if one was.
    incomplete: Option<Incomplete>,
    /// Records that do not match their leaf, and are not shown.
    alarms: Vec<AlarmShown>,
}

/// Finds events.
#[utoipa::path(
    get, path = "/api/audit/logs", tag = "search",
    params(
        Filter,
        ("order" = Option<String>, Query, description = "`desc`, the newest first, or `asc`", example = "desc"),
        ("sort" = Option<String>, Query, description = "`recorded_at` or `occurred_at`", example = "recorded_at"),
        ("page_size" = Option<u32>, Query, description = "1 to 1,000; 50 if not given", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page before ended"),
        ("page" = Option<u32>, Query, description = "1, 2, …, within the first 10,000 matches; not with `cursor`", minimum = 1),
        ("count" = Option<bool>, Query, description = "Also count the matches, up to 10,000"),
    ),
    responses(
        (status = 200, description = "A page; its neighbours are in `Link`, and in `Indelible-Stream-Id` where a stream goes on behind it", body = SearchAnswer, example = json!({
            "events": [{
                "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000",
                "recorded_at": "2026-01-31T10:00:00.000000Z", "action": "backup.delete", "outcome": "success",
                "actor": {"type": "user", "id": "maria"}, "targets": [{"type": "backup", "id": "db-0417"}],
            }],
            "next_cursor": "AQAAAAAAAAAAAAAAAAAAABEAAAAAAAAAEgAAAAAbW8oM0Yy3aw",
            "total": {"value": 10000, "relation": "at_least"}, "incomplete": null, "alarms": [],
        })),
        (status = 400, description = "A parameter or the query cannot be read"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "There is no such trail"),
        (status = 503, description = "Too many searches at once"),
    ),
)]
async fn search(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let filter = Filter::take(&mut params, &state, &caller)?;
    let (want, page) = page_ask(&mut params)?;
    params.finish()?;
    let (trails, query) = (filter.trails.clone(), filter.query.text.clone());
    let (body, next, details, goes_on) = engine::run(&state, &caller, trails, move |session| {
        let found = session.page(&filter.query, &want)?;
        let next_cursor = found.next.as_ref().map(Cursor::encode);
        let details = details(&filter, &found.records);
        let answer = SearchAnswer {
            events: Event::all(&found.records)?,
            next_cursor: next_cursor.clone(),
            total: found.total.map(Count::from),
            incomplete: session.incomplete(found.incomplete),
            alarms: AlarmShown::all(session, found.alarms),
        };
        // Not what is durable, which may be ahead of what can be found: a stream from there would leave it out.
        let goes_on = id_before(session.snapshot.end.0);
        Ok((shown::bytes(&answer)?, next_cursor, details, goes_on))
    })
    .await?;
    let details = ReadDetails { query: Some(query), ..details };
    state.record_read(&caller, Read::Search, details).await?;
    let mut response = shown::json(body);
    if let Some(id) = goes_on.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(STREAM_ID, id);
    }
    let links = links(&uri, next.as_deref(), page);
    if links.len() <= crate::limits::LINKS_BYTES_MAX
        && let Ok(links) = HeaderValue::from_str(&links)
    {
        response.headers_mut().insert(header::LINK, links);
    }
    Ok(response)
}

/// What is recorded of a search: the trails it named, or else those it showed something of.
pub(super) fn details(filter: &Filter, records: &[Found]) -> ReadDetails {
    let mut trails: Vec<String> = match &filter.trails {
        Some(trails) => trails.iter().map(ToString::to_string).collect(),
        None => records.iter().map(|found| found.trail.name.to_string()).collect(),
    };
    trails.sort_unstable();
    trails.dedup();
    let (query, results) = (Some(filter.query.text.clone()), Some(records.len() as u64));
    ReadDetails { trails, query, target: None, results }
}

/// Which page is asked for, and its number if it has one.
fn page_ask(params: &mut Params) -> Result<(PageAsk, Option<u64>), Problem> {
    let order = params.read("order", "desc or asc", |text| match text {
        "desc" => Some(Order::Newest),
        "asc" => Some(Order::Oldest),
        _ => None,
    })?;
    let sort = params.read("sort", "recorded_at or occurred_at", sort_of)?;
    let limit = page_size(params, limits::PAGE_SIZE)?;
    let after = cursor(params)?;
    let page = params.number("page", 1..=COUNT_MAX)?;
    let count = params.flag("count")?.unwrap_or(false);
    if after.is_some() && page.is_some() {
        let detail = "page and cursor both say where to begin; give one of them";
        return Err(Problem::bad_parameter("page", detail));
    }
    let skip = (page.unwrap_or(1) - 1) * limit;
    if page.is_some() && skip + limit > COUNT_MAX.max(limit) {
        let detail =
            format!("pages lie within the first {COUNT_MAX} matches; go on with the cursor");
        return Err(Problem::bad_parameter("page", detail));
    }
    let want = PageAsk {
        order: order.unwrap_or_default(),
        sort: sort.unwrap_or_default(),
        limit: limit as usize,
        skip,
        after,
        count: count || page.is_some(),
        ..PageAsk::default()
    };
    Ok((want, page))
}

/// By which time.
pub(super) fn sort_of(text: &str) -> Option<Sort> {
    match text {
        "recorded_at" => Some(Sort::Recorded),
        "occurred_at" => Some(Sort::Occurred),
        _ => None,
    }
}

/// How many on a page.
pub(super) fn page_size(params: &mut Params, unless_given: u64) -> Result<u64, Problem> {
    Ok(params.number("page_size", 1..=PAGE_EVENTS_MAX as u64)?.unwrap_or(unless_given))
}

/// Where the page before ended.
fn cursor(params: &mut Params) -> Result<Option<Cursor>, Problem> {
    let Some(text) = params.one("cursor")? else { return Ok(None) };
    Cursor::decode(&text).map(Some).map_err(|e| Problem::bad_parameter("cursor", e.to_string()))
}

/// The neighbours of a page, as RFC 8288 writes them.
fn links(uri: &Uri, next: Option<&str>, page: Option<u64>) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && name != "cursor" && name != "page"
    });
    let kept: Vec<String> = kept.map(plain).collect();
    let link = |more: Option<String>, rel: &str| {
        let pairs: Vec<String> = kept.iter().cloned().chain(more).collect();
        let (path, mark) = (uri.path(), if pairs.is_empty() { "" } else { "?" });
        format!("<{path}{mark}{}>; rel=\"{rel}\"", pairs.join("&"))
    };
    let mut links = vec![link(page.map(|_| "page=1".to_owned()), "first")];
    if let Some(before) = page.filter(|page| *page > 1) {
        links.push(link(Some(format!("page={}", before - 1)), "prev"));
    }
    // The cursor leads on from every page, also beyond those that can be numbered.
    links.extend(next.map(|cursor| link(Some(format!("cursor={cursor}")), "next")));
    links.join(", ")
}

/// A piece of a query string with nothing in it that could end a link.
fn plain(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    for byte in piece.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'%' | b'+' | b'=' | b':' | b'/' | b'*' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_on_and_hold_what_was_asked() {
        let uri: Uri = "/api/audit/logs?q=a%3E%22b%22+c&cursor=old&page_size=5".parse().unwrap();
        let shown = links(&uri, Some("new"), None);
        let q = "q=a%3E%22b%22+c&page_size=5";
        let wanted = format!(
            "</api/audit/logs?{q}>; rel=\"first\", </api/audit/logs?{q}&cursor=new>; rel=\"next\""
        );
        assert_eq!(shown, wanted);
        let uri: Uri = "/api/audit/logs".parse().unwrap();
        assert_eq!(links(&uri, None, None), "</api/audit/logs>; rel=\"first\"");
    }
}

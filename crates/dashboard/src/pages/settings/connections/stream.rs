//! One stream: how it is, and pausing and resuming it.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::super::change::Asked;
use super::super::{Tab, admin, done, frame, told, went_wrong};
use super::model::{Stream, badge};
use super::tables::{behind, deed, set_aside, target};
use super::{HERE, address, answer, auditor, piece, replay};
use crate::href::{self, Params, segment};
use crate::page::Page;
use crate::text::{grouped, short, short_to, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/settings/connections/streams/{name}", get(one))
        .route("/settings/connections/streams/{name}/now", get(now))
        .route("/settings/connections/streams/{name}/pause", get(ask_pause).post(pause))
        .route("/settings/connections/streams/{name}/resume", get(ask_resume).post(resume))
}

/// Where the API has a stream.
pub fn path(name: &str) -> String {
    format!("/api/streams/{}", segment(name))
}

/// How a stream is.
pub async fn ask(visit: &Visit, name: &str) -> Result<Stream, Problem> {
    visit.get(&path(name), &Params::new()).await
}

async fn one(Path(name): Path<String>, visit: Visit) -> Response {
    let page = one_page(&visit, &name).await;
    visit.answer(page)
}

async fn one_page(visit: &Visit, name: &str) -> Result<Page, Problem> {
    let me = auditor(visit)?;
    let stream = ask(visit, name).await?;
    let body = html! {
        (told(visit).await)
        (piece("stream", &deed(&stream, "now"), &shown(visit, &stream, me.is_admin())))
        @if me.is_admin() { (replay::forms(&stream)) }
        p { a href=(HERE) { "All connections" } }
    };
    Ok(frame(visit, Tab::Connections, body))
}

async fn now(Path(name): Path<String>, visit: Visit) -> Response {
    let shown = match auditor(&visit) {
        Ok(me) => ask(&visit, &name).await.map(|stream| shown(&visit, &stream, me.is_admin())),
        Err(problem) => Err(problem),
    };
    answer(&visit, "stream", shown)
}

fn shown(visit: &Visit, stream: &Stream, is_admin: bool) -> Markup {
    let events = format!("trail:_system {}", target("stream", &stream.name));
    let last = stream.last_at.as_deref();
    html! {
        section.panel {
            div.between { h2 { (short(&stream.name)) } (badge(&stream.state)) }
            @if let Some(trouble) = &stream.trouble { div #trouble.notice.bad { (trouble.markup(visit)) } }
            dl.facts {
                div { dt { "Kind" } dd { (short(&stream.kind)) } }
                div { dt { "To" } dd { (whole(&stream.to)) } }
                div { dt { "What it sends" } dd { @if stream.query.is_empty() { "everything" }
                    @else { code { (whole(&stream.query)) } } } }
                div { dt { "Behind" } dd { (behind(stream, visit)) } }
                div { dt { "Its place" } dd { (grouped(stream.next)) " " span.quiet { "of the node's log; all before it was sent, or does not match" } } }
                div { dt { "Sent" } dd { (grouped(stream.sent)) " " span.quiet { "since the node started" } } }
                div { dt { "Last sent" } dd { @match last { Some(at) => (time::at(at)), None => span.quiet { "not since the node started" } } } }
                div { dt { "Set aside" } dd { @if stream.set_aside == 0 { "none" } @else { (set_aside(stream)) } } }
            }
            p.acts {
                @if is_admin { (acts(stream)) }
                a href=(href::search(&events)) { "What the trail tells of it" }
            }
        }
    }
}

/// What an admin can do with it now.
fn acts(stream: &Stream) -> Markup {
    html! {
        @if stream.is_paused() { a.button href=(deed(stream, "resume")) { "Resume…" } }
        @else {
            @if stream.is_failing() { a.button href=(deed(stream, "resume")) { "Try now…" } }
            @if !stream.is_stopped() { a.button.plain href=(deed(stream, "pause")) { "Pause…" } }
        }
    }
}

async fn ask_pause(Path(name): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &name, true).await;
    visit.answer(page)
}

async fn ask_resume(Path(name): Path<String>, visit: Visit) -> Response {
    let page = ask_page(&visit, &name, false).await;
    visit.answer(page)
}

async fn ask_page(visit: &Visit, name: &str, pausing: bool) -> Result<Page, Problem> {
    admin(visit)?;
    let stream = ask(visit, name).await?;
    let back = address(name);
    if let Some(why) = refused(&stream, pausing) {
        let problem = Problem::new(StatusCode::CONFLICT, "Not as things are now", why);
        return Ok(went_wrong(visit, Tab::Connections, &problem, &back));
    }
    let means = html! {
        @if pausing {
            p { "It sends nothing until somebody resumes it, also after a restart. What is recorded meanwhile waits: nothing is lost." }
        } @else if stream.is_failing() {
            p { "It would try again by itself, after a pause that grows. Now it tries at once, and goes on in order." }
        } @else { p { "It goes on where it stopped, in order, until it has caught up." } }
    };
    let sends = html! { span.outcome.good { "sends" } };
    let then = html! { span.quiet { @if pausing { "grows" } @else { "is sent" } } };
    let rows = vec![
        ("Stream", short(&stream.name), short(&stream.name)),
        ("To", short_to(&stream.to, 200), short_to(&stream.to, 200)),
        ("State", badge(&stream.state), if pausing { badge("paused") } else { sends }),
        ("Behind", behind(&stream, visit), then),
    ];
    let action = deed(&stream, if pausing { "pause" } else { "resume" });
    let (title, button) = match pausing {
        true => ("Pause this stream?", "Pause it"),
        false if stream.is_failing() => ("Try again now?", "Try now"),
        false => ("Resume this stream?", "Resume it"),
    };
    let (hidden, back) = (Vec::new(), &*back);
    let asked =
        Asked { title, means, rows, action: &action, hidden, button, danger: pausing, back };
    Ok(frame(visit, Tab::Connections, asked.markup()))
}

/// Why it cannot be paused or resumed as it is.
fn refused(stream: &Stream, pausing: bool) -> Option<&'static str> {
    if stream.is_stopped() {
        return Some("The stream has stopped. Say from where it is to send: replay it.");
    }
    match pausing {
        true if stream.is_paused() => Some("The stream is paused already."),
        false if !stream.is_paused() && !stream.is_failing() => Some("The stream is not paused."),
        _ => None,
    }
}

async fn pause(Path(name): Path<String>, visit: Visit) -> Response {
    change(&visit, &name, "pause", None).await
}

async fn resume(Path(name): Path<String>, visit: Visit) -> Response {
    change(&visit, &name, "resume", None).await
}

/// Has something done with a stream, and leads back to it.
pub async fn change(
    visit: &Visit,
    name: &str,
    deed: &str,
    json: Option<serde_json::Value>,
) -> Response {
    if let Err(problem) = admin(visit) {
        return visit.answer(Err(problem));
    }
    let back = address(name);
    match visit.send(Method::POST, &format!("{}/{deed}", path(name)), json).await {
        Ok((headers, _)) => done(&back, &headers),
        Err(problem) if matches!(problem.status, 400 | 404 | 409 | 422) => {
            visit.answer(Ok(went_wrong(visit, Tab::Connections, &problem, &back)))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

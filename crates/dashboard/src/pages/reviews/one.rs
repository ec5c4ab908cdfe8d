//! One review: what happened, by kind, to be read, printed, and signed.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::json;

use super::model::{Review, Section};
use super::{HERE, address, badge};
use crate::chart::{Ranked, ranked};
use crate::href::{self, Params, segment};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::alerts::parts::{auditor, table, who};
use crate::pages::settings::{done, told};
use crate::parts;
use crate::text::{grouped, plain, short, short_to, whole};
use crate::time;
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/reviews/{period}", get(one)).route("/reviews/{period}/sign", post(sign))
}

/// Where the API has a review.
fn path(period: &str) -> String {
    format!("/api/reviews/{}", segment(period))
}

async fn one(Path(period): Path<String>, visit: Visit) -> Response {
    let page = one_page(&visit, &period, None).await;
    visit.answer(page)
}

/// The page of a review, with what went wrong a moment ago on top of it.
async fn one_page(visit: &Visit, period: &str, wrong: Option<&Problem>) -> Result<Page, Problem> {
    auditor(visit)?;
    let review: Review = visit.get(&path(period), &Params::new()).await?;
    let body = html! {
        @if let Some(problem) = wrong { (refused(visit, &review, problem)) } @else { (told(visit).await) }
        article.report.review {
            div.head {
                h1 { "Review of " (short(&review.period)) } (badge(&review.state))
                button.plain.noprint type="button" data-print hidden { "Print" }
            }
            (facts(&review))
            @for section in &review.sections { (shown(visit, section)) }
        }
        @if review.has_ended() && (!review.is_signed() || review.has_changed()) { (form(visit, &review)) }
        p.noprint { a href=(HERE) { "All reviews" } }
    };
    let title = format!("{} · Reviews", plain(&review.period, limits::ROW_CHARS_MAX));
    Ok(Page::new(title, Nav::Reviews, body).with(&["overview.js", "settings.js"]))
}

fn refused(visit: &Visit, review: &Review, problem: &Problem) -> Markup {
    let looked_at = visit.form.get("digest");
    let changed = problem.status == 409 && review.digest.as_deref() != looked_at;
    html! {
        section #went-wrong.notice.bad role="alert" {
            @if changed && !review.is_signed() {
                h2 { "It has changed since you looked" }
                p { "What stands here now is not what you were about to sign. Nothing was signed: look again, then sign." }
            } @else {
                h2 { @if problem.status == 409 { "Not as things are now" } @else { (short(&problem.title)) } }
                p { (whole(&problem.detail)) }
                p { "Nothing was signed." }
            }
        }
    }
}

fn facts(review: &Review) -> Markup {
    html! {
        section.panel aria-label="The review" {
            dl.facts {
                div { dt { "From" } dd { (time::at(&review.from)) } }
                div { dt { "To" } dd { (time::at(&review.to)) } }
                @if let Some(at) = &review.signed_at {
                    div #signed { dt { "Signed" } dd { "by " strong { (who(review.signed_by.as_ref())) } ", " (time::at(at)) } }
                    @if let Some(note) = review.note.as_ref().filter(|note| !note.is_empty()) { div { dt { "Note" } dd { (whole(note)) } } }
                } @else if let Some(due) = &review.due_at {
                    div { dt { "To be signed" } dd { @if review.has_ended() { "until " (time::at(due)) } @else { "when it has ended, until " (time::at(due)) } } }
                }
                @if let Some(digest) = &review.digest { div { dt { "SHA-256 of what stands here" } dd { code { (short(digest)) } } } }
            }
            @if review.has_changed() {
                p #changed.notice.warn role="status" { "It shows something else by now than what was signed. That was "
                    code { (short(review.signed_digest.as_deref().unwrap_or_default())) } "." }
            }
        }
    }
}

fn shown(visit: &Visit, section: &Section) -> Markup {
    let id = section.name.as_str();
    let known = id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && !id.is_empty();
    let query = section
        .query
        .as_deref()
        .filter(|query| !query.is_empty() && query.len() <= limits::QUERY_BYTES_MAX);
    let row = |of: &parts::ValueCount| Ranked {
        label: short_to(&of.value, limits::RANKED_CHARS_MAX),
        href: None,
        count: of.count,
    };
    let top: Vec<Ranked> = section.top.iter().take(limits::FACET_VALUES_MAX).map(row).collect();
    html! {
        section.panel id=[known.then_some(id)] {
            div.between {
                h2 { (short(&section.title)) " " span.quiet { (grouped(section.count)) } }
                @if let Some(query) = query.filter(|_| section.count > 0) { a.noprint href=(href::search(query)) { "All of it" } }
            }
            @if section.count == 0 { p.quiet { "None." } }
            @if !top.is_empty() { (ranked(&format!("{}-top", if known { id } else { "section" }), "Most frequent", &top, 0)) }
            (parts::notices(None, &section.alarms))
            @if let Some(alerts) = section.alerts.as_deref().filter(|alerts| !alerts.is_empty()) {
                h3 { "What became of the newest" }
                (table(visit, &alerts[..alerts.len().min(limits::REVIEW_EVENTS_SHOWN)]))
            } @else if !section.events.is_empty() {
                h3 { "The newest" }
                ol.rows { @for event in section.events.iter().take(limits::REVIEW_EVENTS_SHOWN) { (parts::row(event, visit.now)) } }
            }
        }
    }
}

/// What signs it. The state that was looked at goes along, so that nobody signs what they have not seen.
fn form(visit: &Visit, review: &Review) -> Markup {
    let written = visit.form.get("note").unwrap_or_default();
    html! {
        section #sign.panel.noprint aria-labelledby="sign-title" {
            h2 #sign-title { @if review.is_signed() { "Sign it as it is now" } @else { "Sign it" } }
            form.save method="post" action={ (address(&review.period)) "/sign" } data-once {
                p { label for="note" { "Note" } br;
                    textarea #note name="note" rows="3" maxlength=(limits::NOTE_CHARS_MAX) aria-describedby="note-hint" { (written) } br;
                    span.quiet #note-hint { "What you looked into, and what came of it." } }
                input type="hidden" name="digest" value=(review.digest.as_deref().unwrap_or_default());
                p.acts { button { "I have looked at this" } }
                p.quiet { "Recorded in the trail: your name, the note, and the SHA-256 of what stands here." }
            }
        }
    }
}

async fn sign(Path(period): Path<String>, visit: Visit) -> Response {
    let value = |name: &str| visit.form.get(name).unwrap_or_default().trim().to_owned();
    let json = json!({"note": value("note"), "digest": value("digest")});
    let asked = match auditor(&visit) {
        Ok(_) => visit.send(Method::POST, &format!("{}/sign", path(&period)), Some(json)).await,
        Err(problem) => Err(problem),
    };
    match asked {
        Ok((headers, _)) => done(&address(&period), &headers),
        Err(problem) if matches!(problem.status, 400 | 409 | 413 | 422) => {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::CONFLICT);
            let page = one_page(&visit, &period, Some(&problem)).await;
            visit.answer(page.map(|page| Page { status, ..page }))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

//! Keys: listed, made, revoked.

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use indelible_event::Micros;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::change::Asked;
use super::{Tab, admin, done, frame, told, told_of, went_wrong};
use crate::href::{Params, segment};
use crate::limits;
use crate::page::Page;
use crate::visit::{Api, Problem, Visit};
use crate::{href, text, time};

const HERE: &str = "/settings/keys";
const NEW: &str = "/settings/keys/new";
const CONFIRM: &str = "/settings/keys/confirm";

/// Role, and what it may.
const ROLES: [(&str, &str); 4] = [
    ("writer", "Appends events. For services."),
    ("reader", "Reads its trails: search, timelines, statistics, proofs."),
    ("auditor", "Reads all trails, also what the node says of itself, and exports."),
    ("admin", "All of that, and these settings."),
];

/// A preset, its word, and its days.
const EXPIRY: [(&str, &str, i64); 5] = [
    ("", "Never", 0),
    ("7", "In 7 days", 7),
    ("30", "In 30 days", 30),
    ("90", "In 90 days", 90),
    ("365", "In a year", 365),
];

const DAY_MICROS: i64 = 86_400_000_000;

pub fn routes() -> Router<Api> {
    Router::new()
        .route(HERE, get(list))
        .route(NEW, get(new).post(make))
        .route(CONFIRM, get(confirm))
        .route("/settings/keys/{id}/revoke", get(ask_revoke).post(revoke))
}

#[derive(Clone, Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone, Deserialize)]
struct Key {
    id: String,
    role: String,
    name: String,
    trails: Option<Vec<String>>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    created_by: Option<String>,
    last_used_at: Option<String>,
}

impl Key {
    fn is_expired(&self, now: Micros) -> bool {
        let at = self.expires_at.as_deref().and_then(|at| Micros::parse(at).ok());
        at.is_some_and(|at| at <= now)
    }

    fn is_valid(&self, now: Micros) -> bool {
        self.revoked_at.is_none() && !self.is_expired(now)
    }

    fn matches(&self, wanted: &str) -> bool {
        let wanted = wanted.to_lowercase();
        let trails = self.trails.iter().flatten().any(|trail| trail.contains(&wanted));
        self.name.to_lowercase().contains(&wanted)
            || self.id.contains(&wanted)
            || self.role == wanted
            || trails
    }
}

async fn all(visit: &Visit) -> Result<Vec<Key>, Problem> {
    Ok(visit.get::<Keys>("/api/keys", &Params::new()).await?.keys)
}

async fn list(visit: Visit) -> Response {
    let page = list_page(&visit).await;
    visit.answer(page)
}

async fn list_page(visit: &Visit) -> Result<Page, Problem> {
    admin(visit)?;
    let wanted = visit.params.get("q").unwrap_or_default();
    let mut keys = all(visit).await?;
    // The newest first: the one that was just made is looked for.
    keys.reverse();
    let total = keys.len();
    keys.retain(|key| key.matches(wanted));
    let (valid, ended): (Vec<Key>, Vec<Key>) =
        keys.into_iter().partition(|key| key.is_valid(visit.now));
    let body = html! {
        (told(visit).await)
        div.between {
            p.quiet { "A key says who asks, and what they may. The node keeps only its hash." }
            a #new-key.button href=(NEW) { "New key" }
        }
        @if total > 10 || !wanted.is_empty() { (filter(wanted)) }
        @if valid.is_empty() { p #no-keys.empty { "No valid key" @if !wanted.is_empty() { " matches" } "." } }
        @else { (table("valid-keys", &valid, visit)) }
        @if !ended.is_empty() {
            details #ended open[!wanted.is_empty()] {
                summary { (text::counted(ended.len() as u64, "key", "keys")) " that ended" }
                (table("ended-keys", &ended, visit))
            }
        }
    };
    Ok(frame(visit, Tab::Keys, body))
}

/// A field that narrows the list down.
pub(super) fn filter(wanted: &str) -> Markup {
    html! {
        form.narrow role="search" {
            label.sr for="narrow" { "Only those with" }
            input #narrow type="search" name="q" value=(wanted) placeholder="Name, id, role, trail";
            button.plain { "Find" }
        }
    }
}

fn table(id: &str, keys: &[Key], visit: &Visit) -> Markup {
    let more = keys.len().saturating_sub(limits::SETTINGS_ROWS_MAX);
    html! {
        table.stack.keys-table id=(id) {
            thead { tr {
                th { "Name" } th { "Role" } th { "Trails" } th { "Made" } th { "Ends" } th { "Last used" } th { span.sr { "Change" } }
            } }
            tbody { @for key in keys.iter().take(limits::SETTINGS_ROWS_MAX) { (row(key, visit)) } }
        }
        @if more > 0 { p.quiet { (text::counted(more as u64, "more key", "more keys")) "; narrow the list down to see them." } }
    }
}

fn row(key: &Key, visit: &Visit) -> Markup {
    let valid = key.is_valid(visit.now);
    html! {
        tr data-key=(key.id) {
            td data-label="Name" { strong { (text::short(&key.name)) } br; code.quiet { (text::short(&key.id)) } }
            td data-label="Role" { span.role { (text::short(&key.role)) } }
            td data-label="Trails" { (trails(key.trails.as_deref())) }
            td data-label="Made" {
                (time::ago(&key.created_at, visit.now))
                @if let Some(by) = &key.created_by { br; span.quiet { "by " a href=(href::person(by)) { (text::short(by)) } } }
            }
            td data-label="Ends" { (ends(key, visit)) }
            td data-label="Last used" {
                @match &key.last_used_at {
                    Some(at) => (time::ago(at, visit.now)),
                    None => span.quiet title="Not since this node started" { "–" },
                }
            }
            td.acts {
                a href=(href::search_for("key", &format!("key:{}", key.id))) { "Its events" }
                @if valid { " " a.danger-link data-revoke href=(format!("{HERE}/{}/revoke", segment(&key.id))) { "Revoke" } }
            }
        }
    }
}

fn trails(of: Option<&[String]>) -> Markup {
    html! { @match of { Some(names) => (text::short_to(&names.join(", "), 200)), None => span.quiet { "all" } } }
}

fn ends(key: &Key, visit: &Visit) -> Markup {
    html! {
        @if let Some(at) = &key.revoked_at { span.outcome.bad { "revoked" } " " (time::ago(at, visit.now)) }
        @else if let Some(at) = &key.expires_at {
            @if key.is_expired(visit.now) { span.outcome.quiet { "expired" } " " } (time::at(at))
        } @else { span.quiet { "never" } }
    }
}

async fn new(visit: Visit) -> Response {
    let page = admin(&visit).map(|_| frame(&visit, Tab::Keys, form(&visit, None)));
    visit.answer(page)
}

fn form(visit: &Visit, problem: Option<&Problem>) -> Markup {
    let given = |name: &str| visit.params.get(name).unwrap_or_default();
    let role = if given("role").is_empty() { "writer" } else { given("role") };
    html! {
        section.panel.make aria-labelledby="make-title" {
            h2 #make-title { "New key" }
            @if let Some(problem) = problem {
                p #refused.notice.bad role="alert" { (text::whole(&problem.detail)) }
            }
            form #make method="get" action=(CONFIRM) {
                p { label for="name" { "Name" } br;
                    input #name name="name" required maxlength="256" value=(given("name")) autocomplete="off" placeholder="billing" aria-describedby="name-hint"; br;
                    span #name-hint.quiet { "Who or what uses it. It stands in the trail beside everything it does." } }
                fieldset { legend { "Role" }
                    @for (name, may) in ROLES {
                        p.choice { input type="radio" name="role" id=(format!("role-{name}")) value=(name) checked[name == role];
                            label for=(format!("role-{name}")) { (name) } " " span.quiet { (may) } }
                    }
                }
                p { label for="trails" { "Trails" } br;
                    input #trails name="trails" value=(given("trails")) autocomplete="off" placeholder="all" aria-describedby="trails-hint"; br;
                    span #trails-hint.quiet { "Names with commas; empty is all that its role allows. Only for writers and readers." } }
                p { label for="expires" { "Ends" } br;
                    select #expires name="expires" { @for (value, word, _) in EXPIRY { option value=(value) selected[value == given("expires")] { (word) } } } }
                p.acts { button { "Go on" } a.button.plain href=(HERE) { "Leave it" } }
            }
        }
    }
}

/// A key as the form asks for it.
struct Wanted {
    name: String,
    role: String,
    trails: Option<Vec<String>>,
    expires_at: Option<String>,
}

impl Wanted {
    fn of(params: &Params, now: Micros) -> Wanted {
        let given = |name: &str| params.get(name).unwrap_or_default().trim().to_owned();
        let trails = given("trails");
        let names = trails.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        // What was confirmed is a moment; what is chosen, a number of days from now.
        let days = EXPIRY.iter().find(|(value, ..)| *value == given("expires"));
        let days = days.map(|(_, _, days)| *days).filter(|days| *days > 0);
        let chosen = days.map(|days| Micros(now.0 + days * DAY_MICROS).to_string());
        let confirmed = Some(given("expires_at")).filter(|at| !at.is_empty());
        Wanted {
            name: given("name"),
            role: given("role"),
            trails: (!names.is_empty()).then_some(names),
            expires_at: confirmed.or(chosen),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({"name": self.name, "role": self.role, "trails": self.trails, "expires_at": self.expires_at})
    }
}

async fn confirm(visit: Visit) -> Response {
    let page = ask_make(&visit, &Wanted::of(&visit.params, visit.now)).await;
    visit.answer(page)
}

async fn make(visit: Visit) -> Response {
    let page = made(&visit, &Wanted::of(&visit.form, visit.now)).await;
    visit.answer(page)
}

async fn ask_make(visit: &Visit, wanted: &Wanted) -> Result<Page, Problem> {
    admin(visit)?;
    let same = all(visit).await?;
    let same = same.iter().any(|key| key.name == wanted.name && key.is_valid(visit.now));
    let known = ROLES.iter().find(|(role, _)| *role == wanted.role);
    let why = match known {
        _ if wanted.name.is_empty() => "Give it a name.",
        None => "Choose a role.",
        Some(("auditor" | "admin", _)) if wanted.trails.is_some() => {
            "Auditors and admins see all trails: leave them empty."
        }
        Some(_) if same => {
            "A key of this name is valid already. Choose another name, or revoke that one first."
        }
        Some((_, may)) => return Ok(frame(visit, Tab::Keys, ask(wanted, may))),
    };
    let problem = Problem::new(StatusCode::BAD_REQUEST, "It cannot be made like this", why);
    let status = StatusCode::BAD_REQUEST;
    Ok(Page { status, ..frame(visit, Tab::Keys, form(visit, Some(&problem))) })
}

fn ask(wanted: &Wanted, may: &str) -> Markup {
    let none = || html! { span.quiet { "–" } };
    let ends = wanted.expires_at.as_deref();
    let hidden = vec![
        ("name", wanted.name.clone()),
        ("role", wanted.role.clone()),
        ("trails", wanted.trails.as_deref().unwrap_or_default().join(",")),
        ("expires_at", ends.unwrap_or_default().to_owned()),
    ];
    let rows = vec![
        ("Name", html! { span.quiet { "no such key" } }, text::short(&wanted.name)),
        ("Role", none(), html! { strong { (wanted.role) } " " span.quiet { (may) } }),
        ("Trails", none(), trails(wanted.trails.as_deref())),
        ("Ends", none(), html! { @match ends { Some(at) => (time::at(at)), None => "never" } }),
    ];
    let means =
        html! { p { "The key is shown once, on the next page. Nobody can show it again." } };
    let (title, button, danger) = ("Make this key?", "Make the key", false);
    Asked { title, means, rows, action: NEW, hidden, button, danger, back: HERE }.markup()
}

#[derive(Deserialize)]
struct Made {
    id: String,
    key: String,
}

#[derive(Deserialize)]
struct Node {
    public_url: String,
}

async fn made(visit: &Visit, wanted: &Wanted) -> Result<Page, Problem> {
    admin(visit)?;
    // The form can be sent twice; a second key of the name would surprise.
    let asked = visit.send(Method::POST, "/api/keys?unique=true", Some(wanted.json())).await;
    let (headers, body) = match asked {
        Ok(answer) => answer,
        Err(problem) if matches!(problem.status, 400 | 409) => {
            return Ok(went_wrong(visit, Tab::Keys, &problem, HERE));
        }
        Err(problem) => return Err(problem),
    };
    let made: Made = serde_json::from_slice(&body).map_err(|e| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown", e.to_string())
    })?;
    let event = headers.get("indelible-event").and_then(|value| value.to_str().ok());
    let told = match event {
        Some(id) => told_of(visit, id).await,
        None => html! {},
    };
    let node: Node = visit.get("/api/status", &Params::new()).await?;
    let base = node.public_url;
    let body = html! {
        (told)
        section #made.panel aria-labelledby="made-title" {
            h2 #made-title { "The key of " (text::short(&wanted.name)) }
            p.notice.warn { strong { "Copy it now." } " It is shown this once; the node keeps only its hash." }
            p.secret { code #key-text { (made.key) } " " button.plain type="button" data-copy="#key-text" { "Copy" } }
            h3 { "Use it" }
            pre tabindex="0" { code #key-curl { (curl(&base, &wanted.role, &made.key)) } }
            p { button.plain type="button" data-copy="#key-curl" { "Copy" } }
            p.quiet { "Its id is " code { (text::short(&made.id)) } "; that is no secret, and stands in what it writes." }
            p { a.button href=(HERE) { "I have it" } }
        }
    };
    Ok(frame(visit, Tab::Keys, body))
}

fn curl(base: &str, role: &str, key: &str) -> String {
    let auth = format!("curl -H 'Authorization: Bearer {key}' {base}/api/audit/logs");
    match role {
        "writer" => format!(
            "{auth} \\\n  -d '{{\"action\":\"backup.delete\",\"user_id\":\"maria\",\"resource_type\":\"backup\",\"resource_id\":\"db-0417\"}}'"
        ),
        _ => auth,
    }
}

async fn one(visit: &Visit, id: &str) -> Result<Key, Problem> {
    admin(visit)?;
    let found = all(visit).await?.into_iter().find(|key| key.id == id);
    let missing = || {
        Problem::new(StatusCode::NOT_FOUND, "There is no such thing", "There is no key of this id.")
    };
    found.ok_or_else(missing)
}

async fn ask_revoke(Path(id): Path<String>, visit: Visit) -> Response {
    let page = one(&visit, &id).await.map(|key| {
        if key.is_valid(visit.now) {
            return frame(&visit, Tab::Keys, revocation(&key, &visit));
        }
        let (title, detail) = ("Not as things are now", "This key is not valid any more.");
        let problem = Problem::new(StatusCode::CONFLICT, title, detail);
        went_wrong(&visit, Tab::Keys, &problem, HERE)
    });
    visit.answer(page)
}

fn revocation(key: &Key, visit: &Visit) -> Markup {
    let own = visit.me.as_ref().is_ok_and(|me| me.id == format!("key:{}", key.id));
    let means = html! {
        p { "Whoever uses it is refused from then on, sessions that began with it end, and this cannot be undone. "
            "What it wrote stays." }
        @if own { p.notice.warn { strong { "You are signed in with this key." } " You will be signed out." } }
    };
    let action = format!("{HERE}/{}/revoke", segment(&key.id));
    let rows = vec![
        ("Key", text::short(&key.name), text::short(&key.name)),
        ("Role", text::short(&key.role), text::short(&key.role)),
        (
            "State",
            html! { span.outcome.good { "valid" } },
            html! { span.outcome.bad { "revoked" } },
        ),
    ];
    let (title, button, danger) = ("Revoke this key?", "Revoke it", true);
    let (action, hidden) = (&*action, vec![("expected", "valid".to_owned())]);
    Asked { title, means, rows, action, hidden, button, danger, back: HERE }.markup()
}

async fn revoke(Path(id): Path<String>, visit: Visit) -> Response {
    if let Err(problem) = admin(&visit) {
        return visit.answer(Err(problem));
    }
    let expected = Params::new().with("expected", visit.form.get("expected").unwrap_or("valid"));
    let path = expected.to(&format!("/api/keys/{}", segment(&id)));
    match visit.send(Method::DELETE, &path, None).await {
        Ok((headers, _)) => done(HERE, &headers),
        Err(problem) if matches!(problem.status, 400 | 409) => {
            visit.answer(Ok(went_wrong(&visit, Tab::Keys, &problem, HERE)))
        }
        Err(problem) => visit.answer(Err(problem)),
    }
}

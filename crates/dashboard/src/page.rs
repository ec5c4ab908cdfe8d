//! The frame around every page: head, navigation, who is signed in; and what keeps a page from doing harm.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::assets::address;
use crate::href::Params;
use crate::parts::icon;
use crate::visit::{Problem, Visit};

/// Nothing is loaded or sent anywhere but here, no script stands in a page, and no other site may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The header that says which pages share a window's memory with one.
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The cookie that says which theme was chosen.
const THEME: &str = "indelible_theme";

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// None.
    None,
    /// Search, and single events.
    Search,
    /// Live.
    Live,
    /// Overview.
    Overview,
    /// Timeline.
    Timeline,
    /// People.
    People,
    /// Alerts, and the rules that find them.
    Alerts,
    /// Reviews.
    Reviews,
    /// Export.
    Export,
    /// Settings.
    Settings,
}

/// Entry, address, word, icon, the key behind `g`, and who sees it.
const NAV: &[(Nav, &str, &str, &str, &str)] = &[
    (Nav::Search, "/", "Search", "search", "s"),
    (Nav::Live, "/live", "Live", "live", "l"),
    (Nav::Overview, "/overview", "Overview", "overview", "o"),
    (Nav::Timeline, "/timeline", "Timeline", "timeline", "t"),
    (Nav::People, "/people", "People", "people", "p"),
    (Nav::Alerts, "/alerts", "Alerts", "alerts", "a"),
    (Nav::Reviews, "/reviews", "Reviews", "reviews", "r"),
    (Nav::Export, "/export", "Export", "export", "e"),
    (Nav::Settings, "/settings", "Settings", "settings", ","),
];

/// A page.
pub struct Page {
    /// What it is called in the browser's tab.
    pub title: String,
    /// Where it belongs.
    pub nav: Nav,
    /// Its own modules, beside `main.js`.
    pub modules: &'static [&'static str],
    /// What stands in it.
    pub body: Markup,
    /// How it is answered.
    pub status: StatusCode,
    /// What else its answer's head has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Page {
    /// A page.
    pub fn new(title: impl Into<String>, nav: Nav, body: Markup) -> Page {
        let (title, status) = (title.into(), StatusCode::OK);
        Page { title, nav, modules: &[], body, status, headers: Vec::new() }
    }

    /// With these modules of its own.
    #[must_use]
    pub fn with(mut self, modules: &'static [&'static str]) -> Page {
        self.modules = modules;
        self
    }

    /// The body alone.
    pub fn fragment(self) -> Response {
        respond(self.status, self.headers, self.body)
    }

    /// The whole document.
    pub fn whole(self, visit: &Visit) -> Response {
        let document = document(visit, &self);
        respond(self.status, self.headers, document)
    }
}

fn respond(status: StatusCode, more: Vec<(HeaderName, HeaderValue)>, html: Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // Whoever opened it in a window has no hold of it.
        (OPENER, HeaderValue::from_static("same-origin")),
        // One address gives a page or a piece of it.
        (header::VARY, HeaderValue::from_static("HX-Request")),
    ];
    let mut response = (status, headers, html.into_string()).into_response();
    for (name, value) in more {
        response.headers_mut().append(name, value);
    }
    response
}

/// The theme that the visitor chose.
fn theme(visit: &Visit) -> Option<&str> {
    visit.cookie(THEME).filter(|theme| matches!(*theme, "dark" | "light"))
}

fn document(visit: &Visit, page: &Page) -> Markup {
    let theme = theme(visit);
    let signed_in = visit.me.as_ref().ok();
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content="includeIndicatorCSS:false";
                title { (crate::text::named(&page.title)) " · Indelible" }
                link rel="icon" href=(address("icon.svg"));
                link rel="stylesheet" href=(address("style.css"));
                script type="module" src=(address("main.js")) {}
                @for module in page.modules { script type="module" src=(address(module)) {} }
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                @if signed_in.is_some() { (sidebar(visit, page.nav)) }
                main #main.bare[signed_in.is_none()] tabindex="-1" { (page.body) }
                @if signed_in.is_some() { (keys()) }
                // Not a module: it must be there before those that use it.
                script src=(address("htmx.js")) defer {}
            }
        }
    }
}

fn sidebar(visit: &Visit, current: Nav) -> Markup {
    let seen = |nav: Nav| match (&visit.me, nav) {
        (Ok(me), Nav::Export) => me.may_audit(),
        // What rules find is of all trails.
        (Ok(me), Nav::Alerts | Nav::Reviews) => me.may_audit() && me.trails.is_none(),
        (Ok(me), Nav::Settings) => me.is_admin(),
        (Ok(me), _) => me.role != "writer",
        _ => false,
    };
    let here = visit.here();
    let chosen = theme(visit).unwrap_or("auto");
    let themes = [("light", "Light"), ("dark", "Dark"), ("auto", "Automatic")];
    html! {
        header.side {
            a.brand href="/" { (icon("brand")) span { "Indelible" } }
            nav aria-label="Pages" {
                @for (nav, address, word, drawing, key) in NAV.iter().filter(|(nav, ..)| seen(*nav)) {
                    a href=(address) aria-current=[(*nav == current).then_some("page")] data-key=(key) {
                        (icon(drawing)) span { (word) }
                        @if *nav == Nav::Alerts { (open_alerts()) }
                    }
                }
            }
            div.who {
                @if let Ok(me) = &visit.me {
                    details.menu {
                        summary title="You, themes, the way out" {
                            (icon("person")) span { (crate::text::short_to(me.name.as_deref().unwrap_or(&me.role), 24)) }
                        }
                        div {
                            p { "Role " strong { (me.role) } br; span.quiet { code { (crate::text::short(&me.id)) } } }
                            @if let Some(trails) = &me.trails {
                                p { "Trails: " (crate::text::short(&trails.join(", "))) }
                            }
                            div.themes { "Theme"
                                p.chips { @for (theme, word) in themes {
                                    a.chip href=(Params::new().with("to", theme).with("back", &here).to("/theme")) aria-current=[(theme == chosen).then_some("true")] { (word) }
                                } }
                            }
                            @if me.role != "writer" { p { a href="/settings/searches" { "Saved searches" } } }
                            // Admins find them among the settings.
                            @if me.may_audit() && !me.is_admin() { p { a href="/settings/connections" { "Connections" } } }
                            p { a href="/api/docs" { "The HTTP API" } }
                            form action="/logout" method="post" { button.plain { "Sign out" } }
                        }
                    }
                }
            }
        }
    }
}

/// How many alerts are open, which comes after the page: no page waits for it, and none is without its navigation.
fn open_alerts() -> Markup {
    let when = format!("load, every {}s", crate::limits::OPEN_ALERTS_EVERY_SECONDS);
    html! { " " span.count hx-get=(crate::pages::OPEN_ALERTS) hx-trigger=(when) hx-swap="innerHTML" hx-status:4xx="swap:none" hx-status:5xx="swap:none" {} }
}

/// What the keys do; opened by `?`.
fn keys() -> Markup {
    let keys = [
        ("/", "Go to the search"),
        ("j k", "Next, previous row"),
        ("Enter", "Open the row"),
        ("Esc", "Close the panel; leave a field"),
        ("g s", "Search"),
        ("g l", "Live"),
        ("g o", "Overview"),
        ("g t", "Timeline"),
        ("g p", "People"),
        ("g a", "Alerts"),
        ("g r", "Reviews"),
        ("g e", "Export"),
        ("g ,", "Settings"),
        ("?", "These keys"),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys { @for (key, what) in keys {
                dt { @for key in key.split(' ') { kbd { (key) } " " } } dd { (what) }
            } }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// What went wrong, as a page or as a piece of one.
pub fn problem(visit: &Visit, problem: &Problem) -> Response {
    let writes = visit.me.as_ref().is_ok_and(|me| me.role == "writer");
    let body = match problem.status {
        403 if writes => writer(visit),
        _ => problem_markup(problem),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = Page { status, ..Page::new(problem.title.clone(), Nav::None, body) };
    if visit.fragment { page.fragment() } else { page.whole(visit) }
}

/// What says that there is no page.
const MISSING: &str = "There is no such page";

/// What stands at an address that has no page.
pub async fn missing(visit: Visit) -> Response {
    let detail = "There is no page at this address.";
    problem(&visit, &Problem::new(StatusCode::NOT_FOUND, MISSING, detail))
}

/// What a writer may do, which is nothing on these pages.
fn writer(visit: &Visit) -> Markup {
    let trails = visit.me.as_ref().ok().and_then(|me| me.trails.as_deref());
    html! {
        section #writer.notice role="alert" {
            h1 { "This is a writer's key" }
            p { "It appends events" @if let Some(trails) = trails { " to " (crate::text::short_to(&trails.join(", "), 200)) } ", and reads none. To look around, sign in with a key that reads." }
            pre tabindex="0" { code { "curl -H \"Authorization: Bearer $INDELIBLE_KEY\" \"$INDELIBLE_URL/api/audit/logs\" \\\n"
                "  -d '{\"action\":\"backup.delete\",\"user_id\":\"maria\",\"resource_type\":\"backup\",\"resource_id\":\"db-0417\"}'" } }
            p { a href="/api/docs" { "The HTTP API" } }
            form action="/logout" method="post" { button.plain { "Sign out" } }
        }
    }
}

/// What went wrong, where something else still stands.
pub fn problem_markup(problem: &Problem) -> Markup {
    html! {
        section.notice.bad role="alert" {
            h1 { (crate::text::short(&problem.title)) }
            p { (crate::text::whole(&problem.detail)) }
            @match problem.status {
                403 => p.quiet { "An admin makes keys of other roles, under Settings." },
                404 if problem.title != MISSING => p.quiet { "What your credential may not see does not exist for it." },
                _ => {}
            }
            p { a href="/" { "To the search" } }
        }
    }
}

/// Leads on by a `GET`.
pub fn see_other(address: &str) -> Response {
    let address = HeaderValue::from_str(address).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}

/// An address within these pages, or the first of them: nobody is led elsewhere by a link of ours. Nor to what is no
/// page: another site's link, by way of ours, would bring the cookie along, and an export begin in somebody's name.
pub fn within(address: &str) -> &str {
    let own = address.starts_with('/')
        && !address.starts_with("//")
        && !address.contains('\\')
        && address.bytes().all(|b| b.is_ascii_graphic());
    let path = address.split(['?', '#']).next().unwrap_or_default();
    // A browser takes some steps of a path for the way back, however they are written.
    let straight = !path.contains("/.") && !path.to_ascii_lowercase().contains("%2e");
    let page = path == "/api/docs"
        || !["/api", "/trails", "/export/", "/live/"].iter().any(|no| path.starts_with(no));
    if own && straight && page { address } else { "/" }
}

/// Chooses a theme: `/theme?to=dark&back=/…`.
pub async fn choose_theme(visit: Visit) -> Response {
    let mut response = see_other(within(visit.params.get("back").unwrap_or("/")));
    let theme = visit.params.get("to").filter(|theme| matches!(*theme, "dark" | "light"));
    let cookie = match theme {
        Some(theme) => format!("{THEME}={theme}; Path=/; SameSite=Lax; Max-Age=31536000"),
        None => format!("{THEME}=; Path=/; SameSite=Lax; Max-Age=0"),
    };
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for good in ["/", "/people/a?x=1", "/?q=a%2F%2Fb../.", "/export?q=a", "/api/docs"] {
            assert_eq!(within(good), good);
        }
        for bad in [
            "",
            "//example.org",
            "https://example.org",
            "/\\example.org",
            "/a\r\nb",
            "javascript:alert(1)",
            "/export/file?format=csv",
            "/api/audit/export?format=csv",
            "/people/../export/file",
            "/people/%2E%2e/export/file",
        ] {
            assert_eq!(within(bad), "/", "{bad}");
        }
    }
}

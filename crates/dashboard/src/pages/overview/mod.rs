//! How much happens, by whom, to what, and how the node is.
//!
//! The frame comes at once; the pieces, which are counted over millions of events, come after it, each by a request of
//! its own. Who has no scripts asks for all of them in one page.

pub(super) mod counts;
pub(super) mod figures;
mod health;
pub(super) mod hours;
pub(super) mod period;
mod troubles;
pub(super) mod zone;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use self::counts::join;
use self::period::Period;
use self::zone::Zone;
use crate::by::By;
use crate::href::{self, Params};
use crate::limits;
use crate::page::{Nav, Page};
use crate::pages::alerts;
use crate::pages::settings::connections;
use crate::parts;
use crate::text;
use crate::visit::{Api, Me, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/overview", get(overview))
        .route("/overview/figures", get(|visit: Visit| part(visit, Piece::Figures)))
        .route("/overview/troubles", get(|visit: Visit| part(visit, Piece::Troubles)))
        .route("/overview/hours", get(|visit: Visit| part(visit, Piece::Hours)))
        .route("/overview/health", get(|visit: Visit| part(visit, Piece::Health)))
        .route("/overview/losses", get(|visit: Visit| part(visit, Piece::Losses)))
}

/// What an overview is asked for.
pub struct Asked {
    /// The time.
    pub period: Period,
    /// Which time of an event.
    pub by: By,
    /// The one trail.
    pub trail: Option<String>,
    /// The trails, as a condition of a query.
    pub scope: String,
    /// The viewer's zone.
    pub zone: Zone,
}

impl Asked {
    fn of(visit: &Visit, me: &Me) -> Asked {
        let trail = visit.params.get("trail").map(str::to_owned);
        Asked {
            period: Period::read(visit.params.get("t")),
            by: By::read(visit.params.get("by"), By::Happened),
            scope: scope(trail.as_deref(), me),
            trail,
            zone: Zone::of(visit),
        }
    }

    /// A search for all of it. It leaves the node's own trail out by itself.
    fn search(&self) -> Params {
        let trail = self.trail.as_deref().map(|trail| href::clause("trail", trail));
        let params = Params::new().with("q", trail.unwrap_or_default());
        let params = params.with("t", self.period.text());
        params.with("by", self.by.unless(By::Recorded))
    }

    /// What is to be counted in some time.
    fn counting(&self, time: &str) -> Params {
        Params::new().with("q", join(&self.scope, &self.within(time)))
    }

    /// Some time, as a condition.
    fn within(&self, time: &str) -> String {
        format!("{}:{time}", self.by.key())
    }

    /// The same by the other time.
    fn other_by(&self) -> String {
        self.params().set("by", self.by.other().text()).to("/overview")
    }

    fn people(&self) -> String {
        let params = Params::new().with("t", self.period.text());
        params.with("trail", self.trail.clone().unwrap_or_default()).to("/people")
    }

    /// As an address has it.
    fn params(&self) -> Params {
        let params = Params::new().with("t", self.period.text());
        let params = params.with("trail", self.trail.clone().unwrap_or_default());
        params.with("by", self.by.unless(By::Happened))
    }

    fn zone_note(&self) -> String {
        let zone = self.zone.name();
        if self.zone.known { format!("Times are {zone}.") } else { "Times are UTC.".to_owned() }
    }
}

/// Which trails count, as a condition: the one that was asked for, or all that are not the node's own.
pub fn scope(trail: Option<&str>, me: &Me) -> String {
    match trail {
        Some(trail) => href::clause("trail", trail),
        // Looking adds to it, so it counts only where it is asked for.
        None if me.may_audit() => href::WITHOUT_SYSTEM.to_owned(),
        None => String::new(),
    }
}

/// A part of the page that is asked for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Figures,
    Troubles,
    Hours,
    Health,
    Losses,
}

impl Piece {
    const ALL: [Piece; 5] =
        [Piece::Figures, Piece::Troubles, Piece::Hours, Piece::Losses, Piece::Health];

    fn path(self) -> &'static str {
        match self {
            Piece::Figures => "/overview/figures",
            Piece::Troubles => "/overview/troubles",
            Piece::Hours => "/overview/hours",
            Piece::Health => "/overview/health",
            Piece::Losses => "/overview/losses",
        }
    }

    /// What waits for it.
    fn title(self) -> &'static str {
        match self {
            Piece::Figures => "Counting",
            Piece::Troubles => "Counting what failed",
            Piece::Hours => "Counting hours",
            Piece::Health => "Asking the node how it is",
            Piece::Losses => "Looking for what did not arrive",
        }
    }

    /// The piece, or why there is none: one that fails takes no other with it.
    async fn shown(self, visit: &Visit, asked: &Asked) -> Markup {
        let shown = match self {
            Piece::Figures => figures::figures(visit, asked).await,
            Piece::Troubles => troubles::troubles(visit, asked).await,
            Piece::Hours => hours::hours(visit, asked).await,
            Piece::Health => health::health(visit).await,
            Piece::Losses => health::losses(visit, asked).await,
        };
        shown.unwrap_or_else(|problem| failed(&problem))
    }
}

/// Why a piece of a page is not there.
pub fn failed(problem: &Problem) -> Markup {
    html! {
        section.notice.bad role="alert" {
            p { strong { (text::short(&problem.title)) } }
            p { (text::short_to(&problem.detail, limits::OPEN_CHARS_MAX)) }
            @if let Some(hint) = problem.query.as_ref().and_then(|query| query.hint.as_ref()) {
                p { (text::short(hint)) }
            }
            @if problem.status == 401 { p { a href="/login" { "Sign in" } } }
        }
    }
}

async fn part(visit: Visit, piece: Piece) -> Response {
    let shown = match visit.me() {
        Ok(me) => piece.shown(&visit, &Asked::of(&visit, me)).await,
        Err(problem) if visit.fragment => failed(&problem),
        Err(problem) => return visit.answer(Err(problem)),
    };
    visit.answer(Ok(Page::new("Overview", Nav::Overview, shown)))
}

async fn overview(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    let me = visit.me()?;
    let asked = Asked::of(visit, me);
    let trails = trails(visit).await?;
    let all = visit.params.get("all").is_some();
    let mut pieces = Vec::with_capacity(Piece::ALL.len());
    for piece in Piece::ALL {
        pieces.push(match all {
            true => piece.shown(visit, &asked).await,
            false => parts::later(&asked.params().to(piece.path()), piece.title()),
        });
    }
    let body = html! {
        header.head {
            h1 { "Overview" }
            (chooser(&asked, &trails, me.may_audit()))
        }
        (alerts::notice(visit).await)
        (connections::red(visit).await)
        @if !all { (parts::at_once(&asked.params().with("all", "1").to("/overview"))) }
        @for piece in pieces { (piece) }
    };
    Ok(Page::new("Overview", Nav::Overview, body).with(&["overview.js"]))
}

/// The trails that the visitor may read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trails {
    trails: Vec<Trail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trail {
    name: String,
}

async fn trails(visit: &Visit) -> Result<Vec<String>, Problem> {
    let trails: Trails = visit.get("/api/trails", &Params::new()).await?;
    let mut names: Vec<String> = trails.trails.into_iter().map(|trail| trail.name).collect();
    names.sort();
    Ok(names)
}

/// Chooses the time and the trail.
fn chooser(asked: &Asked, trails: &[String], may_audit: bool) -> Markup {
    let chosen = asked.trail.as_deref();
    html! {
        nav.chips aria-label="Time" {
            @for period in Period::ALL {
                a.chip href=(asked.params().set("t", period.text()).to("/overview")) aria-current=[(period == asked.period).then_some("true")] { (period.words()) }
            }
        }
        @if trails.len() > 1 || chosen.is_some() {
            form.choose action="/overview" {
                input type="hidden" name="t" value=(asked.period.text());
                @if asked.by != By::Happened { input type="hidden" name="by" value=(asked.by.text()); }
                label for="trail" { "Trail" }
                select #trail name="trail" data-submit {
                    option value="" { @if may_audit { "All but the audit system's own" } @else { "All" } }
                    @for name in trails.iter().take(limits::TRAILS_CHOICE_MAX) {
                        option value=(name) selected[chosen == Some(name.as_str())] { (name) }
                    }
                }
                button.plain { "Show" }
            }
        }
    }
}

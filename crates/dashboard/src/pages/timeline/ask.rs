//! What a timeline is of, and the forms to choose it.

use std::collections::HashMap;

use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use crate::href::{self, Params};
use crate::visit::Visit;
use crate::{limits, text};

/// What the address asks for; given to the API as it is, which says what is wrong with it.
pub struct Asked {
    resource_type: String,
    resource_id: String,
    correlation: String,
    actor: String,
    from: String,
    to: String,
    cursor: String,
}

impl Asked {
    pub fn of(params: &Params) -> Asked {
        let one = |name| params.get(name).map(str::trim).unwrap_or_default().to_owned();
        Asked {
            resource_type: one("resource_type"),
            resource_id: one("resource_id"),
            correlation: one("correlation_id"),
            actor: one("actor"),
            from: one("from"),
            to: one("to"),
            cursor: one("cursor"),
        }
    }

    pub fn is_nothing(&self) -> bool {
        [&self.resource_type, &self.resource_id, &self.correlation, &self.actor]
            .iter()
            .all(|text| text.is_empty())
    }

    pub fn is_correlation(&self) -> bool {
        !self.correlation.is_empty()
    }

    pub fn cursor(&self) -> Option<&str> {
        Some(self.cursor.as_str()).filter(|cursor| !cursor.is_empty())
    }

    /// For the API.
    pub fn params(&self) -> Params {
        Params::new()
            .with("resource_type", &self.resource_type)
            .with("resource_id", &self.resource_id)
            .with("correlation_id", &self.correlation)
            .with("user_id", &self.actor)
            .with("from", &self.from)
            .with("to", &self.to)
            .with("cursor", &self.cursor)
    }

    /// What it is of, in a word.
    pub fn name(&self) -> &str {
        let mut all = [&self.resource_id, &self.correlation, &self.actor].into_iter();
        all.find(|text| !text.is_empty()).unwrap_or(&self.resource_type)
    }

    pub fn has_bounds(&self) -> bool {
        !self.from.is_empty() || !self.to.is_empty()
    }

    /// The same time as the parameters of a search.
    fn time(&self, search: Params) -> Params {
        let t = match (&*self.from, &*self.to) {
            ("", "") => return search,
            (from, "") => format!(">={from}"),
            ("", to) => format!("<={to}"),
            (from, to) => format!("{from}..{to}"),
        };
        search.with("t", t).with("by", "happened")
    }

    pub fn heading(&self) -> Markup {
        html! {
            @if self.is_correlation() { "What belongs to " em { (text::short(&self.correlation)) } }
            @else if !self.actor.is_empty() { "What " em { (text::short(&self.actor)) } " did" }
            @else { "What happened to " (text::short(&self.resource_type)) " " em { (text::short(&self.resource_id)) } }
        }
    }
}

/// Bounds of time, and the way to another one.
pub fn narrow(asked: &Asked) -> Markup {
    let kept = [
        ("resource_type", &asked.resource_type),
        ("resource_id", &asked.resource_id),
        ("correlation_id", &asked.correlation),
        ("actor", &asked.actor),
    ];
    let clause = match () {
        () if asked.is_correlation() => href::clause("correlation", &asked.correlation),
        () if !asked.actor.is_empty() => href::clause("actor", &asked.actor),
        () if asked.resource_type.is_empty() => href::clause("resource_id", &asked.resource_id),
        () => href::clause("target", &format!("{}/{}", asked.resource_type, asked.resource_id)),
    };
    let search = asked.time(Params::new().with("q", clause)).to("/");
    html! {
        form.timeline-time.noprint method="get" action="/timeline" {
            @for (name, value) in kept { @if !value.is_empty() { input type="hidden" name=(name) value=(value); } }
            (bound("from", "From", &asked.from)) (bound("to", "To", &asked.to))
            button.plain type="submit" { "Show" }
            a href=(search) { "As a search" }
            @if !asked.actor.is_empty() { a href=(href::person(&asked.actor)) { "Report" } }
            a href="/timeline" { "Another timeline" }
        }
    }
}

/// A date, or a time where one was given.
fn bound(name: &str, label: &str, value: &str) -> Markup {
    let is_date = value.len() == 10 || value.is_empty();
    html! {
        label { (label) " " input type=(if is_date { "date" } else { "text" }) name=(name) value=(value); }
    }
}

/// The latest events, to choose from.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Latest {
    events: Vec<Event>,
}

/// The page when nothing was asked for.
pub async fn choose(visit: &Visit, asked: &Asked) -> Markup {
    // What the node records of itself is rarely what one looks for.
    let params = Params::new()
        .with("q", href::WITHOUT_SYSTEM)
        .with("page_size", limits::SUGGESTED_FROM_EVENTS.to_string());
    // The forms work without suggestions.
    let latest: Latest = visit.get("/api/audit/logs", &params).await.unwrap_or_default();
    html! {
        @if asked.is_nothing() {
            h1 { "Timeline" }
            p.quiet { "Everything that happened to a resource, by a person or a service, or under a correlation id, in the order in which it happened, with one lane for each service." }
        }
        div.cols.timeline-choose {
            section.panel {
                h2 { "A resource" }
                form #of-resource method="get" action="/timeline" {
                    p { label for="resource_type" { "Type" } br; input #resource_type name="resource_type" value=(asked.resource_type) placeholder="backup"; }
                    p { label for="resource_id" { "Id" } br; input #resource_id name="resource_id" value=(asked.resource_id) required placeholder="db-0417"; }
                    button { "Show its timeline" }
                }
                (suggested("Lately", &resources(&latest.events)))
            }
            section.panel {
                h2 { "A person or a service" }
                form #of-actor method="get" action="/timeline" {
                    p { label for="actor" { "Id" } br; input #actor name="actor" value=(asked.actor) required placeholder="maria"; }
                    button { "Show what they did" }
                }
                (suggested("Lately", &actors(&latest.events)))
            }
            section.panel {
                h2 { "A correlation id" }
                form #of-correlation method="get" action="/timeline" {
                    p { label for="correlation_id" { "Id" } br; input #correlation_id name="correlation_id" value=(asked.correlation) required placeholder="c-8d1f"; }
                    button { "Show what belongs together" }
                }
                (suggested("Lately", &correlations(&latest.events)))
            }
        }
    }
}

/// What it is called, how often it was there, and its address.
type Suggestion = (String, u64, String);

fn suggested(title: &str, all: &[Suggestion]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { (title) }
            ul.suggested { @for (name, count, address) in all {
                li { a href=(address) { (text::short_to(name, 48)) } " " span.quiet.n { (text::grouped(*count)) } }
            } }
        }
    }
}

/// The first of these with how often each is there, the latest first.
fn counted(all: impl Iterator<Item = (String, String)>) -> Vec<Suggestion> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<Suggestion> = Vec::new();
    for (name, address) in all {
        let place = *places.entry(name.clone()).or_insert(found.len());
        match found.get_mut(place) {
            Some(known) => known.1 += 1,
            None => found.push((name, 1, address)),
        }
    }
    found.truncate(limits::SUGGESTED_MAX);
    found
}

fn resources(events: &[Event]) -> Vec<Suggestion> {
    let targets = events.iter().filter_map(|event| event.targets.first());
    counted(targets.filter_map(|target| {
        let (kind, id) = (target.kind.as_deref().unwrap_or_default(), target.id.as_deref()?);
        Some((format!("{kind}/{id}"), href::resource_timeline(kind, id)))
    }))
}

fn actors(events: &[Event]) -> Vec<Suggestion> {
    let ids = events.iter().filter_map(|event| event.actor.as_ref()?.id.clone());
    counted(ids.map(|id| (id.clone(), href::actor_timeline(&id))))
}

fn correlations(events: &[Event]) -> Vec<Suggestion> {
    let ids = events.iter().filter_map(|event| event.context.as_ref()?.correlation_id.clone());
    counted(ids.map(|id| (id.clone(), href::correlation_timeline(&id))))
}
